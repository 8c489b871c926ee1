"""The transport, over real sockets: what arrives, what comes back, and where the doubt begins."""

import asyncio
import importlib.util
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mailer.config import Auth, Security
from mailer.delivery.opening import machine_name
from mailer.delivery.transport import (
    Ahead,
    Connection,
    Envelope,
    Reply,
    Route,
    Step,
    Timeouts,
)
from mailer.errors import ConfigError, NotHeld
from tests.smtp_server import SILENCE, SmtpServer, Then, certificate

KIM = "kim@example.org"
ENVELOPE = Envelope("bounce@office.example", KIM)
MESSAGE = b"From: office@office.example\r\nTo: kim@example.org\r\nSubject: News\r\n\r\nHello.\r\n"
SHORT = Timeouts(connect=2, greeting=2, mail=2, rcpt=2, data=2, block=2, dot=2, quit=0.2)
SHORTEST = Timeouts(
    connect=0.2, greeting=0.2, mail=0.2, rcpt=0.2, data=0.2, block=0.2, dot=0.2, quit=0.1
)


@dataclass(frozen=True)
class Way:
    """How a relay is spoken to: on which event loop, and whether it offers PIPELINING."""

    loop: str
    pipelining: bool


def _ways() -> Iterator[Any]:
    yield pytest.param(Way("asyncio", pipelining=False), id="asyncio, one by one")
    yield pytest.param(Way("asyncio", pipelining=True), id="asyncio, pipelining")
    if importlib.util.find_spec("uvloop"):
        yield pytest.param(Way("uvloop", pipelining=True), id="uvloop, pipelining")


@pytest.fixture(scope="session", params=_ways())
def way(request: pytest.FixtureRequest) -> Way:
    """Run everything in each way: the wire takes over a transport that either loop made."""
    found: Way = request.param
    return found


@pytest.fixture(scope="session")
def anyio_backend(way: Way) -> tuple[str, dict[str, bool]]:
    return ("asyncio", {"use_uvloop": way.loop == "uvloop"})


@pytest.fixture
def server(way: Way) -> Iterator[SmtpServer]:
    with SmtpServer(pipelining=way.pipelining) as server:
        yield server


def route_to(server: SmtpServer, **settings: Any) -> Route:
    usual: dict[str, Any] = {
        "security": Security.NONE,
        "hello": "news.office.example",
        "timeouts": SHORT,
    }
    return Route(name="smtp", host=server.host, port=server.port, **(usual | settings))


async def send(connection: Connection, recipient: str = KIM, *, message: bytes = MESSAGE) -> Reply:
    envelope = Envelope("bounce@office.example", recipient)
    return await connection.send(envelope, message, before_dot=lambda: True)


async def send_once(route: Route, **what: Any) -> Reply:
    connection = Connection(route)
    try:
        return await send(connection, **what)
    finally:
        await connection.close()


# ------------------------------------------------------------------ what arrives


async def test_a_message_arrives_byte_for_byte_and_the_reply_is_kept(server: SmtpServer) -> None:
    reply = await send_once(route_to(server))

    assert (reply.step, reply.code, reply.enhanced) == (Step.DOT, 250, "2.0.0")
    assert reply.text == "queued as 000001"
    assert (reply.host, reply.tls) == ("127.0.0.1", None)
    (taken,) = server.messages
    assert (taken.sender, taken.recipient) == ("bounce@office.example", KIM)
    assert taken.content == MESSAGE


async def test_the_conversation_is_mail_rcpt_data_apart_and_ends_with_quit(
    server: SmtpServer,
) -> None:
    await send_once(route_to(server))

    assert server.commands() == [
        "EHLO news.office.example",
        "MAIL FROM:<bounce@office.example>",
        "RCPT TO:<kim@example.org>",
        "DATA",
        "QUIT",
    ]


async def test_lines_that_begin_with_dots_arrive_as_they_were(server: SmtpServer) -> None:
    message = b".first\r\n.\r\n..\r\n.\r\n.\r\nx.\r\n.last\r\n"

    await send_once(route_to(server), message=message)

    assert server.messages[0].content == message


async def test_a_message_that_is_vouched_for_goes_out_as_it_is(server: SmtpServer) -> None:
    connection = Connection(route_to(server))

    await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: True, vouched=True)
    await connection.close()

    assert server.messages[0].content == MESSAGE


@pytest.mark.parametrize(
    "message",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\n.\n\r\n",
        b"no end",
        b"",
        b"a\r\r\n",
        b"a\r\n\n\r",
        b"nul \0\r\n",
    ],
)
async def test_a_message_with_broken_lines_never_leaves(server: SmtpServer, message: bytes) -> None:
    reply = await send_once(route_to(server), message=message)

    assert (reply.code, reply.enhanced, reply.ours) == (554, "5.6.0", True)
    assert server.connections == 0


@pytest.mark.parametrize(
    "recipient",
    ["kim", "a b@example.org", "kim@example.org>\r\nDATA", "<kim@example.org>", "k\0@x.org", ""],
)
async def test_what_is_not_a_mailbox_never_reaches_a_command(
    server: SmtpServer, recipient: str
) -> None:
    reply = await send_once(route_to(server), recipient=recipient)

    assert (reply.step, reply.enhanced, reply.ours) == (Step.RCPT, "5.1.3", True)
    assert server.connections == 0


async def test_a_return_path_that_is_not_a_mailbox_never_reaches_a_command(
    server: SmtpServer,
) -> None:
    envelope = Envelope("office@example.org> SIZE=1", KIM)

    reply = await Connection(route_to(server)).send(envelope, MESSAGE, before_dot=lambda: True)

    assert (reply.step, reply.enhanced, reply.ours) == (Step.MAIL, "5.1.7", True)
    assert server.connections == 0


