"""How claimed rows ended, written in one go: the statement that runs once for every message.

It is spelled out for each database, for here the work of building statements row by row would
cost more than the writing. And it is one statement for all rows, not one for each: between two
statements the driver lets go of the interpreter and has to get hold of it again, from the loop
that is sending.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column, text
from sqlmodel import Session

from mailer.db.schema import Attempt, DeliveryState, UTCDateTime

HELD: ColumnElement[bool] = literal_column("deliveries.state IN ('claimed', 'uncertain')")
"""Spelled out like WAITING. A row in doubt is held by the worker that may know better."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one claimed row ended, or when it comes up again.

    `state` QUEUED with a `due_at` is deferred; QUEUED without one is held for a person.
    `counted` says whether the try counts; `attempt` keeps what was answered, for all but
    a message that was taken.
    """

    delivery_id: int
    state: DeliveryState
    at: datetime
    due_at: datetime | None = None
    counted: bool = True
    reason: str = ""
    reply_code: int | None = None
    reply_text: str = ""
    attempt: Attempt | None = None


# A row in doubt was counted when it was found so.
_TRIES = "deliveries.tries + CASE deliveries.state WHEN 'uncertain' THEN 0 ELSE {tries} END"
_HELD = str(HELD)


def _said(at: int) -> str:
    # Spelled out: the operator that is shorter came with SQLite 3.38, and many have an older one.
    return f"json_extract(said.value, '$[{at}]')"


_ON_SQLITE = text(
    f"""
    UPDATE deliveries SET
        state = {_said(0)}, due_at = {_said(1)}, tries = {_TRIES.format(tries=_said(2))},
        settled_at = {_said(3)}, reason = {_said(4)}, reply_code = {_said(5)},
        reply_text = {_said(6)}, worker_id = NULL
    FROM json_each(:rows) AS said
    WHERE deliveries.id = {_said(7)} AND +deliveries.worker_id = :worker AND {_HELD}
    """  # noqa: S608  (nothing but our own words is put in)
)

_ON_POSTGRESQL = text(
    f"""
    UPDATE deliveries SET
        state = said.state, due_at = said.due, tries = {_TRIES.format(tries="said.tries")},
        settled_at = said.settled, reason = said.reason, reply_code = said.code,
        reply_text = said.words, worker_id = NULL
    FROM unnest(
        CAST(:states AS text[]), CAST(:due AS timestamptz[]), CAST(:tries AS integer[]),
        CAST(:settled AS timestamptz[]), CAST(:reasons AS text[]), CAST(:codes AS integer[]),
        CAST(:words AS text[]), CAST(:ids AS bigint[])
    ) AS said(state, due, tries, settled, reason, code, words, id)
    WHERE deliveries.id = said.id AND deliveries.worker_id = :worker AND {_HELD}
    """  # noqa: S608  (as above)
)
_NAMES = ("states", "due", "tries", "settled", "reasons", "codes", "words", "ids")


def write(session: Session, worker_id: int, settlements: Sequence[Settlement]) -> None:
    """Write how claims ended that the worker holds; what it does not hold stays as it is."""
    connection = session.connection()
    moment = _moment(connection)
    rows = [_row(one, moment) for one in settlements]
    if connection.dialect.name == "sqlite":
        connection.execute(_ON_SQLITE, {"rows": json.dumps(rows), "worker": worker_id})
    else:
        columns = dict(zip(_NAMES, map(list, zip(*rows, strict=True)), strict=True))
        connection.execute(_ON_POSTGRESQL, {**columns, "worker": worker_id})


def _row(one: Settlement, moment: Callable[[Any], Any]) -> tuple[Any, ...]:
    waits = one.state is DeliveryState.QUEUED
    return (
        one.state.value,
        moment(one.due_at),
        int(one.counted),
        None if waits else moment(one.at),
        one.reason,
        one.reply_code,
        one.reply_text,
        one.delivery_id,
    )


def _moment(connection: Connection) -> Callable[[Any], Any]:
    """Give what makes of a moment the value that the driver stores, as the column's type does."""
    kind = UTCDateTime().dialect_impl(connection.dialect)
    return kind.bind_processor(connection.dialect) or _same


def _same(value: Any) -> Any:
    return value
