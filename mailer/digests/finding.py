"""Digests to be chosen from: some lists', in some state, the newest first, a page at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from mailer.db.schema import Digest, DigestItem, DigestState


@dataclass(frozen=True, slots=True)
class Search:
    """Which digests are wanted: of some lists (None: of all), in one state (None: in any)."""

    list_ids: Collection[int] | None = None
    state: DigestState | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some digests, and whether there are more on either side."""

    digests: list[Digest]
    is_first: bool
    is_last: bool


def page(
    session: Session,
    search: Search,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> Page:
    """Give the digests made before the one with this id, or those after it; the newest first."""
    statement = select(Digest)
    if search.list_ids is not None:
        statement = statement.where(col(Digest.list_id).in_(search.list_ids))
    if search.state is not None:
        statement = statement.where(col(Digest.state) == search.state)
    if after is not None:
        upwards = statement.where(col(Digest.id) > after).order_by(col(Digest.id))
        rows = list(session.exec(upwards.limit(limit + 1)))
        return Page(rows[:limit][::-1], len(rows) <= limit, is_last=False)
    if before is not None:
        statement = statement.where(col(Digest.id) < before)
    rows = list(session.exec(statement.order_by(col(Digest.id).desc()).limit(limit + 1)))
    return Page(rows[:limit], before is None, len(rows) <= limit)


def between(
    session: Session, list_ids: Collection[int] | None, starts: datetime, ends: datetime
) -> list[Digest]:
    """Give the digests that are to go, or were, between two moments, the earliest first."""
    statement = select(Digest).where(
        col(Digest.due_at) >= starts,
        col(Digest.due_at) < ends,
        col(Digest.state) != DigestState.CANCELLED,
    )
    if list_ids is not None:
        statement = statement.where(col(Digest.list_id).in_(list_ids))
    return list(session.exec(statement.order_by(col(Digest.due_at), col(Digest.id))))


def counts(session: Session, digest_ids: Collection[int]) -> dict[int, int]:
    """Give how many items some digests have."""
    statement = (
        select(DigestItem.digest_id, func.count())
        .where(col(DigestItem.digest_id).in_(digest_ids))
        .group_by(col(DigestItem.digest_id))
    )
    return dict(session.exec(statement).all())
