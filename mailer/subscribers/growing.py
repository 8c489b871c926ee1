"""How a list has grown: who was confirmed on it at the end of each of the last months.

Counted by the month in chunks of subscribers, beside all else, and kept as a fact for an hour: a
page only reads it. Who left and came back counts from when they came back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from mailer import facts
from mailer.db.schema import Subscription, SubscriptionState

EVERY = timedelta(hours=1)
CHUNK = 50_000
"""Subscriptions counted in one go: some 50 ms."""

MONTHS = 12
FACT = "growth:"

COUNTED = (SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED)


@dataclass(frozen=True, slots=True)
class Growth:
    """How many were confirmed at the end of each month, the last being the one that runs."""

    months: Sequence[str]
    counts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Counting:
    """How far the counting of a list is; done when `state` is None. `net` is gains by month."""

    list_id: int
    state: SubscriptionState | None = COUNTED[0]
    after: int = 0
    net: tuple[tuple[str, int], ...] = ()


def is_due(session: Session, list_id: int, *, now: datetime) -> bool:
    """Tell whether a list's growth is to be counted anew."""
    fact = facts.get(session, f"{FACT}{list_id}")
    return fact is None or not timedelta(0) <= now - fact.at < EVERY


def count_on(session: Session, counting: Counting) -> Counting:
    """Count the next chunk of a list; nothing is written."""
    assert counting.state is not None
    window = (
        select(
            col(Subscription.subscriber_id).label("id"),
            _month(session, col(Subscription.confirmed_at)).label("came"),
            _month(session, col(Subscription.left_at)).label("left"),
        )
        .where(
            col(Subscription.list_id) == counting.list_id,
            col(Subscription.state) == counting.state,
            col(Subscription.subscriber_id) > counting.after,
        )
        .order_by(col(Subscription.subscriber_id))
        .limit(CHUNK)
        .subquery()
    )
    statement = select(window.c.came, window.c.left, func.count(), func.max(window.c.id)).group_by(
        window.c.came, window.c.left
    )
    net, seen, last = Counter(dict(counting.net)), 0, counting.after
    for came, left, count, greatest in session.execute(statement):
        seen, last = seen + count, max(last, greatest)
        if came is not None:
            net[came] += count
            if counting.state is SubscriptionState.UNSUBSCRIBED:
                net[left or came] -= count
    state: SubscriptionState | None = counting.state
    if seen < CHUNK:
        state, last = _next(counting.state), 0
    return Counting(counting.list_id, state, last, tuple(net.items()))


def note(session: Session, done: Counting, *, now: datetime) -> None:
    """Keep what was counted."""
    facts.note(session, f"{FACT}{done.list_id}", {"net": dict(done.net)}, now=now)


def growth(session: Session, list_id: int, *, now: datetime) -> Growth | None:
    """Give how a list has grown in a year; None where nobody has counted yet."""
    kept = facts.value(session, f"{FACT}{list_id}")
    return None if kept is None else over_a_year(kept, now)


def over_a_year(kept: dict[str, Any], now: datetime) -> Growth:
    """Give the sums at the end of the last twelve months. Pure."""
    months = _last_months(now)
    net: dict[str, int] = kept["net"]
    counts = [sum(count for month, count in net.items() if month <= end) for end in months]
    return Growth(months, [max(0, count) for count in counts])


def _last_months(now: datetime) -> list[str]:
    first = now.year * 12 + now.month - MONTHS
    return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(first, first + MONTHS)]


def _next(state: SubscriptionState) -> SubscriptionState | None:
    at = COUNTED.index(state) + 1
    return COUNTED[at] if at < len(COUNTED) else None


def _month(session: Session, at: Any) -> ColumnElement[str]:
    if session.connection().dialect.name == "sqlite":
        return func.substr(at, 1, 7)  # as a moment is stored there
    return func.to_char(func.timezone("UTC", at), "YYYY-MM")
