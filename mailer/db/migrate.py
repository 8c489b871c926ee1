"""Bring a database to this program's schema: safely, once, and never backwards.

Imported only when there is something to do, for Alembic is large. One process migrates at a
time. An SQLite file is copied beside itself before it is changed, and its foreign keys are
off while tables are rebuilt (a rebuild drops the old table, and would take the rows that
point at it along) and checked afterwards.
"""

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from mailer.db import SCHEMA, Database, newer
from mailer.errors import DatabaseError

MIGRATIONS = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x636F6D6D  # “comm”: any number that nobody else on the server uses


def upgrade(database: Database, *, now: datetime) -> Path | None:
    """Bring the schema up to date; give the backup that was made, if one was.

    Raises SchemaNewer when the database is ahead, DatabaseError when rows would be lost.
    """
    if database.revision() == SCHEMA:
        return None
    with _alone(database):
        found = database.revision()
        if found == SCHEMA:
            return None
        if found is not None and found not in _known():
            raise newer(found)
        backup = _backup(database, found, now) if found else None
        _prepare(database)
        _run(database)
        return backup


def _known() -> set[str]:
    script = ScriptDirectory(str(MIGRATIONS))
    return {revision.revision for revision in script.walk_revisions()}


def _run(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.connect() as connection:
        if database.is_sqlite:
            # Outside any transaction: inside one, SQLite ignores it.
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.execute("PRAGMA foreign_keys=OFF")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
            if database.is_sqlite:
                _no_orphans(connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall())
            connection.commit()
        finally:
            connection.invalidate()


def _no_orphans(rows: Sequence[object]) -> None:
    if rows:
        raise DatabaseError(f"the upgrade would leave {len(rows)} rows without what they refer to")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep other processes from migrating at the same time."""
    if database.path is None:
        with database.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
            try:
                yield
            finally:
                connection.execute(text(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})"))
        return
    database.path.parent.mkdir(parents=True, exist_ok=True)
    with database.path.with_name(database.path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(database: Database) -> None:
    """Switch an SQLite file to WAL, once: two processes doing so at once fail at once."""
    if database.is_sqlite:
        with database.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.execute("PRAGMA journal_mode=WAL")


def _backup(database: Database, found: str, now: datetime) -> Path | None:
    if database.path is None:
        return None
    target = database.path.with_name(
        f"{database.path.name}.before-{SCHEMA}-from-{found}-{now:%Y%m%dT%H%M%SZ}"
    )
    free = shutil.disk_usage(target.parent).free
    if free < 3 * database.path.stat().st_size:
        raise DatabaseError(f"too little room beside {database.path} for a backup and the upgrade")
    with sqlite3.connect(database.path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    target.chmod(0o600)
    return target
