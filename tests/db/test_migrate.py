"""Upgrades: once, safely, never backwards, and never over somebody else's tables."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from mailer.db import SCHEMA, Database, migrate
from mailer.db.migrate import MIGRATIONS, upgrade
from mailer.db.schema import Table
from mailer.errors import DatabaseError, DatabaseUnreachable, SchemaNewer
from tests.db.ordinary import ordinary_user, world_folder

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


def execute(database: Database, *statements: str) -> None:
    with database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


# ------------------------------------------------------------------------- fresh and again


def test_the_program_works_with_the_newest_revision() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [SCHEMA]


def test_a_fresh_database_gets_our_tables(database_url: str) -> None:
    with opened(database_url) as database:
        assert database.revision() is None
        with pytest.raises(DatabaseError, match="is at revision none, not"):
            database.check()

        backup = upgrade(database, now=NOW)

        assert backup is None
        assert database.revision() == SCHEMA
        database.check()


def test_a_new_sqlite_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/mailer.db") as database:
        upgrade(database, now=NOW)

        with database.reading() as session:
            assert session.execute(text("SELECT 1")).scalar() == 1
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("*.db*")}

    assert modes.pop("mailer.db.lock") == 0o644
    assert set(modes.values()) == {0o600}


def test_a_second_upgrade_does_nothing(database: Database) -> None:
    assert upgrade(database, now=NOW) is None
    assert database.revision() == SCHEMA


ON_EXPRESSIONS = {"ix_subscribers_called", "ix_subscribers_called_c", "ix_subscribers_key_c"}
"""Indexes that Alembic cannot compare."""


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression")
def test_models_and_migrations_agree(database: Database) -> None:
    def is_compared(_object: object, name: str | None, *_: object) -> bool:
        return name not in ON_EXPRESSIONS

    with database.connect() as connection:
        opts = {"compare_type": True, "include_object": is_compared}
        context = MigrationContext.configure(connection, opts=opts)

        assert compare_metadata(context, Table.metadata) == []


def test_models_and_migrations_have_the_same_indexes_on_expressions(database: Database) -> None:
    with database.connect() as connection:
        migrated = on_expressions(connection)
    if database.is_sqlite:
        memory = create_engine("sqlite://")
        with memory.connect() as connection:
            Table.metadata.create_all(connection)
            made = on_expressions(connection)
        memory.dispose()
    else:
        with database.connect() as connection:
            connection.execute(text("CREATE SCHEMA models"))
            connection.execute(text("SET search_path TO models"))
            Table.metadata.create_all(connection)
            made = on_expressions(connection)

    assert migrated == made
    assert set(made) <= ON_EXPRESSIONS
    assert made


def on_expressions(connection: Connection) -> dict[str, str]:
    """Give how the indexes on expressions are made."""
    asked = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
        if connection.dialect.name == "sqlite"
        else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    )
    found = connection.exec_driver_sql(asked).all()
    return {
        name: how.replace("public.", "").replace("models.", "")
        for name, how in found
        if name in ON_EXPRESSIONS
    }


def test_models_and_migrations_check_the_same(database: Database) -> None:
    # Alembic does not compare CHECKs: compare with those of a database made from the models.
    with database.connect() as connection:
        migrated = checks(connection)
    if database.is_sqlite:
        memory = create_engine("sqlite://")
        with memory.connect() as connection:
            Table.metadata.create_all(connection)
            made = checks(connection)
        memory.dispose()
    else:
        with database.connect() as connection:
            connection.execute(text("CREATE SCHEMA models"))
            connection.execute(text("SET search_path TO models"))
            Table.metadata.create_all(connection)
            made = checks(connection, "models")

    assert len(made) >= 8
    assert migrated == made


def test_the_number_of_a_row_that_is_gone_is_never_given_again(database: Database) -> None:
    # A link carries such numbers: given again, it would act on somebody else.
    with database.connect() as connection:
        numbered = [
            table
            for table in Table.metadata.sorted_tables
            if list(table.primary_key.columns.keys()) == ["id"]
        ]
        found = {table.name for table in numbered if counts_on(connection, table.name)}

    assert len(numbered) >= 16
    assert found == {table.name for table in numbered}


def counts_on(connection: Connection, table: str) -> bool:
    if connection.dialect.name == "sqlite":
        words = f"SELECT sql FROM sqlite_master WHERE name = '{table}'"
        return "AUTOINCREMENT" in str(connection.execute(text(words)).scalar())
    words = f"SELECT pg_get_serial_sequence('{table}', 'id')"
    return connection.execute(text(words)).scalar() is not None


def checks(connection: Connection, schema: str | None = None) -> set[tuple[str, str]]:
    found = inspect(connection)
    return {
        (str(check["name"]), "".join(str(check["sqltext"]).split()))
        for table in found.get_table_names(schema)
        for check in found.get_check_constraints(table, schema)
    }


# ------------------------------------------------------------------------- what is refused


def test_a_newer_schema_is_refused(database: Database) -> None:
    execute(database, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaNewer, match=r"revision 9999, this program knows .* newer version"):
        upgrade(database, now=NOW)
    with pytest.raises(SchemaNewer, match="revision 9999"):
        database.check()
    assert database.revision() == "9999"


def test_a_database_of_another_program_is_left_alone(database_url: str) -> None:
    with opened(database_url) as database:
        execute(database, "CREATE TABLE moz_places (id integer)")

        with pytest.raises(DatabaseError, match=r"not ours \(moz_places …\): name one of its own"):
            upgrade(database, now=NOW)

        with database.connect() as connection:
            assert inspect(connection).get_table_names() == ["moz_places"]


def test_the_revision_of_another_program_is_not_taken_for_a_newer_one(database_url: str) -> None:
    with opened(database_url) as database:
        execute(
            database,
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('1a2b3c4d5e6f')",
        )

        with pytest.raises(DatabaseError, match="belongs to another program") as caught:
            upgrade(database, now=NOW)
        assert not isinstance(caught.value, SchemaNewer)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mailer.db"
    file.write_text("Dear readers, " * 100)

    with (
        opened(f"sqlite:///{file}") as database,
        pytest.raises(DatabaseUnreachable, match="is not an SQLite database"),
    ):
        upgrade(database, now=NOW)

    assert file.read_text().startswith("Dear readers")
    assert [each.name for each in tmp_path.iterdir()] == ["mailer.db"]


def test_a_folder_that_cannot_be_written_is_named() -> None:
    with world_folder() as folder:
        folder.chmod(0o555)

        with (
            ordinary_user(),
            opened(f"sqlite:///{folder}/mailer.db") as database,
            pytest.raises(DatabaseUnreachable, match=rf"{folder}/mailer\.db cannot be used"),
        ):
            upgrade(database, now=NOW)


def test_a_database_that_cannot_be_written_is_named() -> None:
    with world_folder() as folder:
        file = folder / "mailer.db"
        sqlite3.connect(file).close()
        file.touch()
        folder.chmod(0o555)

        with (
            ordinary_user(),
            opened(f"sqlite:///{file}") as database,
            pytest.raises(DatabaseUnreachable, match=r"mailer\.db\.lock cannot be made"),
        ):
            upgrade(database, now=NOW)


# ------------------------------------------------------------------------- changing one


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the program one more revision than it has; the test writes what it does."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "SCHEMA", "9000")
    return folder / "versions" / "9000_a_change.py"


def revision(*body: str) -> str:
    head = f'revision = "9000"\ndown_revision = "{SCHEMA}"\nfrom alembic import op\n'
    return head + "def upgrade():\n" + "".join(f"    {line}\n" for line in body)


ONE_SENDER = """
INSERT INTO senders (id, name, address, postal_address, route, created_at)
VALUES (1, 'Office', 'news@example.org', '', 'smtp', '2026-12-01 08:00:00+00')
"""
ONE_LIST = """
INSERT INTO lists (id, slug, identifier, sender_id, language, languages, timezone, visibility,
                   opt_in, layout, last_number, created_at)
