"""The wire of one open session: commands out, whole replies back, a message under flow control.

aiosmtplib opens, protects and signs in a session; then this protocol takes its transport over.
Its own reader drops what arrives between two commands, sends one command at a time, and cannot
write DATA and the message apart, and it is between these two that a delivery is recorded as
being sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

BLOCK = 64 * 1024
"""Bytes of a message written before looking whether the relay takes them."""

LONGEST_LINE = 4096
"""Bytes of a reply line; RFC 5321, 4.5.3.1.5 allows 512."""

MOST_LINES = 100
"""Lines of one reply; the longest seen in the wild have six."""


END = b".\r\n"
"""What ends a message of whole lines."""

START_INPUT = 354
OK = 2
"""The first digit of a good answer."""

FLOWING = 4
"""Answers to a dot and to MAIL, RCPT and DATA behind it."""

ALONE_AND_AHEAD = 2
"""Groups that are waited for when something was asked ahead."""

LINES_KNOWN = 200
"""Lines of replies that are remembered: a relay says the same few to every message."""


class Lost(Exception):
    """The session cannot be used any more; the text says why.

    `heard` are the replies that came before: whoever asked several things at once may have been
    told what matters.
    """

    def __init__(self, why: str, heard: Sequence["Answer"] = ()) -> None:
        super().__init__(why)
        self.heard = tuple(heard)


class Answer(NamedTuple):
    """One whole reply: its code and its lines without the code."""

    code: int
    lines: tuple[str, ...]


GoOn = Callable[[Answer], tuple[bytes, Sequence[bytes]] | None]
"""Given the answer to a message, gives the next one and what to ask behind it; see `Wire.pour`."""


class Replies:
    """Reads replies out of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    @property
    def begun(self) -> bool:
        """Tell whether there are bytes that belong to no finished reply."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Answer]:
        """Take some bytes and give the replies they complete; Lost when they are none."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        answers: list[Answer] = []
        try:
            for line in lines:
                answer, is_last = _read_line(line)
                if is_last and not self._lines:
                    answers.append(answer)
                elif whole := self._part(answer, is_last=is_last):
                    answers.append(whole)
        except Lost as error:
            raise Lost(str(error), answers) from None
        if len(self._rest) > LONGEST_LINE:
            raise Lost("an answer without end", answers)
        return answers

    def _part(self, line: Answer, *, is_last: bool) -> Answer | None:
        """Take a line of a reply that has several; give the reply when it is whole."""
        if len(self._lines) >= MOST_LINES:
            raise Lost("an answer without end")
        self._lines += line.lines
        if not is_last:
            return None
        answer = Answer(line.code, tuple(self._lines))
        self._lines.clear()
        return answer


@lru_cache(LINES_KNOWN)
def _read_line(line: bytes) -> tuple[Answer, bool]:
    """Give a line as the reply it would be by itself, and whether a reply ends with it."""
    code = line[:3]
    if len(line) > LONGEST_LINE:
        raise Lost("an answer without end")
    if not (code.isdigit() and b"200" <= code <= b"599") or line[3:4].isdigit():
        raise Lost(f"an answer that is not SMTP: {line[:80].decode('utf-8', 'replace')}")
    text = line[4:].decode("utf-8", "replace").strip()
    return Answer(int(code), (text,)), line[3:4] != b"-"


class _Group:
    """Replies that are waited for together, and how long for each, from the one before.

    `is_over`: all of them are there, or none will come any more.
    """

    __slots__ = ("heard", "is_over", "seconds")

    def __init__(self, seconds: Sequence[float]) -> None:
        self.seconds = seconds
        self.heard: list[Answer] = []
        self.is_over = False


