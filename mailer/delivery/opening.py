"""Opening a session with a relay: connect, greeting, EHLO, STARTTLS, AUTH, by aiosmtplib.

Whatever goes wrong is a Reply that says at which step; nothing else leaves this module.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

import aiosmtplib

from mailer.config import Auth, Security
from mailer.delivery.reply import Reply, Step, clean, heard, lost, own
from mailer.delivery.route import Route
from mailer.delivery.wire import Wire

# One entry of what getaddrinfo gives.
_Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class NotOpened(Exception):
    """No session came about; `reply` says at which step and why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


@dataclass(slots=True)
class Session:
    """An open session: its wire, what the relay offers, and what we did with it so far.

    `begun` says that the relay may hold a half-made transaction that RSET has to clear.
    `greeting` is what the relay said first; `certificate` is empty where it was not checked.
    `size_limit` is the largest message the relay takes; 0 when it names none (RFC 1870, 4).
    """

    wire: Wire
    extensions: Mapping[str, str]
    tls: str | None
    used_at: float
    sent: int = 0
    begun: bool = False
    greeting: str = ""
    certificate: Mapping[str, Any] = field(default_factory=dict)
    pipelines: bool = field(init=False)
    says_size: bool = field(init=False)
    size_limit: int = field(init=False)

    def __post_init__(self) -> None:
        limit = self.extensions.get("size", "").strip()
        self.pipelines = "pipelining" in self.extensions
        self.says_size = "size" in self.extensions
        self.size_limit = int(limit) if limit.isdecimal() else 0


async def open_session(route: Route, context: ssl.SSLContext | None) -> Session:
    """Open a session as the route asks for, or raise NotOpened.

    Where protection is opportunistic, a relay whose STARTTLS does not work gets plain text:
    anybody in the middle could have made it so by taking the offer away.
    """
    try:
        return await _open(route, context)
    except NotOpened as error:
        if route.security is Security.OPPORTUNISTIC and error.reply.step is Step.STARTTLS:
            return await _open(replace(route, security=Security.NONE), None)
        raise


async def _open(route: Route, context: ssl.SSLContext | None) -> Session:
    hello = route.hello or await asyncio.to_thread(machine_name)
    client = aiosmtplib.SMTP(
        hostname=route.host,
        sock=await _dial(route),
        local_hostname=hello,
        use_tls=route.security is Security.TLS,
        start_tls=False,
        tls_context=context,
        timeout=route.timeouts.greeting,
    )
    try:
        greeting = await _greeting(client, route)
        await _ehlo(client, route)
        await _starttls(client, route)
        await _sign_in(client, route)
        return _take_over(client, route, greeting)
    except BaseException:
        if client.transport is not None:
            cast("asyncio.Transport", client.transport).abort()
        raise


async def _dial(route: Route) -> socket.socket:
    """Give a connected socket; every address of the host gets its share of the time."""
    loop = asyncio.get_running_loop()
    async with _at(Step.CONNECT, route):
        async with asyncio.timeout(route.timeouts.connect):
            found = await loop.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM)
        *others, last = found
        for address in others:
            with suppress(OSError):  # the last one's error is the one to tell
                return await _connect(address, route.timeouts.connect / len(found))
        return await _connect(last, route.timeouts.connect / len(found))


async def _connect(found: _Found, seconds: float) -> socket.socket:
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _greeting(client: aiosmtplib.SMTP, route: Route) -> str:
    async with _at(Step.GREETING, route):
        try:
            said = await client.connect()
        except aiosmtplib.SMTPConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise error.__cause__ from None
            raise
    return clean(said.message)


async def _ehlo(client: aiosmtplib.SMTP, route: Route) -> None:
    """Say who we are; HELO to a relay that does not know EHLO (RFC 5321, 3.2)."""
    async with _at(Step.EHLO, route):
        try:
            await client.ehlo()
        except aiosmtplib.SMTPHeloError:
            if not client.is_connected:
                raise
            await client.helo()


async def _starttls(client: aiosmtplib.SMTP, route: Route) -> None:
    """Protect the session as the route asks for, and learn anew what the relay offers."""
    wanted = route.security in {Security.STARTTLS, Security.OPPORTUNISTIC}
    offered = client.supports_extension("starttls")
    if wanted and offered:
        async with _at(Step.STARTTLS, route):
            await client.starttls()
        await _ehlo(client, route)  # RFC 3207, 4.2
    elif route.security is Security.STARTTLS:
        why = "the relay does not offer STARTTLS, which this route asks for"
        raise NotOpened(own(Step.STARTTLS, 530, "5.7.10", why, host=route.host))


async def _sign_in(client: aiosmtplib.SMTP, route: Route) -> None:
    ways: dict[Auth, Callable[[str, str], Awaitable[object]]] = {
        Auth.PLAIN: client.auth_plain,
        Auth.LOGIN: client.auth_login,
        Auth.XOAUTH2: client.auth_xoauth2,
    }
    if route.auth is Auth.NONE:
        return
    if route.auth not in client.server_auth_methods:
        why = f"the relay does not offer to sign in by {route.auth.upper()}"
        raise NotOpened(own(Step.AUTH, 504, "5.5.4", why, host=route.host))
    async with _at(Step.AUTH, route):
        await ways[route.auth](route.username, route.password)


def _take_over(client: aiosmtplib.SMTP, route: Route, greeting: str) -> Session:
    if not client.is_connected:
        raise NotOpened(lost(Step.EHLO, "the relay closed the connection", host=route.host))
    transport = cast("asyncio.Transport", client.transport)
    protected = transport.get_extra_info("ssl_object")
    return Session(
        wire=Wire(transport),
        extensions=dict(client.esmtp_extensions),
        tls=protected.version() if protected else None,
        used_at=asyncio.get_running_loop().time(),
        greeting=greeting,
        certificate=(protected.getpeercert() or {}) if protected else {},
    )


@asynccontextmanager
async def _at(step: Step, route: Route) -> AsyncIterator[None]:
    """Turn what goes wrong at a step into NotOpened."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        lines = error.message.split("\n")
        raise NotOpened(heard(step, error.code, lines, host=route.host)) from None
    except ssl.SSLError as error:
        raise NotOpened(_not_trusted(error, route)) from None
    except TimeoutError:
        raise NotOpened(lost(step, "no answer in time", host=route.host)) from None
    except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
        raise NotOpened(lost(step, _why(error), host=route.host)) from None


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    if isinstance(error, socket.gaierror):
        return f"the relay's name was not found: {error.strerror}"
    return str(error)


def _not_trusted(error: ssl.SSLError, route: Route) -> Reply:
    """Tell a handshake that broke off from one that will fail again until somebody acts."""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return lost(Step.STARTTLS, "the relay broke the TLS handshake off", host=route.host)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"the relay's certificate cannot be trusted: {error.verify_message}"
    else:
        why = f"no TLS with the relay: {error.reason or error}"
    return own(Step.STARTTLS, 554, "5.7.5", why, host=route.host)


@cache
def machine_name() -> str:
    """Give the name for EHLO: the machine's full name, and “localhost” only for want of any."""
    names = [socket.getfqdn(), socket.gethostname()]
    usable = [name for name in names if name.isascii() and not name.startswith("localhost")]
    full = [name for name in usable if "." in name]
    return (full or usable or ["localhost"])[0]
