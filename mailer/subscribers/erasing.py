"""Forgetting a person: every trace of who it was goes, every row that a sum counts stays.

What stays says *somebody*, *this list*, *that day*. Of the address itself a keyed hash stays among
the suppressions, so that no import brings back who asked to be forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlmodel import Session, col

from mailer import departures, history
from mailer.db import Lock, alone
from mailer.db.schema import (
    AddressChange,
    Ask,
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Event,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.departures import Departure, Kind
from mailer.history import READER, About, By
from mailer.subscribers import roster, suppressions

WHY = "erased before it was sent"

KEPT_DETAILS = frozenset({"via", "was", "event", "wording_version", "change", "moved", "kept"})
"""What stays of the evidence in a line of history: nothing that leads to a person."""


def erase(session: Session, subscriber_id: int, *, now: datetime, by: By = READER) -> bool:
    """Forget who a subscriber was; False for one who is forgotten already, or never was."""
    forgotten = _forget(session, subscriber_id, now)
    if forgotten is None:
        return False
    for name in forgotten.names:
        suppressions.suppress(session, name, SuppressionReason.REQUEST, now=now)
    today, *former = forgotten.ids
    event = history.record(session, "subscriber.erased", by, About(today), at=now)
    # A database of before they became one knows them by their former numbers.
    for number in former:
        departures.note(session.info, Departure(now, Kind.ERASED, event, number))
    return True


def lapse(session: Session, subscriber_id: int, *, now: datetime) -> None:
    """Forget who it was that never confirmed; whoever has the address may be asked again."""
    _forget(session, subscriber_id, now)


@dataclass(frozen=True, slots=True)
class _Forgotten:
    """A person's numbers, today's first, and what their addresses are called from now on."""

    ids: list[int]
    names: list[str]


def _forget(session: Session, subscriber_id: int, now: datetime) -> _Forgotten | None:
    """Blank a person; None for one who is forgotten already, or never was."""
    alone(session, Lock.ROSTER)
    subscriber_id = roster.today(session, subscriber_id)
    found = session.get(Subscriber, subscriber_id, populate_existing=True)
    if found is None or found.key is None:
        return None
    ids, keys = _all_of(session, subscriber_id, found.key)
    names = [suppressions.forget(session, key, now=now) for key in sorted(keys)]
    _blank_people(session, ids, now)
    _blank_mail(session, ids, keys, now)
    _blank_history(session, ids)
    return _Forgotten(ids, names)


def _all_of(session: Session, subscriber_id: int, key: str) -> tuple[list[int], set[str]]:
    """Give every number and every address that a person had here."""
    ids, fresh = [subscriber_id], [subscriber_id]
    while fresh:
        statement = select(col(Subscriber.id)).where(
            col(Subscriber.merged_into).in_(fresh), col(Subscriber.id).not_in(ids)
        )
        fresh = [int(one) for one in session.execute(statement).scalars() if one is not None]
        ids += fresh
    changes = select(col(AddressChange.old_address)).where(
        col(AddressChange.subscriber_id).in_(ids), col(AddressChange.done_at).is_not(None)
    )
    former = {one.lower() for one in session.execute(changes).scalars() if one}
    taken = select(col(Subscriber.key)).where(
        col(Subscriber.key).in_(former), col(Subscriber.id).not_in(ids)
    )
    # A former address may be somebody else's by now, whose mail is theirs.
    return ids, {key} | former - set(session.execute(taken).scalars())


def _blank_people(session: Session, ids: list[int], now: datetime) -> None:
    person: dict[str, Any] = {
        "address": None,
        "key": None,
        "domain": None,
        "name": "",
        "language": None,
        "organisation_id": None,
        "paused_until": None,
        "erased_at": now,
    }
    mine = col(Subscription.subscriber_id).in_(ids)
    active = col(Subscription.state) != SubscriptionState.UNSUBSCRIBED
    gone = {"state": SubscriptionState.UNSUBSCRIBED, "left_at": now}
    session.execute(update(Subscriber).where(col(Subscriber.id).in_(ids)).values(person))
    session.execute(update(Subscription).where(mine, active).values(gone))
    session.execute(update(Subscription).where(mine).values(basis=None, language=None))


OF_OFFICE = (DeliveryKind.NOTICE, DeliveryKind.PASSWORD, DeliveryKind.APPROVAL)
"""Letters to whoever works here."""


def _blank_mail(session: Session, ids: list[int], keys: set[str], now: datetime) -> None:
    """Take back what waits, and blank what was mailed to whom and what was answered."""
    # What an owner or an editor is told as such is no reader's mail.
    to_them = and_(
        col(Delivery.digest_id).is_(None),
        col(Delivery.key).in_(keys),
        col(Delivery.kind).not_in(OF_OFFICE),
    )
    theirs = or_(col(Delivery.subscriber_id).in_(ids), to_them)
    deliveries = list(session.execute(select(col(Delivery.id)).where(theirs)).scalars())
    waits = col(Delivery.state) == DeliveryState.QUEUED
    taken_back = {
        "state": DeliveryState.WITHDRAWN,
        "reason": WHY,
        "settled_at": now,
        "due_at": None,
    }
    blank: dict[str, Any] = {
        "address": None,
        "key": None,
        "domain": "",
        "name": "",
        "context": {},
        "reply_text": "",
    }
    mine = col(Delivery.id).in_(deliveries)
    session.execute(update(Delivery).where(mine, waits).values(taken_back))
    session.execute(update(Delivery).where(mine).values(blank))
    tries = update(Attempt).where(col(Attempt.delivery_id).in_(deliveries))
    session.execute(tries.values(text="", reply_key="", domain=""))
    session.execute(delete(Ask).where(func.lower(col(Ask.address)).in_(keys)))
    session.execute(
        update(AddressChange).where(_about_them(ids, keys)).values(old_address=None, address=None)
    )


def _about_them(ids: list[int], keys: set[str]) -> ColumnElement[bool]:
    """Find changes of address of theirs, and those by which others never came to theirs."""
    undone = and_(
        col(AddressChange.done_at).is_(None), func.lower(col(AddressChange.address)).in_(keys)
    )
    return or_(col(AddressChange.subscriber_id).in_(ids), undone)


def _blank_history(session: Session, ids: list[int]) -> None:
    rows = select(col(Event.id), col(Event.details)).where(col(Event.subscriber_id).in_(ids))
    for event_id, details in session.execute(rows).all():
        kept = _bare(details)
        if kept != details:
            statement = update(Event).where(col(Event.id) == event_id)
            session.execute(statement.values(details=kept, actor_id=""))


def _bare(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if name in KEPT_DETAILS}
