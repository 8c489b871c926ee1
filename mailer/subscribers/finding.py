"""Some of all subscribers, a page at a time, in time that does not grow with their number.

One filter leads: an index gives its people in order, and the others are asked of them. Of a page
no more than LOOKED_AT people are looked at; where few of those are meant, the page says so and
goes on from there. Nothing is counted beyond COUNTED.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlmodel import Session, col

from mailer.db import among
from mailer.db.schema import Subscriber, Subscription, SubscriptionState, Suppression
from mailer.errors import UsageError
from mailer.subscribers import filters as asking
from mailer.subscribers import organisations, suppressions
from mailer.subscribers.filters import Filters
from mailer.subscribers.organisations import Place

PAGE = 50
"""People on one page."""
COUNTED = 1_000
LOOKED_AT = 10_000
"""People looked at for one page: some tenths of a second, of a million."""

LOOKED_FOR = 5_000
"""People looked at to tell a size: a page tells those of many segments."""

FIRST_LOOK = 500

Candidate = tuple[str, int]
"""Where somebody stands in the order, and their number."""

Stream = Callable[[Session, str, int], list[Candidate]]
"""Gives the next people in order behind a place, at most so many."""


@dataclass(frozen=True, slots=True)
class Found:
    """One subscriber as a list of them shows them; `state` and `since` on the list at hand."""

    id: int
    address: str
    name: str
    language: str | None
    place: Place | None
    created_at: datetime
    suppressed: bool
    state: SubscriptionState | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some people, and the place behind which more are (empty when none are).

    `looked_at` is how many were looked at where the page ends before it is full.
    """

    people: Sequence[Found]
    after: str = ""
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are; `more` than that when not all were counted."""

    number: int
    more: bool = False


def find(session: Session, wanted: Filters, list_id: int | None, *, after: str = "") -> Page:
    """Give a page of subscribers, on a list or (None) of all."""
    stream, rest = _leading(wanted, list_id)
    people: list[Found] = []
    looked = 0
    for chunk in _chunks(session, stream, after, PAGE + 1 if not rest else FIRST_LOOK):
        found = {one.id: one for one in _those(session, wanted, list_id, chunk)}
        for place, number in chunk:
            looked += 1
            if number in found:
                if len(people) == PAGE:
                    return Page(people, after)
                people.append(found[number])
            after = place
        if looked >= LOOKED_AT and len(people) < PAGE:
            return Page(people, after, looked)
    return Page(people)


def count(session: Session, wanted: Filters, list_id: int | None) -> Size | None:
    """Tell how many there are, up to COUNTED; None where that takes looking at each."""
    stream, rest = _leading(wanted, list_id)
    if rest:
        return None
    number = len(stream(session, "", COUNTED + 1))
    return Size(min(number, COUNTED), number > COUNTED)


def size(session: Session, wanted: Filters, list_id: int | None) -> Size:
    """Tell how many there are, up to COUNTED, or as many as LOOKED_FOR people hold."""
    stream, _ = _leading(wanted, list_id)
    number = looked = 0
    for chunk in _chunks(session, stream, "", FIRST_LOOK):
        number += len(_matching(session, wanted, list_id, chunk))
        looked += len(chunk)
        if number > COUNTED or looked >= LOOKED_FOR:
            return Size(min(number, COUNTED), more=True)
    return Size(number)


def parcel(
    session: Session, wanted: Filters, list_id: int | None, *, after: str, most: int
) -> tuple[list[int], str | None]:
    """Give the numbers of the next who are meant, among `most` looked at, and the place after.

    The place is None behind the last.
    """
    stream, _ = _leading(wanted, list_id)
    chunk = stream(session, after, most)
    meant = _matching(session, wanted, list_id, chunk) if chunk else set()
    place = chunk[-1][0] if len(chunk) == most else None
    return [number for _, number in chunk if number in meant], place


def _chunks(session: Session, stream: Stream, after: str, first: int) -> Iterator[list[Candidate]]:
    """Give people in order, more at each time."""
    many = first
    while chunk := stream(session, after, many):
        yield chunk
        if len(chunk) < many:
            return
        after, many = chunk[-1][0], min(max(many * 4, FIRST_LOOK), LOOKED_AT // 4)


def _leading(wanted: Filters, list_id: int | None) -> tuple[Stream, bool]:
    """Give the order in which people are looked at, and whether more is asked of them then."""
    stream, settled = _stream(wanted, list_id)
    rest = wanted.without(*(name for name in settled if name != "list")).asked
    is_on_list = list_id is None or "list" in settled
    return stream, bool(rest) or not is_on_list


def _stream(wanted: Filters, list_id: int | None) -> tuple[Stream, tuple[str, ...]]:
    if wanted.address:
        return _by_address(wanted.address), ("address",)
    if wanted.name:
        return _by_name(wanted.name), ("name",)
    if wanted.batch is not None and list_id is not None:
        return _by_batch(wanted.batch, list_id), ("batch", "list")
    if wanted.organisation is not None:
        return _by_organisation(wanted), ("organisation",)
    if wanted.domain:
        return _by_domain(wanted.domain), ("domain",)
    if wanted.suppressed:
        return _by_suppression(list_id), ("suppressed",)
    if list_id is not None:
        return _by_list(list_id, wanted.state), ("state", "list")
    return _newest, ()


def _by_address(prefix: str) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        key = asking.in_order(session, col(Subscriber.key))
        statement = select(col(Subscriber.key), col(Subscriber.id)).where(
            *asking.key_begins(session, prefix), *([key > after] if after else [])
        )
        return _candidates(session, statement.order_by(key), many)

    return stream


def _by_name(prefix: str) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        name = asking.called(session)
        statement = select(name, col(Subscriber.id)).where(*asking.name_begins(session, prefix))
        if after:
            number, _, last = after.partition(" ")
            behind = or_(name > last, and_(name == last, col(Subscriber.id) > _id(number)))
            statement = statement.where(name >= last, behind)
        found = session.execute(statement.order_by(name, col(Subscriber.id)).limit(many)).all()
        return [(f"{number} {called}", int(number)) for called, number in found]

    return stream


def _by_batch(batch: int, list_id: int) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        number = col(Subscription.subscriber_id)
        statement = select(number, number).where(
            col(Subscription.batch_id) == batch, col(Subscription.list_id) + 0 == list_id
        )
        return _downwards(session, statement, number, after, many)

    return stream


def _by_organisation(wanted: Filters) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        number = col(Subscriber.id)
        asked = asking.of_person(session, Filters(organisation=wanted.organisation))
        statement = select(number, number).where(col(Subscriber.key).is_not(None), *asked)
        return _downwards(session, statement, number, after, many)

    return stream


def _by_domain(domain: str) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        number = col(Subscriber.id)
        statement = select(number, number).where(col(Subscriber.domain) == domain)
        return _downwards(session, statement, number, after, many)

    return stream


def _by_suppression(list_id: int | None) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        key = col(Suppression.key)
        scopes = [] if list_id is None else [suppressions.EVERYWHERE, list_id]
        statement = (
            select(key, col(Subscriber.id))
            .join(Subscriber, col(Subscriber.key) == key)
            .where(
                *([col(Suppression.list_id).in_(scopes)] if scopes else []),
                *([key > after] if after else []),
            )
            .order_by(key)
            .distinct()  # who is suppressed in several ways is there once
        )
        return _candidates(session, statement, many)

    return stream


def _by_list(list_id: int, state: SubscriptionState | None) -> Stream:
    def stream(session: Session, after: str, many: int) -> list[Candidate]:
        number = col(Subscription.subscriber_id)
        parts = []
        for one in [state] if state else list(SubscriptionState):
            # Each state by itself: the index has them one behind the other.
            statement = select(number, number).where(
                col(Subscription.list_id) == list_id, col(Subscription.state) == one
            )
            parts.append(_downwards(session, statement, number, after, many))
        merged = heapq.merge(*parts, key=lambda one: one[1], reverse=True)
        return list(islice(merged, many))

    return stream


def _newest(session: Session, after: str, many: int) -> list[Candidate]:
    number = col(Subscriber.id)
    statement = select(number, number).where(col(Subscriber.key).is_not(None))
    return _downwards(session, statement, number, after, many)


def _downwards(
    session: Session, statement: Any, number: Any, after: str, many: int
) -> list[Candidate]:
    if after:
        statement = statement.where(number < _id(after))
    return _candidates(session, statement.order_by(number.desc()), many)


def _candidates(session: Session, statement: Any, many: int) -> list[Candidate]:
    found = session.execute(statement.limit(many)).all()
    return [(str(place), int(number)) for place, number in found]


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise UsageError("this page cannot be gone on from")
    return int(text)


def _matching(
    session: Session, wanted: Filters, list_id: int | None, chunk: Sequence[Candidate]
) -> set[int]:
    """Give which of these are meant."""
    statement = _meant(session, select(col(Subscriber.id)), wanted, list_id, chunk)
    return set(session.execute(statement).scalars())


def _those(
    session: Session, wanted: Filters, list_id: int | None, chunk: Sequence[Candidate]
) -> list[Found]:
    """Give those of these who are meant, as a list shows them; no more than one page takes."""
    meant = _matching(session, wanted, list_id, chunk)
    numbers = list(islice((number for _, number in chunk if number in meant), PAGE + 1))
    return shown(session, numbers, list_id)


def shown(session: Session, numbers: Sequence[int], list_id: int | None) -> list[Found]:
    """Give subscribers as a list shows them, in no order."""
    here = and_(
        col(Subscription.subscriber_id) == col(Subscriber.id),
        col(Subscription.list_id) == (list_id or 0),
    )
    since = func.coalesce(
        col(Subscription.left_at), col(Subscription.confirmed_at), col(Subscription.created_at)
    )
    statement = (
        select(
            col(Subscriber.id),
            col(Subscriber.address),
            col(Subscriber.name),
            func.coalesce(col(Subscription.language), col(Subscriber.language)),
            col(Subscriber.organisation_id),
            col(Subscriber.domain),
            col(Subscriber.created_at),
            asking.is_suppressed(list_id),
            col(Subscription.state),
            since,
        )
        .outerjoin(Subscription, here)
        .where(among(session, col(Subscriber.id), numbers), col(Subscriber.key).is_not(None))
    )
    known = organisations.directory(session)
    return [
        Found(number, address, name, language, known.of(place, domain), *rest)
        for number, address, name, language, place, domain, *rest in session.execute(statement)
    ]


def _meant(
    session: Session,
    statement: Any,
    wanted: Filters,
    list_id: int | None,
    chunk: Sequence[Candidate],
) -> Any:
    """Ask all filters of some people."""
    numbers = [number for _, number in chunk]
    statement = statement.where(
        among(session, col(Subscriber.id), numbers), col(Subscriber.key).is_not(None)
    )
    asked = asking.of_person(session, wanted)
    place = asking.of_place(wanted, list_id)
    mine = col(Subscription.subscriber_id) == col(Subscriber.id)
    if list_id is not None:
        # Not “list_id = ?”: without statistics SQLite would walk all of the list for each chunk.
        here = and_(mine, col(Subscription.list_id) + 0 == list_id)
        return statement.join(Subscription, here).where(*asked, *place)
    if wanted.of_subscription:
        place = asking.of_place(wanted.without("language", "suppressed"), None)
        besides = asking.of_place(
            Filters(language=wanted.language, suppressed=wanted.suppressed), None
        )
        return statement.where(*asked, *besides, exists().where(mine, *place))
    return statement.where(*asked, *place)
