"""What is forgotten of people with time: who never confirmed, and evidence that has served."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, and_, cast, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import Event, Subscription, SubscriptionState
from mailer.history import SYSTEM, About, record
from mailer.subscribers import erasing

CHUNK = 50
"""People forgotten in one transaction; each is some statements."""

EVENTS = 500
"""Lines of history bared in one transaction."""

EVIDENCE = frozenset({"remote", "agent", "origin"})
"""Details of a line of history that only evidence needs: network address, browser, other site."""


def forget_unconfirmed(session: Session, *, before: datetime, now: datetime) -> int:
    """Forget some who never confirmed; give how many. Call until it gives 0.

    Whoever is, or was, on a list stays a person we know: then only the opt-in lapses.
    """
    found = session.execute(_unconfirmed(before)).all()
    for subscriber_id, list_id in found:
        about = About(subscriber_id=subscriber_id, list_id=list_id)
        record(session, "subscription.lapsed", SYSTEM, about, at=now)
        if not _is_known_otherwise(session, subscriber_id, list_id):
            erasing.lapse(session, subscriber_id, now=now)
        _lapse(session, subscriber_id, list_id, now)
    return len(found)


def spent_evidence(session: Session, *, before: datetime) -> list[tuple[int, dict[str, Any]]]:
    """Give some lines about subscriptions that ended before a moment, and what may stay of each.

    Those about a person as a whole, once all their lists had ended; about nobody known, by age.
    A look, not a write: it goes through all of history.
    """
    mine = col(Subscription.subscriber_id) == col(Event.subscriber_id)
    ended = exists().where(
        mine,
        col(Subscription.list_id) == col(Event.list_id),
        col(Subscription.state) == SubscriptionState.UNSUBSCRIBED,
        col(Subscription.left_at) < before,
    )
    goes_on = exists().where(
        mine,
        or_(
            col(Subscription.state) != SubscriptionState.UNSUBSCRIBED,
            col(Subscription.left_at) >= before,
        ),
    )
    is_general = or_(col(Event.list_id).is_(None), col(Event.subscriber_id).is_(None))
    general = and_(is_general, col(Event.at) < before, ~goes_on)
    holds = cast(col(Event.details), Text).like('%"remote"%')
    rows = session.execute(
        select(col(Event.id), col(Event.details)).where(holds, or_(ended, general)).limit(EVENTS)
    ).all()
    return [
        (event_id, {name: value for name, value in details.items() if name not in EVIDENCE})
        for event_id, details in rows
    ]


def bare(session: Session, lines: Sequence[tuple[int, dict[str, Any]]]) -> None:
    """Let of these lines stay what may."""
    for event_id, kept in lines:
        session.execute(update(Event).where(col(Event.id) == event_id).values(details=kept))


def _unconfirmed(before: datetime) -> Select[int, int]:
    """Select opt-ins that nobody answered, and that nobody asked for again since."""
    asked = aliased(Event)
    again = exists().where(
        col(asked.subscriber_id) == col(Subscription.subscriber_id),
        col(asked.list_id) == col(Subscription.list_id),
        col(asked.kind) == "subscription.asked",
        col(asked.at) >= before,
    )
    return (
        select(col(Subscription.subscriber_id), col(Subscription.list_id))
        .where(
            col(Subscription.state) == SubscriptionState.PENDING,
            col(Subscription.created_at) < before,
            func.coalesce(col(Subscription.reminded_at), col(Subscription.created_at)) < before,
            ~again,
        )
        .limit(CHUNK)
    )


def _is_known_otherwise(session: Session, subscriber_id: int, list_id: int) -> bool:
    other = exists().where(
        col(Subscription.subscriber_id) == subscriber_id, col(Subscription.list_id) != list_id
    )
    was_here = exists().where(
        col(Event.subscriber_id) == subscriber_id,
        col(Event.list_id) == list_id,
        col(Event.kind).in_(["subscription.confirmed", "subscription.left"]),
    )
    return bool(session.execute(select(other | was_here)).scalar())


def _lapse(session: Session, subscriber_id: int, list_id: int, now: datetime) -> bool:
    statement = (
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == subscriber_id,
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.PENDING,
        )
        .values(state=SubscriptionState.UNSUBSCRIBED, left_at=now)
    )
    return changed(session, statement) == 1
