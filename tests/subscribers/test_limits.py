"""Strangers cause few letters to one address, and a flood is spread over the hours to come."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import subscribers
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import DeliveryKind
from mailer.subscribers import Limits
from mailer.subscribers.limits import Past, Wanted, book, earliest, first_free, network_of

NOW = datetime(2026, 12, 1, 8, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
EIGHT = NOW.replace(minute=0)
LIMITS = Limits()


# ------------------------------------------------------------------------- networks


@pytest.mark.parametrize(
    "address, network",
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_a_network_is_an_address_or_a_site(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.ip_addresses())
def test_every_address_has_a_network(address: object) -> None:
    assert network_of(str(address)) != "unknown"
    assert len(network_of(str(address))) <= 43


# ------------------------------------------------------------------------- one address


@pytest.mark.parametrize(
    "past, expected",
    [
        (Past(), NOW),
        (Past(1, NOW - HOUR, NOW - HOUR), NOW),
        (Past(3, NOW - HOUR, None), None),
        (Past(1, NOW - MINUTE, NOW - MINUTE), None),
        (Past(1, NOW - MINUTE, None), NOW + 9 * MINUTE),
        (Past(1, NOW + HOUR, None), NOW + HOUR + 10 * MINUTE),
    ],
    ids=["never", "long ago", "three today", "the same just now", "another just now", "booked"],
)
def test_one_address_gets_few_letters(past: Past, expected: datetime | None) -> None:
    assert earliest(past, LIMITS, now=NOW) == expected


# ------------------------------------------------------------------------- a flood


@pytest.mark.parametrize(
    "booked, expected",
    [
        ({}, NOW),
        ({EIGHT: 29}, NOW),
        ({EIGHT: 30}, EIGHT + HOUR),
        ({EIGHT: 30, EIGHT + HOUR: 15}, EIGHT + HOUR + 30 * MINUTE),
        ({EIGHT: 30, EIGHT + HOUR: 30}, EIGHT + 2 * HOUR),
        ({EIGHT + hour * HOUR: 30 for hour in range(26)}, None),
    ],
    ids=["empty", "room", "full", "next half full", "two full", "a day full"],
)
def test_a_full_hour_sends_letters_to_the_next(
    booked: dict[datetime, int], expected: datetime | None
) -> None:
    due = first_free({"net": booked}, {"net": 30}, begin=NOW, until=NOW + 24 * HOUR)

    assert due == expected


def test_every_subject_must_have_room() -> None:
    booked = {"net": {EIGHT: 3}, "all": {EIGHT + HOUR: 10}}

    due = first_free(booked, {"net": 3, "all": 10}, begin=NOW, until=NOW + 24 * HOUR)

    assert due == EIGHT + 2 * HOUR


@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=80),
    st.integers(1, 5),
    st.integers(1, 8),
)
def test_no_hour_has_more_than_its_limit(
    arrivals: list[int], per_network: int, per_hour: int
) -> None:
    # Given people who come, some minutes apart
    rooms = {"net": per_network, "all": per_hour}
    booked: dict[str, Counter[datetime]] = {"net": Counter(), "all": Counter()}
    now, dues = NOW, []

    # When each is given the first moment that is free
    for minutes in arrivals:
        now += minutes * MINUTE
        due = first_free(booked, rooms, begin=now, until=now + 24 * HOUR)
        if due is not None:
            dues.append(due)
            for subject in rooms:
                booked[subject][due.replace(minute=0, second=0, microsecond=0)] += 1
            assert now <= due <= now + 24 * HOUR

    # Then no hour sends more than it may, and nobody is lost while there is room
    hours = Counter(due.replace(minute=0, second=0, microsecond=0) for due in dues)
    assert max(hours.values()) <= min(per_network, per_hour)
    assert len(dues) == len(arrivals) or len(dues) >= 24 * min(per_network, per_hour)


# ------------------------------------------------------------------------- counted


def wanted(number: int, network: str = "198.51.100.7") -> Wanted:
    return Wanted(f"r{number}@example.org", DeliveryKind.CONFIRMATION, 1, network)


def test_many_people_of_one_network_are_delayed_and_not_lost(
    database: Database, clock: FrozenClock
) -> None:
    limits = Limits(per_network=3, per_hour=100)

    dues = [database.write(book, wanted(number), limits, now=clock.now()) for number in range(7)]
    elsewhere = database.write(book, wanted(8, "192.0.2.1"), limits, now=clock.now())

    hours = [due.hour - clock.now().hour for due in dues if due]
    assert hours == [0, 0, 0, 1, 1, 1, 2]
    assert elsewhere == clock.now()


def test_a_flood_does_not_pile_up_in_later_hours(database: Database, clock: FrozenClock) -> None:
    limits = Limits(per_network=2, per_hour=100)
    dues = []
    for hour in range(3):
        dues += [
            database.write(book, wanted(10 * hour + number), limits, now=clock.now())
            for number in range(4)
        ]
        clock.move(HOUR)

    per_hour = Counter(due.hour for due in dues if due)
    assert set(per_hour.values()) == {2}
    assert len(per_hour) == 6


def test_a_letter_that_does_not_go_counts_for_nothing(
    database: Database, clock: FrozenClock
) -> None:
    """Somebody who repeats one address must not use up what others may send."""
    limits = Limits(per_network=1, per_hour=1, longest_delay=timedelta(0))
    assert database.write(book, wanted(1), limits, now=clock.now()) == clock.now()
    assert database.write(book, wanted(2), limits, now=clock.now()) is None

    clock.move(HOUR)

    assert database.write(book, wanted(2), limits, now=clock.now()) == clock.now()


def test_old_counts_are_forgotten(database: Database, clock: FrozenClock) -> None:
    limits = Limits(per_network=1, longest_delay=timedelta(0))
    database.write(book, wanted(1), limits, now=clock.now())
    database.write(subscribers.forget_old, now=clock.now() + timedelta(days=3))

    assert database.write(book, wanted(2), limits, now=clock.now()) == clock.now()
