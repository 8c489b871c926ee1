"""What the installation remembers, on both databases."""

from datetime import timedelta

from mailer import facts
from mailer.clock import FrozenClock
from mailer.db import Database

HOUR = timedelta(hours=1)


def test_a_fact_is_noted_replaced_and_forgotten(database: Database, clock: FrozenClock) -> None:
    database.write(facts.note, "backup", {"file": "a"}, now=clock.now())
    clock.move(HOUR)
    database.write(facts.note, "backup", {"file": "b"}, now=clock.now())
    with database.reading() as session:
        found = facts.get(session, "backup")
        assert found is not None
        assert (found.value, found.at) == ({"file": "b"}, clock.now())

    database.write(facts.forget, "backup")

    assert database.read(facts.get, "backup") is None


def test_facts_are_found_by_how_their_names_begin(database: Database, clock: FrozenClock) -> None:
    for name in ("trouble:disk", "trouble:route", "trouble%", "backup"):
        database.write(facts.note, name, {}, now=clock.now())

    with database.reading() as session:
        names = [each.name for each in facts.named(session, "trouble:")]

    assert names == ["trouble:disk", "trouble:route"]


def test_a_turn_is_taken_once_until_it_is_time_again(
    database: Database, clock: FrozenClock
) -> None:
    def take() -> bool:
        return database.write(facts.take_turn, "heartbeat", every=HOUR, now=clock.now())

    assert [take(), take()] == [True, False]
    clock.move(HOUR)
    assert [take(), take()] == [True, False]
    clock.move(timedelta(days=-9))  # the clock was wrong, and was set right
    assert [take(), take()] == [True, False]
