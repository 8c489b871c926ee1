"""Processes that write to one SQLite file take turns, be one of them ever so busy."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from mailer.db import Database
from mailer.errors import DatabaseUnreachable

INSERT = text("INSERT INTO lines VALUES ('ours')")

BUSY = """
import sys, time
from sqlalchemy import text
from mailer.db import Database

database = Database(sys.argv[1])
until = time.monotonic() + 60
while time.monotonic() < until:
    with database.writing() as session:
        session.execute(text("INSERT INTO lines VALUES ('busy')"))
        print("writes", flush=True)
        time.sleep(0.05)
"""


@pytest.fixture
def file(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'office.db'}")
    with database.writing() as session:
        session.execute(text("CREATE TABLE lines (words TEXT)"))
    return database


def test_who_waits_comes_next_beside_one_that_never_rests(file: Database) -> None:
    # Given a process that writes all the time
    url = file.url.render_as_string()
    command = [sys.executable, "-c", textwrap.dedent(BUSY), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        busy.stdout.readline()

        # When another writes a few times
        for _ in range(5):
            file.write(Session.execute, INSERT)
        busy.terminate()

    # Then it had to let the other go before it only once or twice each time
    lines = file.read(
        lambda s: [*s.execute(text("SELECT words FROM lines ORDER BY rowid")).scalars()]
    )
    first, last = lines.index("ours"), len(lines) - lines[::-1].index("ours")
    assert lines.count("ours") == 5
    assert lines[first:last].count("busy") <= 15


def test_who_has_waited_long_enough_is_told_so(
    file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Database(file.url.render_as_string())
    monkeypatch.setattr(file._turnstile, "_most_seconds", 0)

    with other.writing() as session:
        session.execute(INSERT)
        with pytest.raises(DatabaseUnreachable, match="locked"):
            file.write(Session.execute, INSERT)

    file.write(Session.execute, INSERT)


def test_without_a_folder_to_lock_there_is_no_line(
    file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError

    monkeypatch.setattr("fcntl.flock", refuse)

    file.write(Session.execute, INSERT)

    assert file.read(_lines) == ["ours"]


def _lines(session: Session) -> list[str]:
    return list(session.execute(text("SELECT words FROM lines ORDER BY rowid")).scalars())
