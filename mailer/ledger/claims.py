"""Some rows under a worker's lease, and how each of them ended.

Two workers never hold the same row: a claim is one UPDATE of rows that nobody else has
locked. A settling names its worker, so that one who lost its lease changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Attempt, Delivery, DeliveryKind, DeliveryState, Worker
from mailer.ledger.posting import WAITING


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker may send."""

    id: int
    kind: DeliveryKind
    digest_id: int | None
    edition_id: int | None
    list_id: int | None
    subscriber_id: int | None
    address: str
    key: str
    domain: str
    name: str
    language: str
    context: dict[str, Any]
    route: str
    signing_key: int | None
    not_after: datetime
    dated_at: datetime
    tries: int


COLUMNS = tuple(getattr(Delivery, name) for name in Claimed.__slots__)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one claimed row ended, or when it comes up again.

    `state` QUEUED with a `due_at` is deferred; QUEUED without one is held for a person.
    `counted` says whether the try counts; `attempt` keeps what was answered, for all but
    a message that was taken.
    """

    delivery_id: int
    state: DeliveryState
    at: datetime
    due_at: datetime | None = None
    counted: bool = True
    reason: str = ""
    reply_code: int | None = None
    reply_text: str = ""
    attempt: Attempt | None = None


def claim_letters(
    session: Session, worker_id: int, route: str, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim letters of one route that are due."""
    wanted = [col(Delivery.digest_id).is_(None), col(Delivery.route) == route]
    return _claim(session, worker_id, wanted, limit, now)


def claim_digest(
    session: Session, worker_id: int, digest_id: int, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim rows of one digest that are due."""
    return _claim(session, worker_id, [col(Delivery.digest_id) == digest_id], limit, now)


def settle(session: Session, worker_id: int, settlements: Sequence[Settlement]) -> None:
    """Write how claims ended; a row that the worker no longer holds stays as it is."""
    if not settlements:
        return
    session.connection().execute(_SETTLE, [_values(worker_id, one) for one in settlements])
    tries = [one.attempt.model_dump(exclude={"id"}) for one in settlements if one.attempt]
    if tries:
        session.connection().execute(insert(Attempt), tries)


def give_back(session: Session, worker_id: int, ids: Collection[int] | None = None) -> int:
    """Return claims that were not begun to the queue (all of them when no ids are given)."""
    held = [col(Delivery.worker_id) == worker_id, col(Delivery.state) == DeliveryState.CLAIMED]
    if ids is not None:
        held.append(col(Delivery.id).in_(ids))
    statement = update(Delivery).where(*held).values(state=DeliveryState.QUEUED, worker_id=None)
    return changed(session, statement)


def _claim(
    session: Session,
    worker_id: int,
    wanted: Sequence[ColumnElement[bool]],
    limit: int,
    now: datetime,
) -> list[Claimed]:
    if not _alive(session, worker_id):
        return []
    due = (
        select(col(Delivery.id))
        .where(WAITING, col(Delivery.due_at) <= now, *wanted)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(due))
        .values(
            state=DeliveryState.CLAIMED,
            worker_id=worker_id,
            dated_at=func.coalesce(col(Delivery.dated_at), now),
        )
        .returning(*COLUMNS)
        .execution_options(synchronize_session=False)
    )
    rows = session.execute(statement).all()
    return sorted((Claimed(*row) for row in rows), key=lambda row: row.id)


def _alive(session: Session, worker_id: int) -> bool:
    """Tell whether the worker may claim, and keep it so until the claim is committed.

    A recovery ends the worker first: it waits for this lock and then sees what was claimed.
    """
    statement = (
        select(col(Worker.id))
        .where(col(Worker.id) == worker_id, col(Worker.ended_at).is_(None))
        .with_for_update(read=True)
    )
    return session.execute(statement).first() is not None


_SETTLE = (
    update(Delivery.__table__)  # type: ignore[attr-defined]
    .where(
        col(Delivery.id) == bindparam("b_id"),
        col(Delivery.worker_id) == bindparam("b_worker"),
        col(Delivery.state) == DeliveryState.CLAIMED,
    )
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due"),
        tries=col(Delivery.tries) + bindparam("b_tries"),
        settled_at=bindparam("b_settled"),
        reason=bindparam("b_reason"),
        reply_code=bindparam("b_code"),
        reply_text=bindparam("b_text"),
        worker_id=None,
    )
)


def _values(worker_id: int, one: Settlement) -> dict[str, Any]:
    waits = one.state is DeliveryState.QUEUED
    return {
        "b_id": one.delivery_id,
        "b_worker": worker_id,
        "b_state": one.state,
        "b_due": one.due_at,
        "b_tries": int(one.counted),
        "b_settled": None if waits else one.at,
        "b_reason": one.reason,
        "b_code": one.reply_code,
        "b_text": one.reply_text,
    }
