"""For whoever keeps a reader's mail system: by what our mail is known, to let it through."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import Response

from mailer import dkim, lists
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
        signed = {key.domain for key in dkim.in_use(session)}
    shown = [card for card in cards if card.list.visibility is not Visibility.PRIVATE]
    return desk.page(
        visit, "administrators.html", language, headers=OPEN, marks=_marks(desk, shown, signed)
    )


def _marks(desk: Desk, cards: Sequence[Card], signed: Collection[str]) -> Marks:
    settings = desk.app.settings
    known = settings.all_routes()
    ways = [(card, known[card.sender.route]) for card in cards if card.sender.route in known]
    routes = list({card.sender.route: route for card, route in ways}.values())
    return Marks(
        senders=_unlike(card.sender.address for card in cards),
        envelopes=_unlike(_envelope(card, route) for card, route in ways),
        hosts=_unlike(where for route in routes for where in route.sends_from),
        signatures=_unlike(_signatures(ways, signed)),
        list_ids=_unlike(f"<{card.list.identifier}>" for card in cards),
        links=urlsplit(settings.web.base_url).netloc,
    )


def _signatures(ways: Iterable[tuple[Card, Route]], signed: Collection[str]) -> Iterator[str]:
    """Give the domains that sign: ours where we have a key, and those of the relays."""
    for card, route in ways:
        domain = card.sender.address.rpartition("@")[2].lower()
        yield from [domain] if domain in signed else []
        yield from [route.dkim_domain] if route.dkim_domain else []


def _envelope(card: Card, route: Route) -> str:
    if route.return_path_domain:
        return f"…@{route.return_path_domain}"
    return route.return_path or card.sender.address


def _unlike(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
