"""The inbox page by page: from a request to what is shown, or done."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailer.app import App
from mailer.demo import office as offices
from mailer.demo import one_click, reading
from mailer.demo.office import NEWSLETTER, Office
from mailer.demo.one_click import Answer
from mailer.demo.postbox import Postbox, Received

PATH = "/inbox"
FOLDER = "web/demo"
ON_ONE_PAGE = 50
LONGEST_SEARCH = 100
WIDTHS = ("desktop", "phone")

PATIENCE_SECONDS = 5
"""How long a press of *queue* waits for the digest to be out, to show it in the inbox at once."""

LOOK_SECONDS = 0.2

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

FRAME_HEADERS = {
    **HEADERS,
    # In a frame or opened by itself: no script runs, no form is sent, no picture from elsewhere.
    "Content-Security-Policy": (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    ),
}


@dataclass
class Desk:
    """What the pages are made from, and what was opened and pressed on them."""

    app: App
    office: Office
    postbox: Postbox
    seen: set[int] = field(default_factory=set)
    answers: dict[int, Answer] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Give where the readers' pages are."""
        return self.app.settings.web.base_url


@dataclass(frozen=True, slots=True)
class Shelf:
    """What of the inbox is on one page."""

    shown: list[Received]
    matching: int
    older: str


def to_index(_desk: Desk, _request: Request) -> Response:
    """Lead to the address with the slash."""
    return RedirectResponse(f"{PATH}/", 308)


def index(desk: Desk, request: Request) -> Response:
    """Show what came in, the newest first, and the button that queues the next digest."""
    search = request.query_params.get("q", "").strip()[:LONGEST_SEARCH]
    before = _number(request.query_params.get("before", ""))
    with desk.app.database.reading() as session:
        coming = offices.coming(session, desk.office)
        gone = offices.newest(session, desk.office)
    return _page(
        desk,
        "index.html",
        shelf=_shelf(desk.postbox, search, before),
        seen=frozenset(desk.seen),
        search=search,
        before=before,
        postbox=desk.postbox,
        coming=coming,
        gone=gone,
        pressed=gone is not None and request.query_params.get("queued") == str(gone.digest_id),
    )


def queue(desk: Desk, _request: Request) -> Response:
    """Queue the next digest, and come back when it is out, or soon after."""
    digest_id = offices.queue_next(desk.app, desk.office)
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        gone = desk.app.database.read(offices.newest, desk.office)
        if gone and gone.digest_id == digest_id and gone.is_out:
            break
        time.sleep(LOOK_SECONDS)
    return RedirectResponse(f"{PATH}/?queued={digest_id}", 303)


def html(desk: Desk, request: Request) -> Response:
    """Show a message’s HTML part, in a frame as wide as a desk’s or a phone’s."""
    width = request.query_params.get("width", "")
    return _message(desk, request, "html", width=width if width in WIDTHS else WIDTHS[0])


def text(desk: Desk, request: Request) -> Response:
    """Show a message’s text part."""
    return _message(desk, request, "text")


def source(desk: Desk, request: Request) -> Response:
    """Show a message as it came over the wire."""
    return _message(desk, request, "source")


def page(desk: Desk, request: Request) -> Response:
    """Give a message’s HTML part alone, for the frame."""
    return HTMLResponse(
        reading.framed(_received(desk, request).message.html), headers=FRAME_HEADERS
    )


def download(desk: Desk, request: Request) -> Response:
    """Give a message as a file that a mail program opens."""
    found = _received(desk, request)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{found.number}.eml"'}
    return Response(found.raw, media_type="message/rfc822", headers=headers)


def unsubscribe(desk: Desk, request: Request) -> Response:
    """Do what a mailbox provider does for a reader who presses *unsubscribe* there."""
    found = _received(desk, request)
    if not found.message.leave_url:
        raise HTTPException(409, "This message offers no one-click.")
    try:
        answer = one_click.press(found.message.leave_url, base_url=desk.base_url)
    except OSError as error:
        answer = Answer(0, f"no answer ({error})")
    desk.answers[found.number] = answer
    return RedirectResponse(f"{PATH}/{found.number}", 303)


def look(_desk: Desk, _request: Request) -> Response:
    """Give the style: that of the readers’ pages, and what the inbox adds to it."""
    parts = [
        resources.files("mailer.web") / "static" / "tokens.css",
        resources.files("mailer.web") / "static" / "site.css",
        resources.files("mailer.demo") / "inbox.css",
    ]
    return Response(
        "\n".join(part.read_text(encoding="utf-8") for part in parts),
        media_type="text/css",
        headers={"Cache-Control": "no-cache"},
    )


def problem(desk: Desk, _request: Request, error: Exception) -> Response:
    """Say what went wrong."""
    status, said = 409, str(error)
    if isinstance(error, HTTPException):
        status = error.status_code
        said = error.detail if error.detail != "Not Found" else "There is no such page."
    return _page(desk, "problem.html", status=status, said=said)


def _message(desk: Desk, request: Request, tab: str, **values: Any) -> Response:
    found = _received(desk, request)
    desk.seen.add(found.number)
    return _page(
        desk,
        "message.html",
        received=found,
        tab=tab,
        answer=desk.answers.get(found.number),
        source=found.raw.decode("utf-8", "replace") if tab == "source" else "",
        earlier=desk.postbox.get(found.number - 1),
        later=desk.postbox.get(found.number + 1),
        **values,
    )


def _page(desk: Desk, name: str, *, status: int = 200, **values: Any) -> Response:
    frame: dict[str, Any] = {
        "path": PATH,
        "ways": {"lists": desk.base_url, "newsletter": desk.app.links.list_page(NEWSLETTER)},
        "local": _local,
    }
    english = desk.app.languages.choose()
    rendered = desk.app.press.templates.render(f"{FOLDER}/{name}", english, {**frame, **values})
    return HTMLResponse(rendered, status, HEADERS)


def _received(desk: Desk, request: Request) -> Received:
    found = desk.postbox.get(request.path_params["number"])
    if found is None:
        raise HTTPException(
            404, f"This message is not here. The inbox keeps the newest {desk.postbox.room}."
        )
    return found


def _shelf(postbox: Postbox, search: str, before: int | None) -> Shelf:
    wanted = search.casefold()
    matching = postbox.newest(lambda one: wanted in _searched(one))
    rest = [one for one in matching if before is None or one.number < before]
    shown, more = rest[:ON_ONE_PAGE], len(rest) > ON_ONE_PAGE
    further = {"q": search} if search else {}
    older = urlencode({**further, "before": shown[-1].number}) if more else ""
    return Shelf(shown, len(matching), older)


def _searched(one: Received) -> str:
    message = one.message
    words = (message.to, *one.recipients, message.subject, message.list_name, message.kind)
    return " ".join(words).casefold()


def _local(moment: datetime) -> datetime:
    return moment.astimezone()


def _number(text_: str) -> int | None:
    return int(text_) if text_.isascii() and text_.isdigit() and len(text_) < 10 else None
