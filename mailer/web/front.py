"""The front page: every public list."""

from starlette.responses import Response

from mailer import lists
from mailer.db.schema import Visibility
from mailer.web import listing
from mailer.web.desk import OPEN, Desk
from mailer.web.visit import Visit


def show(desk: Desk, visit: Visit) -> Response:
    """Show the public lists, by name."""
    language = desk.language(visit)
    with desk.app.database.reading() as session:
        cards = lists.cards(session, language.code, visibility=Visibility.PUBLIC)
    shown = sorted(
        (listing.of(desk, card, language) for card in cards),
        key=lambda one: one.card.words.name.casefold(),
    )
    canonical = desk.app.links.home()
    return desk.page(
        visit, "front.html", language, headers=OPEN, listings=shown, canonical=canonical
    )
