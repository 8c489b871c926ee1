"""What the ledger forgets with time: who was mailed, what relays said. Rows stay, for the sums."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Attempt, Delivery, Digest, DigestState

CHUNK = 2_000
"""Rows blanked in one transaction."""

BLANK: dict[str, object] = {
    "address": None,
    "key": None,
    "name": "",
    "subscriber_id": None,
    "context": {},
    "reply_text": "",
}
"""What a row keeps nothing of."""

OVER = [DigestState.SENT, DigestState.CANCELLED]


def old_digests(session: Session, *, before: datetime, done: Collection[int]) -> list[int]:
    """Give the digests that ended before a moment, without those named in `done`."""
    ended = func.coalesce(col(Digest.sent_at), col(Digest.queued_at), col(Digest.created_at))
    statement = select(col(Digest.id)).where(
        col(Digest.state).in_(OVER), ended < before, col(Digest.id).not_in(done)
    )
    return [int(one) for one in session.execute(statement).scalars() if one is not None]


def forget_recipients(session: Session, digest_id: int) -> int:
    """Blank some recipients of a digest that ended; give how many. Call until it gives 0."""
    some = (
        select(col(Delivery.id))
        .where(col(Delivery.digest_id) == digest_id, col(Delivery.address).is_not(None))
        .limit(CHUNK)
    )
    return changed(session, update(Delivery).where(col(Delivery.id).in_(some)).values(BLANK))


def forget_letters(session: Session, *, before: datetime) -> int:
    """Blank some letters that ended before a moment; give how many. Call until it gives 0."""
    some = (
        select(col(Delivery.id))
        .where(
            col(Delivery.digest_id).is_(None),
            col(Delivery.key).is_not(None),
            col(Delivery.posted_at) < before,
            col(Delivery.settled_at) < before,
        )
        .limit(CHUNK)
    )
    return changed(session, update(Delivery).where(col(Delivery.id).in_(some)).values(BLANK))


def forget_replies(session: Session, *, before: datetime) -> int:
    """Drop some tries from before a moment; give how many. Call until it gives 0."""
    some = select(col(Attempt.id)).where(col(Attempt.tried_at) < before)
    oldest = some.order_by(col(Attempt.id)).limit(CHUNK)
    return changed(session, delete(Attempt).where(col(Attempt.id).in_(oldest)))
