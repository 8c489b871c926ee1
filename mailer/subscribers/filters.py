"""Filters over subscribers: what may be asked, as conditions, and as JSON that a segment keeps.

An unknown filter is refused, for leaving it out would choose more people than were meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self, TypeVar

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    collate,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlmodel import Session, col

from mailer.db.schema import (
    OrganisationDomain,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)
from mailer.errors import Refused, UsageError
from mailer.language import is_code, translatable
from mailer.subscribers import organisations, suppressions

Kind = TypeVar("Kind", bound=StrEnum)

VERSION = 1
LONGEST = 320
"""Characters of a filter: an address has no more."""

BEYOND = "\U0010ffff"
"""Sorts behind whatever may follow a prefix."""


class Source(StrEnum):
    """Where a subscription came from, when from no import."""

    READER = "reader"  # by an opt-in: the box, a letter
    EDITOR = "editor"  # put there by an editor, on a basis


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked of subscribers; what is empty is not asked.

    `address` and `name` are how they begin; `since` and `until` are days of confirming, both
    within. `batch` is an import. Conditions on a subscription hold for one on the list at hand.
    """

    address: str = ""
    name: str = ""
    domain: str = ""
    language: str = ""
    organisation: int | None = None
    state: SubscriptionState | None = None
    since: date | None = None
    until: date | None = None
    source: Source | None = None
    batch: int | None = None
    suppressed: bool | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """Give what is asked, by its name."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in found.items() if value not in {None, ""}}

    @property
    def of_subscription(self) -> bool:
        """Tell whether something is asked that a subscription has, and not a person."""
        return any(
            value is not None
            for value in (self.state, self.since, self.until, self.source, self.batch)
        )

    def without(self, *names: str) -> Self:
        """Give the same, with some of it not asked."""
        blank = type(self)()
        return replace(self, **{name: getattr(blank, name) for name in names})


OF_A_SEGMENT = frozenset(
    {"address", "name", "domain", "language", "organisation", "since", "until", "source", "batch"}
)
"""What a segment may ask. Its state is settled: a digest goes to who is confirmed."""


def read(asked: Mapping[str, str]) -> Filters:
    """Give the filters that a form or an address asks for; UsageError for what is none."""
    domain = asked.get("domain", "").strip()
    return Filters(
        address=_line(asked, "address").casefold(),
        name=_line(asked, "name"),
        domain=organisations.domain_of(domain) if domain else "",
        language=_language(_line(asked, "language")),
        organisation=_number(_line(asked, "organisation")),
        state=_one_of(SubscriptionState, _line(asked, "state")),
        since=_day(_line(asked, "since")),
        until=_day(_line(asked, "until")),
        source=_one_of(Source, _line(asked, "source")),
        batch=_number(_line(asked, "batch")),
        suppressed=_yes_or_no(_line(asked, "suppressed")),
    )


def written(filters: Filters) -> dict[str, str]:
    """Give filters as an address has them; `read` understands it."""
    return {name: _plain(value) for name, value in filters.asked.items()}


def kept(filters: Filters) -> dict[str, Any]:
    """Give filters as a segment keeps them; Refused for what a segment cannot ask."""
    asked = written(filters)
    for name in asked:
        if name not in OF_A_SEGMENT:
            raise Refused(f"a segment cannot be chosen by “{name}”")
    return {"version": VERSION, "filters": asked}


def of_kept(value: Mapping[str, Any]) -> Filters:
    """Give the filters of a segment; Refused for any that this program does not know."""
    asked = value.get("filters")
    if value.get("version") != VERSION or not isinstance(asked, dict):
        raise Refused("this segment was written by another version of the program")
    for name, said in asked.items():
        if name not in OF_A_SEGMENT or not isinstance(said, str):
            raise Refused(f"this segment is chosen by “{name}”, which is not known here")
    return read(asked)


def confirmed(wanted: Filters) -> Filters:
    """Give the same, asked of those only who are confirmed."""
    return replace(wanted, state=SubscriptionState.CONFIRMED)


def of_person(session: Session, filters: Filters) -> list[ColumnElement[bool]]:
    """Give the conditions on the person."""
    found: list[ColumnElement[bool]] = []
    if filters.address:
        found += key_begins(session, filters.address)
    if filters.name:
        found += name_begins(session, filters.name)
    if filters.domain:
        found.append(col(Subscriber.domain) == filters.domain)
    if filters.organisation is not None:
        found.append(_works_at(session, filters.organisation))
    return found


def of_place(filters: Filters, list_id: int | None) -> list[ColumnElement[bool]]:
    """Give the conditions on a subscription of the person, and on whether it may be mailed."""
    spoken = func.coalesce(col(Subscription.language), col(Subscriber.language))
    found: list[ColumnElement[bool]] = []
    if filters.language:
        tongue = spoken if list_id is not None else col(Subscriber.language)
        found.append(tongue == filters.language)
    if filters.state is not None:
        found.append(col(Subscription.state) == filters.state)
    if filters.since is not None:
        found.append(col(Subscription.confirmed_at) >= _midnight(filters.since))
    if filters.until is not None:
        found.append(col(Subscription.confirmed_at) < _midnight(filters.until + timedelta(days=1)))
    if filters.batch is not None:
        found.append(col(Subscription.batch_id) == filters.batch)
    if filters.source is not None:
        by_editor = col(Subscription.basis).is_not(None)
        asked = by_editor if filters.source is Source.EDITOR else ~by_editor
        found.append(and_(col(Subscription.batch_id).is_(None), asked))
    if filters.suppressed is not None:
        barred = is_suppressed(list_id)
        found.append(barred if filters.suppressed else ~barred)
    return found


def is_suppressed(list_id: int | None) -> ColumnElement[bool]:
    """Give the condition that somebody must not be mailed, on a list or (None) on any."""
    scopes = (
        []
        if list_id is None
        else [col(Suppression.list_id).in_([suppressions.EVERYWHERE, list_id])]
    )
    return exists().where(col(Suppression.key) == col(Subscriber.key), *scopes)


def in_order(session: Session, column: Any) -> Any:
    """Give a text as it is ordered by code points, in which what begins alike stands together."""
    return column if _is_sqlite(session) else collate(column, "C")


def called(session: Session) -> Any:
    """Give how a name is looked up: without regard to capitals, on SQLite to those of ASCII."""
    name = col(Subscriber.name)
    return collate(name, "NOCASE") if _is_sqlite(session) else collate(func.lower(name), "C")


def key_begins(session: Session, prefix: str) -> list[ColumnElement[bool]]:
    """Give the condition that an address begins so, as a range of an index."""
    key = in_order(session, col(Subscriber.key))
    return [key >= prefix, key < prefix + BEYOND]


def name_begins(session: Session, prefix: str) -> list[Any]:
    """Give the condition that a name begins so, as a range of an index."""
    name = called(session)
    first: Any = literal(prefix) if _is_sqlite(session) else func.lower(prefix, type_=String)
    return [NAMED, name >= first, name < first.concat(BEYOND)]


NAMED = text("subscribers.name <> ''")
"""What the index of names is of, in its very words: with a value bound, SQLite would not see it."""


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _works_at(session: Session, organisation: int) -> ColumnElement[bool]:
    """Hold for whom something says that they work there: of them, or else a rule of the domain."""
    said = col(Subscriber.organisation_id) == organisation
    domains = _domains_of(session, organisation)
    if not domains:
        return said
    unsaid = col(Subscriber.organisation_id).is_(None)
    return or_(said, and_(unsaid, col(Subscriber.domain).in_(domains)))


def _domains_of(session: Session, organisation: int) -> list[str]:
    """Give the domains of people whose nearest rule names an organisation."""
    known = organisations.directory(session)
    rules = session.execute(
        select(col(OrganisationDomain.domain)).where(
            col(OrganisationDomain.organisation_id) == organisation
        )
    ).scalars()
    mine = list(rules)
    if not mine:
        return []
    below = or_(*(col(Subscriber.domain).like(f"%.{one}") for one in mine))
    there = session.execute(
        select(col(Subscriber.domain)).where(col(Subscriber.domain).is_not(None), below).distinct()
    ).scalars()
    found = {*mine, *(one for one in there if one)}
    return sorted(
        one for one in found if (place := known.of(None, one)) and place.id == organisation
    )


def _line(asked: Mapping[str, str], name: str) -> str:
    said = asked.get(name, "").strip()
    if len(said) > LONGEST or not said.isprintable():
        raise _refused(name)
    return said


def _language(said: str) -> str:
    if said and not is_code(said):
        raise _refused("language")
    return said


def _number(said: str) -> int | None:
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 9):
        raise _refused("number")
    return int(said)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise _refused("day") from None


def _yes_or_no(said: str) -> bool | None:
    known = {"yes": True, "no": False, "": None}
    if said not in known:
        raise _refused("suppressed")
    return known[said]


def _one_of(kind: type[Kind], said: str) -> Kind | None:
    try:
        return kind(said) if said else None
    except ValueError:
        raise _refused(kind.__name__.lower()) from None


def _refused(name: str) -> UsageError:
    return UsageError(WRONG.get(name, THAT))


THAT = translatable("This cannot be looked for.")
WRONG = {
    "day": translatable("A day is written like 2026-12-31."),
    "language": translatable("A language is written like en or ja."),
    "number": translatable("This takes a number."),
}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
