"""What each route has met at each recipient domain: when it took mail, when it refused us."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col

from mailer.db import pour
from mailer.db.schema import Destination


@dataclass(frozen=True, slots=True)
class Met:
    """How one try went, as far as it says something about the domain."""

    route: str
    domain: str
    at: datetime
    taken: bool
    refused: bool


def count(session: Session, tries: Iterable[Met]) -> None:
    """Note which domains took mail and which refused us."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in tries:
        if one.taken or one.refused:
            _add(rows.setdefault((one.route, one.domain), _row(one)), one)
    # In one order everywhere: two workers must not wait for each other's rows.
    pour(session, Destination, [rows[place] for place in sorted(rows)], amend=_latest)


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


def _row(one: Met) -> dict[str, Any]:
    return {
        "route": one.route,
        "domain": one.domain,
        "accepted_at": None,
        "refused_at": None,
        "refusals": 0,
    }


def _add(row: dict[str, Any], one: Met) -> None:
    if one.taken:
        row["accepted_at"] = one.at
    else:
        row["refused_at"] = one.at
        row["refusals"] += 1
