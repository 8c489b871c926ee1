"""Which digests want somebody's attention: drafts, those that go soon, go now, or went lately."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from mailer.db.schema import Approval, Digest, DigestState

MOST = 5
"""Of each kind; the room of digests shows them all."""

MOST_GOING = 20

LATELY = timedelta(days=7)
"""How long what a digest left undone stays in view."""


@dataclass(frozen=True, slots=True)
class Afoot:
    """Digests of some lists, the most urgent first in each."""

    going: Sequence[Digest]
    paused: Sequence[Digest]
    lately: Sequence[Digest]
    scheduled: Sequence[Digest]
    drafts: Sequence[Digest]
    approvals: Sequence[tuple[Approval, Digest]]


def afoot(session: Session, list_ids: Collection[int], *, now: datetime) -> Afoot:
    """Give what is under way on some lists."""
    mine = col(Digest.list_id).in_(list_ids)
    state = col(Digest.state)

    def some(*conditions: object, order: object, most: int = MOST) -> list[Digest]:
        statement = select(Digest).where(mine, *conditions)  # type: ignore[arg-type]
        return list(session.exec(statement.order_by(order).limit(most)))  # type: ignore[arg-type]

    newest = col(Digest.id).desc()
    going = state.in_([DigestState.QUEUED, DigestState.SENDING])
    lately = col(Digest.sent_at) > now - LATELY
    asked = (
        select(Approval, Digest)
        .join(Digest, col(Digest.id) == col(Approval.digest_id))
        .where(mine, state == DigestState.DRAFT, col(Approval.answer).is_(None))
        .order_by(col(Approval.id).desc())
        .limit(MOST)
    )
    return Afoot(
        going=some(going, order=col(Digest.id), most=MOST_GOING),
        paused=some(state == DigestState.PAUSED, order=col(Digest.id), most=MOST_GOING),
        lately=some(state == DigestState.SENT, lately, order=newest),
        scheduled=some(state == DigestState.SCHEDULED, order=col(Digest.due_at)),
        drafts=some(state == DigestState.DRAFT, order=newest),
        approvals=[(approval, digest) for approval, digest in session.exec(asked)],
    )


def any_yet(session: Session) -> bool:
    """Tell whether there was ever a digest."""
    return session.exec(select(Digest.id).limit(1)).first() is not None
