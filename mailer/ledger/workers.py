"""Workers, their leases, and what becomes of a dead one's claims.

A worker's row is one life of a process. Its lease is renewed in one place for all its claims;
once lapsed it is never renewed, so the id is the fencing token: the process must register anew.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Delivery, DeliveryState, UTCDateTime, Worker
from mailer.ledger.journal import Mark
from mailer.ledger.settling import HELD
from mailer.ledger.uses import note_uses

LETTER_DOUBT_WAIT = timedelta(minutes=10)
"""How long a letter in doubt waits before it is sent again with the same bytes."""

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker whose lease has run out."""

    worker_id: int
    host: str
    boot: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a worker's claims."""

    queued: int = 0
    sent: int = 0
    uncertain: int = 0

    def __bool__(self) -> bool:
        return bool(self.queued or self.sent or self.uncertain)


def register(
    session: Session, *, host: str, boot: str, pid: int, now: datetime, lease: timedelta
) -> int:
    """Begin a worker's life; give its id."""
    worker = Worker(host=host, boot=boot, pid=pid, started_at=now, lease_until=now + lease)
    session.add(worker)
    session.flush()
    assert worker.id is not None
    return worker.id


def renew(session: Session, worker_id: int, *, now: datetime, lease: timedelta) -> bool:
    """Lengthen a lease; False when it lapsed or was taken away, and the worker must stop."""
    statement = (
        update(Worker)
        .where(
            col(Worker.id) == worker_id,
            col(Worker.ended_at).is_(None),
            col(Worker.lease_until) >= now,
        )
        .values(lease_until=now + lease)
    )
    return changed(session, statement) == 1


def lost_workers(session: Session, *, now: datetime, skew: timedelta) -> list[Lost]:
    """Give workers whose lease ran out; `skew` is how far two machines' clocks may differ."""
    statement = select(col(Worker.id), col(Worker.host), col(Worker.boot)).where(
        col(Worker.ended_at).is_(None), col(Worker.lease_until) < now - skew
    )
    return [Lost(*row) for row in session.execute(statement)]


def recover_lapsed(
    session: Session,
    worker_id: int,
    read_marks: Callable[[], Mapping[int, Mark]] | None,
    *,
    now: datetime,
    skew: timedelta = timedelta(0),
) -> Recovered:
    """Recover a worker of whose death there is no proof: only if its lease ran out.

    It is asked here, under the worker's lock, for it might have renewed since somebody looked.
    From here on it cannot: no dot follows, and only now does its journal tell how far it came.
    """
    _lock(session, worker_id)
    lapsed = select(col(Worker.id)).where(
        col(Worker.id) == worker_id, col(Worker.lease_until) < now - skew
    )
    if session.execute(lapsed).first() is None:
        return Recovered()
    return recover(session, worker_id, read_marks() if read_marks else None, now=now)


def recover(
    session: Session, worker_id: int, marks: Mapping[int, Mark] | None, *, now: datetime
) -> Recovered:
    """End the life of a worker that is known to have stopped, and deal with what it held.

    With its journal's `marks`: rows it had not begun go back to the queue, rows the relay took
    are sent, those between dot and answer are uncertain. Without (another machine, another
    boot) every row it held is in doubt. A digest in doubt waits for evidence or for an editor;
    a letter in doubt goes again, with the same bytes and Message-ID.
    """
    _lock(session, worker_id)
    _end(session, worker_id, now)
    held = _held(session, worker_id)
    claimed = {row for row, state in held.items() if state is DeliveryState.CLAIMED}
    if marks is None:
        _note_uses(session, sorted(claimed), now)
        return _doubt(session, sorted(claimed), now)
    sent = [row for row in held if marks.get(row) is Mark.ACCEPTED]
    doubtful = [row for row in claimed if marks.get(row) is Mark.SENDING]
    # A claim that it did not come to note was not begun. But of a row in doubt nothing is
    # known unless the journal says so.
    untouched = [
        row
        for row, state in held.items()
        if marks.get(row, Mark.CLAIMED if row in claimed else None) is Mark.CLAIMED
    ]
    _note_uses(session, [row for row in sent if row in claimed] + doubtful, now)
    _send(session, sent, now)
    _give_back(session, untouched, now)
    doubt = _doubt(session, sorted(doubtful), now)
    return Recovered(len(untouched) + doubt.queued, len(sent), doubt.uncertain)


