"""A list's subscribers as rows of text: what import reads elsewhere, and more."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from mailer.db.schema import Subscriber, Subscription
from mailer.subscribers import organisations
from mailer.subscribers.people import guarded

COLUMNS = ("email", "name", "language", "organisation", "country")
MORE = ("state", "since", "confirmed", "left", "basis")
AT_ONCE = 250


def export_rows(session: Session, list_id: int) -> Iterator[tuple[str, ...]]:
    """Give the same rows as `members`, safe to be opened in a spreadsheet."""
    for row in members(session, list_id):
        yield tuple(guarded(text) for text in row)


def members(session: Session, list_id: int) -> Iterator[tuple[str, ...]]:
    """Give a list's subscribers as rows of text, the head first, in the order they came."""
    yield (*COLUMNS, *MORE)
    statement = (
        select(Subscriber, Subscription)
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(col(Subscription.list_id) == list_id, col(Subscriber.key).is_not(None))
        .order_by(col(Subscriber.id))
        .execution_options(yield_per=AT_ONCE)
    )
    directory = organisations.directory(session)
    for person, subscription in session.execute(statement):
        organisation = directory.of(person.organisation_id, person.domain)
        yield (
            person.address or "",
            person.name,
            subscription.language or person.language or "",
            organisation.name if organisation else "",
            organisation.country if organisation else "",
            subscription.state.value,
            _moment(subscription.created_at),
            _moment(subscription.confirmed_at),
            _moment(subscription.left_at),
            subscription.basis or "",
        )


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
