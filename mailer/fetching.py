"""Pages and pictures of others, fetched from the web, and from nowhere within our own networks.

Whoever types an address here makes our machine open a connection. So each address is looked at
when it is connected to, after every redirect anew: names may resolve to whatever they like, and
differently each time. Nothing is sent along but the request.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from mailer.errors import UsageError
from mailer.language import translatable

PORTS = {"http": 80, "https": 443}
"""The only ports that are connected to."""

LARGEST_PAGE = 3_000_000
"""Bytes of a page; the reports that we know have a tenth of it."""

SECONDS = 15
"""How long a fetch may take, with all its redirects."""

MOST_REDIRECTS = 5
LONGEST_ADDRESS = 2000
AGENT = "Communique (fetches a page that an editor named)"

HIDDEN = tuple(
    map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)
"""Networks in which addresses of IPv4 hide (RFC 6052, 8215, 3056, 4380)."""

NOT_AN_ADDRESS = translatable("Write an address that begins with https:// or http://.")
INNER = translatable(
    "This address leads into a network of our own. Only pages that everybody can see are fetched."
)
NOBODY = translatable("There is nobody at this address, or the page does not answer.")
TOO_SLOW = translatable("The page takes too long to come.")
TOO_LARGE = translatable("The page is too large.")
ENDLESS = translatable("The page leads on to others without end.")
NO_SUCH_TYPE = translatable("There is no page of text at this address.")
NOT_SHOWN = translatable("The page answers that it cannot be seen.")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: from which address in the end, of which type, in which charset if it says so."""

    url: str
    content: bytes = field(repr=False)
    media_type: str = ""
    charset: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be connected to besides the public web, as pairs of address and port.

    Nothing, but in a test that has a server of its own.
    """

    peers: Collection[tuple[str, int]] = ()


NOTHING_MORE = Allowed()


def fetch(
    url: str,
    *,
    types: Collection[str] = ("text/html", "application/xhtml+xml"),
    largest: int = LARGEST_PAGE,
    seconds: float = SECONDS,
    allowed: Allowed = NOTHING_MORE,
) -> Fetched:
    """Give what is at a public address of the web; UsageError says why it cannot be had."""
    ends_at = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        parts = _parts(url, allowed)
        try:
            with (
                closing(_connected(parts, ends_at, allowed)) as connection,
                _ended(connection, ends_at),
            ):
                connection.request("GET", _target(parts), headers=_HEADERS)
                answer = connection.getresponse()
                onward = answer.headers.get("Location") if 300 <= answer.status < 400 else None
                if onward is None:
                    taken = _taken(answer, url, types, largest)
                    _left(ends_at)  # what was cut off at its moment looks whole
                    return taken
        except TimeoutError:
            raise UsageError(TOO_SLOW) from None
        except (OSError, http.client.HTTPException, ValueError):
            late = time.monotonic() >= ends_at
            raise UsageError(TOO_SLOW if late else NOBODY) from None
        url = urljoin(url, onward)
    raise UsageError(ENDLESS)


_HEADERS = {
    "User-Agent": AGENT,
    "Accept": "text/html, application/xhtml+xml, image/*;q=0.9",
    "Accept-Encoding": "identity",  # what is packed may be a thousand times as large unpacked
    "Connection": "close",
}


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that everybody can reach, and no other hides in it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in HIDDEN):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved)


def _parts(url: str, allowed: Allowed) -> SplitResult:
    """Take an address apart, if it is one that may be fetched."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port or PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise UsageError(NOT_AN_ADDRESS) from None
    if parts.scheme not in PORTS or not host or len(url) > LONGEST_ADDRESS:
        raise UsageError(NOT_AN_ADDRESS)
    if parts.username is not None or any(char.isspace() for char in host):
        raise UsageError(NOT_AN_ADDRESS)
    if port != PORTS[parts.scheme] and port not in {at for _, at in allowed.peers}:
        raise UsageError(NOT_AN_ADDRESS)
    named = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{named}:{port}")


def _connected(parts: SplitResult, ends_at: float, allowed: Allowed) -> http.client.HTTPConnection:
    """Connect to an address that was looked at: the socket goes there, whatever the name says."""
    host, port = parts.hostname or "", parts.port or 0
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    peers = [peer for *_, peer in found]
    if not peers or not all(_may(str(peer[0]), port, allowed) for peer in peers):
        raise UsageError(INNER)
    sock = socket.create_connection((str(peers[0][0]), port), timeout=_left(ends_at))
    # A machine on the way may have changed where it goes; what counts is who answers.
    if not _may(str(sock.getpeername()[0]), port, allowed):
        sock.close()
        raise UsageError(INNER)
    connection = http.client.HTTPConnection(host, port)
    connection.sock = sock
    if parts.scheme == "https":
        try:
            connection.sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        except (OSError, ValueError):
            sock.close()
            raise
    return connection


def _may(address: str, port: int, allowed: Allowed) -> bool:
    return is_public(address) or (address, port) in set(allowed.peers)


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@contextmanager
def _ended(connection: http.client.HTTPConnection, ends_at: float) -> Iterator[None]:
    """End a connection at its moment, also one that brings a byte now and then."""
    sock = connection.sock

    def end() -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    timer = threading.Timer(_left(ends_at), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _target(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=-._~")
    return f"{path}?{query}" if query else path


def _taken(
    answer: http.client.HTTPResponse, url: str, types: Collection[str], largest: int
) -> Fetched:
    if answer.status != 200:
        raise UsageError(NOT_SHOWN)
    media_type = answer.headers.get_content_type()
    if not any(media_type == kind or kind == f"{media_type.partition('/')[0]}/*" for kind in types):
        raise UsageError(NO_SUCH_TYPE)
    content = answer.read(largest + 1)
    if len(content) > largest:
        raise UsageError(TOO_LARGE)
    said = answer.headers.get("Content-Length")
    if said and said.isdecimal() and len(content) < int(said):
        raise UsageError(NOBODY)
    return Fetched(url, content, media_type, answer.headers.get_content_charset() or "")
