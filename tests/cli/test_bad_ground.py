"""Settings and databases that cannot be worked with: named, with the place and a way out."""

import os
import pwd
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Office, Run
from tests.postgres import Postgres

# ------------------------------------------------------------------------- settings


def problems(run: Run, path: Path) -> list[str]:
    """Run a command with settings that are wrong; give the lines that say so."""
    ended = run("--config", path, "list", "show")

    assert (ended.code, ended.out) == (1, "")
    lines = ended.err.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert list(path.parent.glob("*.db*")) == []
    return [line.removeprefix("error: ") for line in lines]


@pytest.mark.parametrize(
    "text, said",
    [
        ("[smtp]\nhots = 'x'\n", "smtp.hots: there is no such setting"),
        ("[smpt]\nhost = 'x'\n", "smpt: there is no such setting"),
        ("host = 'x'\n", "host: there is no such setting"),
        ("[routes.bulk]\nprot = 25\n", "routes.bulk.prot: there is no such setting"),
        ("[smtp]\nport = 'many'\n", "smtp.port: input should be a valid integer"),
        ("[smtp]\nport = 99999\n", "smtp.port: input should be less than or equal to 65535"),
        ("[smtp]\nsecurity = 'ssl'\n", "smtp.security: input should be 'none', 'opportunistic'"),
        ("[smtp]\nauth = 'plain'\n", "smtp: auth = “plain” needs a username"),
        ("[web]\nbase_url = 'news.example.org'\n", "web.base_url: must begin with https://"),
        ("[web]\ntrusted_proxies = ['10.0.0.0/99']\n", "web.trusted_proxies.0: "),
        ("[database]\nurl = 'mysql://x/y'\n", "database.url: must begin with sqlite:/// or"),
        ("[organisation]\nowner = 'nobody'\n", "organisation.owner: "),
        ("[tokens]\nkeys = ['short']\n", "tokens.keys: "),
        ("[tokens]\nkeys_file = '/nowhere'\n", "tokens.keys_file: "),
        ("[web\n", "{path}: not valid TOML: "),
        ("[web]\nport = 1\nport = 2\n", "{path}: not valid TOML: "),
        ("[web]\nport == 1\n", "(at line 2, column 7)"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path(
    run: Run, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    [line] = problems(run, path)

    assert said.format(path=path) in line


def test_every_wrong_setting_is_named_at_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[smtp]\nhots = 'x'\nport = 0\n[delivery]\nlate_hours = 0\n")

    lines = problems(run, path)

    assert {line.partition(":")[0] for line in lines} == {
        "smtp.hots", "smtp.port", "delivery.late_hours",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("MAILER_SMPT__HOST", "x", "smpt: there is no such setting"),
        ("MAILER_SMTP__HOTS", "x", "smtp.hots: there is no such setting"),
        ("MAILER_SMTP__PORT", "many", "smtp.port: input should be a valid integer"),
        ("MAILER_SMTP__PASSWORD_FILE", "/nowhere", "smtp.password_file: "),
        ("MAILER_DATABASE__URL", "mailer.db", "database.url: must begin with sqlite:///"),
    ],
)
def test_a_wrong_setting_of_the_environment_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    monkeypatch.setenv(name, value)

    [line] = problems(run, path)

    assert line.startswith(said)
    assert value in line or name.rpartition("__")[0] in line


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_settings_that_cannot_be_read(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "folder" / "config.toml"
    path.parent.mkdir()
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"\xff\xfe")

    [line] = problems(run, path)

    assert line.startswith(f"{path}: ")


def test_without_a_key_the_way_to_one_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")

    ended = run("--config", path, "list", "add", "n", "--name", "N", "--from", "n@example.org")

    assert ended.code == 1
    assert ended.error.startswith("tokens.keys: there is no key yet; “mailer init” makes a file")


def test_a_port_that_is_taken_is_named(office: Office) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = office.run("serve", "--port", port)

    assert ended.code == 1
    assert str(port) in ended.error


# ------------------------------------------------------------------------- databases


def unusable(office: Office) -> str:
    """Run a command on a database that cannot be used; give the line that says why."""
    ended = office.run("list", "add", "new", "--name", "New", "--from", "n@example.org")

    assert (ended.code, ended.out) == (1, "")
    return ended.error


def test_a_database_of_a_newer_version_is_left_untouched(office: Office) -> None:
    execute(office.url, "UPDATE alembic_version SET version_num = '9999'")
    before = office.dump()

    said = unusable(office)

    assert "the database is at revision 9999, this program knows" in said
    assert "install the newer version again, or restore an older backup" in said
    assert office.dump() == before


def test_a_database_of_another_program_is_left_untouched(
    run: Run, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(database_url, "CREATE TABLE recipes (id integer)")
    office = Office(tmp_path / "office", database_url, run)
    office.settle(monkeypatch)

    said = unusable(office)

    assert "holds tables that are not ours (recipes" in said
    assert list(office.dump()) == ["recipes"]


def test_a_file_that_is_no_database_is_left_untouched(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "letter.db"
    file.write_text("Dear reader, this is a letter. " * 100)
    office = Office(tmp_path, f"sqlite:///{file}", run)
    office.settle(monkeypatch)

    said = unusable(office)

    assert said == f"the database {file} is not an SQLite database"
    assert file.read_text() == "Dear reader, this is a letter. " * 100


def test_a_folder_that_is_not_there_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, f"sqlite:///{tmp_path}/nowhere/mailer.db", run)
    office.settle(monkeypatch)

    assert f"{tmp_path}/nowhere/mailer.db" in unusable(office)
    assert not (tmp_path / "nowhere").exists()


def test_a_server_that_does_not_answer_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, "postgresql://news:secret@127.0.0.1:1/news", run)
    office.settle(monkeypatch)

    said = unusable(office)

    assert "127.0.0.1" in said
    assert "secret" not in said


def test_a_database_that_may_only_be_read_is_left_as_it_was(
    sqlite_template: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with read_only(sqlite_template) as file:
        office = Office(file.parent / "office", f"sqlite:///{file}", run)
        before = office.dump()
        office.settle(monkeypatch)

        with as_nobody():
            said = unusable(office)

        assert str(file) in said
        assert "readonly" in said or "read-only" in said
        assert office.dump() == before


def test_a_server_that_may_only_be_read_is_named(
    postgresql: Postgres,
    postgresql_template: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = postgresql.create("read_only", template=postgresql_template)
    execute(url, "ALTER DATABASE read_only SET default_transaction_read_only = on")
    office = Office(tmp_path, url, run)
    office.settle(monkeypatch)

    said = unusable(office)

    assert "read-only transaction" in said
    postgresql.drop("read_only")


def execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement)
        return
    engine = sa.create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as server:
        server.execute(sa.text(statement))
    engine.dispose()


@contextmanager
def read_only(source: Path) -> Iterator[Path]:
    """Give a copy of a database in a folder where nothing may be written."""
    # Not below pytest's folders, which nobody but their owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="mailer-read-only-", dir="/tmp"))
    try:
        file = folder / "mailer.db"
        shutil.copyfile(source, file)
        (folder / "office").mkdir()
        (folder / "office").chmod(0o777)
        file.chmod(0o444)
        folder.chmod(0o555)
        yield file
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Do something without root's rights, for which nothing is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
