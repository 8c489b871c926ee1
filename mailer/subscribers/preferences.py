"""What readers settle for themselves: which lists, in which language, a name, and a pause.

A digest is passed on, its links with it. Who comes by such a link may leave, pause and choose a
language for its owner, all of it undone in a moment; a list is joined by a letter only. Who
comes by the fresh link, mailed to the address itself, joins at once and may change the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from mailer import history, lists
from mailer.address import Address
from mailer.db import changed
from mailer.db.schema import Subscriber, Subscription, SubscriptionState, Visibility
from mailer.errors import NotFound
from mailer.history import READER, About
from mailer.subscribers import roster
from mailer.subscribers.limits import network_of
from mailer.subscribers.roster import Rules, Wish


class Pause(StrEnum):
    """What a reader wants of a pause."""

    KEEP = ""
    ONE_WEEK = "1w"
    TWO_WEEKS = "2w"
    FOUR_WEEKS = "4w"
    THREE_MONTHS = "3m"
    END = "end"


WEEKS = {Pause.ONE_WEEK: 1, Pause.TWO_WEEKS: 2, Pause.FOUR_WEEKS: 4, Pause.THREE_MONTHS: 13}


@dataclass(frozen=True, slots=True)
class Mine:
    """One subscription as its reader sees it; no language means the reader's own."""

    state: SubscriptionState
    language: str | None


@dataclass(frozen=True, slots=True)
class Reader:
    """A subscriber as their own pages show them."""

    id: int
    address: str
    key: str
    name: str
    language: str | None
    paused_until: datetime | None
    lists: Mapping[int, Mine]

    def pauses(self, now: datetime) -> bool:
        """Tell whether digests wait."""
        return self.paused_until is not None and self.paused_until > now


@dataclass(frozen=True, slots=True)
class Hand:
    """By which link somebody chooses, and how it came in; `is_fresh` for the one just mailed."""

    evidence: Mapping[str, Any]
    remote: str
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader chose; what is absent stays as it is.

    `spoken` is the language by list; None there means the reader's own.
    """

    join: frozenset[int] = frozenset()
    leave: frozenset[int] = frozenset()
    language: str | None = None
    spoken: Mapping[int, str | None] = field(default_factory=dict)
    pause: Pause = Pause.KEEP
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a choice: lists joined, asked for by a letter, refused, and left."""

    joined: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    left: tuple[int, ...] = ()


def reader(session: Session, subscriber_id: int) -> Reader:
    """Give a subscriber as their pages show them; NotFound for one who is erased or unknown."""
    found = session.get(Subscriber, roster.today(session, subscriber_id), populate_existing=True)
    if found is None or found.id is None or found.address is None or found.key is None:
        raise NotFound("subscription", subscriber_id)
    statement = select(
        col(Subscription.list_id), col(Subscription.state), col(Subscription.language)
    ).where(col(Subscription.subscriber_id) == found.id)
    mine = {list_id: Mine(state, spoken) for list_id, state, spoken in session.execute(statement)}
    return Reader(
        id=found.id,
        address=found.address,
        key=found.key,
        name=found.name,
        language=found.language,
        paused_until=found.paused_until,
        lists=mine,
    )


def choose(
    session: Session, subscriber_id: int, choice: Choice, hand: Hand, rules: Rules, *, now: datetime
) -> Settled:
    """Do what a reader chose; chosen again it changes nothing more."""
    before = reader(session, subscriber_id)
    left = [one for one in sorted(choice.leave) if _leave(session, before, one, hand, now)]
    joined, asked, refused = [], [], []
    for list_id in sorted(choice.join):
        if not _may_join(session, before, list_id):
            refused.append(list_id)
        elif not hand.is_fresh:
            roster.subscribe(session, _wish(before, list_id, choice, hand), rules, now=now)
            asked.append(list_id)
        elif roster.join(session, _wish(before, list_id, choice, hand), rules, now=now):
            joined.append(list_id)
        else:
            refused.append(list_id)
    _speak(session, before, choice, hand, now)
    _pause(session, before, choice.pause, hand, now)
    if hand.is_fresh and choice.name is not None:
        _rename(session, before, choice.name, now)
    return Settled(tuple(joined), tuple(asked), tuple(refused), tuple(left))


