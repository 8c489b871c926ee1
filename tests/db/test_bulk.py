"""Many rows by one statement: they are what the ordinary way would have written."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col

from mailer.db import Database, pour
from mailer.db.schema import Ask, AskAction, Tally
from tests import rows

NOW = datetime(2026, 11, 1, 9, 30, 1, 250, tzinfo=UTC)
TEXTS = ("", "7", "true", "null", 'it\'s “so”\\ "there"\t\n', "日本語 🙂", '{"a": [1]}', "a\x7f b")


def _ask(list_id: int, text: str, *, trapped: bool) -> dict[str, Any]:
    return {
        "action": AskAction.UNSUBSCRIBE,
        "list_id": list_id,
        "address": text,
        "language": "ja",
        "network": "2001:db8::/64",
        "trapped": trapped,
        "evidence": {"words": text, "none": None, "many": [1, 2.5, True]},
    }


def test_poured_rows_are_as_the_ordinary_way_writes_them(database: Database) -> None:
    abroad = NOW.astimezone(timezone(timedelta(hours=9)))
    with database.writing() as session:
        list_id = rows.a_list(session, now=NOW)
        asks = [_ask(list_id, text, trapped=text == "7") for text in TEXTS]
        session.connection().execute(insert(Ask), [{**ask, "asked_at": NOW} for ask in asks])
        pour(session, Ask, [{**ask, "asked_at": abroad} for ask in asks])
        for ask in asks:
            pour(session, Ask, [{**ask, "asked_at": abroad}])
        pour(session, Ask, [])

    ordinary, poured, each = _in_threes(database)

    assert poured == ordinary
    assert each == ordinary
    assert [row[2] for row in poured] == list(TEXTS)


def _in_threes(database: Database) -> list[list[tuple[Any, ...]]]:
    columns = [column for column in Ask.__table__.c if column.name != "id"]  # type: ignore[attr-defined]
    with database.reading() as session:
        found = [tuple(row) for row in session.execute(select(*columns).order_by(col(Ask.id)))]
        raw = session.connection().exec_driver_sql("SELECT * FROM asks ORDER BY id").all()
    size = len(TEXTS)
    # What lies in the table is the same too, not only what is read from it.
    both = [(*one, *map(str, plain[1:])) for one, plain in zip(found, raw, strict=True)]
    return [both[:size], both[size : 2 * size], both[2 * size :]]


def test_what_is_there_already_is_dealt_with_as_the_statement_says(database: Database) -> None:
    def once_more(statement: sqlite.Insert) -> sqlite.Insert:
        return statement.on_conflict_do_update(
            index_elements=["subject", "hour"],
            set_={"count": col(Tally.count) + statement.excluded["count"]},
        )

    for _ in range(2):
        with database.writing() as session:
            counted = [{"subject": one, "hour": NOW, "count": at} for at, one in enumerate("abc")]
            pour(session, Tally, counted, amend=once_more)

    assert database.read(_counts) == {"a": 0, "b": 2, "c": 4}


def _counts(session: Session) -> dict[str, int]:
    return {one.subject: one.count for one in session.execute(select(Tally)).scalars()}


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 1)  # noqa: DTZ001
    counted = [{"subject": "a", "hour": hour, "count": 1} for hour in (NOW, naive)]

    with database.writing() as session, pytest.raises(ValueError, match="without a zone"):
        pour(session, Tally, counted)
