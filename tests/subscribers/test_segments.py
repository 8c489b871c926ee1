"""Segments: saved filters of a list, their names, and what they may hold."""

import pytest

from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.errors import NotFound, Refused, UsageError
from mailer.history import EDITOR
from mailer.subscribers import Filters, filters, segments
from tests import rows


@pytest.fixture
def list_id(database: Database, clock: FrozenClock) -> int:
    """Give a list with three people."""
    with database.writing() as session:
        made = rows.a_list(session, now=clock.now())
        rows.people(session, 3, now=clock.now(), list_id=made)
    return made


def save(database: Database, clock: FrozenClock, list_id: int, name: str, **asked: str) -> int:
    wanted = filters.read(asked)
    return database.write(segments.save, list_id, name, wanted, now=clock.now(), by=EDITOR)


def test_a_segment_is_saved_renamed_retired_and_brought_back(
    database: Database, clock: FrozenClock, list_id: int
) -> None:
    made = save(database, clock, list_id, "  At   the office ", domain="example.org")
    write, now = database.write, clock.now()

    write(segments.rename, made, "Office", now=now, by=EDITOR)
    [found] = database.read(segments.of_list, list_id)
    assert found.name == "Office"
    assert segments.asks(found) == Filters(domain="example.org")
    assert database.read(segments.size, found).number == 3

    write(segments.retire, made, now=now, by=EDITOR)
    assert database.read(segments.of_list, list_id) == []
    again = save(database, clock, list_id, "Office", domain="b.example")
    with pytest.raises(Refused):
        write(segments.bring_back, made, now=now, by=EDITOR)
    write(segments.retire, again, now=now, by=EDITOR)
    write(segments.bring_back, made, now=now, by=EDITOR)
    assert [one.id for one in database.read(segments.of_list, list_id)] == [made]


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\x00b"])
def test_a_segment_has_a_name(
    database: Database, clock: FrozenClock, list_id: int, name: str
) -> None:
    with pytest.raises(UsageError):
        save(database, clock, list_id, name, domain="example.org")


def test_names_are_taken_once_and_filters_are_needed(
    database: Database, clock: FrozenClock, list_id: int
) -> None:
    save(database, clock, list_id, "Office", domain="example.org")

    with pytest.raises(Refused):
        save(database, clock, list_id, "OFFICE", domain="b.example")
    with pytest.raises(Refused):
        save(database, clock, list_id, "Everybody")
    with pytest.raises(NotFound):
        database.read(segments.get, 99)


def test_the_segment_of_another_list_narrows_nothing(
    database: Database, clock: FrozenClock, list_id: int
) -> None:
    made = save(database, clock, list_id, "Office", domain="example.org")

    with pytest.raises(Refused), database.reading() as session:
        segments.narrowing(session, made, list_id + 1)
    with database.reading() as session:
        assert segments.narrowing(session, None, list_id) == []
        assert len(segments.narrowing(session, made, list_id)) == 1