async def test_a_quoted_local_part_and_an_empty_return_path_are_mailboxes(
    server: SmtpServer,
) -> None:
    connection = Connection(route_to(server))
    envelope = Envelope("", '"kim <x> \\" y"@example.org')

    reply = await connection.send(envelope, MESSAGE, before_dot=lambda: True)
    await connection.close()

    assert reply.code == 250
    assert server.commands("RCPT") == ['RCPT TO:<"kim <x> \\" y"@example.org>']


async def test_a_large_message_arrives_whole(server: SmtpServer) -> None:
    message = b"0123456789" * 9 + b"\r\n"
    message = message * 40_000  # 3.7 MB

    reply = await send_once(route_to(server), message=message)

    assert reply.code == 250
    assert server.messages[0].content == message


# ------------------------------------------------------------------ kept connections


async def test_a_session_is_kept_between_messages(server: SmtpServer) -> None:
    connection = Connection(route_to(server))

    replies = [await send(connection) for _ in range(5)]
    await connection.close()

    assert [reply.code for reply in replies] == [250] * 5
    assert server.connections == 1


async def test_a_session_is_renewed_after_its_messages(server: SmtpServer) -> None:
    connection = Connection(route_to(server, messages_per_connection=2))

    for _ in range(5):
        assert (await send(connection)).code == 250
    await connection.close()

    assert [taken.connection for taken in server.messages] == [1, 1, 2, 2, 3]
    assert len(server.commands("QUIT")) == 3


async def test_a_session_that_was_quiet_too_long_is_not_trusted(server: SmtpServer) -> None:
    connection = Connection(route_to(server, timeouts=replace(SHORT, idle=0.02)))
    await send(connection)

    await asyncio.sleep(0.05)
    await send(connection)
    await connection.close()

    assert server.connections == 2


@pytest.mark.parametrize("then", [Then.CLOSE, Then.RESET])
async def test_a_relay_that_closes_silently_after_some_messages_costs_nothing(
    server: SmtpServer, then: Then
) -> None:
    for nth in (2, 5, 8):
        server.answer("dot", then=then, after=nth, times=1)
    connection = Connection(route_to(server))

    for number in range(12):
        assert (await send(connection, f"reader-{number}@example.org")).code == 250
    await connection.close()

    assert server.connections == 4
    assert set(server.taken.values()) == {1}
    assert len(server.taken) == 12


@pytest.mark.parametrize(
    "reply, then",
    [
        (SILENCE, Then.CLOSE),
        (SILENCE, Then.RESET),
        ("421 4.3.2 too many messages", Then.CLOSE),
        ("421 4.3.2 too many messages", Then.GO_ON),
        (b"250 2.1", Then.CLOSE),
        ("not smtp", Then.GO_ON),
    ],
)
async def test_a_kept_session_that_fails_at_mail_is_renewed_at_once(
    server: SmtpServer, reply: str | bytes, then: Then
) -> None:
    server.answer("mail", reply, after=1, times=1, then=then)
    connection = Connection(route_to(server))

    assert (await send(connection)).code == 250
    assert (await send(connection)).code == 250
    await connection.close()

    assert server.connections == 2
    assert server.taken[KIM] == 2


async def test_a_relay_that_refuses_every_mail_is_asked_once_more_and_not_for_ever(
    server: SmtpServer,
) -> None:
    connection = Connection(route_to(server))
    await send(connection)
    server.answer("mail", "421 4.3.2 shutting down", then=Then.CLOSE)

    reply = await send(connection)

    assert (reply.step, reply.code) == (Step.MAIL, 421)
    assert server.connections == 2
    assert not connection.is_open


async def test_a_new_session_that_fails_at_mail_is_not_tried_twice(server: SmtpServer) -> None:
    server.answer("mail", "421 4.3.2 shutting down", then=Then.CLOSE)

    reply = await send_once(route_to(server))

    assert (reply.step, reply.code) == (Step.MAIL, 421)
    assert server.connections == 1


async def test_what_a_relay_says_unasked_between_messages_ends_the_session(
    server: SmtpServer,
) -> None:
    server.answer("dot", b"250 2.0.0 ok\r\n421 4.4.2 idle too long\r\n", times=1)
    connection = Connection(route_to(server))

    first = await send(connection)
    second = await send(connection)
    await connection.close()

    assert (first.code, second.code) == (250, 250)
    assert server.connections == 2


# ------------------------------------------------------------------ refusals


async def test_a_refused_recipient_leaves_the_session_usable(server: SmtpServer) -> None:
    server.answer("rcpt", "550 5.1.1 no such user", recipient="gone@example.org")
    connection = Connection(route_to(server))

    refused = await send(connection, "gone@example.org")
    taken = await send(connection)
    await connection.close()

    assert (refused.step, refused.code, refused.enhanced) == (Step.RCPT, 550, "5.1.1")
    assert (refused.text, str(refused)) == ("no such user", "550 5.1.1 no such user")
    assert taken.code == 250
    assert server.connections == 1
    assert len(server.commands("RSET")) == 1


async def test_a_refused_sender_needs_no_reset(server: SmtpServer) -> None:
    server.answer("mail", "451 4.3.0 not now", times=1)
    connection = Connection(route_to(server))

    refused = await send(connection)
    taken = await send(connection)
    await connection.close()

    assert (refused.step, refused.code, taken.code) == (Step.MAIL, 451, 250)
    assert (server.connections, server.commands("RSET")) == (1, [])


async def test_a_relay_that_fails_at_rset_gets_a_new_session(server: SmtpServer) -> None:
    server.answer("rcpt", "550 5.1.1 no such user", times=1)
    server.answer("rset", "421 4.3.2 closing", then=Then.CLOSE, times=1)
    connection = Connection(route_to(server))

    await send(connection, "gone@example.org")
    taken = await send(connection)
    await connection.close()

    assert taken.code == 250
    assert server.connections == 2