def _lock(session: Session, worker_id: int) -> None:
    """Let nobody else recover the same worker until this transaction ends."""
    session.execute(select(col(Worker.id)).where(col(Worker.id) == worker_id).with_for_update())


def _end(session: Session, worker_id: int, now: datetime) -> None:
    """End a worker's life; it can claim and renew no more."""
    statement = (
        update(Worker)
        .where(col(Worker.id) == worker_id, col(Worker.ended_at).is_(None))
        .values(ended_at=now)
    )
    session.execute(statement)


def _held(session: Session, worker_id: int) -> dict[int, DeliveryState]:
    # Uncertain rows still carry their worker: it, or its journal, may turn up and know better.
    statement = select(col(Delivery.id), col(Delivery.state)).where(
        col(Delivery.worker_id) == worker_id, HELD
    )
    return {row: DeliveryState(state) for row, state in session.execute(statement)}


def _note_uses(session: Session, ids: list[int], now: datetime) -> None:
    """Note what left, or may have, and was in flight until now."""
    counts: Counter[str] = Counter()
    for some in _chunks(ids):
        statement = select(col(Delivery.route)).where(col(Delivery.id).in_(some))
        counts.update(session.execute(statement).scalars())
    note_uses(session, counts, at=now)


def _send(session: Session, ids: list[int], now: datetime) -> None:
    _set(
        session,
        ids,
        state=DeliveryState.SENT,
        settled_at=now,
        due_at=None,
        tries=col(Delivery.tries) + _if_in_doubt(0, otherwise=1),
        reason="the relay took it, as the journal of a stopped worker tells",
        worker_id=None,
    )


def _give_back(session: Session, ids: list[int], now: datetime) -> None:
    _set(
        session,
        ids,
        state=DeliveryState.QUEUED,
        settled_at=None,
        due_at=func.coalesce(col(Delivery.due_at), literal(now, UTCDateTime())),
        tries=col(Delivery.tries) + _if_in_doubt(-1, otherwise=0),
        reason=_if_in_doubt("", otherwise=col(Delivery.reason)),
        worker_id=None,
    )


def _if_in_doubt(value: object, *, otherwise: object) -> ColumnElement[Any]:
    # A row in doubt was counted as tried, and has the doubt as its reason.
    return case((col(Delivery.state) == DeliveryState.UNCERTAIN, value), else_=otherwise)


def _doubt(session: Session, ids: list[int], now: datetime) -> Recovered:
    """Settle rows in doubt: a digest's wait for evidence or an editor, letters go again."""
    letters = _letters(session, ids)
    digests = [row for row in ids if row not in letters]
    why = "the worker stopped between the last dot and the relay's answer"
    tries = col(Delivery.tries) + 1
    _set(
        session,
        sorted(letters),
        state=DeliveryState.QUEUED,
        due_at=now + LETTER_DOUBT_WAIT,
        tries=tries,
        reason=why,
        worker_id=None,
    )
    _set(
        session,
        digests,
        state=DeliveryState.UNCERTAIN,
        settled_at=now,
        due_at=None,
        tries=tries,
        reason=why,
    )
    return Recovered(queued=len(letters), uncertain=len(digests))


def _letters(session: Session, ids: list[int]) -> set[int]:
    found: set[int] = set()
    for some in _chunks(ids):
        statement = select(col(Delivery.id)).where(
            col(Delivery.id).in_(some), col(Delivery.digest_id).is_(None)
        )
        found.update(session.execute(statement).scalars())
    return found


def _set(session: Session, ids: list[int], **values: object) -> None:
    for some in _chunks(ids):
        session.execute(update(Delivery).where(col(Delivery.id).in_(some)).values(values))


def _chunks(ids: list[int]) -> list[list[int]]:
    return [ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK)]


def working(session: Session, *, now: datetime) -> int:
    """Count the workers whose lease holds."""
    statement = (
        select(func.count())
        .select_from(Worker)
        .where(col(Worker.ended_at).is_(None), col(Worker.lease_until) >= now)
    )
    return int(session.execute(statement).scalar_one())
