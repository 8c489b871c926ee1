"""How digests end: when the last row has, and what happens to rows that nobody will claim."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlmodel import Session, col

from mailer import ledger
from mailer.db import changed
from mailer.db.schema import Delivery, DeliveryState, Digest, DigestState
from mailer.digests import life
from mailer.history import SYSTEM

CHUNK = 1_000
"""Rows ended in one transaction."""

TOO_LATE = "too late to be sent"


def has_loose_ends(session: Session, *, now: datetime) -> bool:
    """Tell whether a digest may be ending, or rows wait for nothing; a look, not a write."""
    over = col(Digest.state).in_([DigestState.CANCELLED, DigestState.SENT])
    ends = or_(
        exists().where(col(Digest.state) == DigestState.SENDING),
        exists().where(over, _has_waiting_rows()),
        exists().where(
            ledger.WAITING, _is_letter(), col(Delivery.not_after) <= now, ~ledger.is_held_back()
        ),
    )
    return bool(session.execute(select(ends)).scalar())


def withdraw_cancelled(session: Session, *, now: datetime) -> int:
    """Take back some rows of cancelled digests; give how many. Call until it gives 0."""
    found = _with_waiting_rows(session, DigestState.CANCELLED)
    if not found:
        return 0
    return ledger.withdraw_digest(session, found[0], "the digest was cancelled", now=now)


def withdraw_late(session: Session, *, now: datetime) -> int:
    """Take back some rows of digests that were to end by now; give how many. Call until 0."""
    for digest_id in life.over_time(session, now=now):
        if count := ledger.withdraw_digest(session, digest_id, TOO_LATE, now=now):
            return count
    return 0


def reopen(session: Session, *, now: datetime) -> list[int]:
    """Let digests send again that count as sent and have rows which wait; give their ids.

    A row comes back late when a worker that was taken for dead knows that it never sent it.
    """
    found = _with_waiting_rows(session, DigestState.SENT)
    for digest_id in found:
        life.reopen(session, digest_id, "rows came back", now=now, by=SYSTEM)
    return found


def expire(session: Session, *, now: datetime) -> int:
    """End some rows whose last moment has passed; give how many. Call until it gives 0.

    They are letters, and rows that were held for a person: nobody may come to claim them.
    What else is due is claimed sooner or later, and ended then. What is held after a restore
    stays for its owner to decide.
    """
    some = (
        select(col(Delivery.id))
        .where(
            ledger.WAITING,
            col(Delivery.not_after) <= now,
            or_(_is_letter(), _is_held_while_sending()),
            ~ledger.is_held_back(),
        )
        .limit(CHUNK)
    )
    was_tried = or_(col(Delivery.tries) > 0, col(Delivery.due_at).is_(None))
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(some), ledger.WAITING)
        .values(
            state=case(
                (was_tried, DeliveryState.FAILED.value), else_=DeliveryState.WITHDRAWN.value
            ),
            reason=func.coalesce(func.nullif(col(Delivery.reason), ""), TOO_LATE),
            settled_at=now,
        )
    )
    return changed(session, statement)


def finish(session: Session, *, now: datetime) -> list[int]:
    """Note digests of which nothing is open any more; give their ids."""
    done = []
    for digest in life.in_state(session, DigestState.SENDING):
        assert digest.id is not None
        still = exists().where(
            col(Delivery.digest_id) == digest.id,
            col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.CLAIMED]),
        )
        if not session.execute(select(still)).scalar() and life.finish(
            session, digest, now=now, by=SYSTEM
        ):
            done.append(digest.id)
    return done


def _with_waiting_rows(session: Session, state: DigestState) -> list[int]:
    statement = select(col(Digest.id)).where(col(Digest.state) == state, _has_waiting_rows())
    return list(session.execute(statement).scalars())


def _has_waiting_rows() -> ColumnElement[bool]:
    return exists().where(ledger.WAITING, col(Delivery.digest_id) == col(Digest.id))


def _is_letter() -> ColumnElement[bool]:
    return col(Delivery.digest_id).is_(None)


def _is_held_while_sending() -> ColumnElement[bool]:
    sending = select(col(Digest.id)).where(col(Digest.state) == DigestState.SENDING)
    return and_(col(Delivery.due_at).is_(None), col(Delivery.digest_id).in_(sending))