async def test_a_relay_that_waits_for_a_message_to_nobody_gets_an_empty_one() -> None:
    with SmtpServer(pipelining=True, eager=True) as server:
        server.answer("rcpt", "550 5.1.1 no such user", recipient="gone@example.org")
        connection = Connection(route_to(server))

        refused = await connection.send(
            Envelope("bounce@office.example", "gone@example.org"),
            MESSAGE,
            before_dot=lambda: pytest.fail("nothing of it is to be sent"),
        )
        taken = await send(connection)
        await connection.close()

        assert (refused.step, refused.code, taken.code) == (Step.RCPT, 550, 250)
        assert "to nobody: 0 bytes" in server.transcript
        assert (server.connections, len(server.messages)) == (1, 1)


async def test_a_relay_that_refused_the_sender_and_waits_all_the_same_is_left() -> None:
    with SmtpServer(pipelining=True, eager=True) as server:
        server.answer("mail", "451 4.3.0 not now", times=1)
        connection = Connection(route_to(server))

        refused = await send(connection)

        assert (refused.step, refused.code) == (Step.MAIL, 451)
        assert "S: 354 go ahead" in server.transcript
        assert (connection.is_open, server.messages) == (False, [])


async def test_where_the_relay_offers_pipelining_all_is_asked_in_one_go() -> None:
    groups: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.test\r\n")
        for reply in (
            b"250-relay.test\r\n250 PIPELINING\r\n",
            b"250 ok\r\n550 5.1.1 no such user\r\n503 RCPT first\r\n",
            b"250 ok\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n",
            b"250 taken\r\n",
            b"221 bye\r\n",
        ):
            groups.append(await reader.read(4096))
            writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        connection = Connection(
            Route(name="smtp", host="127.0.0.1", port=port, security=Security.NONE, timeouts=SHORT)
        )
        refused, taken = await send(connection, "gone@example.org"), await send(connection)
        await connection.close()

    group = b"MAIL FROM:<bounce@office.example>\r\nRCPT TO:<%b>\r\nDATA\r\n"
    assert (refused.step, refused.code, taken.code) == (Step.RCPT, 550, 250)
    assert groups[1:] == [
        group % b"gone@example.org",
        b"RSET\r\n" + group % KIM.encode(),
        MESSAGE + b".\r\n",
        b"QUIT\r\n",
    ]


# ------------------------------------------------------------------ asked ahead


LEE = Envelope("bounce@office.example", "lee@example.org")
SECOND = MESSAGE.replace(b"kim@", b"lee@")


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer(pipelining=True) as server:
        yield server


async def both(connection: Connection, *, flows: bool) -> tuple[Reply, Reply]:
    """Send a message, with the next one asked for behind it, and then that one."""
    await send(connection, "first@example.org")
    said: list[Reply] = []

    def following(reply: Reply) -> tuple[bytes, None]:
        said.append(reply)
        return SECOND, None

    ahead = Ahead(LEE, SECOND)
    said.append(
        await connection.send(
            ENVELOPE,
            MESSAGE,
            before_dot=lambda: True,
            ahead=ahead,
            following=following if flows else None,
        )
    )
    if len(said) == 1:
        said.append(await connection.send(LEE, SECOND, before_dot=lambda: True))
    one, two = said
    return one, two


