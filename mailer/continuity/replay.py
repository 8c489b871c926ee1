"""Does again who left since: the lines of the file that an older database does not know."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from mailer import departures, subscribers
from mailer.db.schema import Event, Subscriber, SuppressionReason
from mailer.departures import Departure, Kind
from mailer.errors import NotFound
from mailer.history import SYSTEM
from mailer.tokens import KeyRing

OVERLAP = timedelta(minutes=5)
"""How long before the last thing it knows a database is asked too: some was under way then."""

SOME = 500
EVIDENCE = {"via": "departures"}


def unknown(session: Session, lines: Sequence[Departure]) -> list[Departure]:
    """Give the lines that a database knows nothing of, less leavings that were undone."""
    last = session.execute(select(func.max(col(Event.at)))).scalar()
    since = last - OVERLAP if last else None
    young = [one for one in lines if since is None or one.at > since]
    known = _known(session, young)
    return _less_undone([one for one in young if (one.event, one.at) not in known])


def again(
    session: Session, lines: Sequence[Departure], ring: KeyRing, *, now: datetime
) -> Counter[str]:
    """Do again what people did; give how often each kind was, and “unknown” for strangers.

    Whom the database does not know joined after it was copied: nobody to be taken off a list.
    """
    done: Counter[str] = Counter()
    keys = _keys_of(session, ring, lines)
    for one in lines:
        if one.kind in {Kind.MOVED, Kind.RETURNED}:
            did = _move(session, one, ring, now)
        else:
            did = _do(session, one, keys.get(one.person), now)
        done[one.kind.value if did else "unknown"] += 1
    return done


def _do(session: Session, one: Departure, key: str | None, now: datetime) -> bool:
    """Do one line again; False when the database does not know whom it is about."""
    if one.kind in {Kind.COMPLAINED, Kind.BARRED}:
        if key is None:
            return False
        reason = (
            SuppressionReason.COMPLAINT if one.kind is Kind.COMPLAINED else SuppressionReason.EDITOR
        )
        subscribers.suppress(session, key, reason, now=now, list_id=one.list_id)
        return True
    subscriber_id = _subscriber(session, one.subscriber_id, key)
    if subscriber_id is None:
        return False
    try:
        _depart(session, one, subscriber_id, now)
    except NotFound:
        return False
    return True


def _depart(session: Session, one: Departure, subscriber_id: int, now: datetime) -> None:
    if one.kind is Kind.LEFT:
        subscribers.leave(session, subscriber_id, one.list_id, EVIDENCE, now=now, by=SYSTEM)
    elif one.kind is Kind.REFUSED:
        subscribers.refuse(session, subscriber_id, one.list_id, EVIDENCE, now=now)
    elif one.kind is Kind.ERASED:
        subscribers.erase(session, subscriber_id, now=now, by=SYSTEM)


def _move(session: Session, one: Departure, ring: KeyRing, now: datetime) -> bool:
    """Do a change of address again, or its undoing; False where it cannot be."""
    try:
        if one.kind is Kind.RETURNED:
            return subscribers.undo_move(session, one.change, EVIDENCE, now=now, by=SYSTEM)
        to = departures.opened(ring, one.sealed)
        if to is None:
            return False
        moved = subscribers.Moved(one.change, one.subscriber_id, to)
        return subscribers.move_again(session, moved, EVIDENCE, now=now)
    except NotFound:
        return False


def _subscriber(session: Session, subscriber_id: int, key: str | None) -> int | None:
    """Give whom a line is about: by number, which is never given twice, or else by address."""
    by_number = select(col(Subscriber.id)).where(col(Subscriber.id) == subscriber_id)
    found = session.execute(by_number).scalar()
    if found is None and key is not None:
        by_key = select(col(Subscriber.id)).where(col(Subscriber.key) == key)
        found = session.execute(by_key).scalar()
    return found


def _known(session: Session, lines: Sequence[Departure]) -> set[tuple[int, datetime]]:
    found: set[tuple[int, datetime]] = set()
    events = [one.event for one in lines if one.event]
    for at in range(0, len(events), SOME):
        statement = select(col(Event.id), col(Event.at)).where(
            col(Event.id).in_(events[at : at + SOME])
        )
        found |= {tuple(row) for row in session.execute(statement)}
    return found


def _less_undone(lines: Sequence[Departure]) -> list[Departure]:
    """Drop leavings that a later line took back."""
    kept: list[Departure] = []
    for one in lines:
        if one.kind is Kind.BACK:
            kept = [
                other
                for other in kept
                if (other.kind, other.subscriber_id, other.list_id)
                != (Kind.LEFT, one.subscriber_id, one.list_id)
            ]
        else:
            kept.append(one)
    return kept


def _keys_of(session: Session, ring: KeyRing, lines: Sequence[Departure]) -> dict[str, str]:
    keys = select(col(Subscriber.key)).where(col(Subscriber.key).is_not(None))
    return departures.finder(ring, session.execute(keys).scalars(), lines) if lines else {}
