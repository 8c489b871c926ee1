"""Transactions: who reads, who writes, and what an error says."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session, col

from mailer.db import Database, Lock, alone, changed, upsert
from mailer.db.schema import OldSlug, Tally, Worker
from mailer.errors import DatabaseUnreachable
from tests.conftest import MOMENT


def count_one(session: Session, subject: str = "a network", *, at: datetime = MOMENT) -> None:
    session.add(Tally(subject=subject, hour=at, count=1))


def counted(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Tally)) or 0


# ------------------------------------------------------------------------- transactions


def test_what_is_written_stays(database: Database) -> None:
    database.write(count_one)

    assert database.read(counted) == 1


def test_an_error_takes_everything_back(database: Database) -> None:
    def fail_late(session: Session) -> None:
        count_one(session)
        session.flush()
        raise KeyError

    with pytest.raises(KeyError):
        database.write(fail_late)

    assert database.read(counted) == 0


def test_what_a_reader_writes_is_never_kept(database: Database) -> None:
    # PostgreSQL refuses it at once; SQLite forgets it.
    with suppress(Exception), database.reading() as session:
        session.execute(insert(Tally).values(subject="x", hour=MOMENT, count=1))

    assert database.read(counted) == 0


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.reading() as session:
        before = counted(session)
        database.write(count_one)

        assert (before, counted(session)) == (0, 0)


def test_threads_write_one_after_the_other(database: Database) -> None:
    def count_up(_: int) -> None:
        with database.writing() as session:
            statement = upsert(session, Tally).values(subject="x", hour=MOMENT, count=1)
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=["subject", "hour"], set_={"count": col(Tally.count) + 1}
                )
            )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count_up, range(80)))

    assert database.read(lambda session: session.scalar(select(col(Tally.count)))) == 80


def test_one_who_is_alone_keeps_others_waiting(database: Database) -> None:
    # Given one who holds a lock
    order: list[str] = []

    def second() -> None:
        with database.writing() as session:
            alone(session, Lock.ROSTER)
            order.append("second")

    with database.writing() as session:
        alone(session, Lock.ROSTER)
        waiting = threading.Thread(target=second)
        waiting.start()

        # When another one wants it
        waiting.join(0.2)
        order.append("first")

    # Then that one gets it when the first has ended
    waiting.join(10)
    assert order == ["first", "second"]


def test_how_many_rows_changed_is_told(database: Database) -> None:
    with database.writing() as session:
        count_one(session)
        count_one(session, "another")
        session.flush()

        assert changed(session, delete(Tally).where(col(Tally.subject) == "another")) == 1
        assert changed(session, delete(Tally).where(col(Tally.subject) == "nobody")) == 0


def test_what_others_refer_to_must_be_there(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(OldSlug(slug="old", list_id=404))


# ------------------------------------------------------------------------- moments


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 12, 1, 8, 0)  # noqa: DTZ001  (that is the case in question)

    with pytest.raises(StatementError, match="a moment without a zone"):
        database.write(count_one, at=naive)


def test_a_moment_comes_back_in_utc(database: Database) -> None:
    tokyo = timezone(timedelta(hours=9))

    database.write(count_one, at=MOMENT.astimezone(tokyo))

    [found] = database.read(lambda session: session.scalars(select(col(Tally.hour))).all())
    assert found == MOMENT
    assert found.tzinfo is UTC


def test_moments_of_other_zones_are_compared_as_moments(database: Database) -> None:
    west = timezone(timedelta(hours=-9))
    database.write(count_one, at=MOMENT)

    later = select(col(Tally.hour)).where(
        col(Tally.hour) < (MOMENT + timedelta(seconds=1)).astimezone(west)
    )

    assert database.read(lambda session: session.scalars(later).all()) == [MOMENT]


def test_a_moment_may_be_absent(database: Database) -> None:
    with database.writing() as session:
        session.add(Worker(host="h", boot="b", pid=1, started_at=MOMENT, lease_until=MOMENT))

    ended = database.read(lambda session: session.scalars(select(col(Worker.ended_at))).all())
    assert ended == [None]


# ------------------------------------------------------------------------- errors


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nowhere/mailer.db")

    with pytest.raises(DatabaseUnreachable, match=r"nowhere/mailer\.db cannot be used: .*open"):
        database.revision()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear readers, " * 100)
    database = Database(f"sqlite:///{file}")

    with pytest.raises(DatabaseUnreachable, match=r"letter\.txt is not an SQLite database"):
        database.revision()
    with pytest.raises(DatabaseUnreachable, match=r"letter\.txt is not an SQLite database"):
        database.write(count_one)
    database.close()
    assert file.read_text().startswith("Dear readers")


def test_an_sqlite_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr("sqlite3.sqlite_version", "3.34.1")

    with pytest.raises(DatabaseUnreachable, match=r"SQLite 3\.35 .* this Python has 3\.34\.1"):
        Database(f"sqlite:///{tmp_path / 'mailer.db'}")


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    database = Database("postgresql://office:s3cret@127.0.0.1:1/news")

    with pytest.raises(DatabaseUnreachable, match="refused") as caught:
        database.revision()
    assert "office" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "postgresql://host:port/x", "sqlite//x"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="not the URL of a database"):
        Database(url)


def test_the_connections_of_one_thread_do_not_block_another(database: Database) -> None:
    # Given a long write
    with database.writing() as session:
        count_one(session)
        session.flush()

        # When another thread reads
        with ThreadPoolExecutor(1) as threads:
            seen = threads.submit(database.read, counted).result(5)

    # Then it is not kept waiting, and sees what was committed
    assert seen == 0
    assert database.read(lambda session: session.scalar(text("SELECT 1"))) == 1
