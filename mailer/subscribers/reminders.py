"""One reminder to whoever asked for a list and did not confirm."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db import changed
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    MailingList,
    Subscription,
    SubscriptionState,
)
from mailer.history import SYSTEM, About, record
from mailer.subscribers import roster
from mailer.subscribers.roster import Rules

REACH = timedelta(days=14)
"""Who was asked longer ago than this has answered by saying nothing."""

CHUNK = 200
"""Reminders posted in one transaction."""


def remind(session: Session, rules: Rules, *, now: datetime) -> int:
    """Post some of the reminders that are due; give how many. Call until it gives 0.

    Each opt-in is reminded once, and only if its confirmation was taken by the relay.
    """
    if rules.remind_after is None:
        return 0
    found = session.execute(_unanswered(rules.remind_after, now)).all()
    for subscriber_id, list_id in found:
        if _mark(session, subscriber_id, list_id, now):
            known = roster.standing_of(session, subscriber_id, list_id)
            standing = replace(known, offered=_was_offered(session, subscriber_id, list_id))
            route = lists.route_of(session, list_id)
            letter = roster.letter(DeliveryKind.REMINDER, standing, rules, route=route, when=now)
            ledger.post(session, letter, now=now)
            about = About(subscriber_id=subscriber_id, list_id=list_id)
            record(session, "subscription.reminded", SYSTEM, about, at=now)
    return len(found)


def forgo_reminders(session: Session, *, now: datetime) -> int:
    """Let nobody who waits now be reminded, who may have been already; give how many.

    Whoever asks anew is reminded like anybody.
    """
    statement = update(Subscription).where(
        col(Subscription.state) == SubscriptionState.PENDING,
        col(Subscription.reminded_at).is_(None),
    )
    return changed(session, statement.values(reminded_at=now))


def _unanswered(after: timedelta, now: datetime) -> Select[int, int]:
    """Select the opt-ins whose letter went, long enough ago, and was not answered."""
    later = aliased(Delivery)
    of_it = and_(
        col(Delivery.subscriber_id) == col(Subscription.subscriber_id),
        col(Delivery.list_id) == col(Subscription.list_id),
        col(Delivery.kind) == DeliveryKind.CONFIRMATION,
    )
    went = exists().where(
        of_it,
        col(Delivery.state) == DeliveryState.SENT,
        col(Delivery.settled_at) <= now - after,
        col(Delivery.settled_at) > now - REACH,
    )
    is_fresh = exists().where(
        col(later.subscriber_id) == col(Subscription.subscriber_id),
        col(later.list_id) == col(Subscription.list_id),
        col(later.kind) == DeliveryKind.CONFIRMATION,
        col(later.posted_at) > now - after,
    )
    return (
        select(col(Subscription.subscriber_id), col(Subscription.list_id))
        .join(MailingList, col(MailingList.id) == col(Subscription.list_id))
        .where(
            col(Subscription.state) == SubscriptionState.PENDING,
            col(Subscription.reminded_at).is_(None),
            col(MailingList.retired_at).is_(None),
            went,
            ~is_fresh,
        )
        .order_by(col(Subscription.subscriber_id))
        .limit(CHUNK)
    )


def _was_offered(session: Session, subscriber_id: int, list_id: int) -> bool:
    """Tell whether the letter that was not answered said that the office asks."""
    statement = (
        select(col(Delivery.context))
        .where(
            col(Delivery.subscriber_id) == subscriber_id,
            col(Delivery.list_id) == list_id,
            col(Delivery.kind) == DeliveryKind.CONFIRMATION,
        )
        .order_by(col(Delivery.id).desc())
        .limit(1)
    )
    return bool((session.execute(statement).scalar() or {}).get("offered"))


def _mark(session: Session, subscriber_id: int, list_id: int, now: datetime) -> bool:
    statement = (
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == subscriber_id,
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.PENDING,
            col(Subscription.reminded_at).is_(None),
        )
        .values(reminded_at=now)
    )
    return changed(session, statement) == 1
