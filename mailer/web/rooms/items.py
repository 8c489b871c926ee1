"""The items' room: all of them to look through, one with its versions, and what becomes of it."""

from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from sqlmodel import Session
from starlette.responses import Response

from mailer import folding
from mailer.accounts import Seat, editors
from mailer.db.schema import ItemVersion, Role
from mailer.digests import items, stock, typed
from mailer.digests.front_matter import Draft
from mailer.digests.items import Written
from mailer.digests.stock import Kept, Order, Search
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

ON_ONE_PAGE = 50
LONGEST_ASKED = 300
"""Characters of a topic or language in an address."""

SAID = {
    "added": translatable("The item is kept. It goes out once it is in a digest."),
    "saved": translatable("Saved."),
    "same": translatable("Nothing was changed."),
    "retired": translatable("Retired. It is offered to no further digest."),
    "back": translatable("Taken back. Digests are offered it again."),
    "dropped": translatable("What you had typed is dropped."),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an editor looks for, as an address says it."""

    query: str
    search: Search

    def address(self, **changes: object) -> str:
        """Give the query of an address that asks for the same, with changes."""
        search = self.search
        said: dict[str, object] = {
            "q": self.query,
            "topic": search.topic,
            "language": search.language,
            "state": search.kept or "",
            "sort": search.order if search.order is not Order.CHANGED else "",
        }
        values = {name: value for name, value in {**said, **changes}.items() if value}
        return f"?{urlencode(values)}" if values else "?"

    @property
    def is_narrow(self) -> bool:
        """Tell whether it leaves anything out that is not retired."""
        search = self.search
        return bool(search.words or search.topic or search.language or search.kept)


@dataclass(frozen=True, slots=True)
class Card:
    """An item as it will stand in a digest."""

    draft: Draft
    starts: date | datetime | None
    ends: date | datetime | None

    @property
    def zone(self) -> str:
        """Give the zone of its place."""
        return self.draft.timezone or "UTC"


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the items that are looked for."""
    asked = _asked(visit)
    with desk.app.database.reading() as session:
        seen = seat.lists_with(Role.VIEWER)
        after, before = (_place(visit, name) for name in ("after", "before"))
        page = stock.page(
            session, asked.search, lists=seen, after=after, before=before, limit=ON_ONE_PAGE
        )
        uses = stock.uses(session, [one.id for one in page.items], seen)
        topics, spoken = stock.topics(session), stock.languages(session)
    return frame.page(
        desk,
        visit,
        seat,
        "items.html",
        told=SAID.get(visit.query.get("said", ""), ""),
        asked=asked,
        page=page,
        uses=uses,
        topics=topics,
        spoken=[desk.app.languages.of(code) for code in spoken],
        tongue=desk.app.languages.of,
        span=items.span,
        may_write=seat.may_somewhere(Role.EDITOR),
    )


def show_one(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show an item with its versions, its translations, and where it was used."""
    item_id = number(visit.parts, "item")
    with desk.app.database.reading() as session:
        one = items.get(session, item_id)
        versions = items.versions(session, item_id)
        others = items.translations(session, one.item.group_id)
        uses = stock.uses(session, [item_id], seat.lists_with(Role.VIEWER))
        draft = _draft(session, one, one.version)
        names = editors.names(session)
    return frame.page(
        desk,
        visit,
        seat,
        "item.html",
        told=SAID.get(visit.query.get("said", ""), ""),
        is_retired_now=visit.query.get("said") == "retired",
        one=one,
        versions=versions,
        others=[other for other in others if other.id != item_id],
        uses=uses.get(item_id, []),
        names=names,
        tongue=desk.app.languages.of,
        may_write=seat.may_somewhere(Role.EDITOR),
        card=card(draft),
    )


def show_version(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what an item said in one of its versions."""
    item_id, version_number = number(visit.parts, "item"), number(visit.parts, "version")
    with desk.app.database.reading() as session:
        one = items.get(session, item_id)
        version = items.version(session, item_id, version_number)
        draft = _draft(session, one, version)
        names = editors.names(session)
    return frame.page(
        desk,
        visit,
        seat,
        "item_version.html",
        one=one,
        version=version,
        names=names,
        tongue=desk.app.languages.of,
        may_write=seat.may_somewhere(Role.EDITOR),
        card=card(draft),
    )


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Retire an item, or take it back."""
    item_id, now = number(visit.parts, "item"), desk.now()
    match visit.form.get("deed", ""):
        case "retire":
            desk.app.database.write(items.retire, item_id, now=now, by=seat.by)
            return frame.go(desk, "items", item_id, said="retired")
        case "take-back":
            desk.app.database.write(items.take_back, item_id, now=now, by=seat.by)
            return frame.go(desk, "items", item_id, said="back")
    return show_one(desk, visit, seat)


def card(draft: Draft) -> Card:
    """Give what the card of an item shows."""
    return Card(draft, *items.span(draft))


def _draft(session: Session, one: Written, version: ItemVersion) -> Draft:
    draft, _ = typed.check(session, typed.of(version, one.item.language))
    return draft


def _asked(visit: Visit) -> Asked:
    query = visit.query.get("q", "")[: folding.LONGEST_QUERY].strip()
    state, order = visit.query.get("state", ""), visit.query.get("sort", "")
    search = Search(
        words=folding.words_of(query),
        topic=visit.query.get("topic", "")[:LONGEST_ASKED],
        language=visit.query.get("language", "")[:LONGEST_ASKED],
        kept=Kept(state) if state in set(Kept) else None,
        order=Order(order) if order in set(Order) else Order.CHANGED,
    )
    return Asked(query, search)


def _place(visit: Visit, name: str) -> int | None:
    text = visit.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
