"""Sets the present state aside before another takes its place: nothing is ever deleted.

An SQLite file is moved into a folder beside the settings, PostgreSQL's tables into a schema of
their own. If what was to take its place does not come about, all is moved back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mailer.db import Database

BESIDE_SQLITE = ("", "-wal", "-shm")


@contextmanager
def set_aside(database: Database, folder: Path) -> Iterator[str]:
    """Set a database's rows aside while something else is put in their place; give where."""
    path = database.path
    if path is None:
        with _schema_aside(database, folder.name.replace("-", "_")) as where:
            yield where
        return
    moved = move([path.with_name(path.name + end) for end in BESIDE_SQLITE], folder)
    try:
        yield str(folder)
    except BaseException:
        database.close()
        for end in BESIDE_SQLITE:
            path.with_name(path.name + end).unlink(missing_ok=True)
        back(moved)
        raise


def move(paths: list[Path], folder: Path) -> dict[Path, Path]:
    """Move files into a folder, those that there are; give where each is now."""
    folder.mkdir(mode=0o700, exist_ok=True)
    moved = {}
    for path in paths:
        if path.exists():
            moved[path] = folder / path.name
            path.rename(moved[path])
    return moved


def back(moved: dict[Path, Path]) -> None:
    """Move files back to where they were."""
    for before, now in moved.items():
        now.rename(before)


@contextmanager
def _schema_aside(database: Database, schema: str) -> Iterator[str]:
    with database.connect() as connection, connection.begin():
        home = str(connection.execute(text("SELECT current_schema()")).scalar_one())
        connection.execute(text(f'CREATE SCHEMA "{schema}"'))
        _move_tables(connection, home, schema)
    try:
        yield f"schema {schema}"
    except BaseException:
        with database.connect() as connection, connection.begin():
            _drop_tables(connection, home)
            _move_tables(connection, schema, home)
            connection.execute(text(f'DROP SCHEMA "{schema}"'))
        raise


def _move_tables(connection: Connection, before: str, after: str) -> None:
    for table in inspect(connection).get_table_names(before):
        # Its indexes and its sequence go along.
        connection.execute(text(f'ALTER TABLE "{before}"."{table}" SET SCHEMA "{after}"'))


def _drop_tables(connection: Connection, schema: str) -> None:
    for table in inspect(connection).get_table_names(schema):
        connection.execute(text(f'DROP TABLE "{schema}"."{table}" CASCADE'))