VALUES (1, 'news', 'news.example.org', 1, 'en', '[]', 'UTC', 'public',
        'double', 'digest', 0, '2026-12-01 08:00:00+00')
"""


def test_an_sqlite_file_is_copied_before_it_is_changed(tmp_path: Path, next_revision: Path) -> None:
    next_revision.write_text(revision('op.execute("DELETE FROM lists")'))
    with opened(f"sqlite:///{tmp_path}/mailer.db") as database:
        at_todays_schema(database)
        execute(database, ONE_SENDER, ONE_LIST)

        backup = upgrade(database, now=NOW)

    assert backup == tmp_path / f"mailer.db.before-9000-from-{SCHEMA}-20261201T080000Z"
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT slug FROM lists").fetchall() == [("news",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA,)]


def at_todays_schema(database: Database) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "MIGRATIONS", MIGRATIONS)
        patch.setattr(migrate, "SCHEMA", SCHEMA)
        upgrade(database, now=NOW)


def test_a_rebuilt_table_takes_no_rows_along(database: Database, next_revision: Path) -> None:
    # Given rows that point at one another, with ON DELETE left to the database
    next_revision.write_text(
        revision(
            'with op.batch_alter_table("senders", recreate="auto") as table:',
            '    table.alter_column("route", new_column_name="way")',
        )
    )
    execute(database, ONE_SENDER, ONE_LIST)

    # When a table in the middle is rebuilt
    upgrade(database, now=NOW)

    # Then all rows are there
    assert database.revision() == "9000"
    with database.reading() as session:
        assert session.execute(text("SELECT way FROM senders")).all() == [("smtp",)]
        assert session.execute(text("SELECT slug FROM lists")).all() == [("news",)]


def test_an_upgrade_that_would_leave_orphans_is_taken_back(
    tmp_path: Path, next_revision: Path
) -> None:
    next_revision.write_text(revision('op.execute("DELETE FROM senders")'))
    with opened(f"sqlite:///{tmp_path}/mailer.db") as database:
        at_todays_schema(database)
        execute(database, ONE_SENDER, ONE_LIST)

        with pytest.raises(DatabaseError, match="would leave 1 rows without"):
            upgrade(database, now=NOW)

        assert database.revision() == SCHEMA
        with database.reading() as session:
            assert session.execute(text("SELECT count(*) FROM senders")).scalar() == 1


def test_an_upgrade_that_fails_is_taken_back(database: Database, next_revision: Path) -> None:
    next_revision.write_text(
        revision('op.execute("CREATE TABLE half (id integer)")', 'raise KeyError("broken")')
    )

    with pytest.raises(KeyError, match="broken"):
        upgrade(database, now=NOW)

    assert database.revision() == SCHEMA
    with database.connect() as connection:
        assert "half" not in inspect(connection).get_table_names()


def test_foreign_keys_hold_again_after_an_upgrade(database: Database, next_revision: Path) -> None:
    next_revision.write_text(revision("pass"))
    upgrade(database, now=NOW)

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        execute(database, "INSERT INTO old_slugs VALUES ('old', 404)")


# ------------------------------------------------------------------------- at once

UPGRADE = """
import sys
from datetime import datetime, UTC
from mailer.db import Database
from mailer.db.migrate import upgrade
sys.stdin.readline()
database = Database(sys.argv[1])
upgrade(database, now=datetime.now(UTC))
print(database.revision())
"""


def test_processes_that_upgrade_at_once_do_it_once(database_url: str) -> None:
    # Given some processes at the start
    command = [sys.executable, "-c", UPGRADE, database_url]
    racers = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]

    # When they all run
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.communicate(timeout=60) for racer in racers]

    # Then each finds the schema it works with
    assert [end for end in ends if end != (f"{SCHEMA}\n", "")] == []
