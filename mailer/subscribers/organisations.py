"""Where subscribers work: what somebody said of them, and else what a rule says of their domain.

A rule is asked when something is shown or counted, never written down: so it holds for everybody
who is here and whoever comes, by the box too, and never over what was said of one person.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from mailer import address
from mailer.db import changed, upsert
from mailer.db.schema import Organisation, OrganisationDomain, Subscriber
from mailer.errors import AddressInvalid, NotFound, Refused, UsageError
from mailer.history import EDITOR, About, By, record
from mailer.subscribers.people import LONGEST_TEXT

FREE_MAIL = frozenset(
    {
        "126.com", "163.com", "aol.com", "daum.net", "foxmail.com", "free.fr", "gmail.com",
        "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com", "hanmail.net", "hotmail.co.uk",
        "hotmail.com", "hotmail.fr", "icloud.com", "laposte.net", "live.com", "mac.com",
        "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "outlook.com",
        "outlook.fr", "outlook.jp", "proton.me", "protonmail.com", "qq.com", "rediffmail.com",
        "sina.com", "t-online.de", "tutanota.com", "web.de", "yahoo.co.in", "yahoo.co.jp",
        "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr", "yandex.com", "yandex.ru",
        "ymail.com",
    }
)  # fmt: skip
"""Where anybody may have a mailbox: such a domain tells nothing of where they work."""


@dataclass(frozen=True, slots=True)
class Place:
    """One organisation, as others need it."""

    id: int
    name: str
    country: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """All organisations and rules, read once to look many people up."""

    places: Mapping[int, Place] = field(default_factory=dict)
    domains: Mapping[str, int] = field(default_factory=dict)

    def of(self, organisation_id: int | None, domain: str | None) -> Place | None:
        """Give where somebody works: what was said of them, else the rule nearest their domain."""
        if organisation_id is not None:
            return self.places.get(organisation_id)
        rest = domain or ""
        while rest:
            if rest in self.domains:
                return self.places[self.domains[rest]]
            _, _, rest = rest.partition(".")
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """An organisation with its rules, and how many people it has by what was said of them."""

    place: Place
    domains: tuple[str, ...]
    people: int


def directory(session: Session) -> Directory:
    """Give all organisations and rules."""
    found = session.execute(
        select(col(Organisation.id), col(Organisation.name), col(Organisation.country))
    )
    rules = session.execute(
        select(col(OrganisationDomain.domain), col(OrganisationDomain.organisation_id))
    )
    return Directory(
        {int(id_): Place(int(id_), name, country) for id_, name, country in found if id_},
        {str(domain): int(id_) for domain, id_ in rules},
    )


def entries(session: Session) -> list[Entry]:
    """Give all organisations by name, each with its rules and people."""
    known = directory(session)
    people = session.execute(
        select(col(Subscriber.organisation_id), col(Subscriber.domain), func.count())
        .where(col(Subscriber.key).is_not(None))
        .group_by(col(Subscriber.organisation_id), col(Subscriber.domain))
    )
    counts: dict[int, int] = {}
    for organisation_id, domain, count in people:
        place = known.of(organisation_id, domain)
        if place:
            counts[place.id] = counts.get(place.id, 0) + int(count)
    rules: dict[int, list[str]] = {}
    for domain, id_ in sorted(known.domains.items()):
        rules.setdefault(id_, []).append(domain)
    places = sorted(known.places.values(), key=lambda one: (one.name.casefold(), one.country))
    return [Entry(one, tuple(rules.get(one.id, ())), counts.get(one.id, 0)) for one in places]


def find(session: Session, name: str, country: str | None = None) -> Place:
    """Give an organisation by its name, or its number; NotFound, Refused when two have the name."""
    places = directory(session).places
    if name.isascii() and name.isdigit() and int(name) in places:
        return places[int(name)]
    plain = name.strip().casefold()
    found = [
        one
        for one in places.values()
        if one.name.casefold() == plain and country in {None, one.country}
    ]
    if not found:
        raise NotFound("organisation", name, "“mailer organisation list” shows them")
    if len(found) > 1:
        which = ", ".join(f"{one.id} ({one.country or 'no country'})" for one in found)
        raise Refused(f"several organisations are called “{name}”; say its id: {which}")
    return found[0]


def make(
    session: Session,
    wanted: Collection[tuple[str, str]],
    *,
    now: datetime,
) -> dict[tuple[str, str], int]:
    """Make or find organisations by name and country; give their ids."""
    if not wanted:
        return {}
    values = [
        {"name": name, "country": country, "created_at": now} for name, country in sorted(wanted)
    ]
    statement = upsert(session, Organisation).on_conflict_do_nothing()
    session.connection().execute(statement, values)
    found = session.execute(
        select(col(Organisation.id), col(Organisation.name), col(Organisation.country)).where(
            col(Organisation.name).in_([name for name, _ in wanted])
        )
    )
    return {(name, country): int(number) for number, name, country in found if number}


def add(session: Session, name: str, country: str, *, now: datetime) -> int:
    """Add an organisation; give its id. Refused when it is there."""
    _check(name, country)
    there = {(one.name, one.country) for one in directory(session).places.values()}
    if (name, country) in there:
        raise Refused(f"there is an organisation “{name}” already")
    return make(session, [(name, country)], now=now)[name, country]


def rename(session: Session, place: Place, name: str, country: str) -> None:
    """Give an organisation another name or country; Refused when another one has them."""
    _check(name, country)
    for other in directory(session).places.values():
        if (other.name, other.country) == (name, country) and other.id != place.id:
            raise Refused(f"“{name}” is there already, as {other.id}; merge the two")
    statement = update(Organisation).where(col(Organisation.id) == place.id)
    changed(session, statement.values(name=name, country=country, batch_id=None))


def merge(session: Session, gone: Place, into: Place) -> int:
    """Make one organisation of two; give how many people that moved."""
    if gone.id == into.id:
        raise UsageError("an organisation cannot be merged with itself")
    people = update(Subscriber).where(col(Subscriber.organisation_id) == gone.id)
    moved = changed(session, people.values(organisation_id=into.id))
    rules = update(OrganisationDomain).where(col(OrganisationDomain.organisation_id) == gone.id)
    changed(session, rules.values(organisation_id=into.id))
    session.execute(delete(Organisation).where(col(Organisation.id) == gone.id))
    return moved


def rule(session: Session, domain: str, place: Place) -> str:
    """Have whoever has an address in a domain, or below it, work there; give its normal form.

    Refused for the domains of free mail, and for one that is another's.
    """
    plain = domain_of(domain)
    if plain in FREE_MAIL:
        raise Refused(
            f"anybody may have an address at {plain}; set their organisation one by one: "
            "“mailer subscriber edit ADDRESS --organisation …”"
        )
    known = directory(session)
    holder = known.domains.get(plain)
    if holder not in {None, place.id}:
        raise Refused(
            f"{plain} is the domain of “{known.places[holder or 0].name}”; remove that rule first: "
            f"“mailer organisation no-domain {plain}”"
        )
    statement = upsert(session, OrganisationDomain).values(domain=plain, organisation_id=place.id)
    session.execute(statement.on_conflict_do_nothing())
    return plain


def no_rule(session: Session, domain: str) -> str:
    """Take a domain's rule away; NotFound when it has none."""
    plain = domain_of(domain)
    statement = delete(OrganisationDomain).where(col(OrganisationDomain.domain) == plain)
    if not changed(session, statement):
        raise NotFound("rule for the domain", plain, "“mailer organisation list” shows them")
    return plain


def _check(name: str, country: str) -> None:
    if not name or max(len(name), len(country)) > LONGEST_TEXT:
        raise UsageError(f"an organisation's name has 1 to {LONGEST_TEXT} characters")


def domain_of(text: str) -> str:
    """Give a domain in normal form; UsageError when it is none."""
    try:
        return address.parse(f"x@{text.strip().removeprefix('@').removesuffix('.')}").domain
    except AddressInvalid as error:
        raise UsageError(f"“{text[:60]}” is not a domain: {error.why}") from None


def assign(
    session: Session,
    subscriber_id: int,
    place: Place | None,
    *,
    now: datetime,
    by: By = EDITOR,
) -> None:
    """Say of one subscriber where they work; None leaves it to the rules again."""
    statement = update(Subscriber).where(col(Subscriber.id) == subscriber_id)
    changed(session, statement.values(organisation_id=place.id if place else None))
    details = {"organisation": place.id if place else None}
    about = About(subscriber_id=subscriber_id)
    record(session, "subscriber.placed", by, about, at=now, details=details)
