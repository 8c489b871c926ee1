"""An SMTP server on loopback for tests: takes mail, keeps it, and misbehaves when told to.

It runs in a thread of its own, so it serves synchronous and asynchronous tests alike:

    with SmtpServer() as server:
        …                                      # send to server.host, server.port
        server.wait_for(3)                     # blocks until three messages were taken
        assert server.taken["kim@example.org"] == 1
        assert b"Subject: News" in server.messages[0].content

In an asynchronous test, `await asyncio.to_thread(server.wait_for, 3)`: waiting must not stop the
loop that sends. What was answered with 250 is in `messages` before the sender knows it.

What it offers is said when it is made:

    SmtpServer(security="starttls")            # or "tls"; trust server.ca_file
    SmtpServer(users={"office": "secret"})     # AUTH PLAIN, LOGIN, XOAUTH2
    SmtpServer(size=10_000, smtputf8=False, eight_bit=False, pipelining=True, ehlo=False)
    SmtpServer(eager=True)                     # 354 to DATA, be there a recipient or not

`answer` scripts a step: "greeting", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data",
"content", "dot", "rset" or "quit" ("content" comes between the 354 and the first byte of the
message). The first script that fits is used; one with `times` is used up.

    server.answer("rcpt", "550 5.1.1 no such user", recipient="gone@example.org")
    server.answer("dot", "451 4.7.1 later", times=1)
    server.answer("mail", "421 4.3.2 closing", after=2, then=Then.CLOSE)     # the third MAIL
    server.answer("dot", SILENCE, then=Then.HANG)      # takes the message and says nothing
    server.answer("dot", b"250 2.0", then=Then.CLOSE)  # half a reply
    server.answer("dot", delay=0.2)                    # the usual reply, but later
    server.answer("dot", then=Then.RESET, after=4)     # resets after the fifth message's 250

`rule` decides where no script fits: it gets the step, MAIL FROM and the recipients so far, and
gives the reply, or None for the usual one.

A reply given as text is sent with CRLF, each of its lines; one given as bytes is sent as it is.
A message counts as taken when its dot was answered with a 2xx, and, to be on the hard side, also
when the answer was bytes; `keeps=False` says otherwise.
"""

import asyncio
import atexit
import base64
import datetime as dt
import functools
import ipaddress
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SILENCE = b""
NAME = "relay.test"
LONGEST_LINE = 1 << 16


class Then(Enum):
    """What the server does after a reply."""

    GO_ON = "go on"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True)
