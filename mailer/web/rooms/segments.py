"""The segments of lists: saved from what was chosen among subscribers, renamed, retired."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session
from starlette.responses import Response

from mailer import subscribers
from mailer.accounts import Seat
from mailer.db.schema import Segment
from mailer.errors import NotFound, Refused, UsageError
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.subscribers import Size, filters
from mailer.web.desk import Desk
from mailer.web.rooms import frame, shelves
from mailer.web.rooms.room import number
from mailer.web.rooms.subscribers import SOURCES
from mailer.web.visit import Visit

SAID = {
    "saved": translatable("Saved. A draft of this list can go to this segment."),
    "renamed": translatable("Saved."),
    "retired": translatable("Retired. Digests that have it keep it."),
    "back": translatable("It is offered again."),
}

ASKED = {
    "address": translatable("address begins with %(value)s"),
    "name": translatable("name begins with %(value)s"),
    "domain": translatable("domain is %(value)s"),
    "language": translatable("language is %(value)s"),
    "organisation": translatable("works at %(value)s"),
    "since": translatable("confirmed from %(value)s"),
    "until": translatable("confirmed until %(value)s"),
    "source": translatable("%(value)s"),
    "batch": translatable("came by import %(value)s"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A segment as the page shows it; without a size when its filters are not known here."""

    segment: Segment
    card: Card
    asks: Mapping[str, str]
    words: tuple[str, ...]
    size: Size | None


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the segments of all lists that one works on."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Save a segment, or do something with one."""
    deed = visit.form.get("deed", "")
    try:
        if deed == "save":
            desk.app.database.write(_save, desk, visit, seat)
            return frame.go(desk, "subscribers", "segments", said="saved")
        if deed in {"rename", "retire", "bring-back"}:
            said = desk.app.database.write(_change, desk, visit, seat, deed)
            segment = number(visit.form, "segment")
            undo = {"undo": segment} if said == "retired" else {}
            return frame.go(desk, "subscribers", "segments", said=said, **undo)
    except (UsageError, Refused) as error:
        return _page(desk, visit, seat, error=error)
    return _page(desk, visit, seat)


def _save(session: Session, desk: Desk, visit: Visit, seat: Seat) -> None:
    cards = shelves.open_to(session, seat)
    card = next((one for one in cards if one.list.slug == visit.form.get("list", "")), None)
    if card is None:
        raise NotFound("list", visit.form.get("list", "")[:80])
    asked = {name: value for name, value in visit.form.items() if name in ASKED and name != "name"}
    if called := visit.form.get("begins", ""):
        asked["name"] = called
    wanted = filters.read(asked)
    name = visit.form.get("name", "")
    subscribers.segments.save(session, card.id, name, wanted, now=desk.now(), by=seat.by)


def _change(session: Session, desk: Desk, visit: Visit, seat: Seat, deed: str) -> str:
    segment_id = number(visit.form, "segment")
    found = subscribers.segments.get(session, segment_id)
    if found.list_id is None or not seat.may(shelves.KEEPS, found.list_id):
        raise NotFound("segment", segment_id)
    now, by, kept = desk.now(), seat.by, subscribers.segments
    if deed == "rename":
        kept.rename(session, segment_id, visit.form.get("name", ""), now=now, by=by)
        return "renamed"
    if deed == "retire":
        kept.retire(session, segment_id, now=now, by=by)
        return "retired"
    kept.bring_back(session, segment_id, now=now, by=by)
    return "back"


def _page(desk: Desk, visit: Visit, seat: Seat, *, error: object = None) -> Response:
    language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        lines, retired = (
            _lines(session, seat, language),
            _lines(session, seat, language, retired=True),
        )
    return frame.page(
        desk,
        visit,
        seat,
        "segments.html",
        status=400 if error else 200,
        told=SAID.get(visit.query.get("said", ""), ""),
        undo=visit.query.get("undo", ""),
        lines=lines,
        retired=retired,
        errors={"segments": frame.explained(language, error)} if error else {},
    )


def _lines(
    session: Session, seat: Seat, language: Language, *, retired: bool = False
) -> list[Line]:
    places = subscribers.directory(session).places
    names = {str(one.id): one.name for one in places.values()}
    return [
        _line(session, one, card, names, language)
        for card in shelves.open_to(session, seat, language.code)
        for one in subscribers.segments.of_list(session, card.id, retired=retired)
    ]


def _line(
    session: Session, one: Segment, card: Card, places: Mapping[str, str], language: Language
) -> Line:
    try:
        asks = filters.written(subscribers.segments.asks(one))
        size = subscribers.segments.size(session, one) if one.retired_at is None else None
    except (Refused, UsageError) as error:
        return Line(one, card, {}, (frame.explained(language, error),), None)
    said = {
        "organisation": places.get(asks.get("organisation", ""), asks.get("organisation", "")),
        "source": language.gettext(SOURCES.get(asks.get("source", ""), "")),
    }
    words = tuple(
        language.gettext(ASKED[name], value=said.get(name, value)) for name, value in asks.items()
    )
    return Line(one, card, asks, words, size)
