"""Rows that are held after a restore: they wait for their owner, whatever else goes on.

Held: `queued`, without a due moment, for this one reason.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Delivery, DeliveryState
from mailer.ledger.posting import WAITING

HELD_BACK = "held after a restore; “mailer held” shows what waits, “mailer release” lets it go"


def is_held_back() -> ColumnElement[bool]:
    """Give the condition under which a row is held after a restore."""
    return and_(WAITING, col(Delivery.due_at).is_(None), col(Delivery.reason) == HELD_BACK)


def hold_back(session: Session) -> int:
    """Hold every row that waits; give how many. Those held for a person already stay so.

    What is in doubt belongs to no worker any more: none may settle what it did to the database
    that is gone.
    """
    in_doubt = update(Delivery).where(col(Delivery.state) == DeliveryState.UNCERTAIN)
    changed(session, in_doubt.values(worker_id=None))
    statement = (
        update(Delivery)
        .where(WAITING, col(Delivery.due_at).is_not(None))
        .values(due_at=None, reason=HELD_BACK)
    )
    return changed(session, statement)


def held_back(session: Session, digest_id: int | None) -> int:
    """Count what is held of a digest, or (None) of letters."""
    statement = select(func.count()).where(is_held_back(), _of(digest_id))
    return int(session.execute(statement).scalar_one())


def let_go(session: Session, digest_id: int | None, *, now: datetime, not_after: datetime) -> int:
    """Let what is held go; give how many. A digest's rows get until `not_after` at least.

    Letters keep their last moment: one that is out of date ends by it, unsent.
    """
    until = case(
        (
            or_(col(Delivery.digest_id).is_(None), col(Delivery.not_after) > not_after),
            col(Delivery.not_after),
        ),
        else_=not_after,
    )
    statement = (
        update(Delivery)
        .where(is_held_back(), _of(digest_id))
        .values(due_at=now, reason="", not_after=until)
    )
    return changed(session, statement)


def drop_held(session: Session, digest_id: int | None, *, now: datetime) -> int:
    """Withdraw what is held; give how many."""
    statement = (
        update(Delivery)
        .where(is_held_back(), _of(digest_id))
        .values(state=DeliveryState.WITHDRAWN, reason="withdrawn after a restore", settled_at=now)
    )
    return changed(session, statement)


def _of(digest_id: int | None) -> ColumnElement[bool]:
    return (
        col(Delivery.digest_id).is_(None)
        if digest_id is None
        else (col(Delivery.digest_id) == digest_id)
    )
