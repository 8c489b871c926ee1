"""All subscribers: looked for by address, name and domain, chosen by filters, fifty at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session
from starlette.responses import Response

from mailer import subscribers
from mailer.accounts import Seat
from mailer.db.schema import SubscriptionState
from mailer.errors import UsageError
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.subscribers import Filters, Page, Place, Size, filters
from mailer.web.desk import Desk
from mailer.web.rooms import frame, shelves
from mailer.web.visit import Visit

STATES = {
    SubscriptionState.CONFIRMED: (translatable("on the list"), "good"),
    SubscriptionState.PENDING: (translatable("asked, no answer yet"), "care"),
    SubscriptionState.UNSUBSCRIBED: (translatable("left"), "quiet"),
}
"""What a state is called, and its mark."""

SOURCES = {
    "reader": translatable("came by themselves"),
    "editor": translatable("put there by an editor"),
}

SAID = {
    "erased": translatable("Who it was is forgotten. The numbers stay."),
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the page shows."""

    cards: list[Card]
    card: Card | None
    page: Page
    size: Size | None
    places: list[Place]
    nobody_yet: bool


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show who is found, and the fields to look for others."""
    asked = visit.query
    typed = dict(asked)
    if "q" in asked:
        typed |= found_words(asked["q"])
    errors: dict[str, str] = {}
    language = frame.language_of(desk, visit, seat)
    try:
        wanted = filters.read(typed)
    except UsageError as error:
        wanted, errors = Filters(), {"q": frame.explained(language, error)}
    after = "" if errors else asked.get("after", "")
    shown = desk.app.database.read(
        _shown, seat, asked.get("list", ""), wanted, after, language.code
    )
    said = filters.written(wanted)
    slug = shown.card.list.slug if shown.card else ""
    return frame.page(
        desk,
        visit,
        seat,
        "subscribers.html",
        status=400 if errors else 200,
        told=SAID.get(asked.get("said", ""), ""),
        shown=shown,
        errors=errors,
        typed=asked.get("q", wanted.address or wanted.name or wanted.domain)[:320],
        said=said,
        slug=slug,
        after=after,
        is_asked=bool(said),
        may_save=_may_save(wanted, shown.card),
        only=said.keys() - {"address", "name", "domain"},
        states=STATES,
        options=_options(language, shown.places),
        sees_all=shelves.sees_all(seat),
    )


def found_words(typed: str) -> Mapping[str, str]:
    """Tell what the one field to look in was meant for: an address, a domain, or a name.

    What holds “@” is an address, or behind it a domain; what has a dot and no space may be
    the beginning of an address; with a capital, a space or letters beyond ASCII it is a name.
    """
    text = typed.strip()
    if text.startswith("@"):
        return {"domain": text[1:]}
    is_address = "@" in text or (text.isascii() and " " not in text and text == text.lower())
    return {"address": text} if is_address else {"name": text}


def _may_save(wanted: Filters, card: Card | None) -> bool:
    """Tell whether what was chosen can be a segment: of a list's confirmed subscribers."""
    states = {None, SubscriptionState.CONFIRMED}
    asked = wanted.without("state").asked
    return (
        card is not None
        and wanted.state in states
        and 0 < len(asked) == len(asked.keys() & filters.OF_A_SEGMENT)
    )


def _options(language: Language, places: list[Place]) -> dict[str, list[tuple[str, str]]]:
    """Give what there is to choose among, each with its words."""
    say = language.gettext
    return {
        "states": [("", say("any")), *((key.value, say(one)) for key, (one, _) in STATES.items())],
        "sources": [("", say("any way")), *((key, say(one)) for key, one in SOURCES.items())],
        "places": [
            ("", say("any")),
            *(
                (str(one.id), f"{one.name} ({one.country})" if one.country else one.name)
                for one in places
            ),
        ],
    }


def _shown(
    session: Session, seat: Seat, slug: str, wanted: Filters, after: str, language: str
) -> _Shown:
    cards = shelves.open_to(session, seat, language)
    card = shelves.chosen(cards, seat, slug)
    list_id = card.id if card else None
    page = subscribers.find(session, wanted, list_id, after=after)
    size = None if after else subscribers.count(session, wanted, list_id)
    places = sorted(
        subscribers.directory(session).places.values(), key=lambda one: one.name.casefold()
    )
    nobody_yet = not page.people and not wanted.asked and not after
    return _Shown(cards, card, page, size, places[:MOST_PLACES], nobody_yet)


MOST_PLACES = 1_000
"""Organisations to choose among in a field; one by one, a page would grow beyond its measure."""