async def test_what_comes_next_is_asked_for_behind_the_dot() -> None:
    groups: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.test\r\n")
        for reply in (
            b"250-relay.test\r\n250 PIPELINING\r\n",
            b"250 ok\r\n250 ok\r\n354 go ahead\r\n",
            b"250 taken\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n",
            b"250 taken\r\n",
            b"221 bye\r\n",
        ):
            groups.append(await reader.read(4096))
            writer.write(reply)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        connection = Connection(
            Route(name="smtp", host="127.0.0.1", port=port, security=Security.NONE, timeouts=SHORT)
        )
        ahead = Ahead(LEE, SECOND)
        one = await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: True, ahead=ahead)
        two = await connection.send(LEE, SECOND, before_dot=lambda: True)
        await connection.close()

    asked = b"MAIL FROM:<bounce@office.example>\r\nRCPT TO:<lee@example.org>\r\nDATA\r\n"
    assert (one.code, two.code) == (250, 250)
    assert groups[2:] == [MESSAGE + b".\r\n" + asked, SECOND + b".\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize("flows", [False, True])
@pytest.mark.parametrize(
    "reply, then, codes, taken, connections",
    [
        ("554 5.7.1 looks like spam", Then.GO_ON, (554, 250), ["lee"], 1),
        ("451 4.3.0 later", Then.GO_ON, (451, 250), ["lee"], 1),
        ("421 4.3.2 closing", Then.CLOSE, (421, 250), ["lee"], 2),
        (None, Then.CLOSE, (250, 250), ["kim", "lee"], 2),
        (SILENCE, Then.CLOSE, (None, 250), ["kim", "lee"], 2),
        (SILENCE, Then.RESET, (None, 250), ["kim", "lee"], 2),
        (SILENCE, Then.HANG, (None, 250), ["kim", "lee"], 2),
        (b"250 2.0", Then.CLOSE, (None, 250), ["kim", "lee"], 2),
    ],
)
async def test_whatever_becomes_of_a_message_the_next_one_goes(
    relay: SmtpServer,
    reply: Any,
    then: Then,
    codes: tuple[int | None, int],
    taken: list[str],
    connections: int,
    *,
    flows: bool,
) -> None:
    relay.answer("dot", reply, then=then, after=1, times=1, keeps="kim" in taken or None)
    connection = Connection(replace(route_to(relay), timeouts=replace(SHORT, dot=0.5)))

    one, two = await both(connection, flows=flows)
    await connection.close()

    assert (one.code, two.code) == codes
    assert (one.step, one.in_doubt) == (Step.DOT, codes[0] is None)
    assert [each.recipient.partition("@")[0] for each in relay.messages[1:]] == taken
    assert relay.messages[-1].content == SECOND
    assert relay.connections == connections


@pytest.mark.parametrize("flows", [False, True])
@pytest.mark.parametrize(
    "step, reply, then, code, connections",
    [
        ("mail", "451 4.3.0 later", Then.GO_ON, 451, 1),
        ("rcpt", "550 5.1.1 no such user", Then.GO_ON, 550, 1),
        ("data", "554 5.7.1 no", Then.GO_ON, 554, 1),
        ("rcpt", "421 4.3.2 closing", Then.CLOSE, 421, 2),
        # Silence before its own message is no doubt; at MAIL it is asked once more, elsewhere.
        ("mail", SILENCE, Then.CLOSE, 250, 2),
        ("mail", "421 4.3.2 closing", Then.CLOSE, 250, 2),
        ("rcpt", SILENCE, Then.CLOSE, None, 2),
        ("data", SILENCE, Then.HANG, None, 2),
    ],
)
async def test_whatever_is_said_to_what_was_asked_ahead_is_about_that_message(
    relay: SmtpServer,
    step: str,
    reply: Any,
    then: Then,
    code: int | None,
    connections: int,
    *,
    flows: bool,
) -> None:
    relay.answer(step, reply, then=then, after=2, times=1)
    short = replace(SHORT, mail=0.5, rcpt=0.5, data=0.5)
    connection = Connection(replace(route_to(relay), timeouts=short))

    one, two = await both(connection, flows=flows)
    three = await send(connection, "last@example.org")
    await connection.close()

    assert (one.code, two.code, three.code) == (250, code, 250)
    assert not two.in_doubt
    wanted = ["first", "kim", *(["lee"] if code == 250 else []), "last"]
    assert [each.recipient.partition("@")[0] for each in relay.messages] == wanted
    assert relay.connections == connections


class Series:
    """Sends messages that follow each other at once; keeps what was said of each.

    `flowed` counts those that went out without anybody being woken.
    """

    def __init__(self, messages: Sequence[bytes], *, lost: int | None = None) -> None:
        self.messages = [
            Ahead(Envelope("bounce@office.example", f"r{number}@example.org"), message)
            for number, message in enumerate(messages)
        ]
        self.lost = lost
        self.said: list[Reply] = []
        self.flowed = 0

    async def send(self, connection: Connection) -> None:
        while (at := len(self.said)) < len(self.messages):
            reply = await connection.send(
                *self.messages[at],
                before_dot=lambda: True,
                vouched=True,
                ahead=self.ahead(at),
                following=self.following,
            )
            self.said.append(reply)

    def ahead(self, at: int) -> Ahead | None:
        return self.messages[at + 1] if at + 1 < len(self.messages) else None

    def following(self, reply: Reply) -> tuple[bytes, Ahead | None]:
        self.said.append(reply)
        if len(self.said) == self.lost:
            raise NotHeld("the claim was lost")
        self.flowed += 1
        at = len(self.said)
        return self.messages[at].message, self.ahead(at)


class Answers:
    """A relay that says all it has to say to what it was sent in one go, or in two.

    `groups` are what it got before it said anything.
    """

    def __init__(self, *, pieces: int = 1) -> None:
        self.groups: list[bytes] = []
        self.pieces = pieces
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.test\r\n")
        await reader.readline()
        writer.write(b"250-relay.test\r\n250 PIPELINING\r\n")
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            self.groups.append(await reader.readuntil(b"DATA\r\n"))
            writer.write(b"250 ok\r\n250 ok\r\n354 go ahead\r\n")
            while True:
                message = await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 taken\r\n")
                if self.pieces > 1:
                    await asyncio.sleep(0.01)
                self.groups.append(message + await reader.readuntil(b"DATA\r\n"))
                writer.write(b"250 ok\r\n250 ok\r\n354 go ahead\r\n")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.ended.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Route]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=1 << 20) as server:
            port = server.sockets[0].getsockname()[1]
            yield Route("smtp", "127.0.0.1", port, security=Security.NONE, timeouts=SHORT)
            await self.ended.wait()


async def through(relay: Answers, series: Series) -> None:
    """Send all of a series to a relay, over one connection."""
    async with relay.listening() as route:
        connection = Connection(route)
        await series.send(connection)
        connection.drop()


async def test_what_was_asked_ahead_flows_while_all_goes_well() -> None:
    relay = Answers()
    series = Series([MESSAGE] * 6)
    await through(relay, series)

    assert [reply.code for reply in series.said] == [250] * 6
    assert series.flowed == 5
    asked = [
        f"MAIL FROM:<bounce@office.example>\r\nRCPT TO:<r{number}@example.org>\r\nDATA\r\n"
        for number in range(6)
    ]
    wanted = [asked[0].encode()] + [MESSAGE + b".\r\n" + one.encode() for one in asked[1:]]
    assert relay.groups == wanted


async def test_answers_that_come_one_after_the_other_wake_who_waits() -> None:
    relay = Answers(pieces=2)
    series = Series([MESSAGE] * 4)
    await through(relay, series)

    assert [reply.code for reply in series.said] == [250] * 4
    assert series.flowed == 0
    assert len(relay.groups) == 4


@pytest.mark.parametrize("size", [64 * 1024 - 10, 64 * 1024, 64 * 1024 + 10, 300_000])
async def test_what_flows_may_be_as_long_as_a_block_and_what_is_longer_goes_too(size: int) -> None:
    relay = Answers()
    long = MESSAGE + b"x" * (size - len(MESSAGE) - 2) + b"\r\n"
    series = Series([MESSAGE, long, MESSAGE, long])
    await through(relay, series)

    assert [reply.code for reply in series.said] == [250] * 4
    assert [len(group) > size for group in relay.groups] == [False, False, True, False]
    assert series.flowed >= (2 if size <= 64 * 1024 else 1)


