"""What editors do for one person: correct what is known, pause, bar from mail and let back.

Each deed is a line of history that says who did it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from mailer import history
from mailer.db import changed
from mailer.db.schema import (
    AddressChange,
    Delivery,
    Digest,
    Event,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from mailer.errors import NotFound, Refused, UsageError
from mailer.history import About, By, record
from mailer.language import translatable
from mailer.subscribers import organisations
from mailer.subscribers.organisations import Place
from mailer.subscribers.people import LONGEST_TEXT
from mailer.subscribers.suppressions import EVERYWHERE, Ground, lift_one, suppress
from mailer.subscribers.suppressions import of as suppressions_of

MAILS = 50
LINES = 100
"""Lines of mail and of history on one page."""

LONGEST_PAUSE = timedelta(days=366)

Lists = frozenset[int] | None
"""The lists of which somebody may see; None for all."""


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber as an editor sees them; `here` are those of their lists that may be seen."""

    one: Subscriber
    place: Place | None
    here: tuple[Subscription, ...]
    suppressions: tuple[Suppression, ...]
    changes: tuple[AddressChange, ...]

    @property
    def id(self) -> int:
        """Give the number."""
        assert self.one.id is not None
        return self.one.id


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person, as an editor writes it down."""

    name: str
    language: str | None
    organisation: str = ""
    country: str = ""


def person(session: Session, subscriber_id: int, seen: Lists) -> Person:
    """Give a subscriber; NotFound for one who is erased, or on none of the lists that are seen."""
    found = session.get(Subscriber, subscriber_id, populate_existing=True)
    if found is None or found.key is None:
        raise NotFound("subscriber", subscriber_id)
    mine = select(Subscription).where(col(Subscription.subscriber_id) == subscriber_id)
    here = tuple(
        one
        for one in session.execute(mine.order_by(col(Subscription.list_id))).scalars()
        if seen is None or one.list_id in seen
    )
    if seen is not None and not here:
        raise NotFound("subscriber", subscriber_id)
    barred = tuple(
        one
        for one in suppressions_of(session, found.key)
        if seen is None or one.list_id in {EVERYWHERE, *seen}
    )
    place = organisations.directory(session).of(found.organisation_id, found.domain)
    return Person(found, place, here, barred, _changes(session, subscriber_id, seen))


def mail_to(
    session: Session, subscriber_id: int, seen: Lists, *, before: int | None = None
) -> list[tuple[Delivery, int | None]]:
    """Give the newest mail, each with its digest's number: one more than a page holds, if any."""
    statement = (
        select(Delivery, col(Digest.number))
        .outerjoin(Digest, col(Digest.id) == col(Delivery.digest_id))
        .where(col(Delivery.subscriber_id) == subscriber_id)
        .order_by(col(Delivery.id).desc())
        .limit(MAILS + 1)
    )
    if before is not None:
        statement = statement.where(col(Delivery.id) < before)
    if seen is not None:
        statement = statement.where(col(Delivery.list_id).in_(seen))
    return [(one, number) for one, number in session.execute(statement).all()]


def history_of(
    session: Session, subscriber_id: int, seen: Lists, *, before: int | None = None
) -> list[Event]:
    """Give the newest lines of history: one more than a page holds, if any."""
    statement = (
        select(Event)
        .where(col(Event.subscriber_id) == subscriber_id)
        .order_by(col(Event.id).desc())
        .limit(LINES + 1)
    )
    if before is not None:
        statement = statement.where(col(Event.id) < before)
    if seen is not None:
        statement = statement.where(col(Event.list_id).in_(seen))
    return list(session.execute(statement).scalars())


CONSENT = ("subscription.asked", "subscription.confirmed")


def consent_lines(session: Session, subscriber_id: int, list_id: int) -> list[Event]:
    """Give the newest asking and confirming on a list: the evidence of consent."""
    found = (history.last(session, kind, About(subscriber_id, list_id)) for kind in CONSENT)
    return [one for one in found if one is not None]


