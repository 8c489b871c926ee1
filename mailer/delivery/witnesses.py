"""The same words for everybody are about us, not about a mailbox.

A relay that answers one permanent text for three different domains does not speak of their
mailboxes: it does not want our mail. Domains of one provider are one witness. A domain that
lately took mail by the route is none, for there the words were about a mailbox; unless they were
heard again and again, and nothing at all was taken by the route in between: then it broke down
in the middle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlmodel import Session, col

from mailer import subscribers
from mailer.db import changed
from mailer.db.schema import Attempt, Delivery, DeliveryState
from mailer.delivery import destinations, routes
from mailer.delivery.exchanges import Groups

ENOUGH = 3
"""Different domains that make a permanent text one about us."""

IN_A_ROW = 10
"""Refusals with nothing taken in between that make a witness of every domain."""

MEMORY = timedelta(hours=24)
"""How long an answer is remembered."""

CHUNK = 500
"""Deliveries acquitted by one statement."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Where the same permanent text was heard on a route, since some moment."""

    route: str
    key: str
    since: datetime
    domains: tuple[str, ...]


def heard(session: Session, route: str, key: str, *, now: datetime) -> Heard | None:
    """Give where a text was heard, if that is enough to say that it is about us."""
    since = max(now - MEMORY, routes.resumed_at(session, route) or now - MEMORY)
    domains = _domains(session, route, key, since)
    groups = Groups()
    groups.read(session, domains, now=now)
    if not _are_enough(groups, domains):
        return None
    took = destinations.accepted(session, route, since=since)
    last_taken = max(took.values(), default=since)
    if _refusals(session, route, key, last_taken) < IN_A_ROW:
        domains -= set(took)
    return Heard(route, key, since, tuple(domains)) if _are_enough(groups, domains) else None


def acquit(session: Session, found: Heard, *, now: datetime) -> None:
    """Let the deliveries wait again that failed for our sake, and lift what rested on them."""
    ids = _deliveries(session, found)
    for some in (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK)):
        subscribers.lift_made_by(session, some)
        _wait_again(session, some, now)


def _are_enough(groups: Groups, domains: Iterable[str]) -> bool:
    return len({groups.of(domain) for domain in domains}) >= ENOUGH


def _domains(session: Session, route: str, key: str, since: datetime) -> set[str]:
    statement = select(col(Attempt.domain)).where(*_answered(route, key, since)).distinct()
    return set(session.execute(statement).scalars())


def _refusals(session: Session, route: str, key: str, since: datetime) -> int:
    statement = select(func.count()).where(*_answered(route, key, since))
    return int(session.execute(statement).scalar_one())


def _deliveries(session: Session, found: Heard) -> list[int]:
    statement = (
        select(col(Attempt.delivery_id))
        .where(
            *_answered(found.route, found.key, found.since),
            col(Attempt.domain).in_(found.domains),
        )
        .distinct()
        .order_by(col(Attempt.delivery_id))
    )
    return list(session.execute(statement).scalars())


def _answered(route: str, key: str, since: datetime) -> list[ColumnElement[bool]]:
    return [
        col(Attempt.route) == route,
        col(Attempt.reply_key) == key,
        col(Attempt.tried_at) >= since,
    ]


def _wait_again(session: Session, ids: Sequence[int], now: datetime) -> None:
    failed = col(Delivery.state) == DeliveryState.FAILED
    held = and_(col(Delivery.state) == DeliveryState.QUEUED, col(Delivery.due_at).is_(None))
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(ids), or_(failed, held))
        .values(
            state=DeliveryState.QUEUED,
            due_at=now,
            settled_at=None,
            reason="waits: the relay refused different domains with the same words",
        )
    )
    changed(session, statement)