async def test_what_flows_is_not_sent_when_its_claim_is_lost() -> None:
    relay = Answers()
    series = Series([MESSAGE] * 4, lost=2)
    async with relay.listening() as route:
        connection = Connection(route)
        with pytest.raises(NotHeld):
            await series.send(connection)

        assert not connection.is_open
    assert len(series.said) == 2
    assert len(relay.groups) == 3  # asked for the third, and never given it


async def test_who_comes_between_gets_a_session_of_its_own(relay: SmtpServer) -> None:
    connection = Connection(route_to(relay))
    await send(connection, "first@example.org")

    ahead = Ahead(LEE, SECOND)
    await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: True, ahead=ahead)
    reply = await send(connection, "between@example.org")
    await connection.close()

    assert reply.code == 250
    assert [each.recipient for each in relay.messages] == [
        "first@example.org",
        "kim@example.org",
        "between@example.org",
    ]
    assert relay.connections == 2


async def test_what_was_asked_ahead_is_not_sent_when_its_claim_is_lost(relay: SmtpServer) -> None:
    connection = Connection(route_to(relay))
    await send(connection, "first@example.org")
    ahead = Ahead(LEE, SECOND)
    await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: True, ahead=ahead)

    with pytest.raises(NotHeld):
        await connection.send(LEE, SECOND, before_dot=lambda: False)

    assert not connection.is_open
    assert [each.recipient for each in relay.messages] == ["first@example.org", KIM]


# ------------------------------------------------------------------ refusals, on


@pytest.mark.parametrize("step", ["data", "dot"])
async def test_a_refusal_at_data_or_at_the_dot_is_a_reply_without_doubt(
    server: SmtpServer, step: str
) -> None:
    server.answer(step, "554 5.7.1 looks like spam", times=1)
    connection = Connection(route_to(server))

    refused = await send(connection)
    taken = await send(connection)
    await connection.close()

    assert (refused.step, refused.code, refused.enhanced) == (Step(step), 554, "5.7.1")
    assert not refused.in_doubt
    assert taken.code == 250
    assert server.connections == 1


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_a_421_at_any_step_is_told_and_ends_the_session(
    server: SmtpServer, step: str
) -> None:
    server.answer(step, "421 4.3.2 closing", times=1)
    connection = Connection(route_to(server))

    refused = await send(connection)

    assert (refused.step, refused.code, refused.enhanced) == (Step(step), 421, "4.3.2")
    assert not connection.is_open
    assert (await send(connection)).code == 250
    await connection.close()


async def test_a_success_where_354_belongs_is_not_taken_for_one(server: SmtpServer) -> None:
    server.answer("data", "250 2.0.0 thank you", then=Then.HANG)
    connection = Connection(route_to(server))

    reply = await send(connection)

    assert (reply.step, reply.code) == (Step.DATA, 250)
    assert not connection.is_open
    assert not server.messages


# ------------------------------------------------------------------ the moment of doubt


async def test_before_dot_is_called_once_between_354_and_the_first_byte(
    server: SmtpServer,
) -> None:
    seen: list[str] = []

    def before_dot() -> bool:
        seen.append(server.transcript[-1])
        return True

    connection = Connection(route_to(server))
    await connection.send(ENVELOPE, MESSAGE, before_dot=before_dot)
    await connection.close()

    assert seen == ["S: 354 go ahead"]


async def test_a_claim_that_was_lost_sends_nothing_of_the_message(server: SmtpServer) -> None:
    connection = Connection(route_to(server))

    with pytest.raises(NotHeld):
        await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: False)

    assert not connection.is_open
    assert (await send(connection)).code == 250  # the relay got nothing to mix this up with
    await connection.close()
    assert len(server.messages) == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_a_loss_before_354_is_not_in_doubt(server: SmtpServer, step: str) -> None:
    server.answer(step, SILENCE, then=Then.CLOSE)
    connection = Connection(route_to(server))

    # A question about the claim would be answered with no, and raise.
    reply = await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: False)

    assert (reply.step, reply.code, reply.in_doubt) == (Step(step), None, False)


async def test_a_relay_that_does_not_wait_for_the_message_does_not_get_it(
    server: SmtpServer,
) -> None:
    server.answer("data", b"354 go ahead\r\n554 5.7.1 or rather not\r\n")
    connection = Connection(route_to(server))

    # A question about the claim would be answered with no, and raise.
    reply = await connection.send(ENVELOPE, MESSAGE, before_dot=lambda: False)

    assert (reply.step, reply.code) == (Step.DATA, None)
    assert not connection.is_open


@pytest.mark.parametrize(
    "reply, then",
    [
        (SILENCE, Then.CLOSE),
        (SILENCE, Then.RESET),
        (SILENCE, Then.HANG),
        (b"250 2.0", Then.CLOSE),
        (b"250-2.0.0 taken\r\n", Then.RESET),
        (b"250 2.0.0 taken", Then.HANG),
        ("taken, thank you", Then.GO_ON),
        (b"\0\0\0\0\r\n", Then.GO_ON),
        (b"999 what\r\n", Then.GO_ON),
        (b"2500 what\r\n", Then.GO_ON),
    ],
)
async def test_a_loss_after_the_dot_is_in_doubt(
    server: SmtpServer, reply: str | bytes, then: Then
) -> None:
    server.answer("dot", reply, then=then, keeps=True)

    outcome = await send_once(route_to(server, timeouts=replace(SHORT, dot=0.2)))

    assert (outcome.step, outcome.code, outcome.in_doubt) == (Step.DOT, None, True)
    assert server.taken[KIM] == 1  # never sent again by the transport


async def test_a_reset_in_mid_message_is_in_doubt(server: SmtpServer) -> None:
    server.answer("content", SILENCE, then=Then.RESET)

    reply = await send_once(route_to(server), message=b"line\r\n" * 1_000_000)

    assert reply.in_doubt


