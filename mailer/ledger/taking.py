"""How rows that are due are taken, many in one go: the statements of every turn, made once.

On SQLite they are spelled out, and each gives one value, be it for a thousand rows. For every
row the driver lets go of the interpreter and has to get hold of it again, from the loop that is
sending; that took longer than all the rest.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, Self

import sqlalchemy
from sqlalchemy import (
    Connection,
    TextClause,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import Session, col

from mailer.db.schema import Delivery, DeliveryKind, DeliveryState, UTCDateTime, Worker
from mailer.ledger.posting import WAITING


class Claimed(NamedTuple):
    """A row that this worker may send: a tuple, since one is made of every row of a digest."""

    id: int
    kind: DeliveryKind
    digest_id: int | None
    edition_id: int | None
    list_id: int | None
    subscriber_id: int | None
    address: str
    key: str
    domain: str
    name: str
    language: str
    context: dict[str, Any]
    route: str
    signing_key: int | None
    not_after: datetime
    dated_at: datetime
    tries: int


TABLE: sqlalchemy.Table = Delivery.__table__  # type: ignore[attr-defined]
NAMES: tuple[str, ...] = Claimed._fields
COLUMNS = tuple(TABLE.c[name] for name in NAMES)

_KINDS = {kind.value: kind for kind in DeliveryKind}
_KIND, _CONTEXT = NAMES.index("kind"), NAMES.index("context")
_NOT_AFTER, _DATED_AT = NAMES.index("not_after"), NAMES.index("dated_at")
_NOW = bindparam("now", type_=UTCDateTime())

_ALIVE = "workers.id = :worker AND ended_at IS NULL AND lease_until >= :now"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: those for which `condition` holds, with `:of` as the value that it names."""

    see: TextClause
    take: ReturningUpdate[Any]

    @classmethod
    def where(cls, condition: str) -> Self:
        """Make the statements for a condition, in the words of both databases."""
        return cls(_see(condition), _take(condition))

    def claim(
        self, session: Session, of: object, worker_id: int, *, limit: int, now: datetime
    ) -> list[Claimed]:
        """Claim so many of those that are due, for a worker that is alive; give them by id."""
        # By the bare connection: rows, and nothing of the ORM, which would cost more than all.
        connection = session.connection()
        values = {"of": of, "worker": worker_id, "limit": limit, "now": now.astimezone(UTC)}
        if connection.dialect.name == "sqlite":
            claimed = _at_once(connection, self.see, values)
        elif _is_alive(session, worker_id, now):
            claimed = map(Claimed._make, connection.execute(self.take, values))
        else:
            return []
        return sorted(claimed, key=attrgetter("id"))


def _see(condition: str) -> TextClause:
    columns = ", ".join(NAMES)
    return text(
        f"""
        SELECT json_group_array(json_array({columns})) FROM (
            SELECT {columns} FROM deliveries
            WHERE {WAITING} AND due_at <= :now AND {condition}
                AND EXISTS (SELECT 1 FROM workers WHERE {_ALIVE})
            ORDER BY digest_id, due_at, id LIMIT :limit
        )
        """  # noqa: S608  (nothing but our own words is put in)
    ).bindparams(_NOW)


_CLAIM = text(
    """
    UPDATE deliveries
    SET state = 'claimed', worker_id = :worker, dated_at = coalesce(dated_at, :now)
    WHERE id IN (SELECT value FROM json_each(:ids))
    """
).bindparams(_NOW)


def _at_once(
    connection: Connection, see: TextClause, values: dict[str, object]
) -> Iterable[Claimed]:
    """Claim on SQLite, where nobody else writes between the look and the claim."""
    found = json.loads(connection.execute(see, values).scalar_one())
    if found:
        claim = {name: values[name] for name in ("worker", "now")}
        connection.execute(_CLAIM, {**claim, "ids": json.dumps([row[0] for row in found])})
    moment = cache(_moment)  # one digest's rows have few
    for row in found:
        # As SQLite stores them, into values, each in its place.
        row[_KIND] = _KINDS[row[_KIND]]
        row[_CONTEXT] = {} if row[_CONTEXT] == "{}" else json.loads(row[_CONTEXT])
        row[_NOT_AFTER] = moment(row[_NOT_AFTER])
        row[_DATED_AT] = values["now"] if row[_DATED_AT] is None else moment(row[_DATED_AT])
    return map(Claimed._make, found)


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _take(condition: str) -> ReturningUpdate[Any]:
    # All three columns of the index: PostgreSQL takes “IS NULL” for no reason to skip a sort.
    order = (col(Delivery.digest_id), col(Delivery.due_at), col(Delivery.id))
    due = (
        select(TABLE.c.id)
        .where(WAITING, col(Delivery.due_at) <= _NOW, text(condition))
        .order_by(*order)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
    # A WITH and not a sub-select, which PostgreSQL may run once for every row it compares.
    which = due.cte("due").prefix_with("MATERIALIZED")
    return (
        update(TABLE)
        .values(
            state=DeliveryState.CLAIMED,
            worker_id=bindparam("worker"),
            dated_at=func.coalesce(col(Delivery.dated_at), _NOW),
        )
        .where(TABLE.c.id.in_(select(which.c.id)))
        .returning(*COLUMNS)
    )


def _is_alive(session: Session, worker_id: int, now: datetime) -> bool:
    """Tell whether the worker may claim, and keep it so until the claim is committed.

    A recovery ends the worker first: it waits for this lock and then sees what was claimed.
    """
    statement = (
        select(col(Worker.id))
        .where(
            col(Worker.id) == worker_id,
            col(Worker.ended_at).is_(None),
            col(Worker.lease_until) >= now,
        )
        .with_for_update(read=True)
    )
    return session.execute(statement).first() is not None
