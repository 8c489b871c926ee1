"""From a fresh installation to its first list: what is done, what is not, and the way to each."""

from sqlmodel import Session
from starlette.responses import Response

from mailer import facts, lists
from mailer.accounts import Seat
from mailer.config import Organisation
from mailer.db.schema import Delivery, DeliveryState
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.route_rooms import test_fact
from mailer.web.visit import Visit

FIRST_ROUTE = "smtp"
NEEDED = {
    "name": "Your organisation",
    "postal_address": "1 Street, 1000 Town, Country",
    "owner": "",
}
"""What of the organisation mail needs, with what is written where nothing is."""


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the first steps."""
    settings = desk.app.settings
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "welcome.html",
        lines=_lines(settings.organisation, seat),
        path=str(desk.app.config.path or ""),
        relay=f"{settings.smtp.host}:{settings.smtp.port}",
        is_tested=desk.app.database.read(_is_tested),
        cards=desk.app.database.read(lists.cards, language.code),
    )


def _lines(organisation: Organisation, seat: Seat) -> list[str]:
    """Give the lines that the file of settings lacks."""
    return [
        f'{name} = "{seat.address if name == "owner" else example}"'
        for name, example in NEEDED.items()
        if not getattr(organisation, name)
    ]


def _is_tested(session: Session) -> bool:
    found = facts.value(session, test_fact(FIRST_ROUTE))
    letter = session.get(Delivery, found["delivery"]) if found else None
    return letter is not None and letter.state is DeliveryState.SENT