async def test_a_relay_that_stops_reading_is_left_after_the_block_deadline() -> None:
    with SmtpServer(receive_buffer=4096) as server:
        server.answer("content", SILENCE, then=Then.HANG)
        route = route_to(server, timeouts=replace(SHORT, block=0.2))

        reply = await send_once(route, message=b"line\r\n" * 2_000_000)

    assert reply.in_doubt
    assert reply.text == "the message was not taken within 0.2 seconds"


async def test_a_refusal_in_mid_message_is_an_answer(server: SmtpServer) -> None:
    server.answer("content", "552 5.3.4 too much", delay=0.1, then=Then.HANG)
    connection = Connection(route_to(server))

    reply = await send(connection, message=b"line\r\n" * 2_000_000)

    assert (reply.step, reply.code, reply.enhanced) == (Step.DOT, 552, "5.3.4")
    assert not connection.is_open


async def test_a_success_in_mid_message_is_in_doubt(server: SmtpServer) -> None:
    server.answer("content", "250 2.0.0 taken", delay=0.1, then=Then.HANG)

    reply = await send_once(route_to(server), message=b"line\r\n" * 2_000_000)

    assert reply.in_doubt


async def test_a_slow_answer_to_the_dot_is_waited_for(server: SmtpServer) -> None:
    server.answer("dot", delay=0.3)

    reply = await send_once(route_to(server, timeouts=replace(SHORTEST, dot=2)))

    assert reply.code == 250


# ------------------------------------------------------------------ deadlines and networks


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_every_wait_has_its_end(server: SmtpServer, step: str) -> None:
    server.answer(step, SILENCE, then=Then.HANG)

    reply = await send_once(route_to(server, timeouts=SHORTEST))

    assert (reply.step, reply.code) == (Step(step), None)


async def test_a_relay_that_is_not_there_is_a_reply() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    reply = await send_once(Route(name="smtp", host="127.0.0.1", port=port, timeouts=SHORT))

    assert (reply.step, reply.code, reply.text) == (Step.CONNECT, None, "Connection refused")


@pytest.mark.parametrize("host", ["relay.invalid", "a..b", "x" * 70 + ".example"])
async def test_a_relay_whose_name_is_not_found_is_a_reply(host: str) -> None:
    reply = await send_once(Route(name="smtp", host=host, port=25, timeouts=SHORT))

    assert (reply.step, reply.code) == (Step.CONNECT, None)


async def test_the_next_address_of_a_relay_is_tried(
    server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only a resolver of our own knows a name with two addresses of which the first is dead.
    loop = asyncio.get_running_loop()
    usual = loop.getaddrinfo

    async def resolve(host: str, port: int, **more: Any) -> list[Any]:
        hosts = ["127.0.0.2", "127.0.0.1"] if host == "relay.example" else [host]
        return [entry for each in hosts for entry in await usual(each, port, **more)]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)

    reply = await send_once(replace(route_to(server), host="relay.example"))

    assert reply.code == 250


async def test_close_does_not_wait_long_for_a_silent_relay(server: SmtpServer) -> None:
    server.answer("quit", SILENCE, then=Then.HANG)
    connection = Connection(route_to(server, timeouts=replace(SHORT, quit=0.1)))
    await send(connection)

    async with asyncio.timeout(1):
        await connection.close()

    assert not connection.is_open


async def test_closing_what_was_never_open_is_no_trouble(server: SmtpServer) -> None:
    await Connection(route_to(server)).close()

    assert server.connections == 0


@pytest.mark.parametrize("step", ["greeting", "ehlo", "mail", "rcpt", "data", "dot"])
async def test_a_cancelled_send_drops_the_connection_and_the_next_one_works(
    server: SmtpServer, step: str
) -> None:
    server.answer(step, SILENCE, then=Then.HANG, times=1, keeps=False)
    connection = Connection(route_to(server))
    sending = asyncio.create_task(send(connection))
    await asyncio.sleep(0.1)

    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    assert not connection.is_open
    assert (await send(connection)).code == 250
    await connection.close()


# ------------------------------------------------------------------ hostile servers


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that says what no SMTP server says; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(3)
                    talk(sock)
            except OSError:
                pass  # the client had enough, as it should

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def endless_banner(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"220-welcome to a banner without end\r\n" * 100)


def endless_line(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"220 " + b"x" * 65536)


def binary(sock: socket.socket) -> None:
    sock.sendall(bytes(range(256)) * 10 + b"\r\n")
    sock.recv(1)


@pytest.mark.parametrize("talk", [endless_banner, endless_line, binary])
async def test_a_hostile_greeting_is_bounded(talk: Callable[[socket.socket], None]) -> None:
    with raw_server(talk) as port:
        reply = await send_once(Route(name="smtp", host="127.0.0.1", port=port, timeouts=SHORT))
        await asyncio.sleep(0.01)  # the loop closes sockets in its next rounds

    assert (reply.step, reply.code) == (Step.GREETING, None)
    assert len(str(reply).encode()) <= 1100


@pytest.mark.parametrize(
    "reply",
    [b"550-x\r\n" * 10_000, b"550 " + b"x" * 1_000_000, b"550" + b"-" * 5000 + b"\r\n"],
)
async def test_an_endless_answer_is_bounded(server: SmtpServer, reply: bytes) -> None:
    server.answer("rcpt", reply)

    outcome = await send_once(route_to(server))

    assert (outcome.step, outcome.code) == (Step.RCPT, None)
    assert outcome.text == "an answer without end"


