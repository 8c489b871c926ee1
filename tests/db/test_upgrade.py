"""Every old database comes to today's schema with all its rows, whichever table they are in."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Connection, MetaData, Table, func, insert, inspect, select
from sqlalchemy.types import BigInteger, Boolean, Date, DateTime, Integer, LargeBinary

from mailer.db import SCHEMA, Database
from mailer.db.migrate import MIGRATIONS, upgrade

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
ROWS = 3
REVISIONS = sorted(
    revision.revision for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
)


@pytest.mark.parametrize("old", REVISIONS)
def test_an_old_database_keeps_all_its_rows(database_url: str, old: str, tmp_path: Path) -> None:
    # Given a database of an older version with rows in every table
    database = Database(database_url)
    bring_to(database, old)
    with database.connect() as connection, connection.begin():
        fill_every_table(connection)
        before = counts(connection)
    assert set(before.values()) == {ROWS}

    # When it is upgraded
    backup = upgrade(database, now=NOW)

    # Then no row is missing, and every row that another refers to is there
    with database.connect() as connection:
        assert {table: counts(connection)[table] for table in before} == before
        if database.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
    assert database.revision() == SCHEMA
    assert (backup is not None) == (database.is_sqlite and old != SCHEMA)
    database.close()


def bring_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in tables(connection)
    }


def tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill_every_table(connection: Connection) -> None:
    """Put rows into all tables as they are found: the test need not know old columns."""
    for table in tables(connection):
        allowed = choices(connection, table.name)
        for number in range(1, ROWS + 1):
            values = {each.name: value(each, number, allowed) for each in table.columns}
            connection.execute(insert(table).values(values))


def choices(connection: Connection, table: str) -> dict[str, str]:
    """Give, by column, the first of the words that a CHECK allows."""
    found = {}
    for check in inspect(connection).get_check_constraints(table):
        words = re.match(r"\W*(?P<column>\w+).*?'(?P<word>\w+)'", str(check["sqltext"]))
        if words:
            found[words["column"]] = words["word"]
    return found


def value(column: "Column[object]", number: int, allowed: dict[str, str]) -> object:
    """Give something that may stand in the column; a key refers to the row of its number."""
    if column.name in allowed:
        return allowed[column.name]
    match column.type:
        case Boolean():
            return True
        case Integer() | BigInteger():
            return number
        case DateTime():
            return NOW
        case LargeBinary():
            return bytes([number])
        case Date():
            return date(2026, 12, number)
        case JSON():
            return {"number": number}
    return f"{column.name} {number}"
