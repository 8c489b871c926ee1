"""What an editor asks of the ledger: how it stands, and what to do with what did not go."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Delivery, DeliveryState
from mailer.ledger.holding_back import is_held_back
from mailer.ledger.posting import WAITING
from mailer.ledger.reports import standing


@dataclass(frozen=True, slots=True)
class Sums:
    """How the recipients of a digest stand; they add up to `recipients`."""

    waiting: int = 0
    deferred: int = 0
    sent: int = 0
    failed: int = 0
    suppressed: int = 0
    withdrawn: int = 0
    uncertain: int = 0

    @property
    def recipients(self) -> int:
        """Give the whole audience."""
        return self.open + self.sent + self.failed + self.closed_otherwise

    @property
    def open(self) -> int:
        """Give how many may still be mailed by themselves."""
        return self.waiting + self.deferred

    @property
    def closed_otherwise(self) -> int:
        """Give how many ended neither sent nor failed."""
        return self.suppressed + self.withdrawn + self.uncertain


def sums(session: Session, digest_id: int) -> Sums:
    """Count a digest's rows by where they stand."""
    # As the index has them, and nothing else: a million are counted without a look at one of them.
    statement = (
        select(col(Delivery.state), col(Delivery.tries), func.count())
        .where(col(Delivery.digest_id) == digest_id)
        .group_by(col(Delivery.state), col(Delivery.tries))
    )
    counts: dict[str, int] = {}
    for state, tried, count in session.execute(statement):
        name = standing(DeliveryState(state), tried).value
        counts[name] = counts.get(name, 0) + count
    return Sums(**counts)


def has_undone(session: Session, digest_id: int) -> bool:
    """Tell whether somebody did not get a digest, or nobody knows: quick, of a million too."""
    undone = select(col(Delivery.digest_id)).where(
        col(Delivery.digest_id) == digest_id,
        col(Delivery.state).in_([DeliveryState.FAILED, DeliveryState.UNCERTAIN]),
    )
    return session.execute(undone.limit(1)).first() is not None


def retry_failed(session: Session, digest_id: int, *, now: datetime, not_after: datetime) -> int:
    """Queue a digest's failed and held rows again, save those held after a restore."""
    held = WAITING & col(Delivery.due_at).is_(None) & ~is_held_back()
    failed = col(Delivery.state) == DeliveryState.FAILED
    return _again(session, digest_id, held | failed, now, not_after)


def resend_uncertain(
    session: Session, digest_id: int, *, now: datetime, not_after: datetime
) -> int:
    """Queue a digest's uncertain rows again, with the same bytes; give how many."""
    uncertain = col(Delivery.state) == DeliveryState.UNCERTAIN
    return _again(session, digest_id, uncertain, now, not_after)


def take_as_sent(session: Session, digest_id: int, *, now: datetime) -> int:
    """Count a digest's uncertain rows as sent, as an editor has decided; give how many."""
    statement = (
        update(Delivery)
        .where(
            col(Delivery.digest_id) == digest_id,
            col(Delivery.state) == DeliveryState.UNCERTAIN,
        )
        .values(
            state=DeliveryState.SENT,
            settled_at=now,
            worker_id=None,
            reason="counted as sent by an editor",
        )
    )
    return changed(session, statement)


def _again(
    session: Session,
    digest_id: int,
    which: ColumnElement[bool],
    now: datetime,
    not_after: datetime,
) -> int:
    statement = (
        update(Delivery)
        .where(
            col(Delivery.digest_id) == digest_id,
            which,
            col(Delivery.address).is_not(None),  # nobody can mail who is forgotten
        )
        .values(
            state=DeliveryState.QUEUED,
            due_at=now,
            not_after=not_after,
            settled_at=None,
            worker_id=None,
            reason="",
        )
    )
    return changed(session, statement)
