"""Whatever a relay does and whenever it goes: what is said of a message is what became of it.

The relay here keeps the state of a session strictly and, by lot, refuses, hangs up, stays silent,
speaks in pieces, out of turn, or nonsense. None of it depends on how fast anything is.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from mailer.config import Security
from mailer.delivery.reply import Reply
from mailer.delivery.transport import Ahead, Connection, Envelope, Route, Step, Timeouts
from tests.smtp_server import certificate

SENDERS, MESSAGES = 4, 60
IMPATIENT = Timeouts(
    connect=3, greeting=3, mail=0.1, rcpt=0.1, data=0.1, block=0.3, dot=0.1, quit=0.1
)
TOO_LATE = 0.2

REFUSALS = (b"451 4.3.0 later", b"550-5.1.1 no\r\n550 5.1.1 really", b"999 what", b"250 surprise")
"""What is said instead of what should be; the last does not fit where 354 is waited for."""


@pytest.fixture(scope="session", params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Run on both event loops: the wire takes over a transport that either made."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return ("asyncio", {"use_uvloop": request.param == "uvloop"})


class Gone(Exception):
    """The relay hangs up."""


@dataclass
class AnyRelay:
    """A relay by lot; `taken` are the messages it took, as recipients and content."""

    lot: Random
    taken: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    astray: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        try:
            await session.run()
        except (Gone, ConnectionError, RuntimeError, asyncio.IncompleteReadError):
            pass  # RuntimeError is what uvloop says of a transport that is closed
        finally:
            writer.transport.abort() if self.lot.random() < 0.3 else writer.close()


@dataclass
class _Session:
    relay: AnyRelay
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    has_sender: bool = False
    recipients: tuple[str, ...] = ()
    held: bytes = b""

    async def run(self) -> None:
        await self._say(b"220 ready")
        while line := await self.reader.readline():
            verb, _, rest = line.strip().partition(b":")
            await self._obey(verb.upper(), rest)

    async def _obey(self, verb: bytes, rest: bytes) -> None:
        match verb:
            case b"EHLO X.EXAMPLE":
                pipelining = b"250-PIPELINING\r\n" if self.relay.lot.random() < 0.8 else b""
                await self._say(b"250-hello\r\n" + pipelining + b"250 SIZE 1000000")
            case b"RSET":
                if await self._agrees(b"250 flushed"):
                    self.has_sender, self.recipients = False, ()
            case b"MAIL FROM" | b"RCPT TO" | b"DATA":
                await self._go_on(verb, rest)
            case b"QUIT":
                await self._say(b"221 bye")
                raise Gone
            case _:
                self.relay.astray.append(verb)
                await self._say(b"500 what?")

    async def _go_on(self, verb: bytes, rest: bytes) -> None:
        match verb:
            case b"MAIL FROM" if not self.has_sender:
                self.has_sender = await self._agrees(b"250 go on")
            case b"RCPT TO" if self.has_sender:
                if await self._agrees(b"250 go on"):
                    self.recipients += (rest.strip(b"<>").decode(),)
            case b"DATA" if self.recipients or self.relay.lot.random() < 0.4:
                if await self._agrees(b"354 go on"):
                    await self._content()
            case _:
                await self._say(b"503 not now")

    async def _content(self) -> None:
        content = (await self.reader.readuntil(b"\r\n.\r\n" if self.recipients else b".\r\n"))[:-3]
        recipients, self.recipients, self.has_sender = self.recipients, (), False
        if not recipients:
            await self._say(b"554 nobody to send it to")
        elif await self._agrees(b"250 taken", when_taken=(recipients, content)):
            await self._say(b"421 bye", seldom=True)

    async def _agrees(self, reply: bytes, *, when_taken: Any = None) -> bool:
        """Say what is hoped for, mostly; tell whether it was."""
        lot = self.relay.lot.random()
        if lot < 0.1:
            await self._say(self.relay.lot.choice(REFUSALS[: 3 if when_taken else 4]))
            return False
        is_taken = when_taken is not None and lot > 0.15
        if is_taken:
            self.relay.taken.append(when_taken)
        if lot < 0.2:
            await self._leave(has_taken=is_taken)
        await self._say(reply)
        return True

    async def _leave(self, *, has_taken: bool) -> None:
        match self.relay.lot.randrange(4):
            case 0 if not has_taken:
                await self._say(b"421 4.3.2 bye")
            case 1:
                await self._say(b"25", end=b"")
            case 2:
                await asyncio.sleep(TOO_LATE)
        raise Gone

    async def _say(self, reply: bytes, *, end: bytes = b"\r\n", seldom: bool = False) -> None:
        if seldom and self.relay.lot.random() > 0.1:
            return
        said = reply + end
        cut = self.relay.lot.randrange(len(said)) if self.relay.lot.random() < 0.1 else 0
        if not cut and b"\n" in self.reader._buffer:  # type: ignore[attr-defined]
            self.held += said  # more was asked already: that is answered with it
            return
        said, self.held = self.held + said, b""
        if cut:
            self.writer.write(said[:-cut])
            await asyncio.sleep(0.001)
        self.writer.write(said[-cut:])
        await self.writer.drain()


def became(reply: Reply) -> str:
    if reply.in_doubt:
        return "in doubt"
    return "taken" if reply.step is Step.DOT and (reply.code or 0) < 300 else "not taken"


def a_message(recipient: str, relay: AnyRelay) -> Ahead:
    """Give a message of some length, with whom it is for."""
    lines = relay.lot.choice([1, 1, 100, 20_000])
    content = f"To: {recipient}\r\n\r\n".encode() + b"hello\r\n" * lines
    return Ahead(Envelope("office@example.org", recipient), content)


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
@pytest.mark.parametrize("seed", range(2))
async def test_what_is_said_of_a_message_is_what_became_of_it(
    seed: int, security: Security
) -> None:
    relay = AnyRelay(Random(seed))
    tls = certificate().context() if security is Security.TLS else None
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
    route = Route(
        name="smtp",
        host="127.0.0.1",
        port=server.sockets[0].getsockname()[1],
        security=security,
        ca_file=certificate().authority,
        hello="x.example",
        timeouts=IMPATIENT,
    )
    said: Counter[str] = Counter()
    flowed: list[Reply] = []

    async def send_all(sender: int) -> None:
        connection = Connection(route)
        messages = [
            a_message(f"r{sender}.{number}@example.org", relay) for number in range(MESSAGES)
        ]
        marks: Counter[str] = Counter()
        done: list[Reply] = []

        def note(reply: Reply) -> None:
            """Compare what was said of the message whose turn it was with what became of it."""
            one = messages[len(done)]
            recipient = one.envelope.recipient
            done.append(reply)
            said[became(reply)] += 1
            took = [one for one in relay.taken if recipient in one[0]]
            assert set(took) <= {((recipient,), one.message)}
            assert len(took) <= marks[recipient] <= 1
            if became(reply) != "in doubt":
                assert len(took) == (became(reply) == "taken"), reply

        def mark() -> bool:
            marks[messages[len(done)].envelope.recipient] += 1
            return True

        def ahead() -> Ahead | None:
            left = messages[len(done) + 1 :]
            return left[0] if left and relay.lot.random() < 0.7 else None

        def following(reply: Reply) -> tuple[bytes, Ahead | None] | None:
            if relay.lot.random() < 0.2:
                return None
            note(reply)
            flowed.append(reply)
            mark()
            return messages[len(done)].message, ahead()

        while len(done) < MESSAGES:
            one = messages[len(done)]
            reply = await connection.send(
                *one, before_dot=mark, vouched=True, ahead=ahead(), following=following
            )
            note(reply)
        await connection.close()

    await asyncio.gather(*map(send_all, range(SENDERS)))
    server.close()
    await asyncio.sleep(TOO_LATE)  # for those that are silent yet

    assert relay.astray == []
    assert len(said) == 3, said  # all of it happened
    assert flowed, "not once were all answers there at once"