class Taken:
    """A message that the server took, as it came, dots unstuffed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    options: str
    user: str | None
    tls: str | None
    connection: int
    at: float

    @property
    def recipient(self) -> str:
        """Give the only recipient."""
        (only,) = self.recipients
        return only


@dataclass
class _Script:
    step: str
    reply: str | bytes | None
    times: int | None
    recipient: str | None
    after: int
    delay: float
    then: Then
    keeps: bool | None

    def fits(self, step: str, recipients: list[str]) -> bool:
        if self.step != step or self.times == 0:
            return False
        if self.recipient is not None and self.recipient not in recipients:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class SmtpServer:
    """A server in a thread; use it as a context manager."""

    security: str = "none"
    users: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    smtputf8: bool = True
    eight_bit: bool = True
    pipelining: bool = False
    eager: bool = False
    ehlo: bool = True
    port: int = 0
    receive_buffer: int | None = None
    host: str = "127.0.0.1"
    rule: Callable[[str, str, list[str]], str | None] | None = None

    messages: list[Taken] = field(default_factory=list, init=False)
    taken: Counter[str] = field(default_factory=Counter, init=False)
    transcript: list[str] = field(default_factory=list, init=False)
    connections: int = field(default=0, init=False)
    crashes: list[BaseException] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._scripts: list[_Script] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions: list[_Session] = []
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    # The face

    def answer(
        self,
        step: str,
        reply: str | bytes | None = None,
        *,
        times: int | None = None,
        recipient: str | None = None,
        after: int = 0,
        delay: float = 0,
        then: Then = Then.GO_ON,
        keeps: bool | None = None,
    ) -> None:
        """Say what happens at a step; see the module's text. Without `reply`, the usual one."""
        self._scripts.append(_Script(step, reply, times, recipient, after, delay, then, keeps))

    def behave(self) -> None:
        """Forget every script."""
        self._scripts.clear()

    def wait_for(self, messages: int, *, seconds: float = 5) -> None:
        """Wait until so many messages were taken, or fail saying how many were."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.messages) >= messages, seconds)
        assert enough, f"{len(self.messages)} of {messages} messages after {seconds} seconds"

    def commands(self, verb: str = "") -> list[str]:
        """Give what clients said, in order: all of it, or the lines that begin with a verb."""
        said = [line[3:] for line in self.transcript if line.startswith("C: ")]
        return [line for line in said if line.upper().startswith(verb.upper())]

    @property
    def ca_file(self) -> Path:
        """Give the file of the authority to trust, for "starttls" and "tls"."""
        return certificate().authority

    def __enter__(self) -> Self:
        started: threading.Event = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(5), "the SMTP server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if error is None and self.crashes:
            raise self.crashes[0]

    # Inside the thread

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        self._loop.call_soon(started.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(
            self._accept,
            self.host,
            self.port,
            ssl=certificate().context() if self.security == "tls" else None,
            limit=LONGEST_LINE,
        )
        if self.receive_buffer is not None:
            for listener in server.sockets:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        return server

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        for session in self._sessions:
            session.abort()
        await asyncio.sleep(0.01)  # transports say goodbye in the loop's next rounds

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Coroutine[Any, Any, None]:
        self.connections += 1
        session = _Session(self, reader, writer, self.connections)
        self._sessions.append(session)
        return self._serve(session)

    async def _serve(self, session: "_Session") -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await session.run()
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError, _End):
            pass
        except Exception as error:  # noqa: BLE001 - told to the test when the server stops
            self.crashes.append(error)
        finally:
            self._tasks.discard(task)
            session.close()

    def _script(self, step: str, recipients: list[str]) -> _Script | None:
        return next((each for each in self._scripts if each.fits(step, recipients)), None)

    def _take(self, message: Taken) -> None:
        with self._changed:
            self.messages.append(message)
            self.taken.update(message.recipients)
            self._changed.notify_all()


class _End(Exception):
    """The session ends here, by script or by QUIT."""


class _Session:
    """One connection's conversation."""

    def __init__(
        self,
        server: SmtpServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._number = number
        self._user: str | None = None
        self._sender: str | None = None
        self._path = ""
        self._options = ""
        self._recipients: list[str] = []
        self._verbs: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
        }

    async def run(self) -> None:
        await self._step("greeting", f"220 {NAME} ESMTP")
        while True:
            line = await self._line()
            verb, _, rest = line.partition(" ")
            answer = self._verbs.get(verb.upper())
            if answer is None:
                await self._say(f"500 5.5.2 what is {verb[:20]}")
            else:
                await answer(rest)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()

    # Steps

    async def _ehlo(self, _rest: str) -> None:
        if not self._server.ehlo:
            await self._say("502 5.5.1 no EHLO here")
            return
        offers = "\n".join([f"250-{offer}" for offer in [NAME, *self._offers()]] + ["250 HELP"])
        await self._step("ehlo", offers)

    def _offers(self) -> Iterator[str]:
        server = self._server
        yield "ENHANCEDSTATUSCODES"
        if server.size is not None:
            yield f"SIZE {server.size}"
        if server.eight_bit:
            yield "8BITMIME"
        if server.smtputf8:
            yield "SMTPUTF8"
        if server.pipelining:
            yield "PIPELINING"
        if server.security == "starttls" and self._tls is None:
            yield "STARTTLS"
        if server.users:
            yield "AUTH PLAIN LOGIN XOAUTH2"

    async def _helo(self, _rest: str) -> None:
        await self._step("helo", f"250 {NAME}")

    async def _starttls(self, _rest: str) -> None:
        if await self._step("starttls", "220 2.0.0 go ahead"):
            await self._writer.start_tls(certificate().context())

    async def _auth(self, rest: str) -> None:
        name, password = await self._credentials(*rest.split(" "))
        good = self._server.users.get(name) == password
        usual = "235 2.7.0 welcome" if good else "535 5.7.8 wrong name or password"
        if await self._step("auth", usual):
            self._user = name

    async def _credentials(self, way: str, initial: str = "") -> tuple[str, str]:
        if way == "LOGIN":
            name = initial or await self._ask("334 VXNlcm5hbWU6")
            return _decoded(name), _decoded(await self._ask("334 UGFzc3dvcmQ6"))
        given = _decoded(initial or await self._ask("334 "))
        if way == "PLAIN":
            _, name, password = given.split("\0")
            return name, password
        name, token = given.strip("\1").split("\1")
        name, token = name.removeprefix("user="), token.removeprefix("auth=Bearer ")
        if self._server.users.get(name) != token:
            await self._ask("334 eyJzdGF0dXMiOiI0MDAifQ==")
        return name, token

    async def _mail(self, rest: str) -> None:
        if self._sender is not None:
            await self._say("503 5.5.1 nested MAIL")
            return
        path, _, options = rest.removeprefix("FROM:").partition(" ")
        self._path = path.strip("<>")
        if await self._step("mail", "250 2.1.0 ok"):
            self._sender, self._options = path.strip("<>"), options

    async def _rcpt(self, rest: str) -> None:
        recipient = rest.removeprefix("TO:").strip("<>")
        if self._sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif await self._step("rcpt", "250 2.1.5 ok", [recipient]):
            self._recipients.append(recipient)

    async def _data(self, _rest: str) -> None:
        if not (self._recipients or self._server.eager):
            await self._say("503 5.5.1 RCPT first")
            return
        if not await self._step("data", "354 go ahead", self._recipients):
            return
        await self._step("content", None, self._recipients)
        content = await self._content()
        if not self._recipients:
            self._server.transcript.append(f"to nobody: {len(content)} bytes")
            await self._say("554 5.5.1 no valid recipients")
            self._forget()
            return
        queued = f"250 2.0.0 queued as {len(self._server.messages) + 1:06X}"
        await self._step("dot", queued, self._recipients, content)
        self._forget()

    async def _content(self) -> bytes:
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                raise _End
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def _rset(self, _rest: str) -> None:
        await self._step("rset", "250 2.0.0 ok")
        self._forget()

    async def _noop(self, _rest: str) -> None:
        await self._say("250 2.0.0 ok")

    async def _quit(self, _rest: str) -> None:
        await self._step("quit", "221 2.0.0 bye")
        raise _End

    # Means

    def _forget(self) -> None:
        self._sender, self._options, self._recipients = None, "", []

    async def _step(
        self,
        step: str,
        usual: str | None,
        recipients: list[str] | None = None,
        content: bytes | None = None,
    ) -> bool:
        """Do a step by its script or as usual; tell whether it was answered with success."""
        script = self._server._script(step, recipients or [])
        rule = self._server.rule
        if script is None:
            ruled = rule and rule(step, self._path, recipients or [])
            reply: str | bytes | None = ruled or usual
        else:
            reply = usual if script.reply is None else script.reply
            await asyncio.sleep(script.delay)
        good = isinstance(reply, str) and reply[:1] in {"2", "3"}
        if content is not None and self._keeps(script, reply):
            self._server._take(self._message(content))
        if reply:
            await self._say(reply)
        if script is not None:
            await self._then(script.then)
        return good

    @staticmethod
    def _keeps(script: _Script | None, reply: str | bytes | None) -> bool:
        if script is not None and script.keeps is not None:
            return script.keeps
        return isinstance(reply, bytes) or (reply or "").startswith("2")

    def _message(self, content: bytes) -> Taken:
        return Taken(
            sender=self._sender or "",
            recipients=tuple(self._recipients),
            content=content,
            options=self._options,
            user=self._user,
            tls=self._tls,
            connection=self._number,
            at=time.monotonic(),
        )

    async def _then(self, then: Then) -> None:
        if then is Then.HANG:
            await asyncio.sleep(3600)
        if then is Then.RESET:
            _reset(self._writer)
        if then is not Then.GO_ON:
            raise _End

    async def _ask(self, prompt: str) -> str:
        await self._say(prompt)
        return await self._line()

    async def _line(self) -> str:
        line = await self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise _End
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        self._server.transcript.append(f"C: {text}")
        return text

    async def _say(self, reply: str | bytes) -> None:
        if isinstance(reply, str):
            self._server.transcript.extend(f"S: {line}" for line in reply.split("\n"))
            reply = "".join(f"{line}\r\n" for line in reply.split("\n")).encode()
        else:
            self._server.transcript.append(f"S: {reply[:200]!r}")
        self._writer.write(reply)
        await self._writer.drain()

    @property
    def _tls(self) -> str | None:
        protected = self._writer.get_extra_info("ssl_object")
        return protected.version() if protected else None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a crashed machine or a firewall does."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


# ------------------------------------------------------------------- a certificate


@dataclass(frozen=True)
class Certificate:
    """A throw-away certificate for loopback, and the authority that vouches for it."""

    authority: Path
    chain: Path

    def context(self) -> ssl.SSLContext:
        """Give what a server needs to use it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain)
        return context


@functools.cache
def certificate(*names: str) -> Certificate:
    """Make a certificate for 127.0.0.1 and localhost, or for other names; once a process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a relay for tests")])
    now = dt.datetime.now(dt.UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in names or ("localhost",)]
    if not names:
        alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    stem = "-".join(names) or "loopback"
    (authority := _folder() / f"{stem}.ca.pem").write_bytes(public)
    (chain := _folder() / f"{stem}.pem").write_bytes(public + secret)
    return Certificate(authority, chain)


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mailer-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
