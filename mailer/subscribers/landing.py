"""Where the people of an import touch down: a table of this connection's own, for one transaction.

From there a few statements take all of them at once to where they belong.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, Column, Integer, MetaData, Text, and_, case, func, literal, select
from sqlalchemy import Table as SqlTable
from sqlmodel import Session, col

from mailer.db import put, upsert
from mailer.db.schema import Organisation, Subscriber, UTCDateTime
from mailer.subscribers.people import Row

LANDED = SqlTable(
    "landed",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("address", Text),
    Column("key", Text),
    Column("domain", Text),
    Column("name", Text),
    Column("language", Text),
    Column("organisation", Text),
    Column("country", Text),
    Column("details", JSON),
    prefixes=["TEMPORARY"],
)
"""`details` is what history keeps of each; `number` is their order."""


@dataclass(frozen=True, slots=True)
class Common:
    """What all people of a batch have in common: the batch, and what history keeps of each."""

    batch: int
    evidence: dict[str, str]


def land(session: Session, rows: Sequence[Row], common: Common, *, now: datetime) -> None:
    """Make or find the subscribers, who then stand in LANDED under their keys.

    A name or an organisation is set where there was none, and never changed.
    """
    head = json.dumps({**common.evidence, "batch": common.batch})[:-1]
    put(session, LANDED, [_values(number, row, head) for number, row in enumerate(rows)])
    if any(row.organisation for row in rows):
        _organisations(session, common.batch, now)
    _people(session, common.batch, now)


def _values(number: int, row: Row, head: str) -> tuple[str | int | None, ...]:
    evidence = row.verdict.evidence
    rest = f", {json.dumps(dict(evidence))[1:]}" if evidence else "}"
    return (
        number,
        row.to.mailbox,
        row.to.key,
        row.to.domain,
        row.name,
        row.language,
        row.organisation,
        row.country,
        f'{head}, "line": {row.line}{rest}',
    )


def _organisations(session: Session, batch: int, now: datetime) -> None:
    here = LANDED.c
    named = (
        select(here.organisation, here.country, literal(batch), literal(now, UTCDateTime))
        .where(here.organisation != "")
        .distinct()
    )
    columns = ["name", "country", "batch_id", "created_at"]
    statement = upsert(session, Organisation).from_select(columns, named, include_defaults=False)
    session.execute(statement.on_conflict_do_nothing())


def _people(session: Session, batch: int, now: datetime) -> None:
    here = LANDED.c
    works_at = and_(
        here.organisation != "",
        col(Organisation.name) == here.organisation,
        col(Organisation.country) == here.country,
    )
    source = (
        select(
            here.address,
            here.key,
            here.domain,
            here.name,
            here.language,
            col(Organisation.id),
            literal(batch),
            literal(now, UTCDateTime),
        )
        .select_from(LANDED.outerjoin(Organisation, works_at))
        .where(here.number >= 0)  # SQLite reads “ON CONFLICT” right only after a WHERE
        .order_by(here.number)
    )
    columns = ["address", "key", "domain", "name", "language", "organisation_id"]
    statement = upsert(session, Subscriber).from_select(
        [*columns, "batch_id", "created_at"], source, include_defaults=False
    )
    given = statement.excluded
    known = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "name": case((col(Subscriber.name) != "", col(Subscriber.name)), else_=given.name),
            "organisation_id": func.coalesce(
                col(Subscriber.organisation_id), given.organisation_id
            ),
        },
    )
    session.execute(known)
