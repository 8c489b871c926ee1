"""What each route has met at each recipient domain: when it took mail, when it refused us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col

from mailer.db import pour
from mailer.db.schema import Destination

Place = tuple[str, str]
"""Route and recipient domain."""


@dataclass(slots=True)
class Met:
    """How some tries at a domain went, as far as they say something about it."""

    accepted_at: datetime | None = None
    refused_at: datetime | None = None
    refusals: int = 0


def count(session: Session, met: Mapping[Place, Met]) -> None:
    """Note which domains took mail and which refused us."""
    # In one order everywhere: two workers must not wait for each other's rows.
    rows = [
        {
            "route": route,
            "domain": domain,
            "accepted_at": met[route, domain].accepted_at,
            "refused_at": met[route, domain].refused_at,
            "refusals": met[route, domain].refusals,
        }
        for route, domain in sorted(met)
    ]
    pour(session, Destination, rows, amend=_latest)


def accepted(session: Session, route: str, *, since: datetime) -> dict[str, datetime]:
    """Give the domains that took mail by a route lately, and when they last did."""
    statement = select(col(Destination.domain), col(Destination.accepted_at)).where(
        col(Destination.route) == route, col(Destination.accepted_at) >= since
    )
    return {domain: at for domain, at in session.execute(statement) if at is not None}


def _latest(statement: sqlite.Insert) -> sqlite.Insert:
    """Add what is new to what a domain was met with before."""
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["route", "domain"],
        set_={
            "accepted_at": func.coalesce(new.accepted_at, col(Destination.accepted_at)),
            "refused_at": func.coalesce(new.refused_at, col(Destination.refused_at)),
            "refusals": col(Destination.refusals) + new.refusals,
        },
    )