async def test_the_text_of_a_reply_is_short_printable_and_on_one_line(
    server: SmtpServer,
) -> None:
    words = "550-5.1.1 no\0 such\x1b[31m user \u202e\r\n550 5.1.1 ".encode()
    server.answer("rcpt", words + b"\xff\xfe caf\xc3\xa9 " + b"x" * 3000 + b"\r\n")

    reply = await send_once(route_to(server))

    assert (reply.code, reply.enhanced) == (550, "5.1.1")
    assert reply.text.startswith("no such [31m user \ufffd\ufffd café xxx")
    assert reply.text.isprintable()
    assert len(reply.text.encode()) <= 1000


async def test_a_reply_may_come_in_single_bytes(server: SmtpServer) -> None:
    def talk(sock: socket.socket) -> None:
        lines = sock.makefile("rb")
        sock.sendall(b"220 hi\r\n")
        for answer in (b"250 hi", b"250 ok", b"550-5.1.1 no\r\n550 5.1.1 such user"):
            lines.readline()
            for byte in answer + b"\r\n":
                sock.sendall(bytes([byte]))
        lines.readline()

    with raw_server(talk) as port:
        reply = await send_once(replace(route_to(server), port=port))

    assert (reply.step, reply.text) == (Step.RCPT, "no such user")


# ------------------------------------------------------------------ TLS


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_protected_route_protects_the_message(security: str) -> None:
    with SmtpServer(security=security) as server:
        route = route_to(server, security=Security(security), ca_file=server.ca_file)
        connection = Connection(route)
        replies = [await send(connection), await send(connection, message=MESSAGE * 5000)]
        await connection.close()

    assert [reply.code for reply in replies] == [250, 250]
    assert replies[0].tls == "TLSv1.3"
    assert {taken.tls for taken in server.messages} == {"TLSv1.3"}
    assert server.messages[1].content == MESSAGE * 5000


async def test_a_stripped_starttls_sends_no_mail_and_no_password() -> None:
    with SmtpServer(users={"office": "secret"}) as server:  # offers AUTH, but no STARTTLS
        route = route_to(
            server,
            security=Security.STARTTLS,
            ca_file=certificate().authority,
            auth=Auth.PLAIN,
            username="office",
            password="secret",
        )
        reply = await send_once(route)

    assert (reply.step, reply.code, reply.ours) == (Step.STARTTLS, 530, True)
    assert server.commands() == ["EHLO news.office.example"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("ca_file", [None, "another"])
async def test_a_certificate_that_cannot_be_trusted_sends_nothing(
    security: str, ca_file: str | None
) -> None:
    with SmtpServer(security=security, users={"office": "secret"}) as server:
        route = route_to(
            server,
            security=Security(security),
            ca_file=certificate("another.example").authority if ca_file else None,
            auth=Auth.PLAIN,
            username="office",
            password="secret",
        )
        reply = await send_once(route)

    assert (reply.step, reply.code, reply.enhanced) == (Step.STARTTLS, 554, "5.7.5")
    assert "certificate cannot be trusted" in reply.text
    assert server.commands("AUTH") == server.commands("MAIL") == []


async def test_a_certificate_for_another_name_sends_nothing() -> None:
    with SmtpServer(security="tls") as server:
        route = route_to(server, security=Security.TLS, ca_file=server.ca_file)
        reply = await send_once(replace(route, host="127.0.0.2", timeouts=SHORT))

    assert not server.messages
    assert reply.code != 250


async def test_speaking_tls_to_a_plain_port_is_told(server: SmtpServer) -> None:
    reply = await send_once(route_to(server, security=Security.TLS))

    assert (reply.step, reply.code, reply.ours) == (Step.STARTTLS, 554, True)


async def test_starttls_refused_for_now_is_a_reply() -> None:
    with SmtpServer(security="starttls") as server:
        server.answer("starttls", "454 4.7.0 TLS not available")
        route = route_to(server, security=Security.STARTTLS, ca_file=server.ca_file)
        reply = await send_once(route)

    assert (reply.step, reply.code) == (Step.STARTTLS, 454)


async def test_opportunistic_protects_without_a_certificate_it_knows() -> None:
    with SmtpServer(security="starttls") as server:
        reply = await send_once(route_to(server, security=Security.OPPORTUNISTIC))

    assert (reply.code, reply.tls) == (250, "TLSv1.3")


async def test_opportunistic_goes_plain_where_nothing_is_offered(server: SmtpServer) -> None:
    reply = await send_once(route_to(server, security=Security.OPPORTUNISTIC))

    assert (reply.code, reply.tls) == (250, None)


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "220 go ahead, but not really\n250 x"])
async def test_opportunistic_goes_plain_where_starttls_does_not_work(reply: str) -> None:
    with SmtpServer(security="starttls") as server:
        server.answer("starttls", reply, then=Then.CLOSE)
        outcome = await send_once(route_to(server, security=Security.OPPORTUNISTIC))

    assert (outcome.code, outcome.tls) == (250, None)


async def test_none_does_not_use_what_is_offered() -> None:
    with SmtpServer(security="starttls") as server:
        reply = await send_once(route_to(server))

    assert (reply.code, reply.tls) == (250, None)


async def test_what_is_sent_before_the_handshake_does_not_count_after_it() -> None:
    with SmtpServer(security="starttls", size=10) as server:
        # The size limit is offered in plain text, where anybody could have written it.
        server.answer("ehlo", "250-relay.test\n250 STARTTLS", after=1)
        route = route_to(server, security=Security.OPPORTUNISTIC)
        reply = await send_once(route)

    assert reply.code == 250


# ------------------------------------------------------------------ AUTH


@pytest.mark.parametrize("auth", [Auth.PLAIN, Auth.LOGIN, Auth.XOAUTH2])
@pytest.mark.parametrize("security", [Security.NONE, Security.STARTTLS, Security.TLS])
async def test_each_way_to_sign_in_works(auth: Auth, security: Security) -> None:
    with SmtpServer(security=security.value, users={"büro": "gehéim"}) as server:
        route = route_to(
            server,
            security=security,
            ca_file=server.ca_file,
            auth=auth,
            username="büro",
            password="gehéim",
        )
        reply = await send_once(route)

    assert reply.code == 250
    assert server.messages[0].user == "büro"
    assert len(server.commands("AUTH")) == 1


