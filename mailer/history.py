"""History: immutable lines that say what happened, when, by whom and about what.

A line names rows, never an address, so that erasing a person leaves it standing. What only
evidence needs (network address, agent) is in `details`, where retention can blank it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, inspect, literal, text
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from mailer import departures
from mailer.db import pour
from mailer.db.schema import Actor, Event
from mailer.departures import Departure, Kind

DEPARTURES = {
    "subscription.left": Kind.LEFT,
    "subscription.resumed": Kind.BACK,
    "subscriber.refused": Kind.REFUSED,
    "subscriber.erased": Kind.ERASED,
}
"""Lines that also go to the file beside the database, to be done again after a restore."""


@dataclass(frozen=True, slots=True)
class By:
    """Who made something happen; `id` is an editor's or key's, empty for readers and us."""

    actor: Actor
    id: str = ""


READER = By(Actor.READER)
SYSTEM = By(Actor.SYSTEM)
EDITOR = By(Actor.EDITOR)


@dataclass(frozen=True, slots=True)
class About:
    """The rows a line is about."""

    subscriber_id: int | None = None
    list_id: int | None = None
    digest_id: int | None = None
    delivery_id: int | None = None


def record(
    session: Session,
    kind: str,
    by: By,
    about: About,
    *,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> int:
    """Write a line, such as kind “subscription.confirmed”; give its id."""
    event = Event(
        kind=kind,
        at=at,
        actor=by.actor,
        actor_id=by.id,
        subscriber_id=about.subscriber_id,
        list_id=about.list_id,
        digest_id=about.digest_id,
        delivery_id=about.delivery_id,
        details=dict(details or {}),
    )
    session.add(event)
    session.flush()
    assert event.id is not None
    _note(session, kind, about, at, event.id)
    return event.id


def record_all(
    session: Session,
    kind: str,
    by: By,
    lines: Sequence[tuple[About, Mapping[str, Any]]],
    *,
    at: datetime,
) -> None:
    """Write many lines of one kind at once, each about its rows and with its details."""
    values = [
        {
            "kind": kind,
            "version": 1,
            "at": at,
            "actor": by.actor,
            "actor_id": by.id,
            "subscriber_id": about.subscriber_id,
            "list_id": about.list_id,
            "digest_id": about.digest_id,
            "delivery_id": about.delivery_id,
            "details": details,
        }
        for about, details in lines
    ]
    pour(session, Event, values)
    if kind in DEPARTURES:
        for about, _ in lines:
            _note(session, kind, about, at)


def record_each(session: Session, kind: str, by: By, about: "Select[Any]", *, at: datetime) -> None:
    """Write a line of one kind for each row: subscriber's id, list's id, details.

    Not for kinds that are noted beside the database too: those are named one by one.
    """
    assert kind not in DEPARTURES
    found = about.subquery()
    common = {"kind": kind, "version": 1, "at": at, "actor": by.actor, "actor_id": by.id}
    given = [literal(value, inspect(Event).columns[name].type) for name, value in common.items()]
    columns = [*common, "subscriber_id", "list_id", "details"]
    source = select_columns(*given, *found.c)
    session.execute(insert(Event).from_select(columns, source, include_defaults=False))


def of_digest(session: Session, digest_id: int) -> list[Event]:
    """Give what happened to a digest, oldest first."""
    statement = select(Event).where(col(Event.digest_id) == digest_id).order_by(col(Event.id))
    return list(session.exec(statement))


def of_subscriber(session: Session, subscriber_id: int) -> list[Event]:
    """Give what happened to a subscriber, oldest first."""
    statement = (
        select(Event).where(col(Event.subscriber_id) == subscriber_id).order_by(col(Event.id))
    )
    return list(session.exec(statement))


def of_editors(
    session: Session,
    ids: Sequence[int],
    *,
    before: int | None = None,
    between: tuple[datetime, datetime] | None = None,
    limit: int,
) -> list[Event]:
    """Give what these editors did, newest first: those before a line, or between two moments.

    Each is asked for alone, so that the index of what editors did serves, however long the rest.
    """
    found: list[Event] = []
    for editor_id in ids:
        statement = select(Event).where(
            text("actor_id <> ''"),
            col(Event.actor_id) == str(editor_id),
            col(Event.actor) == Actor.EDITOR,
        )
        if before is not None:
            statement = statement.where(col(Event.id) < before)
        if between is not None:
            statement = statement.where(col(Event.at) >= between[0], col(Event.at) < between[1])
        found += session.exec(statement.order_by(col(Event.id).desc()).limit(limit))
    return sorted(found, key=lambda one: one.id or 0, reverse=True)[:limit]


def last(session: Session, kind: str, about: About) -> Event | None:
    """Give the newest line of a kind about a subscriber on a list."""
    statement = (
        select(Event)
        .where(
            col(Event.kind) == kind,
            col(Event.subscriber_id) == about.subscriber_id,
            col(Event.list_id) == about.list_id,
        )
        .order_by(col(Event.id).desc())
        .limit(1)
    )
    return session.exec(statement).first()


def _note(session: Session, kind: str, about: About, at: datetime, event: int = 0) -> None:
    if kind in DEPARTURES:
        line = Departure(at, DEPARTURES[kind], event, about.subscriber_id or 0, about.list_id or 0)
        departures.note(session.info, line)
