"""Why one person got, or did not get, a digest: a sentence, and what it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import ledger, subscribers
from mailer.db.schema import (
    Attempt,
    Delivery,
    DeliveryState,
    Digest,
    DigestState,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.delivery.report import said
from mailer.digests import life
from mailer.errors import NotFound
from mailer.language import translatable
from mailer.ledger import Standing

BEFORE = frozenset({DigestState.DRAFT, DigestState.SCHEDULED, DigestState.QUEUED})

ENDED = {
    Standing.SENT: translatable("The relay took it."),
    Standing.WAITING: translatable("It waits for its turn."),
    Standing.DEFERRED: translatable("It was tried and put off; it is tried again."),
    Standing.FAILED: translatable("It was returned."),
    Standing.SUPPRESSED: translatable("It was refused before sending."),
    Standing.WITHDRAWN: translatable("It was withdrawn."),
    Standing.UNCERTAIN: translatable("Nobody knows whether the relay took it."),
}
CAME_BACK = translatable("The relay took it, and later it came back.")
HELD = translatable("It is held until somebody decides.")
NOT_KNOWN = translatable("This address is not on the list, and was not when the digest went out.")
NOT_YET = translatable("The digest has not gone out yet.")
NOT_CONFIRMED = translatable("They had not confirmed that they want this list.")
HAD_LEFT = translatable("They had left the list before it went out.")
CAME_LATER = translatable("They came to the list after it had gone out.")
NOT_MEANT = translatable("It went to a part of the list, to which they did not belong.")
NOT_AMONG = translatable("They were not among its recipients when it was queued.")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a digest for one person. `reason` says more of it, where more is known."""

    words: str
    reason: str = ""
    subscriber_id: int | None = None
    subscription: Subscription | None = None
    suppressions: Sequence[Suppression] = ()
    delivery: Delivery | None = None
    attempts: Sequence[Attempt] = ()


def fate(session: Session, digest_id: int, key: str) -> Fate:
    """Say why the person with an address got a digest or not. Tells nothing of other lists."""
    digest = life.get(session, digest_id)
    try:
        person, places = subscribers.by_address(session, key)
    except NotFound:
        return Fate(NOT_KNOWN)
    assert person.id is not None
    place = next((one for one in places if one.list_id == digest.list_id), None)
    page = ledger.to_subscriber(session, digest_id, person.id)
    if place is None and not page.rows:
        return Fate(NOT_KNOWN)
    suppressed = [
        one
        for one in subscribers.suppressions_of(session, key)
        if one.list_id in {0, digest.list_id}
    ]
    if not page.rows:
        return Fate(left_out(digest, place), "", person.id, place, suppressed)
    row = page.rows[0]
    attempts = page.attempts.get(row.id or 0, ())
    words = _ended(row, suppressed)
    return Fate(words, said(row.reason), person.id, place, suppressed, row, attempts)


def left_out(digest: Digest, place: Subscription | None) -> str:
    """Say why somebody is not among the recipients of a digest. Pure."""
    if place is None:
        return NOT_KNOWN
    if digest.state in BEFORE:
        return NOT_YET
    began = digest.queued_at or digest.created_at
    if place.state is SubscriptionState.PENDING:
        return NOT_CONFIRMED
    if place.state is SubscriptionState.UNSUBSCRIBED:
        return HAD_LEFT if _was_before(place.left_at, began) else NOT_AMONG
    if not _was_before(place.confirmed_at, began):
        return CAME_LATER
    return NOT_MEANT if digest.segment_id is not None else NOT_AMONG


def _was_before(at: datetime | None, began: datetime) -> bool:
    return at is None or at <= began


def _ended(row: Delivery, suppressed: Sequence[Suppression]) -> str:
    if row.state is DeliveryState.QUEUED and row.due_at is None:
        return HELD
    bounced = any(
        one.delivery_id == row.id and one.reason is SuppressionReason.BOUNCE for one in suppressed
    )
    if row.state is DeliveryState.SENT and bounced:
        return CAME_BACK
    return ENDED[ledger.standing(row.state, row.tries)]
