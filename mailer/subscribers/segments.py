"""Segments: some of a list's subscribers, by filters that were saved under a name.

The filters of a segment never change: what a digest was queued for can be read afterwards. A
retired one is offered no more, and holds for the digests that have it.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Segment
from mailer.errors import NotFound, Refused, UsageError
from mailer.history import About, By, record
from mailer.language import translatable
from mailer.subscribers import filters, finding
from mailer.subscribers.filters import Filters
from mailer.subscribers.finding import Size

LONGEST_NAME = 120
MOST = 100
"""Segments of one list that are not retired."""

NAMELESS = translatable("A segment has a name of 1 to 120 characters.")
TAKEN = translatable("There is a segment of this name already.")
TOO_MANY = translatable("A list has no more than 100 segments. Retire some first.")
NOTHING = translatable("Choose by something first: without a filter it would be the whole list.")


def save(
    session: Session, list_id: int, name: str, wanted: Filters, *, now: datetime, by: By
) -> int:
    """Save filters under a name for a list; give the segment's id.

    Raises Refused for filters that a segment cannot have, for none, and for a name that is taken.
    """
    value = filters.kept(wanted)
    if not wanted.asked:
        raise Refused(NOTHING)
    if len(of_list(session, list_id)) >= MOST:
        raise Refused(TOO_MANY)
    made = Segment(
        list_id=list_id, name=_name(session, list_id, name), filters=value, created_at=now
    )
    session.add(made)
    session.flush()
    assert made.id is not None
    _record(session, "segment.saved", made, by, now)
    return made.id


def get(session: Session, segment_id: int) -> Segment:
    """Give a segment; NotFound when there is none."""
    found = session.get(Segment, segment_id, populate_existing=True)
    if found is None:
        raise NotFound("segment", segment_id)
    return found


def of_list(session: Session, list_id: int, *, retired: bool = False) -> list[Segment]:
    """Give the segments of a list by name; with `retired`, those that are offered no more."""
    statement = select(Segment).where(col(Segment.list_id) == list_id)
    gone = col(Segment.retired_at)
    statement = statement.where(gone.is_not(None) if retired else gone.is_(None))
    ordered = statement.order_by(func.lower(col(Segment.name)), col(Segment.id))
    return list(session.execute(ordered).scalars())


def rename(session: Session, segment_id: int, name: str, *, now: datetime, by: By) -> None:
    """Give a segment another name."""
    found = get(session, segment_id)
    assert found.list_id is not None
    if name.strip() != found.name:
        _set(session, segment_id, name=_name(session, found.list_id, name))
        _record(session, "segment.renamed", found, by, now)


def retire(session: Session, segment_id: int, *, now: datetime, by: By) -> None:
    """Offer a segment no more; digests that have it keep it."""
    found = get(session, segment_id)
    if found.retired_at is None:
        _set(session, segment_id, retired_at=now)
        _record(session, "segment.retired", found, by, now)


def bring_back(session: Session, segment_id: int, *, now: datetime, by: By) -> None:
    """Offer a retired segment again; Refused when its name is taken by now."""
    found = get(session, segment_id)
    assert found.list_id is not None
    if found.retired_at is not None:
        _name(session, found.list_id, found.name)
        _set(session, segment_id, retired_at=None)
        _record(session, "segment.brought_back", found, by, now)


def asks(segment: Segment) -> Filters:
    """Give what a segment asks; Refused for filters that are not known here."""
    return filters.of_kept(segment.filters)


def narrowing(session: Session, segment_id: int | None, list_id: int) -> list[ColumnElement[bool]]:
    """Give the conditions by which a segment narrows a list's audience; none without a segment.

    Raises Refused for a segment of another list, and for filters that are not known here: to
    leave one out would mail to more people than were meant.
    """
    if segment_id is None:
        return []
    found = get(session, segment_id)
    if found.list_id not in {None, list_id}:
        raise Refused("the segment belongs to another list")
    wanted = asks(found)
    if not wanted.asked:
        raise Refused("the segment has no filters")
    return [*filters.of_person(session, wanted), *filters.of_place(wanted, list_id)]


def size(session: Session, segment: Segment) -> Size:
    """Tell how many confirmed subscribers a segment has, counted as far as `finding.size` goes."""
    wanted = filters.confirmed(asks(segment))
    return finding.size(session, wanted, segment.list_id)


def _name(session: Session, list_id: int, name: str) -> str:
    plain = " ".join(name.split())
    if not 0 < len(plain) <= LONGEST_NAME or not plain.isprintable():
        raise UsageError(NAMELESS)
    if any(one.name.casefold() == plain.casefold() for one in of_list(session, list_id)):
        raise Refused(TAKEN)
    return plain


def _set(session: Session, segment_id: int, **values: object) -> None:
    changed(session, update(Segment).where(col(Segment.id) == segment_id).values(**values))


def _record(session: Session, kind: str, segment: Segment, by: By, now: datetime) -> None:
    about = About(list_id=segment.list_id)
    record(session, kind, by, about, at=now, details={"segment": segment.id})
