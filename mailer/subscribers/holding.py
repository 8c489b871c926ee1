"""All that is held about one person, in plain values: what they may see, and take along."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from mailer import history, lists
from mailer.db.schema import (
    AddressChange,
    Attempt,
    Delivery,
    Digest,
    MailingList,
    Subscriber,
    Subscription,
    Suppression,
)
from mailer.errors import NotFound
from mailer.history import About
from mailer.subscribers import organisations, roster, suppressions

Record = dict[str, Any]


def held(session: Session, subscriber_id: int) -> Record:
    """Give everything about a person; the keys are in docs/commands.md. Moments are aware.

    Raises NotFound for one who is erased, or never was.
    """
    found = session.get(Subscriber, roster.today(session, subscriber_id), populate_existing=True)
    if found is None or found.id is None or found.key is None:
        raise NotFound("subscription", subscriber_id)
    slugs = dict(session.execute(select(col(MailingList.id), col(MailingList.slug))).all())
    return {
        **_person(session, found),
        "subscriptions": _subscriptions(session, found.id, slugs),
        "suppressions": _suppressions(session, found.key, slugs),
        "address_changes": _changes(session, found.id),
        "deliveries": _deliveries(session, found.id, slugs),
        "history": _history(session, found.id, slugs),
    }


def held_for_reader(session: Session, subscriber_id: int) -> Record:
    """Give what whoever reads the mailbox now may see: nothing from before it came to them.

    Raises NotFound as `held` does.
    """
    whole = held(session, subscriber_id)
    about = About(subscriber_id=roster.today(session, subscriber_id))
    came = history.last(session, "subscriber.handed_over", about)
    if came is None:
        return whole
    moments = {"deliveries": "posted_at", "history": "at", "address_changes": "asked_at"}
    theirs = {
        name: [one for one in whole[name] if one[moment] >= came.at]
        for name, moment in moments.items()
    }
    return whole | theirs


def _person(session: Session, found: Subscriber) -> Record:
    works_at = organisations.directory(session).of(found.organisation_id, found.domain)
    return {
        "address": found.address,
        "name": found.name,
        "language": found.language,
        "organisation": works_at.name if works_at else None,
        "country": works_at.country if works_at else None,
        "since": found.created_at,
        "paused_until": found.paused_until,
    }


def _subscriptions(session: Session, subscriber_id: int, slugs: Mapping[int, str]) -> list[Record]:
    statement = (
        select(Subscription)
        .where(col(Subscription.subscriber_id) == subscriber_id)
        .order_by(col(Subscription.list_id))
    )
    return [
        {
            "list": slugs[one.list_id],
            "name": lists.card(session, one.list_id).words.name,
            "state": one.state.value,
            "language": one.language,
            "basis": one.basis,
            "since": one.created_at,
            "confirmed_at": one.confirmed_at,
            "left_at": one.left_at,
        }
        for one in session.execute(statement).scalars()
    ]


def _suppressions(session: Session, key: str, slugs: Mapping[int, str]) -> list[Record]:
    statement = select(Suppression).where(
        col(Suppression.key).in_(suppressions.names_of(session, key))
    )
    return [
        {
            "list": slugs.get(one.list_id),
            "reason": one.reason.value,
            "since": one.created_at,
            "note": one.note,
        }
        for one in session.execute(statement).scalars()
    ]


def _changes(session: Session, subscriber_id: int) -> list[Record]:
    statement = (
        select(AddressChange)
        .where(col(AddressChange.subscriber_id) == subscriber_id)
        .order_by(col(AddressChange.id))
    )
    names = ("old_address", "address", "asked_at", "done_at", "undone_at")
    rows = session.execute(statement).scalars()
    return [{name: getattr(one, name) for name in names} for one in rows]


def _deliveries(session: Session, subscriber_id: int, slugs: Mapping[int, str]) -> list[Record]:
    statement = (
        select(Delivery, col(Digest.number))
        .outerjoin(Digest, col(Digest.id) == col(Delivery.digest_id))
        .where(col(Delivery.subscriber_id) == subscriber_id)
        .order_by(col(Delivery.id))
    )
    rows = session.execute(statement).all()
    tries = _tries(session, [one.id for one, _ in rows])
    return [
        {
            "kind": one.kind.value,
            "list": slugs.get(one.list_id or 0),
            "number": number,
            "address": one.address,
            "name": one.name,
            "language": one.language,
            "state": one.state.value,
            "posted_at": one.posted_at,
            "settled_at": one.settled_at,
            "reason": one.reason,
            "reply": one.reply_text,
            "attempts": tries.get(one.id or 0, []),
        }
        for one, number in rows
    ]


def _tries(session: Session, ids: list[int | None]) -> dict[int, list[Record]]:
    statement = select(Attempt).where(col(Attempt.delivery_id).in_(ids)).order_by(col(Attempt.id))
    found: dict[int, list[Record]] = {}
    for one in session.execute(statement).scalars():
        said = {"at": one.tried_at, "verdict": one.verdict, "code": one.code, "text": one.text}
        found.setdefault(one.delivery_id, []).append(said)
    return found


def _history(session: Session, subscriber_id: int, slugs: Mapping[int, str]) -> list[Record]:
    return [
        {
            "at": event.at,
            "kind": event.kind,
            "list": slugs.get(event.list_id) if event.list_id else None,
            "by": event.actor.value,
            "details": event.details,
        }
        for event in history.of_subscriber(session, subscriber_id)
    ]
