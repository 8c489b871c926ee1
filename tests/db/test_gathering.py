"""Small writes of many threads: each returns when it is committed, and few commits serve all."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlmodel import Session

from mailer.db import Database
from mailer.db.gathering import Gathering
from mailer.db.schema import Tally

HOUR = datetime(2026, 11, 1, 9, tzinfo=UTC)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Tally)) or 0


def test_what_was_added_is_there_when_adding_returns(database: Database) -> None:
    commits = []

    def write(session: Session, subjects: Sequence[str]) -> None:
        session.add_all(Tally(subject=one, hour=HOUR) for one in subjects)
        commits.append(len(subjects))

    gathering = Gathering(database, write)

    def add(number: int) -> bool:
        gathering.add(f"reader {number}")
        return database.read(lambda s: s.get(Tally, (f"reader {number}", HOUR))) is not None

    with ThreadPoolExecutor(16) as threads:
        there = list(threads.map(add, range(200)))

    assert all(there)
    assert database.read(count) == sum(commits) == 200


def test_who_comes_during_a_commit_is_written_by_the_next_with_all_others(
    database: Database,
) -> None:
    commits: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def write(_session: Session, things: Sequence[int]) -> None:
        commits.append(len(things))
        begun.set()
        assert go_on.wait(30)

    gathering = Gathering(database, write)
    with ThreadPoolExecutor(16) as threads:
        first = threads.submit(gathering.add, 0)
        assert begun.wait(30)
        rest = [threads.submit(gathering.add, number) for number in range(1, 10)]
        while len(gathering._waiting) < 9:
            pass
        go_on.set()
        for one in [first, *rest]:
            one.result(30)

    assert commits == [1, 9]


def test_what_cannot_be_written_is_told_to_each_and_the_next_begins_anew(
    database: Database,
) -> None:
    def write(session: Session, things: Sequence[str]) -> None:
        if "bad" in things:
            raise ValueError("bad")
        session.add_all(Tally(subject=one, hour=HOUR) for one in things)

    gathering = Gathering(database, write)

    with pytest.raises(ValueError, match="bad"):
        gathering.add("bad")
    gathering.add("good")

    assert database.read(count) == 1
