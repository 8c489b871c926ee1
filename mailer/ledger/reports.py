"""How deliveries stand, in the words that editors know, and lists of them to look at."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlmodel import Session, col

from mailer.db.schema import Delivery, DeliveryState
from mailer.ledger.holding_back import is_held_back
from mailer.ledger.posting import WAITING

OPEN = frozenset({DeliveryState.QUEUED, DeliveryState.CLAIMED})


class Standing(StrEnum):
    """Where a recipient stands; each is in exactly one of these."""

    WAITING = "waiting"  # not tried yet
    DEFERRED = "deferred"  # tried, and will be again
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    WITHDRAWN = "withdrawn"
    UNCERTAIN = "uncertain"


def standing(state: DeliveryState, tries: int) -> Standing:
    """Give where a row stands, by its state and how often it was tried."""
    if state in OPEN:
        return Standing.DEFERRED if tries else Standing.WAITING
    return Standing(state.value)


def of_digest(session: Session, digest_id: int, only: Standing | None = None) -> list[Delivery]:
    """Give a digest's deliveries, in the order in which they were queued."""
    statement = select(Delivery).where(col(Delivery.digest_id) == digest_id)
    if only is not None:
        statement = statement.where(*stands(only))
    return list(session.execute(statement.order_by(col(Delivery.id))).scalars())


def letters_waiting(session: Session) -> int:
    """Count the letters that have not gone yet."""
    statement = select(func.count()).where(WAITING, col(Delivery.digest_id).is_(None))
    return int(session.execute(statement).scalar_one())


def longest_waiting_letter(session: Session) -> datetime | None:
    """Give since when the letter has been due that has waited longest; None when none waits."""
    statement = select(func.min(col(Delivery.due_at))).where(
        WAITING, col(Delivery.digest_id).is_(None)
    )
    return session.execute(statement).scalar()


def waits_for_us(session: Session, digest_id: int, *, now: datetime) -> bool:
    """Tell whether any of a digest is due, in hand, or held for a person; not only put off."""
    due = WAITING & or_(
        col(Delivery.due_at) <= now, col(Delivery.due_at).is_(None) & ~is_held_back()
    )
    in_hand = col(Delivery.state) == DeliveryState.CLAIMED
    rows = exists().where(col(Delivery.digest_id) == digest_id, or_(due, in_hand))
    return bool(session.execute(select(rows)).scalar())


def stands(only: Standing) -> list[ColumnElement[bool]]:
    """Give the conditions under which a row stands somewhere."""
    if only is Standing.WAITING:
        return [col(Delivery.state).in_(OPEN), col(Delivery.tries) == 0]
    if only is Standing.DEFERRED:
        return [col(Delivery.state).in_(OPEN), col(Delivery.tries) > 0]
    return [col(Delivery.state) == DeliveryState(only.value)]