@pytest.mark.parametrize("auth", [Auth.PLAIN, Auth.LOGIN, Auth.XOAUTH2])
async def test_a_wrong_password_is_a_reply_at_auth(auth: Auth) -> None:
    with SmtpServer(users={"office": "secret"}) as server:
        reply = await send_once(route_to(server, auth=auth, username="office", password="wrong"))

    assert (reply.step, reply.code, reply.enhanced) == (Step.AUTH, 535, "5.7.8")
    assert server.commands("MAIL") == []


async def test_a_relay_without_auth_is_told_apart_from_a_wrong_password(
    server: SmtpServer,
) -> None:
    reply = await send_once(route_to(server, auth=Auth.LOGIN, username="office", password="x"))

    assert (reply.step, reply.code, reply.ours) == (Step.AUTH, 504, True)


@pytest.mark.parametrize("security", [Security.NONE, Security.OPPORTUNISTIC])
@pytest.mark.parametrize("host", ["relay.example", "192.0.2.1", "localhost.example", "::2"])
def test_a_password_never_travels_in_the_clear_beyond_loopback(
    security: Security, host: str
) -> None:
    with pytest.raises(ConfigError, match=r"routes\.big\.auth.*in the clear.*starttls"):
        Route(name="big", host=host, port=25, security=security, auth=Auth.PLAIN, username="x")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"])
def test_a_password_may_travel_in_the_clear_on_loopback(host: str) -> None:
    route = Route(name="smtp", host=host, port=25, security=Security.NONE, auth=Auth.PLAIN)

    assert route.auth is Auth.PLAIN


def test_a_route_does_not_show_its_password() -> None:
    assert "secret" not in repr(Route(name="smtp", host="x", port=25, password="secret"))


def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (empty := tmp_path / "empty.pem").write_text("nothing")

    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=rf"smtp\.ca_file: {path}"):
            Connection(Route("smtp", "x", 25, security=Security.TLS, ca_file=path))


def test_a_name_for_ehlo_that_would_be_two_words_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"smtp\.hello"):
        Route(name="smtp", host="x", port=25, hello="news\r\nMAIL")


# ------------------------------------------------------------------ what the relay offers


async def test_a_message_over_the_size_limit_is_refused_by_ourselves() -> None:
    with SmtpServer(size=len(MESSAGE)) as server:
        connection = Connection(route_to(server))
        refused = await send(connection, message=MESSAGE + b"x\r\n")
        taken = await send(connection)
        await connection.close()

    assert (refused.step, refused.code, refused.enhanced) == (Step.MAIL, 552, "5.3.4")
    assert refused.ours
    assert "not sent" in refused.text
    assert taken.code == 250
    assert server.commands("MAIL") == [f"MAIL FROM:<bounce@office.example> SIZE={len(MESSAGE)}"]


async def test_a_size_limit_of_zero_is_none() -> None:
    with SmtpServer(size=0) as server:
        reply = await send_once(route_to(server))

    assert reply.code == 250


async def test_an_international_address_asks_for_smtputf8(server: SmtpServer) -> None:
    message = "To: 用户@example.org\r\n\r\nHello.\r\n".encode()

    reply = await send_once(route_to(server), recipient="用户@example.org", message=message)

    assert reply.code == 250
    assert server.messages[0].recipient == "用户@example.org"
    assert server.messages[0].options == "BODY=8BITMIME SMTPUTF8"


async def test_an_ordinary_address_does_not_ask_for_smtputf8(server: SmtpServer) -> None:
    await send_once(route_to(server))

    assert server.messages[0].options == ""


async def test_an_international_address_is_refused_where_the_relay_cannot_take_it() -> None:
    with SmtpServer(smtputf8=False) as server:
        connection = Connection(route_to(server))
        refused = await send(connection, "用户@example.org")
        taken = await send(connection)
        await connection.close()

    assert (refused.step, refused.code, refused.enhanced) == (Step.RCPT, 553, "5.6.7")
    assert refused.ours
    assert taken.code == 250
    assert list(server.taken) == [KIM]


async def test_an_8_bit_message_is_refused_where_the_relay_takes_7_bits() -> None:
    with SmtpServer(eight_bit=False) as server:
        reply = await send_once(route_to(server), message="Grüße\r\n".encode())

    assert (reply.code, reply.enhanced, reply.ours) == (554, "5.6.3", True)


async def test_a_relay_that_knows_only_helo_is_spoken_to() -> None:
    with SmtpServer(ehlo=False) as server:
        reply = await send_once(route_to(server))

    assert reply.code == 250
    assert server.commands("HELO") == ["HELO news.office.example"]


async def test_the_machine_names_itself_when_the_route_has_no_name(server: SmtpServer) -> None:
    await send_once(route_to(server, hello=None))

    assert server.commands("EHLO") == [f"EHLO {machine_name()}"]


@pytest.mark.parametrize(
    "full, short, name",
    [
        ("news.office.example", "news", "news.office.example"),
        ("localhost.localdomain", "news", "news"),
        ("localhost", "news.office.example", "news.office.example"),
        ("localhost", "localhost", "localhost"),
    ],
)
def test_the_name_for_ehlo_is_the_fullest_there_is(
    monkeypatch: pytest.MonkeyPatch, full: str, short: str, name: str
) -> None:
    # The machine's own name is not ours to change.
    monkeypatch.setattr(socket, "getfqdn", lambda: full)
    monkeypatch.setattr(socket, "gethostname", lambda: short)

    assert machine_name.__wrapped__() == name


def test_the_sample_certificate_is_one(tmp_path: Path) -> None:
    assert ssl.create_default_context(cafile=certificate().authority).cert_store_stats()["x509_ca"]
