"""A new item from a page of the web: what it says fills the form, for an editor to correct."""

from starlette.responses import Response

from mailer import fetching
from mailer.accounts import Seat, unsaved
from mailer.digests import pictures
from mailer.digests.typed import Typed
from mailer.errors import UsageError
from mailer.language import translatable
from mailer.rendering import report
from mailer.web.desk import Desk
from mailer.web.rooms import frame, item_form
from mailer.web.rooms.item_form import NEW, Sheet
from mailer.web.visit import Visit

ALLOWED = fetching.NOTHING_MORE
"""What may be fetched besides the public web."""

NO_TEXT = translatable("There is no text on this page that could be taken.")
NO_PICTURE = translatable("Its picture could not be taken.")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the field for a page's address."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Fetch the page, and show the form of a new item with what it says."""
    url = visit.form.get("address", "").strip()
    try:
        # No transaction is open meanwhile: the page may take its time.
        fetched = fetching.fetch(url, allowed=ALLOWED)
        found = _read(fetched)
    except UsageError as error:
        return _page(
            desk, visit, seat, error=frame.explained(frame.language_of(desk, visit, seat), error)
        )
    form = _form(desk, seat, found, fetched.url)
    picture = _picture(desk, found.picture) if found.picture else ""
    if picture:
        form = form.with_(picture=picture, picture_alt=found.picture_alt)
    told = {"fetched": fetched.url, "lacks": NO_PICTURE if found.picture and not picture else ""}
    return item_form.show(desk, visit, seat, Sheet(form), told=told)


def _read(fetched: fetching.Fetched) -> report.Report:
    found = report.read(fetched.content, fetched.charset, fetched.url)
    if not (found.title or found.body):
        raise UsageError(NO_TEXT)
    return found


def _form(desk: Desk, seat: Seat, found: report.Report, url: str) -> Typed:
    fields = {
        "title": found.title,
        "body": found.body,
        "starts": found.starts.isoformat() if found.starts else "",
        "ends": found.ends.isoformat() if found.ends else "",
        "place": found.place[:300],
        "language": found.language or desk.app.database.read(item_form.first_language, desk, seat),
        "link": url,
    }
    return Typed(fields)


def _picture(desk: Desk, url: str) -> str:
    """Give the hashes of a page's picture, made ours; nothing when it cannot be had."""
    try:
        fetched = fetching.fetch(
            url, types=("image/*",), largest=pictures.LARGEST_PHOTO, allowed=ALLOWED
        )
        return item_form.host_picture(desk, fetched.content)
    except UsageError:
        return ""


def _page(desk: Desk, visit: Visit, seat: Seat, *, error: str = "") -> Response:
    kept = desk.app.database.read(unsaved.of, seat.editor_id, item_form.place(NEW))
    return frame.page(
        desk,
        visit,
        seat,
        "item_page.html",
        status=400 if error else 200,
        errors={"address": error} if error else {},
        typed=visit.form.get("address", "")[: fetching.LONGEST_ADDRESS],
        has_unsaved=kept is not None,
    )
