"""Claimed rows that may not go yet, though nothing was tried: they wait until some moment.

Or, without one, for a person: then the words of why are what they are found by again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Delivery, DeliveryState
from mailer.ledger.posting import WAITING

CHUNK = 2_000
"""Rows let go in one transaction."""


def put_off(
    session: Session,
    worker_id: int,
    due: Mapping[int, datetime | None],
    reasons: Mapping[int, str],
) -> None:
    """Return claims that were not begun, each to be due at its moment, or (None) held."""
    rows = [
        {"b_id": row, "b_worker": worker_id, "b_due": due[row], "b_reason": reasons[row]}
        for row in sorted(due)
    ]
    if rows:
        session.connection().execute(_PUT_OFF, rows)


def let_held_go(session: Session, reason: str, *, now: datetime) -> int:
    """Let some rows go that were held for a reason; give how many. Call until it gives 0."""
    some: Sequence[int] = list(
        session.execute(
            select(col(Delivery.id))
            .where(
                WAITING,
                col(Delivery.due_at).is_(None),
                col(Delivery.reason) == reason,
            )
            .limit(CHUNK)
        ).scalars()
    )
    if not some:
        return 0
    statement = update(Delivery).where(col(Delivery.id).in_(some), WAITING)
    return changed(session, statement.values(due_at=now, reason=""))


_PUT_OFF = (
    update(Delivery.__table__)  # type: ignore[attr-defined]
    .where(
        col(Delivery.id) == bindparam("b_id"),
        col(Delivery.worker_id) == bindparam("b_worker"),
        col(Delivery.state) == DeliveryState.CLAIMED,
    )
    .values(
        state=DeliveryState.QUEUED,
        worker_id=None,
        due_at=bindparam("b_due"),
        reason=bindparam("b_reason"),
    )
)
