"""How a digest goes on: what lies ahead, what keeps it waiting, and how far each provider is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from mailer import config, ledger, lists
from mailer.db.schema import Delivery, DeliveryState
from mailer.delivery.exchanges import Groups
from mailer.delivery.outlook import outlook
from mailer.delivery.paces import GroupStanding
from mailer.delivery.paces import standings as pace_standings
from mailer.delivery.routes import RouteStanding
from mailer.delivery.routes import standings as route_standings
from mailer.digests import life
from mailer.ledger import Standing, Sums

MOST_DOMAINS = 2_000
"""Lines of a count by domain and state, the largest first; the rest is counted as others."""

MOST_GROUPS = 8
"""Groups that are shown by name."""

MOST_SLOW = 5

OTHERS = ""
"""The name of the group of all that are not shown by name."""


@dataclass(frozen=True, slots=True)
class Destination:
    """How far a digest has come with one provider, or (`name` empty) with all the others."""

    name: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Ahead:
    """What lies before a digest, and what holds it up.

    `through_at`: only where its route has an allowance. `home` is its own route, `way` the one
    that is taken instead while that is out of use. `slow` are groups that are stopped, held or
    slowed, the worst first; `workers` how many processes send.
    """

    through_at: datetime | None
    home: RouteStanding
    way: str
    slow: Sequence[GroupStanding]
    workers: int
    destinations: Sequence[Destination] = ()


def ahead(
    session: Session,
    digest_id: int,
    known: Mapping[str, config.Route],
    *,
    now: datetime,
    life_of: timedelta,
) -> Ahead:
    """Give what lies before a digest, without its destinations: those take long to count."""
    digest = life.get(session, digest_id)
    home = lists.route_of(session, digest.list_id)
    names = [home, *(known[home].fallback if home in known else ())]
    states = route_standings(session, names)
    way = next((one.name for one in states if not one.is_out_of_use(now)), home)
    slow = [one for one in pace_standings(session, [way]) if one.state(now) != "paced"]
    slow.sort(key=lambda one: (one.pace.stopped_at is None, not one.pace.is_held(now)))
    return Ahead(
        through_at=outlook(session, digest_id, known, now=now, life_of=life_of).through_at,
        home=states[0],
        way=way,
        slow=slow[:MOST_SLOW],
        workers=ledger.working(session, now=now),
    )


def destinations(
    session: Session, digest_id: int, sums: Sums, *, now: datetime
) -> list[Destination]:
    """Count a digest's recipients by who takes their mail, the most first, others last."""
    by_domain = _by_domain(session, digest_id)
    groups = Groups()
    groups.read(session, {domain for domain, *_ in by_domain}, now=now)
    found: dict[str, Sums] = {}
    for domain, state, tries, count in by_domain:
        name = groups.of(domain)
        found[name] = plus(found.get(name, Sums()), ledger.standing(state, tries), count)
    order = sorted(found, key=lambda name: (-found[name].recipients, name))
    named = [Destination(name, found[name]) for name in order[:MOST_GROUPS]]
    rest = minus(sums, [one.sums for one in named])
    return [*named, Destination(OTHERS, rest)] if rest.recipients else named


def plus(sums: Sums, where: Standing, count: int) -> Sums:
    """Give sums with so many more that stand somewhere."""
    return replace(sums, **{where.value: getattr(sums, where.value) + count})


def minus(sums: Sums, parts: Sequence[Sums]) -> Sums:
    """Give what is left of sums without some parts of them; never less than nothing."""
    names = [one.value for one in Standing]
    left = {n: getattr(sums, n) - sum(getattr(part, n) for part in parts) for n in names}
    # The parts were counted a moment later: a row may have moved between.
    return Sums(**{name: max(0, count) for name, count in left.items()})


def _by_domain(session: Session, digest_id: int) -> list[tuple[str, DeliveryState, int, int]]:
    tried = case((col(Delivery.tries) > 0, 1), else_=0)
    statement = (
        select(col(Delivery.domain), col(Delivery.state), tried, func.count().label("count"))
        .where(col(Delivery.digest_id) == digest_id)
        .group_by(col(Delivery.domain), col(Delivery.state), tried)
        .order_by(func.count().desc(), col(Delivery.domain))
        .limit(MOST_DOMAINS)
    )
    rows = session.execute(statement)
    return [(domain, DeliveryState(state), tries, count) for domain, state, tries, count in rows]