def correct(session: Session, subscriber_id: int, facts: Facts, *, now: datetime, by: By) -> None:
    """Write down name, language and organisation; an organisation that is not there is added.

    Without one, a rule on the domain says where they work. What is as it was leaves no line.
    """
    before = person(session, subscriber_id, None).one
    if max(len(facts.name), len(facts.organisation), len(facts.country)) > LONGEST_TEXT:
        raise UsageError(TOO_LONG)
    about = About(subscriber_id=subscriber_id)
    if facts.name != before.name:
        _set(session, subscriber_id, name=facts.name)
        record(session, "subscriber.renamed", by, about, at=now)
    if facts.language != before.language:
        _set(session, subscriber_id, language=facts.language)
        details = {"language": facts.language}
        record(session, "subscriber.language", by, about, at=now, details=details)
    place = organisations.directory(session).places.get(before.organisation_id or 0)
    said = (place.name, place.country) if place else ("", "")
    if (facts.organisation, facts.country) != said:
        wanted = {(facts.organisation, facts.country)} if facts.organisation else set()
        made = organisations.make(session, wanted, now=now)
        new = Place(next(iter(made.values())), facts.organisation, facts.country) if made else None
        if (new.id if new else None) != before.organisation_id:
            organisations.assign(session, subscriber_id, new, now=now, by=by)


def pause_until(
    session: Session, subscriber_id: int, last: date | None, *, now: datetime, by: By
) -> None:
    """Let no digest be mailed until a day is over; None ends the pause."""
    person(session, subscriber_id, None)
    ends = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
    if ends is not None and not now < ends <= now + LONGEST_PAUSE:
        raise UsageError(NOT_A_PAUSE)
    _set(session, subscriber_id, paused_until=ends)
    kind = "subscriber.paused" if ends else "subscriber.pause_ended"
    details = {"until": ends.isoformat()} if ends else {}
    record(session, kind, by, About(subscriber_id=subscriber_id), at=now, details=details)


def bar(
    session: Session, subscriber_id: int, list_id: int, note: str, *, now: datetime, by: By
) -> bool:
    """Suppress somebody on a list, or (0) everywhere; False for who was for as grave a reason."""
    one = person(session, subscriber_id, None).one
    assert one.key is not None
    ground = Ground(note=note)
    is_new = suppress(
        session, one.key, SuppressionReason.EDITOR, now=now, list_id=list_id, ground=ground
    )
    if is_new:
        about = About(subscriber_id, list_id or None)
        record(session, "subscriber.barred", by, about, at=now, details={"why": note})
    return is_new


def let_back(
    session: Session, subscriber_id: int, list_id: int, *, now: datetime, by: By
) -> Suppression:
    """Lift a suppression on a list, or (0) everywhere; give it as it was.

    Raises Refused when there is none.
    """
    found = person(session, subscriber_id, None)
    one = next((row for row in found.suppressions if row.list_id == list_id), None)
    if one is None or found.one.key is None:
        raise Refused(NOT_BARRED)
    was = Suppression(**one.model_dump())
    lift_one(session, found.one.key, list_id)
    about = About(subscriber_id, list_id or None)
    details: Mapping[str, Any] = {"was": was.reason.value}
    record(session, "subscriber.let_back", by, about, at=now, details=details)
    return was


TOO_LONG = translatable("A name has no more than 200 characters.")
NOT_A_PAUSE = translatable("A pause ends on a day to come, within a year.")
NOT_BARRED = translatable("This address is not kept from mail there.")


def _changes(session: Session, subscriber_id: int, seen: Lists) -> tuple[AddressChange, ...]:
    if seen is not None:
        return ()
    statement = (
        select(AddressChange)
        .where(col(AddressChange.subscriber_id) == subscriber_id)
        .order_by(col(AddressChange.id).desc())
    )
    return tuple(session.execute(statement).scalars())


def _set(session: Session, subscriber_id: int, **values: object) -> None:
    changed(session, update(Subscriber).where(col(Subscriber.id) == subscriber_id).values(**values))
