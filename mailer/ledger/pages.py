"""A digest's deliveries a page at a time, whatever their number, in the order of subscribers.

Few that stand somewhere are found by their state; of many, and of a domain, the next so many rows
are gone through, and the page says where it stopped.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from mailer.db import among
from mailer.db.schema import Attempt, Delivery
from mailer.ledger.reports import Standing, stands

ON_A_PAGE = 100
GONE_THROUGH = 20_000
"""Rows looked at for one page."""

FEW = 20_000
"""So many that stand somewhere can be brought in order for a page."""

MOST_ATTEMPTS = 2_000
"""Attempts that a page shows, of all its rows together."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries with their attempts; `after` is where the next page begins, if there is one.

    A page may be short, or empty, and yet have one that follows.
    """

    rows: Sequence[Delivery]
    after: int | None
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)


def page(
    session: Session,
    digest_id: int,
    *,
    only: Standing | None = None,
    are_few: bool = False,
    domain: str = "",
    after: int = 0,
) -> Page:
    """Give deliveries of a digest that follow a subscriber; `are_few`: of those that stand so."""
    if only is not None and are_few and not domain:
        return _by_state(session, digest_id, only, after)
    window = (
        select(col(Delivery.id), col(Delivery.subscriber_id).label("place"))
        .where(col(Delivery.digest_id) == digest_id, col(Delivery.subscriber_id) > after)
        .order_by(col(Delivery.subscriber_id))
        .limit(GONE_THROUGH)
        .subquery()
    )
    wanted: list[ColumnElement[bool]] = []
    if only is not None:
        wanted += stands(only)
    if domain:
        wanted.append(col(Delivery.domain) == domain)
    statement = (
        select(Delivery)
        .join(window, window.c.id == col(Delivery.id))
        .where(*wanted)
        .order_by(window.c.place)
        .limit(ON_A_PAGE + 1)
    )
    found = list(session.execute(statement).scalars())
    if len(found) > ON_A_PAGE:
        return _with_attempts(session, found[:ON_A_PAGE], found[ON_A_PAGE - 1].subscriber_id)
    count, last = session.execute(select(func.count(), func.max(window.c.place))).one()
    return _with_attempts(session, found, last if count == GONE_THROUGH else None)


def to_subscriber(session: Session, digest_id: int, subscriber_id: int) -> Page:
    """Give what one subscriber was to get of a digest, if anything."""
    statement = select(Delivery).where(
        col(Delivery.digest_id) == digest_id, col(Delivery.subscriber_id) == subscriber_id
    )
    return _with_attempts(session, list(session.execute(statement).scalars()), None)


def attempts_at(session: Session, ids: Collection[int]) -> dict[int, list[Attempt]]:
    """Give the tries at some deliveries that were not taken, the first first."""
    statement = (
        select(Attempt)
        .where(among(session, col(Attempt.delivery_id), ids))
        .order_by(col(Attempt.id))
        .limit(MOST_ATTEMPTS)
    )
    found: dict[int, list[Attempt]] = {}
    for one in session.execute(statement).scalars():
        found.setdefault(one.delivery_id, []).append(one)
    return found


def _by_state(session: Session, digest_id: int, only: Standing, after: int) -> Page:
    # Not the bare column: sorted by it, SQLite would go through all rows in that order.
    place = func.coalesce(col(Delivery.subscriber_id), 0)
    statement = (
        select(Delivery)
        .where(col(Delivery.digest_id) == digest_id, *stands(only), place > after)
        .order_by(place)
        .limit(ON_A_PAGE + 1)
    )
    found = list(session.execute(statement).scalars())
    more = found[ON_A_PAGE - 1].subscriber_id if len(found) > ON_A_PAGE else None
    return _with_attempts(session, found[:ON_A_PAGE], more)


def _with_attempts(session: Session, rows: Sequence[Delivery], after: int | None) -> Page:
    tried = [row.id for row in rows if row.id is not None]
    return Page(rows, after, attempts_at(session, tried) if tried else {})
