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
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select

from mailer.db import SCHEMA, Database, Lock, newer
from mailer.errors import DatabaseError, DatabaseUnreachable

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, *, now: datetime) -> Path | None:
    """Bring the schema up to date; give the backup that was made, if one was.

    Raises SchemaNewer when the database is ahead, DatabaseError when it belongs to another
    program or when rows would be lost: then it is as before.
    """
    if database.revision() == SCHEMA:
        return None
    with database.plain_errors(), _alone(database):
        found = database.revision()
        if found == SCHEMA:
            return None
        if found is None:
            _refuse_strangers(database)
            _keep_private(database)
        elif found not in _known():
            raise newer(found)
        backup = _backup(database, found, now) if found else None
        _prepare(database)
        _run(database)
        return backup


def build(database: Database, revision: str) -> None:
    """Make the tables of an older program in an empty database, to be filled and upgraded.

    Raises SchemaNewer for a revision this program does not know, DatabaseError when there are
    tables already.
    """
    if revision not in _known():
        raise newer(revision)
    with database.plain_errors(), _alone(database):
        _refuse_strangers(database)
        _keep_private(database)
        _prepare(database)
        _run(database, revision)


def _known() -> set[str]:
    script = ScriptDirectory(str(MIGRATIONS))
    return {revision.revision for revision in script.walk_revisions()}


def _refuse_strangers(database: Database) -> None:
    """Refuse to settle among the tables of another program."""
    with database.connect() as connection:
        found = set(inspect(connection).get_table_names()) - {"alembic_version"}
    if found:
        raise DatabaseError(
            f"{database} holds tables that are not ours ({', '.join(sorted(found)[:3])} …): "
            "name one of its own for Communiqué"
        )


def _keep_private(database: Database) -> None:
    """Let nobody else on the machine read a new SQLite file: it will hold people's addresses."""
    if database.path is not None:
        database.path.chmod(0o600)


def _run(database: Database, revision: str = "head") -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with database.connect() as connection:
        if database.is_sqlite:
            # Outside any transaction: inside one, SQLite ignores it.
            _sqlite(connection).execute("PRAGMA foreign_keys=OFF")
        config.attributes["connection"] = connection
        try:
            # Begun here, so that Alembic leaves the commit to us, and the check comes before it.
            with connection.begin():
                command.upgrade(config, revision)
                if database.is_sqlite:
                    _no_orphans(connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall())
        finally:
            connection.invalidate()


def _sqlite(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _no_orphans(rows: Sequence[object]) -> None:
    if rows:
        raise DatabaseError(f"the upgrade would leave {len(rows)} rows without what they refer to")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep other processes from migrating at the same time."""
    if database.path is None:
        with database.connect() as connection:
            connection.execute(select(func.pg_advisory_lock(int(Lock.MIGRATION))))
            try:
                yield
            finally:
                connection.execute(select(func.pg_advisory_unlock(int(Lock.MIGRATION))))
        return
    path = database.path.with_name(database.path.name + ".lock")
    try:
        lock = path.open("w")
    except OSError as error:
        raise DatabaseUnreachable(f"{path} cannot be made: {error.strerror}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(database: Database) -> None:
    """Switch an SQLite file to WAL, once: two processes doing so at once fail at once."""
    if database.is_sqlite:
        with database.connect() as connection:
            _sqlite(connection).execute("PRAGMA journal_mode=WAL")


def _backup(database: Database, found: str, now: datetime) -> Path | None:
    if database.path is None:
        return None
    target = database.path.with_name(
        f"{database.path.name}.before-{SCHEMA}-from-{found}-{now:%Y%m%dT%H%M%SZ}"
    )
    free = shutil.disk_usage(target.parent).free
    if free < 3 * database.path.stat().st_size:
        raise DatabaseError(f"too little room beside {database.path} for a backup and the upgrade")
    target.touch(mode=0o600)
    with (
        closing(sqlite3.connect(database.path)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return target
