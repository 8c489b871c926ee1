"""One public address: which methods it takes, and which function answers.

The functions are plain ones, from desk and visit to response. They run in threads, as many at
once as the settings say; the event loop only reads and writes sockets. What many readers send at
the same moment may be answered for all of them together.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mailer.web import faults, freshness, visit
from mailer.web.desk import Desk
from mailer.web.gathering import Gathering
from mailer.web.visit import Form, Limits, Visit

ORDINARY = Limits()

Page = Callable[[Desk, Visit], Response]

Pages = Callable[[Desk, Sequence[Visit]], Sequence[Response | Exception]]
"""Answers several visits, each as if it were alone, or with what went wrong with it."""

Gate = Callable[[Desk, Visit], Response | None]
"""Gives the answer to whoever may not go further, and None to whoever may."""

_Given = TypeVar("_Given")
_Answering = Callable[[Visit], Awaitable[Response]]


class Door:
    """An ASGI application for one address. HEAD is GET without its body; OPTIONS is answered.

    `posts` takes the place of `post` where those who come at the same moment are answered
    together. With `reads_form=False` a POST counts whatever its body is (RFC 8058). A `gate` may
    answer in place of the page, before anything of a form is read.
    """

    def __init__(  # noqa: PLR0913  (a door has as many sides)
        self,
        desk: Desk,
        *,
        get: Page | None = None,
        post: Page | None = None,
        posts: Pages | None = None,
        reads_form: bool = True,
        limits: Limits = ORDINARY,
        gate: Gate | None = None,
    ) -> None:
        self._desk = desk
        self._limits = limits
        self._gate = gate
        self._pages: dict[str, _Answering] = {}
        if get:
            self._pages |= dict.fromkeys(("GET", "HEAD"), partial(self._at_work, get))
        if post:
            self._pages["POST"] = partial(self._at_work, post)
        if posts:
            self._pages["POST"] = Gathering(partial(posts, desk)).add
        self._reads_form = reads_form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        most = self._limits.largest
        request = Request(scope, visit.limited(receive, most) if self._reads_form else receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS" and self._pages:
            return Response(status_code=204, headers={"Allow": self._allowed})
        seen = visit.of(request, self._desk.app.settings.web.trusted_proxies)
        try:
            page = self._page(request.method)
            if self._gate and (refusal := await self._at_work(self._gate, seen)):
                return refusal
            if request.method == "POST":
                seen = seen.with_form(await self._form(request))
            response = await page(seen)
            return freshness.answered(request.headers, response) if seen.shows else response
        except Exception as error:  # noqa: BLE001  (the one place: nothing may go unanswered)
            return await self._at_work(partial(faults.answer, error=error), seen)

    async def _at_work(self, page: Callable[[Desk, Visit], _Given], seen: Visit) -> _Given:
        return await to_thread.run_sync(page, self._desk, seen, limiter=self._desk.limiter)

    def _page(self, method: str) -> _Answering:
        if not self._pages:
            raise HTTPException(404)
        if method not in self._pages:
            raise HTTPException(405, headers={"Allow": self._allowed})
        return self._pages[method]

    async def _form(self, request: Request) -> Form:
        if self._reads_form:
            return await visit.read_form(request, self._limits)
        await visit.drain(request)
        return Form()

    @property
    def _allowed(self) -> str:
        return ", ".join([*self._pages, "OPTIONS"])
