"""The database: who may read, who may write, and in which transaction.

Sessions are synchronous. The edge opens the transaction; nothing below it commits:

    with database.writing() as session: ...        # commits at the end, rolls back on an error
    database.write(ledger.settle, …)               # the same for one function fn(session, …)

A write opens with BEGIN IMMEDIATE on SQLite (a read that turns into a write fails at once,
whatever the timeout), and one writer at a time in a process spares the others the waiting.
Processes take turns: see `mailer.db.turnstile`.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from enum import IntEnum
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import (
    ARRAY,
    URL,
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    any_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import Session, SQLModel

from mailer.db.bulk import BESIDE, draw, insert_into, pour, put, put_from_beside
from mailer.db.spelled import Spelled, stored
from mailer.db.turnstile import Turnstile
from mailer.errors import DatabaseError, DatabaseUnreachable, SchemaNewer

SCHEMA = "0006"
"""The revision this program works with: the newest file in `migrations/versions`."""

BUSY_SECONDS = 30
"""How long a writer waits for another process before it gives up."""

OLDEST_SQLITE = (3, 35)
"""The first that knows RETURNING; it comes with the system's Python, not with us."""

ASLEEP_SECONDS = 60
"""How long PostgreSQL lets a transaction lie idle: its machine may be gone, its locks are not."""

LOADING = {
    "synchronous": "NORMAL",  # a chunk that a power cut takes is loaded again
    "cache_size": "-32000",  # KiB: a row of a large table comes to lie anywhere in its indexes
    "wal_autocheckpoint": "8000",  # pages: what is written again and again is moved once
}
"""How a connection is set that writes much, in chunks that can be done again."""

P = ParamSpec("P")
R = TypeVar("R")

__all__ = [
    "SCHEMA",
    "Database",
    "Lock",
    "Spelled",
    "alone",
    "among",
    "changed",
    "draw",
    "newer",
    "pour",
    "put",
    "put_from_beside",
    "stored",
    "upsert",
]


class Lock(IntEnum):
    """What is done by one at a time in the whole installation; numbers nobody else may use."""

    MIGRATION = 0x636F6D6D
    ROSTER = 0x636F6D6E
    MARK = 0x636F6D6F