def until(pause: Pause, *, now: datetime) -> datetime | None:
    """Give the moment a pause ends: a midnight in UTC, so that asked twice it is the same."""
    if pause not in WEEKS:
        return None
    last = now.astimezone(UTC).date() + timedelta(weeks=WEEKS[pause], days=1)
    return datetime.combine(last, time.min, UTC)


def _leave(session: Session, one: Reader, list_id: int, hand: Hand, now: datetime) -> bool:
    mine = one.lists.get(list_id)
    if mine is None or mine.state is SubscriptionState.UNSUBSCRIBED:
        return False
    roster.leave(session, one.id, list_id, hand.evidence, now=now)
    return True


def _may_join(session: Session, one: Reader, list_id: int) -> bool:
    """Tell whether a reader may come to a list by themselves: a public one that goes on."""
    if list_id in one.lists and one.lists[list_id].state is SubscriptionState.CONFIRMED:
        return True
    try:
        found = lists.by_id(session, list_id)
    except NotFound:
        return False
    return found.visibility is Visibility.PUBLIC and found.retired_at is None


def _wish(one: Reader, list_id: int, choice: Choice, hand: Hand) -> Wish:
    spoken = choice.spoken.get(list_id) or choice.language or one.language or "en"
    return Wish(
        address=Address(mailbox=one.address, key=one.key),
        list_id=list_id,
        language=spoken,
        evidence=hand.evidence,
        network=network_of(hand.remote),
    )


def _speak(session: Session, one: Reader, choice: Choice, hand: Hand, now: datetime) -> None:
    """Set the languages of letters and digests."""
    said: dict[str, Any] = {}
    if choice.language and choice.language != one.language:
        _set(session, one, language=choice.language)
        # What is mailed in the reader's own language follows it.
        own = update(Subscription).where(
            col(Subscription.subscriber_id) == one.id, col(Subscription.language) == one.language
        )
        session.execute(own.values(language=None))
        said["language"] = choice.language
    for list_id, spoken in choice.spoken.items():
        statement = (
            update(Subscription)
            .where(
                col(Subscription.subscriber_id) == one.id,
                col(Subscription.list_id) == list_id,
                col(Subscription.language).is_distinct_from(spoken),
            )
            .values(language=spoken)
        )
        if changed(session, statement):
            said.setdefault("by_list", {})[str(list_id)] = spoken
    if said:
        _record(session, "subscriber.language", one, now, {**hand.evidence, **said})


def _pause(session: Session, one: Reader, pause: Pause, hand: Hand, now: datetime) -> None:
    if pause is Pause.KEEP:
        return
    ends = until(pause, now=now)
    if ends == one.paused_until or (ends is None and not one.pauses(now)):
        return
    _set(session, one, paused_until=ends)
    kind = "subscriber.paused" if ends else "subscriber.pause_ended"
    details = {**hand.evidence, "until": ends.isoformat()} if ends else hand.evidence
    _record(session, kind, one, now, details)


def _rename(session: Session, one: Reader, name: str, now: datetime) -> None:
    if name != one.name:
        _set(session, one, name=name)
        _record(session, "subscriber.renamed", one, now, {})


def _set(session: Session, one: Reader, **values: object) -> None:
    statement = update(Subscriber).where(col(Subscriber.id) == one.id).values(**values)
    session.execute(statement)


def _record(
    session: Session, kind: str, one: Reader, now: datetime, details: Mapping[str, Any]
) -> None:
    history.record(session, kind, READER, About(subscriber_id=one.id), at=now, details=details)
