"""Many rows put somewhere at once, as the driver does it quickest.

SQLAlchemy would convert each value of each row, and hand over one row after the other; for a file
of a million people that takes longer than the database does. And for every row that the driver is
given it lets go of the interpreter, which another thread may then keep for longer than the row is
worth.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Subquery,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, SQLModel

Amend = Callable[[sqlite.Insert], sqlite.Insert]
"""Adds to an INSERT what is to be done with rows that are there already."""

BESIDE = "beside"
"""What the tables of an attached SQLite file are called by: see `Database.beside`."""


def put(session: Session, table: SqlTable, rows: Sequence[tuple[str | int | None, ...]]) -> None:
    """Put rows of plain values into a temporary table, instead of what was in it.

    The table is made where it is not there yet; it belongs to this connection alone.
    """
    connection = _emptied(session, table)
    names = ", ".join(column.name for column in table.columns)
    if session.get_bind().dialect.name == "sqlite":
        marks = ", ".join("?" for _ in table.columns)
        insert = f"INSERT INTO temp.{table.name} ({names}) VALUES ({marks})"  # noqa: S608
        if rows:
            connection.exec_driver_sql(insert, cast("Any", rows))
        return
    driver = cast("Any", connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def put_from_beside(
    session: Session,
    table: SqlTable,
    columns: Mapping[str, str],
    source: str,
    values: tuple[str | int, ...],
) -> int:
    """Put rows of an attached SQLite file into a temporary table, as `put` does; give how many.

    `columns` gives for each name what it is made from, `source` a table there and a condition,
    `values` what their marks stand for, in turn.
    """
    connection = _emptied(session, table)
    names, found = ", ".join(columns), ", ".join(columns.values())
    insert = f"INSERT INTO temp.{table.name} ({names}) SELECT {found} FROM {BESIDE}.{source}"  # noqa: S608
    return connection.exec_driver_sql(insert, values).rowcount


def _emptied(session: Session, table: SqlTable) -> Connection:
    connection = session.connection()
    connection.execute(CreateTable(table, if_not_exists=True))
    if session.get_bind().dialect.name == "sqlite":
        connection.exec_driver_sql(f"DELETE FROM temp.{table.name}")  # noqa: S608  (ours)
    else:
        connection.exec_driver_sql(f"TRUNCATE {table.name}")
    return connection


def pour(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    *,
    amend: Amend | None = None,
) -> None:
    """Insert rows in their order, by one statement; each has values for the same columns.

    A column that is not named is NULL, or as the database has it by default.
    """
    if not rows:
        return
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    # What all rows have in common is given once, and not with each of them.
    common = {name: some[0] for name, some in columns.items() if some.count(some[0]) == len(some)}
    varied = {name: some for name, some in columns.items() if name not in common}
    connection = session.connection()
    pouring = _pouring(connection.dialect.name, table, tuple(varied), tuple(common), amend)
    values = {f"all_{name}": value for name, value in common.items()}
    connection.execute(pouring.statement, {"rows": pouring.written(varied, len(rows)), **values})


def draw(session: Session, statement: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Give the rows that a statement selects; the driver hands them over as one value."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return [tuple(row) for row in connection.execute(statement)]
    found = statement.subquery()
    listed = select(func.json_group_array(func.json_array(*found.c)))
    rows = json.loads(connection.execute(listed).scalar_one())
    makers = _readers(found, connection.dialect)
    for row in rows:
        for at, make in makers:
            row[at] = make(row[at])
    return [tuple(row) for row in rows]


def _readers(found: Subquery, dialect: Dialect) -> list[tuple[int, Callable[[Any], Any]]]:
    """Give what makes values of what SQLite stores, for the columns where it takes something."""
    readers: list[tuple[int, Callable[[Any], Any]]] = []
    for at, column in enumerate(found.c):
        read = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if read is not None:
            # Many rows have the same moment, or the same state; nothing changes those.
            readers.append((at, read if isinstance(column.type, JSON) else cache(read)))
    return readers


def insert_into(dialect: str, table: type[SQLModel]) -> sqlite.Insert:
    """Begin an INSERT in a dialect; PostgreSQL's stands for SQLite's to the type checker."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  (large, and most go without)

    return cast("sqlite.Insert", postgresql.insert(table))


class _Pouring(NamedTuple):
    """A statement that takes rows as one text, and what makes plain values for it, by column."""

    statement: sqlite.Insert
    plain: Mapping[str, Callable[[Any], Any] | None]

    def written(self, columns: Mapping[str, Sequence[Any]], count: int) -> str:
        """Give so many rows, whose values stand in columns, as the text that it takes."""
        plain = [
            list(map(make, columns[name])) if make else columns[name]
            for name, make in self.plain.items()
        ]
        texts = list(zip(*plain, strict=True)) or [()] * count
        return json.dumps(texts, default=datetime.isoformat)


@lru_cache(maxsize=100)
def _pouring(
    dialect: str,
    table: type[SQLModel],
    varied: tuple[str, ...],
    common: tuple[str, ...],
    amend: Amend | None,
) -> _Pouring:
    columns = cast("SqlTable", table.__table__).c  # type: ignore[attr-defined]
    is_sqlite = dialect == "sqlite"
    # What PostgreSQL is given it turns into its own types by itself.
    plain: Dialect = sqlite.dialect() if is_sqlite else DefaultDialect()
    types = [columns[name].type for name in varied]
    source = (_on_sqlite if is_sqlite else _on_postgresql)(types)
    given = [bindparam(f"all_{name}", type_=columns[name].type) for name in common]
    statement = insert_into(dialect, table).from_select(
        [*varied, *common], source.add_columns(*given), include_defaults=False
    )
    makers = [one.dialect_impl(plain).bind_processor(plain) for one in types]
    return _Pouring(
        amend(statement) if amend else statement, dict(zip(varied, makers, strict=True))
    )


def _on_sqlite(types: Sequence[Any]) -> Select[Any]:
    each = func.json_each(bindparam("rows", type_=Text)).table_valued("key", "value")
    # Spelled out: the operator that is shorter came with SQLite 3.38, and many have an older one.
    values: list[ColumnElement[Any]] = [
        literal_column(f"json_extract(said.value, '$[{at}]')", kind)
        for at, kind in enumerate(types)
    ]
    said = each.alias("said")
    # SQLite reads “ON CONFLICT” right only after a WHERE.
    return select(*values).select_from(said).where(said.c.key >= 0).order_by(said.c.key)


def _on_postgresql(types: Sequence[Any]) -> Select[Any]:
    rows = as_type(bindparam("rows", type_=Text), JSON)
    said = func.json_array_elements(rows).table_valued("value", with_ordinality="at")
    said = said.render_derived(name="said")
    values = [as_type(said.c.value.op("->>")(at), kind) for at, kind in enumerate(types)]
    return select(*values).select_from(said).order_by(said.c.at)
