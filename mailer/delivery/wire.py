"""The wire of one open session: a command out, a whole reply back, a message under flow control.

aiosmtplib opens, protects and signs in a session; then this protocol takes its transport over.
Its own reader drops what arrives between two commands and cannot write DATA and the message
apart, and it is between these two that a delivery is recorded as being sent.
"""

import asyncio
from typing import NamedTuple

BLOCK = 64 * 1024
"""Bytes of a message written before looking whether the relay takes them."""

LONGEST_LINE = 4096
"""Bytes of a reply line; RFC 5321, 4.5.3.1.5 allows 512."""

MOST_LINES = 100
"""Lines of one reply; the longest seen in the wild have six."""


class Lost(Exception):
    """The session cannot be used any more; the text says why."""


class Answer(NamedTuple):
    """One whole reply: its code and its lines without the code."""

    code: int
    lines: tuple[str, ...]


class Replies:
    """Reads replies out of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []

    @property
    def begun(self) -> bool:
        """Tell whether there are bytes that belong to no finished reply."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> Answer | None:
        """Take some bytes and give the reply they complete; Lost when it is not one."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if answer := self._line(line):
                return answer
        if len(self._buffer) > LONGEST_LINE:
            raise Lost("an answer without end")
        return None

    def _line(self, line: bytes) -> Answer | None:
        if len(line) > LONGEST_LINE or len(self._lines) >= MOST_LINES:
            raise Lost("an answer without end")
        code = line[:3]
        if not (code.isdigit() and b"200" <= code <= b"599") or line[3:4].isdigit():
            raise Lost(f"an answer that is not SMTP: {line[:80].decode('utf-8', 'replace')}")
        self._lines.append(line[4:].decode("utf-8", "replace").strip())
        if line[3:4] == b"-":
            return None
        answer = Answer(int(code), tuple(self._lines))
        self._lines.clear()
        return answer


class Wire(asyncio.Protocol):
    """Speaks on the transport of an open session, one command at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._replies = Replies()
        self._pending: asyncio.Future[Answer | Lost] | None = None
        self._blocked: asyncio.Future[None] | None = None
        self._ended: str | None = None
        transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Tell whether another command may be sent, as far as can be known without sending."""
        return self._ended is None and not self._transport.is_closing()

    async def ask(self, command: bytes, seconds: float) -> Answer:
        """Send one command and give the reply to it; Lost when none comes in time."""
        pending = self._expect()
        self._transport.write(command + b"\r\n")
        return await self._answer(pending, seconds)

    async def pour(self, content: bytes, *, block_seconds: float, dot_seconds: float) -> Answer:
        """Write a message that ends with its dot and give the reply to it.

        Each block has to be taken in its time (RFC 5321, 4.5.3.2.5). A refusal in mid-message is
        an answer, and the session is not usable after it.
        """
        pending = self._expect()
        for start in range(0, len(content), BLOCK):
            self._transport.write(content[start : start + BLOCK])
            await self._taken(block_seconds)
            if pending.done():
                break
        answer = await self._answer(pending, dot_seconds)
        if start + BLOCK < len(content) or self._transport.get_write_buffer_size():
            self.abort()
            if answer.code < 400:
                raise Lost("an answer before the end of the message")
        return answer

    def abort(self) -> None:
        """End the session at once; what is not yet on the wire never goes there."""
        self._end("the session was ended")
        self._transport.abort()

    def _expect(self) -> asyncio.Future[Answer | Lost]:
        if not self.usable:
            raise Lost(self._ended or "the connection was closed")
        self._pending = self._loop.create_future()
        return self._pending

    async def _answer(self, pending: asyncio.Future[Answer | Lost], seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                answer = await pending
        except TimeoutError:
            answer = Lost(f"no answer within {seconds:g} seconds")
        finally:
            self._pending = None
        if isinstance(answer, Lost):
            self.abort()
            raise answer
        return answer

    async def _taken(self, seconds: float) -> None:
        """Wait until the transport takes more, the session ends, or a reply is there."""
        if self._blocked is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._blocked
        except TimeoutError:
            self.abort()
            raise Lost(f"the message was not taken within {seconds:g} seconds") from None

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        """Take bytes of a reply; what was not asked for makes the session unusable."""
        if self._pending is None or self._pending.done():
            self._ended = self._ended or "the relay spoke out of turn"
            return
        try:
            answer = self._replies.feed(data)
        except Lost as error:
            self._end(str(error))
            return
        if answer is not None:
            self._resolve(answer)
            if self._replies.begun:
                self._ended = "the relay spoke out of turn"

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
        self._resolve(Lost(why))

    def _resolve(self, answer: Answer | Lost) -> None:
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(answer)
        self.resume_writing()
