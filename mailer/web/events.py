"""The dates of a meeting, to be put into a reader's calendar.

Whoever holds the link was sent it, so that it serves a private list too; nobody can make one.
"""

from starlette.responses import Response

from mailer.errors import NotFound
from mailer.media import file_name
from mailer.rendering.calendar import calendar_file
from mailer.tokens import Purpose
from mailer.web import disposition
from mailer.web.desk import CLOSED, Desk
from mailer.web.visit import Visit

SUFFIX = ".ics"


def show(desk: Desk, visit: Visit) -> Response:
    """Give a meeting as it stands now, as an iCalendar file."""
    token, dot, _ = visit.parts["token"].partition(SUFFIX)
    if not dot:
        raise NotFound("calendar file", token)
    list_id, item_id = desk.app.keys.verify(token, Purpose.EVENT, now=desk.now())
    with desk.app.database.reading() as session:
        card, happening = desk.app.press.contents.event(session, list_id, item_id)
    content = calendar_file(card, happening, desk.app.languages.of(card.language))
    # Shown and not saved: a phone then offers to add it, and desks save it all the same.
    shown = disposition.inline(f"{file_name(card.title)}{SUFFIX}")
    return Response(content, media_type="text/calendar", headers=CLOSED | shown)
