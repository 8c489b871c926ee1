"""Rows as lines of JSON, and back: the same for both databases, so that either reads the other's.

The first line names the columns. Moments and dates are ISO 8601, bytes are base64; what a value
is, the column says that it goes into, as the database that is filled has it.
"""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, insert, select
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.types import Date, DateTime, LargeBinary, TypeEngine
from sqlmodel import Session

from mailer.errors import FileInvalid

ROWS_AT_ONCE = 1_000
"""Rows held in memory; of a table with files in it, one."""

VERSION_TABLE = "alembic_version"


def lines(session: Session, table: Table) -> Iterator[bytes]:
    """Give a table as lines, its columns' names first."""
    columns = list(table.columns)
    yield _line([column.name for column in columns])
    statement = select(*columns).order_by(*table.primary_key.columns)
    options = {"yield_per": _at_once(table)}
    for row in session.execute(statement, execution_options=options):
        yield _line(list(row))


def reflected(connection: Connection) -> list[Table]:
    """Give the tables that a database has, those first that others refer to."""
    found = MetaData()
    found.reflect(connection)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, JSON):
                # Nothing is NULL, not the JSON text “null”, which no condition would find.
                column.type = JSON(none_as_null=True)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def fill(connection: Connection, table: Table, packed: Iterator[bytes], source: Path) -> int:
    """Put lines into an empty table; give the rows. FileInvalid when they do not fit it."""
    count = 0
    try:
        names = json.loads(next(packed))
        takers = [_taker(table.columns[name].type) for name in names]
        rows: list[dict[str, Any]] = []
        for line in packed:
            count += 1
            values = json.loads(line)
            rows.append(
                {
                    name: value if value is None or take is None else take(value)
                    for name, take, value in zip(names, takers, values, strict=True)
                }
            )
            if len(rows) >= _at_once(table):
                connection.execute(insert(table), rows)
                rows = []
        if rows:
            connection.execute(insert(table), rows)
    except (StopIteration, KeyError, TypeError, ValueError, StatementError, DBAPIError) as error:
        why = " ".join(str(error).split())[:200]
        raise FileInvalid(source, None, f"the rows of {table.name} do not fit: {why}") from None
    return count


def _at_once(table: Table) -> int:
    has_files = any(isinstance(column.type, LargeBinary) for column in table.columns)
    return 1 if has_files else ROWS_AT_ONCE


def _line(values: list[Any]) -> bytes:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no place in a backup")


def _taker(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Give what makes a column's value of what stands in the file; None where it is the same."""
    if isinstance(kind, DateTime):
        return _moment
    if isinstance(kind, Date):
        return date.fromisoformat
    if isinstance(kind, LargeBinary):
        return lambda text: base64.b64decode(text, validate=True)
    return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found.astimezone(UTC)
