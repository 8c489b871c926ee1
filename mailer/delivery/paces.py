"""Paces as the database keeps them: a row for each route and group that has one.

Who changes rows of a route has locked the route first, so that several workers share them.
"""

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, or_, select
from sqlmodel import Session, col

from mailer import config, ledger
from mailer.db import among, changed, upsert
from mailer.db.schema import Pace as Row
from mailer.delivery import exchanges
from mailer.delivery import pace as arithmetic
from mailer.delivery.groups import ROUTE
from mailer.delivery.pace import Pace
from mailer.errors import NotFound, Refused
from mailer.history import EDITOR, SYSTEM, About, By, record

QUIET = timedelta(days=1)
"""How long after it asked for less a group is left to the relay again."""

IDLE = timedelta(days=30)
"""How long a pace is remembered that nobody uses: a monthly digest begins where the last ended."""

Key = tuple[str, str]
"""Route and group."""

COLUMNS = tuple(getattr(Row, name) for name in Pace.__slots__)


@dataclass(frozen=True, slots=True)
class GroupStanding:
    """How a group stands on a route; the group is empty for the route as a whole."""

    route: str
    group: str
    pace: Pace

    def state(self, now: datetime) -> str:
        """Say in a word how it stands: stopped for a person, held for a while, or slowed."""
        if self.pace.stopped_at is not None:
            return "stopped"
        if self.pace.is_held(now):
            return "held"
        return "slowed" if self.pace.slowed_at is not None else "paced"

    def words(self, now: datetime) -> str:
        """Say how it stands, until when and why."""
        who = f"“{self.group}”" if self.group else f"route “{self.route}” as a whole"
        match self.state(now):
            case "stopped":
                return f"{who} is stopped until you resume it: {self.pace.reason}"
            case "held":
                return f"{who} is held until {self.pace.held_until:%H:%M} UTC: {self.pace.reason}"
        return f"{who} gets {self.pace.per_minute:,} a minute"


def find(session: Session, keys: AbstractSet[Key]) -> dict[Key, Pace]:
    """Give the paces there are of some routes and groups."""
    if not keys:
        return {}
    statement = select(col(Row.route), col(Row.group_name), *COLUMNS).where(
        among(session, col(Row.route), sorted({route for route, _ in keys})),
        among(session, col(Row.group_name), sorted({group for _, group in keys})),
    )
    found = {(row[0], row[1]): Pace(*row[2:]) for row in session.execute(statement)}
    return {key: pace for key, pace in found.items() if key in keys}


@dataclass(frozen=True, slots=True)
class Glance:
    """That a group has a pace on a route, and whether it is held or stopped."""

    route: str
    group: str
    held_until: datetime | None
    stopped_at: datetime | None


def at_a_glance(
    session: Session, routes: Collection[str], everywhere: Collection[str], *, now: datetime
) -> list[Glance]:
    """Give who has a pace; where everybody has one, only who is held or stopped."""
    values = {"routes": list(routes), "everywhere": list(everywhere), "now": now}
    rows = session.connection().execute(_GLANCE if everywhere else _GLANCE_AT_ALL, values)
    return [Glance(*row) for row in rows]


_TABLE: Table = Row.__table__  # type: ignore[attr-defined]
_GLANCE_AT_ALL = select(
    _TABLE.c.route, _TABLE.c.group_name, _TABLE.c.held_until, _TABLE.c.stopped_at
).where(_TABLE.c.route.in_(bindparam("routes", expanding=True)))
_GLANCE = _GLANCE_AT_ALL.where(
    or_(
        _TABLE.c.route.not_in(bindparam("everywhere", expanding=True)),
        _TABLE.c.group_name == ROUTE,
        _TABLE.c.held_until > bindparam("now"),
        _TABLE.c.stopped_at.is_not(None),
    )
)


def standings(session: Session, routes: Collection[str]) -> list[GroupStanding]:
    """Give every pace of some routes."""
    statement = (
        select(col(Row.route), col(Row.group_name), *COLUMNS)
        .where(col(Row.route).in_(routes))
        .order_by(col(Row.route), col(Row.group_name))
    )
    return [GroupStanding(row[0], row[1], Pace(*row[2:])) for row in session.execute(statement)]


def keep(session: Session, paces: Mapping[Key, Pace]) -> None:
    """Write paces, each in place of what there was."""
    rows: list[dict[str, Any]] = [
        {"route": route, "group_name": group, **asdict(paces[route, group])}
        for route, group in sorted(paces)
    ]
    if rows:
        statement = upsert(session, Row)
        values = {name: statement.excluded[name] for name in Pace.__slots__}
        statement = statement.on_conflict_do_update(
            index_elements=["route", "group_name"], set_=values
        )
        session.connection().execute(statement, rows)


def note_stop(session: Session, route: str, group: str, why: str, *, now: datetime) -> None:
    """Write into history that a group stopped."""
    details = {"name": route, "group": group, "reason": why}
    record(session, "group.stopped", SYSTEM, About(), at=now, details=details)


def resume(session: Session, route: str, group: str, *, now: datetime, by: By = EDITOR) -> None:
    """Let a group be sent to again; NotFound when it has no pace, Refused when it is in use."""
    ledger.lock_routes(session, [route])
    found = find(session, {(route, group)}).get((route, group))
    if found is None or group == ROUTE:
        raise NotFound("group", group, f"“mailer route paces” shows those that “{route}” knows")
    if found.stopped_at is None and not found.is_held(now):
        raise Refused(f"“{group}” is in use on route “{route}”")
    keep(session, {(route, group): arithmetic.resumed(found, now)})
    details = {"name": route, "group": group}
    record(session, "group.resumed", by, About(), at=now, details=details)


def forget(session: Session, known: Mapping[str, config.Route], *, now: datetime) -> int:
    """Drop paces and answers about domains that bind nobody any more; give how many paces."""
    exchanges.forget(session, now=now)
    learned = [name for name, route in known.items() if route.pace is config.Pace.LEARNED]
    quiet = and_(
        col(Row.route).in_(learned),
        *(
            at.is_(None) | (at < now - QUIET)
            for at in (col(Row.next_at), col(Row.slowed_at), col(Row.held_until))
        ),
    )
    idle = col(Row.next_at) < now - IDLE
    going = col(Row.stopped_at).is_(None)
    return changed(session, delete(Row).where(going, or_(idle, quiet)))


def stopped_reason(route: str, group: str) -> str:
    """Say why a row is held whose group is stopped; it is found by these words again."""
    return (
        f"Held: “{group}” refuses our mail; once that is settled, "
        f"mailer route resume {route} --group {group}"
    )
