"""How claimed rows ended, written in one go: the statement that runs once for every message.

It is spelled out for each database, for here the work of building statements row by row would
cost more than the writing. And it is one statement for all rows, not one for each: between two
statements the driver lets go of the interpreter and has to get hold of it again, from the loop
that is sending.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, literal_column, text
from sqlmodel import Session

from mailer.db import stored
from mailer.db.schema import Attempt, DeliveryState

HELD: ColumnElement[bool] = literal_column("deliveries.state IN ('claimed', 'uncertain')")
"""Spelled out like WAITING. A row in doubt is held by the worker that may know better."""


class Settlement(NamedTuple):
    """How one claimed row ended, or when it comes up again: a tuple, since every row has one.

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
# The sign keeps SQLite from looking through all that the worker holds for each of them.
_MINE = f"+deliveries.worker_id = :worker AND {HELD} AND (deliveries.address IS NULL) = :forgotten"


def _said(at: int) -> str:
    # Spelled out: the operator that is shorter came with SQLite 3.38, and many have an older one.
    return f"json_extract(said.value, '$[{at}]')"


_MOMENT = 26
"""Characters of a moment as SQLite stores it."""

_SENT_ON_SQLITE = text(
    f"""
    UPDATE deliveries SET
        state = 'sent', due_at = NULL, tries = {_TRIES.format(tries=1)},
        settled_at = substr(said.value, 1, {_MOMENT}), reason = '', reply_code = :code,
        reply_text = substr(said.value, {_MOMENT + 1}), worker_id = NULL
    FROM json_each(:rows) AS said
    WHERE deliveries.id = CAST(said.key AS INTEGER) AND {_MINE}
    """  # noqa: S608  (nothing but our own words is put in)
)

_ON_SQLITE = text(
    f"""
    UPDATE deliveries SET
        state = {_said(0)}, due_at = {_said(1)}, tries = {_TRIES.format(tries=_said(2))},
        settled_at = {_said(3)}, reason = {_said(4)}, reply_code = {_said(5)},
        reply_text = {_said(6)}, worker_id = NULL
    FROM json_each(:rows) AS said
    WHERE deliveries.id = {_said(7)} AND {_MINE}
    """  # noqa: S608  (as above)
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
    WHERE deliveries.id = said.id AND {_MINE}
    """  # noqa: S608  (as above)
)
_NAMES = ("states", "due", "tries", "settled", "reasons", "codes", "words", "ids")


def write(session: Session, worker_id: int, settlements: Sequence[Settlement]) -> int:
    """Write how claims ended that the worker holds, of people whom we know; give how many."""
    return _write(session.connection(), settlements, {"worker": worker_id, "forgotten": False})


def write_of_forgotten(session: Session, worker_id: int, settlements: Sequence[Settlement]) -> int:
    """Write how claims ended whose people were forgotten meanwhile; give how many."""
    return _write(session.connection(), settlements, {"worker": worker_id, "forgotten": True})


def _write(
    connection: Connection, settlements: Sequence[Settlement], whose: Mapping[str, object]
) -> int:
    if connection.dialect.name != "sqlite":
        return _write_on_postgresql(connection, settlements, whose)
    # Nearly all are taken, with nothing more to say: a text for each, and the rest once.
    sent: defaultdict[int | None, dict[int, str]] = defaultdict(dict)
    others = []
    for one in settlements:
        plain = one.state is DeliveryState.SENT and one.counted and not one.reason
        if plain and one.due_at is None and one.attempt is None:
            sent[one.reply_code][one.delivery_id] = stored(one.at) + one.reply_text
        else:
            others.append(one)
    written = 0
    for code, said in sent.items():
        values = {"rows": json.dumps(said), "code": code, **whose}
        written += connection.execute(_SENT_ON_SQLITE, values).rowcount
    if others:
        rows = [_row(one, stored) for one in others]
        written += connection.execute(_ON_SQLITE, {"rows": json.dumps(rows), **whose}).rowcount
    return written


def _write_on_postgresql(
    connection: Connection, settlements: Sequence[Settlement], whose: Mapping[str, object]
) -> int:
    rows = [_row(one, _same) for one in settlements]
    columns = dict(zip(_NAMES, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    return connection.execute(_ON_POSTGRESQL, {**columns, **whose}).rowcount if rows else 0


def _row(one: Settlement, moment: Callable[[datetime], object]) -> tuple[Any, ...]:
    waits = one.state is DeliveryState.QUEUED
    return (
        one.state.value,
        None if one.due_at is None else moment(one.due_at),
        int(one.counted),
        None if waits else moment(one.at),
        one.reason,
        one.reply_code,
        one.reply_text,
        one.delivery_id,
    )


def _same(moment: datetime) -> datetime:
    return moment
