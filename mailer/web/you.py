"""Where one asks for the fresh link by one's address: a list's page beside its box.

As with the box, every address gets the same answer, made by the same work.
"""

from starlette.responses import Response

from mailer import address
from mailer.errors import AddressInvalid
from mailer.web import box, listing, preferences
from mailer.web.box import Filled
from mailer.web.desk import CLOSED, Desk
from mailer.web.forms import Box, Timing
from mailer.web.listing import Listing
from mailer.web.visit import Visit


def show(desk: Desk, visit: Visit) -> Response:
    """Show the field for the address."""
    found = _listing(desk, visit)
    return _page(desk, visit, found, box.empty(desk, found))


def press(desk: Desk, visit: Visit) -> Response:
    """Keep what was asked, and say what will come; or show the field with what is missing."""
    found, typed = _listing(desk, visit), Box.of(visit.form)
    timing = box.stamp(desk).read(typed.shown, found.card.id, now=desk.now())
    if timing is not Timing.GOOD or typed.trapped:
        return _page(desk, visit, found, box.again(desk, found, typed, timing))
    try:
        parsed = address.parse(typed.address)
    except AddressInvalid:
        return _page(desk, visit, found, box.wrong(typed, found.language), status=422)
    return preferences.post_link(desk, visit, parsed.mailbox, found.card.id, found.language)


def _listing(desk: Desk, visit: Visit) -> Listing:
    with desk.app.database.reading() as session:
        return listing.by_slug(session, desk, visit)


def _page(
    desk: Desk, visit: Visit, found: Listing, filled: Filled, *, status: int = 200
) -> Response:
    return desk.page(
        visit,
        "you.html",
        found.language,
        status=status,
        headers=CLOSED,
        offered=found.card.list.languages,
        listing=found,
        box=filled,
    )
