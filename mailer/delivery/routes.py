"""Routes as the database knows them: in use, paused because a relay refuses us, or at rest.

A paused or resting route claims nothing. A pause ends when an owner has looked, a rest by itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import Table, bindparam, select, update
from sqlmodel import Session, col

from mailer.db import changed, upsert
from mailer.db.schema import RouteState
from mailer.delivery.resting import UNREACHED, Rest
from mailer.errors import NotFound, Refused
from mailer.history import EDITOR, SYSTEM, About, By, record


class Meeting(Enum):
    """How far we came with a relay at some tries: not even asked, or up to taking a message."""

    NONE = 0
    MISSED = 1
    ANSWERED = 2
    TOOK = 3


@dataclass(frozen=True, slots=True)
class RouteStanding:
    """Whether a route may be used, since when or until when not, and why.

    `rests_until` stays when that moment has passed; `is_out_of_use` tells whether it counts.
    """

    name: str
    paused_at: datetime | None = None
    reason: str = ""
    resumed_at: datetime | None = None
    rests_until: datetime | None = None
    rest_reason: str = ""
    unreached_since: datetime | None = None

    def rests(self, now: datetime) -> bool:
        """Tell whether it rests by itself."""
        return self.rests_until is not None and now < self.rests_until

    def is_out_of_use(self, now: datetime) -> bool:
        """Tell whether nothing may leave by it."""
        return self.paused_at is not None or self.rests(now)

    def why(self, now: datetime) -> str:
        """Say why nothing may leave by it; nothing when it is in use."""
        if self.paused_at is not None:
            return f"“{self.name}” is paused"
        return f"“{self.name}” rests" if self.rests(now) else ""


def standings(session: Session, names: Collection[str]) -> list[RouteStanding]:
    """Give how each route stands, in the order of the names."""
    rows = session.connection().execute(_STANDINGS)
    found = {row.name: RouteStanding(*row) for row in rows}
    return [found.get(name) or RouteStanding(name) for name in names]


_STATES: Table = RouteState.__table__  # type: ignore[attr-defined]
_STANDINGS = select(*(_STATES.c[name] for name in RouteStanding.__slots__))


def out_of_use(session: Session, *, now: datetime) -> set[str]:
    """Give the names of routes that may not be used."""
    statement = select(col(RouteState.name)).where(
        col(RouteState.paused_at).is_not(None) | (col(RouteState.rests_until) > now)
    )
    return set(session.execute(statement).scalars())


def in_use(session: Session, names: Iterable[str], *, now: datetime) -> str:
    """Give the first route that may be used; where none may, the first there is."""
    known = list(names)
    out = out_of_use(session, now=now)
    return next((name for name in known if name not in out), known[0])


def resumed_at(session: Session, name: str) -> datetime | None:
    """Give when an owner last resumed a route: what was answered before counts no more."""
    statement = select(col(RouteState.resumed_at)).where(col(RouteState.name) == name)
    return session.execute(statement).scalar()


def pause(session: Session, name: str, reason: str, *, now: datetime) -> bool:
    """Pause a route; False when it was paused already."""
    statement = upsert(session, RouteState).values(name=name, paused_at=now, reason=reason)
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"paused_at": now, "reason": reason},
        where=col(RouteState.paused_at).is_(None),
    )
    if not changed(session, statement):
        return False
    details = {"name": name, "reason": reason}
    record(session, "route.paused", SYSTEM, About(), at=now, details=details)
    return True


def rest(session: Session, name: str, length: Rest, reason: str, *, now: datetime) -> bool:
    """Let a route rest, longer when the last rest did not help; False when it rests already."""
    row = session.connection().execute(_ROW, {"name": name}).first()
    before, until = (row.rests, row.rests_until) if row else (0, None)
    if until is not None and now < until:
        return False
    values = {
        "rests_until": now + length.length(before),
        "rest_reason": reason,
        "rests": before + 1,
    }
    statement = upsert(session, RouteState).values(name=name, **values)
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_=values,
        # Another worker may have heard the same meanwhile.
        where=col(RouteState.rests_until).is_not_distinct_from(until),
    )
    return changed(session, statement) == 1


def take_note(
    session: Session, name: str, met: Meeting, *, now: datetime, patience: timedelta | None
) -> bool:
    """Note how far we came with a relay; True when its route now rests, being out of reach.

    Without `patience` there is no other route to take, and no rest. Writes nothing for a relay
    that takes mail as it did before.
    """
    row = session.connection().execute(_ROW, {"name": name}).first()
    since = row.unreached_since if row else None
    if met is Meeting.MISSED and patience is not None:
        if since is None:
            _set(session, name, unreached_since=now)
        elif now - since >= patience:
            reason = f"The relay has not been reached since {since:%Y-%m-%d %H:%M} UTC."
            return rest(session, name, UNREACHED, reason, now=now)
    elif row and since is not None and met in {Meeting.ANSWERED, Meeting.TOOK}:
        _set(session, name, unreached_since=None)
    over = row is not None and (row.rests_until is None or row.rests_until <= now)
    if row and row.rests and over and met is Meeting.TOOK:
        _set(session, name, rests=0)
    return False


def resume(
    session: Session, name: str, known: Collection[str], *, now: datetime, by: By = EDITOR
) -> None:
    """Let a route be used again, paused or at rest; NotFound for none, Refused for one in use."""
    if name not in known:
        raise NotFound("route", name, f"there are: {', '.join(sorted(known))}")
    statement = (
        update(RouteState)
        .where(
            col(RouteState.name) == name,
            col(RouteState.paused_at).is_not(None) | (col(RouteState.rests_until) > now),
        )
        .values(paused_at=None, reason="", resumed_at=now, rests_until=None, rests=0)
    )
    if not changed(session, statement):
        raise Refused(f"route “{name}” is in use")
    record(session, "route.resumed", by, About(), at=now, details={"name": name})


_ROW = select(_STATES.c.rests, _STATES.c.rests_until, _STATES.c.unreached_since).where(
    _STATES.c.name == bindparam("name")
)


def _set(session: Session, name: str, **values: object) -> None:
    statement = upsert(session, RouteState).values(name=name, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
