"""For whoever keeps a reader's mail system: by what our mail is known, to let it through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import Response

from mailer import lists
from mailer.config import Route
from mailer.db.schema import Visibility
from mailer.lists import Card
from mailer.web.desk import OPEN, Desk
from mailer.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Marks:
    """By what mail of ours is known. Only of lists that anybody may find."""

    senders: tuple[str, ...]
    envelopes: tuple[str, ...]
    hosts: tuple[str, ...]
    signatures: tuple[str, ...]
    list_ids: tuple[str, ...]
    links: str


def show(desk: Desk, visit: Visit) -> Response:
    """Show by what our mail is known."""
    language = desk.language(visit)
    with desk.app.database.reading() as session:
        cards = lists.cards(session, language.code)
    shown = [card for card in cards if card.list.visibility is not Visibility.PRIVATE]
    return desk.page(
        visit, "administrators.html", language, headers=OPEN, marks=_marks(desk, shown)
    )


def _marks(desk: Desk, cards: Sequence[Card]) -> Marks:
    settings = desk.app.settings
    known = settings.all_routes()
    ways = [(card, known[card.sender.route]) for card in cards if card.sender.route in known]
    routes = list({card.sender.route: route for card, route in ways}.values())
    return Marks(
        senders=_unlike(card.sender.address for card in cards),
        envelopes=_unlike(_envelope(card, route) for card, route in ways),
        hosts=_unlike(where for route in routes for where in route.sends_from),
        signatures=_unlike(route.dkim_domain for route in routes if route.dkim_domain),
        list_ids=_unlike(f"<{card.list.identifier}>" for card in cards),
        links=urlsplit(settings.web.base_url).netloc,
    )


def _envelope(card: Card, route: Route) -> str:
    if route.return_path_domain:
        return f"…@{route.return_path_domain}"
    return route.return_path or card.sender.address


def _unlike(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
