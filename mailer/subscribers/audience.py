"""Who gets a digest, as a SELECT for the ledger; and who of the claimed may still be mailed.

The audience is everybody confirmed on the list. One whose address is suppressed, or who pauses,
is in it too, so that every recipient is accounted for; the row says at once that it was not mailed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, literal, or_, select
from sqlmodel import Session, col

from mailer.db import Spelled, among
from mailer.db.schema import (
    DeliveryKind,
    DeliveryState,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    UTCDateTime,
)
from mailer.language import translatable
from mailer.ledger import Claimed
from mailer.subscribers import consent, suppressions

COLUMNS = (
    "subscriber_id",
    "address",
    "key",
    "domain",
    "name",
    "language",
    "state",
    "reason",
    "settled_at",
)
"""What `audience` selects, in order, under the names of the ledger's columns."""

SUPPRESSED = translatable("the address must not be mailed")
"""Why a digest did not go to one whose address is suppressed."""

PAUSES = translatable("the reader pauses this mail")
"""Why a digest was withdrawn from one who had asked for no mail until a later day."""


def audience(
    list_id: int,
    *,
    after: int,
    upto: int,
    language: str,
    now: datetime,
    only: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Select the recipients of a list with subscriber ids in (after, upto].

    `language` is for those who named none. `only` are conditions of a segment, which narrow it.
    """
    suppressed = exists().where(
        col(Suppression.key) == col(Subscriber.key),
        col(Suppression.list_id).in_([suppressions.EVERYWHERE, list_id]),
    )
    pauses = col(Subscriber.paused_until) > now
    values = (
        col(Subscriber.id),
        col(Subscriber.address),
        col(Subscriber.key),
        col(Subscriber.domain),
        col(Subscriber.name),
        func.coalesce(col(Subscription.language), col(Subscriber.language), language),
        case(
            (suppressed, DeliveryState.SUPPRESSED.value),
            (pauses, DeliveryState.WITHDRAWN.value),
            else_=DeliveryState.QUEUED.value,
        ),
        case((suppressed, SUPPRESSED), (pauses, PAUSES), else_=""),
        case((or_(suppressed, pauses), literal(now, type_=UTCDateTime())), else_=None),
    )
    named: list[Any] = [value.label(name) for name, value in zip(COLUMNS, values, strict=True)]
    return (
        select(*named)
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.CONFIRMED,
            col(Subscription.subscriber_id) > after,
            col(Subscription.subscriber_id) <= upto,
            col(Subscriber.key).is_not(None),
            *only,
        )
        .order_by(col(Subscription.subscriber_id))
    )


def chunk_end(session: Session, list_id: int, *, after: int, size: int) -> int | None:
    """Give the subscriber id at which the next `size` recipients end; None after the last."""
    some = (
        select(col(Subscription.subscriber_id))
        .where(
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.CONFIRMED,
            col(Subscription.subscriber_id) > after,
        )
        .order_by(col(Subscription.subscriber_id))
        .limit(size)
        .subquery()
    )
    return session.execute(select(func.max(some.c.subscriber_id))).scalar()


def size(session: Session, list_id: int, only: Sequence[ColumnElement[bool]] = ()) -> int:
    """Count who is confirmed on a list, or those of them for whom a segment's conditions hold."""
    statement = select(func.count()).where(
        col(Subscription.list_id) == list_id,
        col(Subscription.state) == SubscriptionState.CONFIRMED,
    )
    if only:
        mine = col(Subscriber.id) == col(Subscription.subscriber_id)
        statement = statement.select_from(Subscription).join(Subscriber, mine).where(*only)
    return int(session.execute(statement).scalar_one())


def size_up_to(session: Session, list_id: int, most: int) -> int:
    """Count who is confirmed on a list, but no further than `most`: cheap for any list."""
    some = (
        select(col(Subscription.subscriber_id))
        .where(
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.CONFIRMED,
        )
        .limit(most)
        .subquery()
    )
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def nameless(session: Session, list_id: int, only: Sequence[ColumnElement[bool]] = ()) -> int:
    """Count who is confirmed on a list, within a segment's conditions, and has told no name."""
    statement = (
        select(func.count())
        .select_from(Subscription)
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(
            col(Subscription.list_id) == list_id,
            col(Subscription.state) == SubscriptionState.CONFIRMED,
            col(Subscriber.name) == "",
            *only,
        )
    )
    return int(session.execute(statement).scalar_one())


def may_not_be_mailed(
    session: Session, claimed: Sequence[Claimed], *, now: datetime
) -> dict[int, tuple[str, str]]:
    """Ask again, just before sending; give (state, reason) for each claim that must not go.

    The states are `withdrawn` for one who left, pauses or was erased, `suppressed` for one whose
    address must not be mailed by this kind of letter.
    """
    refused: dict[int, tuple[str, str]] = {}
    for list_id in {one.list_id for one in claimed}:
        some = [one for one in claimed if one.list_id == list_id]
        digests = [one for one in some if one.kind is DeliveryKind.DIGEST]
        if digests and not _all_want_it(session, list_id, digests, now):
            gone, pausing = _gone(session, list_id, digests), _pausing(session, digests, now)
        else:
            gone, pausing = set(), set()
        why = suppressions.reasons_of(session, [one.key for one in some], list_id)
        if not (gone or pausing or why):
            continue
        for one in some:
            reasons = why.get(one.key, set())
            if one.id in gone:
                refused[one.id] = (DeliveryState.WITHDRAWN, "left the list before it was sent")
            elif not consent.allowed(one.kind, reasons):
                text = f"the address must not be mailed: {', '.join(sorted(reasons))}"
                refused[one.id] = (DeliveryState.SUPPRESSED, text)
            elif one.id in pausing:
                refused[one.id] = (DeliveryState.WITHDRAWN, PAUSES)
    return refused


_WANT_IT = Spelled(
    """
    SELECT count(*) FROM subscriptions JOIN subscribers ON subscribers.id = subscriber_id
    WHERE list_id = :list_id AND state = 'confirmed' AND subscriber_id {ids}
        AND (paused_until IS NULL OR paused_until <= :now)
    """,
    ids="bigint",
)


def _all_want_it(
    session: Session, list_id: int | None, digests: Sequence[Claimed], now: datetime
) -> bool:
    """Tell whether all are on the list and none pauses, as mostly: then nobody is looked for."""
    ids = {one.subscriber_id for one in digests}
    want_it = _WANT_IT.execute(session, list_id=list_id, ids=ids, now=now).scalar_one()
    return bool(want_it == len(ids))


def _pausing(session: Session, digests: Sequence[Claimed], now: datetime) -> set[int]:
    """Give the claims of digests whose subscriber wants none now; letters go all the same."""
    ids = {one.subscriber_id for one in digests}
    statement = select(col(Subscriber.id)).where(
        among(session, col(Subscriber.id), ids), col(Subscriber.paused_until) > now
    )
    pausing = set(session.execute(statement).scalars())
    return {one.id for one in digests if one.subscriber_id in pausing}


def _gone(session: Session, list_id: int | None, digests: Sequence[Claimed]) -> set[int]:
    """Give the claims of digests whose subscriber is not on the list any more."""
    statement = select(col(Subscription.subscriber_id)).where(
        col(Subscription.list_id) == list_id,
        col(Subscription.state) == SubscriptionState.CONFIRMED,
        among(session, col(Subscription.subscriber_id), {one.subscriber_id for one in digests}),
    )
    still = set(session.execute(statement).scalars())
    return {one.id for one in digests if one.subscriber_id not in still}
