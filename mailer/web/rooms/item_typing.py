"""What goes on while an item is written: it is kept on the way, shown, cleaned, put otherwise."""

from sqlmodel import Session
from starlette.responses import PlainTextResponse, Response

from mailer.accounts import Seat, unsaved
from mailer.digests import comparing, items, typed
from mailer.digests.typed import Typed
from mailer.errors import UsageError
from mailer.rendering.from_html import to_markdown
from mailer.rendering.markdown import to_html
from mailer.rendering.pasted import to_markdown_of
from mailer.web.desk import Desk
from mailer.web.rooms import frame, item_form
from mailer.web.rooms import items as room
from mailer.web.rooms.item_form import HEADING, NEW
from mailer.web.visit import Limits, Visit

PASTED = Limits(largest=4 * 1024 * 1024)
"""A form with what is pasted: Word writes ten letters for each one that is read."""


def keep(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Keep what was typed so far, and show how it will stand in a digest."""
    form = item_form.read(visit)
    item = visit.form.get("item", "")
    base = int(visit.form.get("base", "")[:9] or 0) if visit.form.get("base", "").isdecimal() else 0
    if item == NEW:
        desk.app.database.write(item_form.keep, seat, NEW, form, base, now=desk.now())
    elif item.isascii() and item.isdecimal():
        form = desk.app.database.write(_keep_change, desk, seat, int(item[:18]), form, base)
    else:
        raise UsageError("there is no such form")
    draft, _ = desk.app.database.read(typed.check, form)
    return frame.page(
        desk,
        visit,
        seat,
        "item_looks.html",
        card=room.card(draft),
        tongue=desk.app.languages.of,
    )


def put(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give words otherwise: what is pasted as clean HTML, HTML as Markdown, Markdown as HTML."""
    del desk, seat
    words = visit.form.get("words", "")
    match visit.form.get("deed", ""):
        case "paste":
            made = to_html(to_markdown_of(words), heading=HEADING)
        case "markdown":
            made = to_markdown(words, heading=HEADING)
        case "html":
            made = to_html(words, heading=HEADING)
        case _:
            raise UsageError("there is no such way to put words")
    # Never shown as a page, whatever is in it.
    return PlainTextResponse(made, headers=frame.HEADERS)


def _keep_change(
    session: Session, desk: Desk, seat: Seat, item_id: int, form: Typed, base: int
) -> Typed:
    one = items.get(session, item_id)
    form = form.with_(language=one.item.language)
    if comparing.differing(form, typed.of(one.version, one.item.language)):
        item_form.keep(session, seat, item_id, form, base, now=desk.now())
    else:
        unsaved.drop(session, seat.editor_id, item_form.place(item_id))
    return form
