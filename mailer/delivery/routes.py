"""Routes as the database knows them: in use, or paused because a relay refuses us.

A paused route claims nothing. It is resumed by an owner who has looked.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from mailer.db import changed, upsert
from mailer.db.schema import RouteState
from mailer.errors import NotFound, Refused
from mailer.history import EDITOR, SYSTEM, About, record


@dataclass(frozen=True, slots=True)
class RouteStanding:
    """Whether a route may be used, since when not, and why."""

    name: str
    paused_at: datetime | None = None
    reason: str = ""
    resumed_at: datetime | None = None


def standings(session: Session, names: Collection[str]) -> list[RouteStanding]:
    """Give how each route stands, in the order of the names."""
    rows = {row.name: row for row in session.execute(select(RouteState)).scalars()}
    found = []
    for name in names:
        row = rows.get(name)
        known = (row.paused_at, row.reason, row.resumed_at) if row else ()
        found.append(RouteStanding(name, *known))
    return found


def paused(session: Session) -> set[str]:
    """Give the names of routes that may not be used."""
    statement = select(col(RouteState.name)).where(col(RouteState.paused_at).is_not(None))
    return set(session.execute(statement).scalars())


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


def resume(session: Session, name: str, known: Collection[str], *, now: datetime) -> None:
    """Let a route be used again; NotFound for no route, Refused for one that is in use."""
    if name not in known:
        raise NotFound("route", name, f"there are: {', '.join(sorted(known))}")
    statement = (
        update(RouteState)
        .where(col(RouteState.name) == name, col(RouteState.paused_at).is_not(None))
        .values(paused_at=None, reason="", resumed_at=now)
    )
    if not changed(session, statement):
        raise Refused(f"route “{name}” is not paused")
    record(session, "route.resumed", EDITOR, About(), at=now, details={"name": name})
