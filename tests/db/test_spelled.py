"""Statements made once: many values, moments, and both databases."""

from datetime import timedelta, timezone

from mailer import facts
from mailer.clock import FrozenClock
from mailer.db import Database, Spelled, stored

NAMED = Spelled(
    "SELECT name FROM facts WHERE name {names} AND at <= :now ORDER BY name", names="text"
)


def found(database: Database, **values: object) -> list[str]:
    with database.reading() as session:
        return list(NAMED.execute(session, **values).scalars())


def test_many_values_are_one_parameter_and_moments_are_compared_as_moments(
    database: Database, clock: FrozenClock
) -> None:
    names = [f'fact “{number}”, "quoted"' for number in range(2_000)]
    now = clock.now()
    with database.writing() as session:
        facts.note(session, names[3], {}, now=now)
        facts.note(session, names[7], {}, now=now + timedelta(seconds=1))
        facts.note(session, "other", {}, now=now)

    tokyo = now.astimezone(timezone(timedelta(hours=9)))

    assert found(database, names=names, now=tokyo) == [names[3]]
    assert found(database, names=dict.fromkeys(names), now=now + timedelta(seconds=1)) == [
        names[3],
        names[7],
    ]
    assert found(database, names=set(), now=now) == []


def test_a_moment_is_stored_in_utc_and_at_one_length(clock: FrozenClock) -> None:
    moment = clock.now().replace(microsecond=0)

    assert stored(moment) == moment.strftime("%Y-%m-%d %H:%M:%S.000000")
    assert stored(moment.astimezone(timezone(timedelta(hours=-11)))) == stored(moment)