class Database:
    """One database, SQLite or PostgreSQL by its URL, with the same code."""

    def __init__(self, url: str, *, connections: int = 20) -> None:
        """Make ready; nothing is opened yet. `connections` bounds the pool.

        `before_commit` is called at the end of every transaction that writes, if it is set.
        """
        self.url = _url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.before_commit: Callable[[Session], None] | None = None
        self._writer: AbstractContextManager[object] = (
            threading.Lock() if self.is_sqlite else nullcontext()
        )
        self._turnstile = Turnstile(self.path, BUSY_SECONDS)
        self._engine = self._open(connections)
        self._immediate = self._engine.execution_options(immediate=True)
        self._snapshot = self._engine if self.is_sqlite else _snapshots(self._engine)

    @property
    def path(self) -> Path | None:
        """Give the file of an SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that sees one moment of the database and changes nothing."""
        with self.plain_errors(), Session(self._snapshot, expire_on_commit=False) as session:
            yield session
            session.expunge_all()  # what was read stays readable afterwards

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction: committed at the end, rolled back when anything is raised."""
        with (
            self.plain_errors(),
            self._writer,
            Session(self._immediate, expire_on_commit=False) as session,
        ):
            yield session
            if self.before_commit:
                self.before_commit(session)
            session.commit()

    @contextmanager
    def loading(self) -> Iterator["Database"]:
        """Give the same database by a connection of its own, made for writing a great deal.

        What a power cut takes of it must be such that it is written again; what is written
        afterwards in the ordinary way makes all of it last.
        """
        if not self.is_sqlite:
            yield self
            return
        loader = Database(self.url.render_as_string(hide_password=False), connections=1)
        loader.before_commit, loader._writer = self.before_commit, self._writer
        event.listen(loader._engine, "connect", _prepare_loading)
        try:
            yield loader
        finally:
            loader.close()

    @contextmanager
    def beside(self, path: Path) -> Iterator[None]:
        """Let a loading connection to SQLite read another SQLite file too: `put_from_beside`."""
        if not self.is_sqlite:
            yield
            return
        self._bare(f"ATTACH ? AS {BESIDE}", str(path))
        yield
        self._bare(f"DETACH {BESIDE}")  # after an error nothing is loaded any more

    def read(
        self, fn: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call `fn(session, …)` in a session that only reads."""
        with self.reading() as session:
            return fn(session, *args, **kwargs)

    def write(
        self, fn: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Call `fn(session, …)` in a transaction of its own."""
        with self.writing() as session:
            return fn(session, *args, **kwargs)

    def revision(self) -> str | None:
        """Give the schema's revision, or None for an empty database."""
        with self.plain_errors(), self._engine.connect() as connection:
            if not self._engine.dialect.has_table(connection, "alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def check(self) -> None:
        """Raise DatabaseError unless the schema is the one this program works with."""
        found = self.revision()
        if found is not None and found > SCHEMA:
            raise newer(found)
        if found != SCHEMA:
            raise DatabaseError(f"{self} is at revision {found or 'none'}, not {SCHEMA}")

    def connect(self) -> Connection:
        """Give a bare connection, for migrations; what it begins, it begins as a writer."""
        return self._immediate.connect()

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()
        self._turnstile.close()

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Turn the driver's errors about the database itself into ours, with a way out."""
        try:
            yield
        except OperationalError as error:
            raise DatabaseUnreachable(f"{self} cannot be used: {_cause(error)}") from error
        except sqlite3.Error as error:  # from a bare connection
            raise DatabaseUnreachable(f"{self} cannot be used: {error}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnreachable(f"{self} cannot be used: {_cause(error)}") from error
            if "file is not a database" in str(error.orig):
                raise DatabaseUnreachable(f"{self} is not an SQLite database") from error
            raise

    def __str__(self) -> str:
        return f"the database {self.path or self.url.render_as_string(hide_password=True)}"

    def _bare(self, statement: str, *values: str) -> None:
        """Execute what SQLite does outside of a transaction only."""
        with self.plain_errors(), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute(statement, values)

    def _open(self, connections: int) -> Engine:
        if not self.is_sqlite:
            try:
                engine = create_engine(
                    self.url,
                    pool_size=connections,
                    max_overflow=0,
                    pool_pre_ping=True,
                    use_native_hstore=False,  # else each process looks for that type at its start
                )
            except ModuleNotFoundError:
                raise DatabaseUnreachable(
                    "PostgreSQL needs its driver: pip install “communique[postgres]”"
                ) from None
            event.listen(engine, "connect", _prepare_postgresql)
            return engine
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            needed = ".".join(map(str, OLDEST_SQLITE))
            raise DatabaseUnreachable(
                f"SQLite {needed} or newer is needed, and this Python has {sqlite3.sqlite_version}"
            )
        engine = create_engine(
            self.url,
            pool_size=connections,
            max_overflow=0,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", self._turnstile.begin)
        return engine


def changed(session: Session, statement: UpdateBase) -> int:
    """Execute a statement that writes; give how many rows it changed."""
    # Without being asked, SQLAlchemy keeps no count of an INSERT on PostgreSQL.
    options = {"synchronize_session": False, "preserve_rowcount": True}
    result = session.execute(statement, execution_options=options)
    assert isinstance(result, CursorResult)
    return result.rowcount


def upsert(session: Session, table: type[SQLModel]) -> sqlite.Insert:
    """Begin an INSERT that may say `on_conflict_…`, in the session's own dialect.

    PostgreSQL's has the same methods as the SQLite one that stands here for the type checker.
    """
    return insert_into(session.get_bind().dialect.name, table)


def among(
    session: Session, column: Mapped[Any] | ColumnElement[Any], values: Collection[object]
) -> ColumnElement[bool]:
    """Say that a column holds one of many values, in a statement that is the same for any number.

    The values travel as one parameter: there is no limit to them, and nothing is compiled anew.
    """
    if session.get_bind().dialect.name == "sqlite":
        listed = func.json_each(json.dumps(list(values))).table_valued("value")
        return column.in_(select(listed.c.value))
    kind = cast("ColumnElement[Any]", column).type
    return column == any_(literal(list(values), ARRAY(kind)))


def alone(session: Session, lock: Lock) -> None:
    """Wait until nobody else holds the lock, and hold it until the transaction ends.

    On SQLite there is nothing to wait for: one writes at a time as it is.
    """
    if session.get_bind().dialect.name != "sqlite":
        session.execute(select(func.pg_advisory_xact_lock(int(lock))))


def newer(found: str) -> DatabaseError:
    """Say that the database is ahead of this program, or was never ours."""
    if not found.isdigit():
        return DatabaseError(f"the database belongs to another program (revision {found})")
    return SchemaNewer(
        f"the database is at revision {found}, this program knows {SCHEMA} at most: "
        "install the newer version again, or restore an older backup"
    )


def _url(text_: str) -> URL:
    try:
        url = make_url(text_)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnreachable(f"this is not the URL of a database: {error}") from None
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _snapshots(engine: Engine) -> Engine:
    # By default PostgreSQL shows each statement of a transaction a moment of its own.
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` says how they open.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _prepare_loading(connection: sqlite3.Connection, _record: Any) -> None:
    for name, value in LOADING.items():
        connection.execute(f"PRAGMA {name}={value}")


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{ASLEEP_SECONDS}s'")
    connection.commit()


def _cause(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:300]