class Wire(asyncio.Protocol):
    """Speaks on the transport of an open session: groups of commands, and messages."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._replies = Replies()
        self._groups: deque[_Group] = deque()
        self._ahead: _Group | None = None
        self._behind = 0
        self._go_on: GoOn | None = None
        self._fault: Exception | None = None
        self._awaited: _Group | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._alarm = _Alarm(self._loop, self._late)
        self._blocked: asyncio.Future[None] | None = None
        self._ended: str | None = None
        transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Tell whether another command may be sent, as far as can be known without sending."""
        return self._ended is None and not self._transport.is_closing()

    async def ask(self, command: bytes, seconds: float) -> Answer:
        """Send one command and give the reply to it; Lost when none comes in time."""
        return (await self.ask_all([command], [seconds]))[0]

    async def ask_all(self, commands: Sequence[bytes], seconds: Sequence[float]) -> list[Answer]:
        """Send commands in one go (RFC 2920) and give the reply to each.

        Each reply has its time, counted from the one before. Lost, with what was heard until
        then, when one does not come.
        """
        group = self._expect(seconds)
        self._transport.write(_lines(commands))
        return await self._answers(group)

    async def pour(
        self,
        content: bytes,
        *,
        block_seconds: float,
        dot_seconds: float,
        ahead: Sequence[bytes] = (),
        ahead_seconds: Sequence[float] = (),
        go_on: GoOn | None = None,
    ) -> Answer:
        """Write a message of whole lines and its dot, and give the reply to it.

        Each block has to be taken in its time (RFC 5321, 4.5.3.2.5). A refusal in mid-message is
        an answer, and the session is not usable after it. The commands `ahead` go out behind the
        dot in the same breath; `answers_ahead` gives what is said to them.

        When the message was taken and the relay, all its answers being there, waits for the next
        one, `go_on` may give that one: it goes out at once, without waking who waits here, and so
        on. The reply is that to the last message; what `go_on` raises is raised here.
        """
        group = self._expect((dot_seconds,))
        asked = _lines(ahead)
        if ahead:
            self._ahead = _Group(ahead_seconds)
            self._groups.append(self._ahead)
        self._behind, self._go_on = len(asked), go_on
        is_whole = len(content) <= BLOCK or await self._pour(content, group, block_seconds)
        if is_whole:
            last = content if len(content) <= BLOCK else content[_last_block(content) :]
            self._transport.writelines((last, END + asked))
            if last is not content:
                self._alarm.set(dot_seconds)  # from the last byte on
        answer = await self._answer(group, block_seconds, dot_seconds)
        if not is_whole or self._transport.get_write_buffer_size() > self._behind:
            self.abort()
            if answer.code < 400:
                raise Lost("an answer before the end of the message")
        return answer

    async def _answer(self, group: _Group, block_seconds: float, dot_seconds: float) -> Answer:
        """Give the answer to the last message that went out, once it is all taken."""
        while not group.is_over:
            if self._blocked is not None:
                await self._taken(block_seconds)
                if not group.is_over:
                    self._alarm.set(dot_seconds)  # from the last byte on
            else:
                await self._woken(group)
            if self._fault is not None:
                fault, self._fault = self._fault, None
                raise fault
        return (await self._answers(group))[0]

    async def answers_ahead(self) -> list[Answer]:
        """Give the replies to what was asked behind the last message; Lost like `ask_all`."""
        group, self._ahead = self._ahead, None
        if group is None:
            raise Lost("nothing was asked ahead")
        return await self._answers(group)

    def abort(self) -> None:
        """End the session at once; what is not yet on the wire never goes there."""
        self._end("the session was ended")
        self._transport.abort()

    async def _pour(self, content: bytes, group: _Group, seconds: float) -> bool:
        """Write all blocks but the last; False when a reply came before."""
        for start in range(0, _last_block(content), BLOCK):
            self._transport.write(content[start : start + BLOCK])
            await self._taken(seconds)
            if group.is_over:
                return False
        return True

    def _expect(self, seconds: Sequence[float]) -> _Group:
        if not self.usable:
            raise Lost(self._ended or "the connection was closed")
        group = _Group(seconds)
        if not self._groups:
            self._alarm.set(seconds[0])
        self._groups.append(group)
        return group

    async def _answers(self, group: _Group) -> list[Answer]:
        if not group.is_over:
            await self._woken(group)
        if len(group.heard) < len(group.seconds):
            self.abort()
            raise Lost(self._ended or "the connection was lost", group.heard)
        return group.heard

    async def _woken(self, group: _Group) -> None:
        """Wait until a group is over, or something else has to be seen to."""
        self._awaited, self._waiter = group, self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)  # unless whoever waited was cancelled

    async def _taken(self, seconds: float) -> None:
        """Wait until the transport takes more, the session ends, or a reply is there."""
        blocked = self._blocked
        if blocked is None:
            return
        self._alarm.stop()  # it is not yet a reply that is waited for
        try:
            async with asyncio.timeout(seconds):
                await blocked
        except TimeoutError:
            self.abort()
            raise Lost(f"the message was not taken within {seconds:g} seconds") from None

    def _late(self, seconds: float) -> None:
        self._end(f"no answer within {seconds:g} seconds")

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        """Take bytes of replies; what was not asked for makes the session unusable."""
        groups = self._groups
        if not groups:
            self._ended = self._ended or "the relay spoke out of turn"
            return
        try:
            answers, error = self._replies.feed(data), None
        except Lost as lost:
            answers, error = list(lost.heard), lost
        if len(answers) == FLOWING and self._flows(answers):
            return
        self._hear(answers)
        if error is not None:
            self._end(str(error))
        elif not groups:
            self._alarm.stop()
            if self._replies.begun:
                self._ended = self._ended or "the relay spoke out of turn"
        elif answers:
            self._alarm.set(groups[0].seconds[len(groups[0].heard)])

    def _hear(self, answers: Sequence[Answer]) -> None:
        groups = self._groups
        for answer in answers:
            if not groups:
                self._ended = self._ended or "the relay spoke out of turn"
                return
            group = groups[0]
            group.heard.append(answer)
            if len(group.heard) == len(group.seconds):
                self._over(groups.popleft())

    def _flows(self, answers: Sequence[Answer]) -> bool:
        """Go on with the next message if a message and what was asked behind it went well."""
        go_on, groups = self._go_on, self._groups
        if (
            go_on is None
            or len(groups) != ALONE_AND_AHEAD
            or groups[0].heard
            or groups[0] is not self._awaited
            or self._waiter is None
            or self._waiter.done()
            or self._replies.begun
            or self._transport.get_write_buffer_size()
        ):
            return False
        dot, mail, rcpt, data = answers
        if not (dot.code // 100 == mail.code // 100 == rcpt.code // 100 == OK):
            return False
        if data.code != START_INPUT or len(groups[1].seconds) != FLOWING - 1:
            return False
        try:
            following = go_on(dot)
        except Exception as error:  # noqa: BLE001  (raised again by `pour`)
            self._fault = error
            self._wake()
            return True
        if following is None:
            return False
        content, ahead = following
        if not ahead:  # else both groups wait anew, for the same
            groups.pop()
            self._ahead = None
        asked = _lines(ahead)
        self._behind = len(asked)
        self._alarm.set(groups[0].seconds[0])
        self._transport.writelines((content, END + asked))
        if self._blocked is not None:
            self._wake()
        return True

    def eof_received(self) -> bool:
        """The relay will say no more: let the transport close."""
        self._end("the relay closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._end(f"the connection was lost: {exc}" if exc else "the connection was lost")

    def pause_writing(self) -> None:
        """Hold the next block back until the transport takes more."""
        self._blocked = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let the next block go."""
        if self._blocked is not None and not self._blocked.done():
            self._blocked.set_result(None)
        self._blocked = None

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        while self._groups:
            self._over(self._groups.popleft())
        self.resume_writing()
        self._alarm.close()

    def _over(self, group: _Group) -> None:
        group.is_over = True
        if group is self._awaited:
            self._wake()
        if self._blocked is not None:
            self.resume_writing()


def _last_block(content: bytes) -> int:
    """Give where the last block of a message begins."""
    return (len(content) - 1) // BLOCK * BLOCK


def _lines(commands: Sequence[bytes]) -> bytes:
    return b"".join([command + b"\r\n" for command in commands])


class _Alarm:
    """Calls when a reply is late. Setting it anew costs next to nothing, for it seldom rings.

    The timer of the event loop is left running while the time is only moved on.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[float], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._seconds = 0.0
        self._at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        """Ring in so many seconds from now, and not before."""
        self._seconds = seconds
        self._at = self._loop.time() + seconds
        if self._timer is None or self._at < self._timer_at:
            self._start(self._at)

    def stop(self) -> None:
        """Do not ring."""
        self._at = None

    def close(self) -> None:
        """Do not ring, and let nothing wait in the event loop for it."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._loop.call_at(at, self._look), at

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._start(self._at)
        else:
            self._at = None
            self._ring(self._seconds)
