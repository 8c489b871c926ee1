"""Server-sent events (WHATWG HTML, 9.2): what changes on a page while somebody looks at it.

Between two looks a stream holds neither a thread nor a connection to the database. It ends when
there is nothing more to say, when its reader is gone, when it has lived long enough for the
browser to be let in anew, and at once when the pages stop.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
import structlog
from anyio import to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STOPPING = "mailer.stopping"
"""Under this name a request's scope has the event that tells that the pages stop."""

EVERY_SECONDS = 1.0
LONGEST_SECONDS = 300.0
"""A browser comes back by itself; then its sign-in is looked at again."""

MOST = 50
"""Streams in one process; each is a connection. Whoever comes later asks by themselves."""

RETRY_MILLISECONDS = 3000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What a page is told: the name of an event, its text, and whether it is the last."""

    name: str
    text: str
    is_last: bool = False

    def encoded(self) -> bytes:
        """Give the event as it goes over the line."""
        lines = "".join(f"data: {line}\n" for line in self.text.split("\n"))
        return f"event: {self.name}\n{lines}\n".encode()


class Room:
    """How many streams there are, and how many there may be; only the event loop counts."""

    def __init__(self, most: int = MOST) -> None:
        self.left = most


class Stream(Response):
    """Says what `look` gives, again and again; `look` is a plain function and runs in a thread.

    What it said before is not said again.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        look: Callable[[], Said],
        room: Room,
        limiter: anyio.CapacityLimiter,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(headers={**headers, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._look = look
        self._room = room
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, for as long as there is something to say."""
        if self._room.left <= 0:
            # By this status a browser knows not to ask again for a stream.
            await Response(status_code=204, headers=_without_type(self))(scope, receive, send)
            return
        self._room.left -= 1
        try:
            await self._start(send)
            if scope["method"] != "HEAD":
                await self._talk(scope.get(STOPPING) or asyncio.Event(), receive, send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._room.left += 1

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _talk(self, stopping: asyncio.Event, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
            with anyio.move_on_after(LONGEST_SECONDS):
                await self._say(stopping, send)
            tasks.cancel_scope.cancel()

    async def _say(self, stopping: asyncio.Event, send: Send) -> None:
        await _send(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        before: Said | None = None
        while not stopping.is_set():
            try:
                said = await to_thread.run_sync(self._look, limiter=self._limiter)
            except Exception:
                log.exception("stream.broken")
                return
            # An empty line is nothing to a browser, and shows whether it is still there.
            await _send(send, b":\n\n" if said == before else said.encoded())
            if said.is_last:
                return
            before = said
            with anyio.move_on_after(EVERY_SECONDS):
                await stopping.wait()


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _without_type(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "content-type"}
