"""A lane holds some seconds of work, lets letters pass, and gives a relay in trouble a rest."""

import asyncio
from dataclasses import dataclass
from typing import cast

import pytest

from mailer.delivery.lane import Lane
from mailer.delivery.route import Route
from mailer.delivery.turns import Parcel

ROUTE = Route("smtp", "127.0.0.1", 25, connections=4)


@dataclass(frozen=True)
class Row:
    id: int
    digest_id: int | None


@dataclass(frozen=True)
class Stand:
    """Stands for a parcel: of one, a lane only asks which row it is."""

    claimed: Row


def parcels(*ids: int, digest: int | None = 1) -> list[Parcel]:
    return [cast("Parcel", Stand(Row(id_, digest))) for id_ in ids]


def lane(batch: int = 100) -> Lane:
    return Lane(ROUTE, batch, now=0)


async def take(from_: Lane, count: int) -> list[int]:
    taken = [await from_.take(0.01) for _ in range(count)]
    return [one.claimed.id for one in taken if one is not None]


async def test_it_begins_with_as_many_as_it_has_connections() -> None:
    assert lane().room(0) == 4


async def test_it_holds_some_seconds_of_work_at_the_pace_of_its_relay() -> None:
    slow = lane()
    slow.put(parcels(*range(20)))
    await take(slow, 20)
    for _ in range(20):
        slow.ended()

    # Twenty in two seconds are fifty in five.
    assert slow.room(2.0) == 50


@pytest.mark.parametrize("digest", [None, 1])
async def test_one_is_taken_ahead_while_there_is_one_for_each_connection(
    digest: int | None,
) -> None:
    some = lane()
    some.put(parcels(1, 2, 3, 4, digest=digest))

    first = some.take_ahead(lambda _: True)

    assert first is not None
    assert first.claimed.id == 1
    assert some.take_ahead(lambda _: True) is None
    assert len(some) == 3


async def test_nothing_of_a_digest_is_taken_ahead_while_a_letter_waits() -> None:
    some = lane()
    some.put([*parcels(*range(10)), *parcels(99, digest=None)])

    assert some.take_ahead(lambda _: True) is None


async def test_what_is_not_ready_is_not_taken_ahead() -> None:
    some = lane()
    some.put(parcels(*range(10)))

    assert some.take_ahead(lambda _: False) is None
    assert len(some) == 10


async def test_it_never_holds_more_than_a_batch() -> None:
    fast = lane(batch=100)
    fast.put(parcels(*range(100)))
    await take(fast, 100)
    for _ in range(100):
        fast.ended()

    assert fast.room(0.01) == 100


async def test_it_asks_for_more_when_half_is_gone() -> None:
    one = lane()
    one.put(parcels(1, 2, 3))

    assert (one.is_low, one.room(0)) == (False, 0)
    await take(one, 1)
    assert (one.is_low, one.room(0)) == (True, 2)


async def test_letters_pass_digests() -> None:
    one = lane()
    one.put(parcels(1, 2))
    one.put(parcels(3, digest=None))

    assert await take(one, 3) == [3, 1, 2]


async def test_who_waits_for_a_parcel_gets_the_next_that_comes() -> None:
    one = lane()
    waiting = asyncio.create_task(one.take(5))
    await asyncio.sleep(0)
    one.put(parcels(7))

    taken = await waiting

    assert taken is not None
    assert taken.claimed.id == 7
    assert one.is_busy
    one.ended()
    assert not one.is_busy


async def test_who_waits_in_vain_gets_nothing() -> None:
    assert await lane().take(0.01) is None


async def test_two_who_wait_never_get_the_same() -> None:
    one = lane()
    waiting = [asyncio.create_task(one.take(0.1)) for _ in range(3)]
    await asyncio.sleep(0)
    one.put(parcels(1, 2))

    found = [taken.claimed.id for taken in await asyncio.gather(*waiting) if taken]

    assert sorted(found) == [1, 2]


async def test_what_may_not_go_any_more_is_taken_out() -> None:
    one = lane()
    one.put(parcels(1, 2, digest=1) + parcels(3, digest=2) + parcels(4, digest=None))

    out = one.empty(but=lambda parcel: parcel.claimed.digest_id != 1)

    assert out == [1, 2]
    assert await take(one, 4) == [4, 3]


@pytest.mark.parametrize("troubles, seconds", [(1, 1), (2, 2), (3, 4), (6, 32), (9, 60)])
async def test_a_relay_in_trouble_gets_longer_and_longer_rests(troubles: int, seconds: int) -> None:
    one, began, now = lane(), 0.0, 0.0
    for _ in range(troubles):
        began = now
        one.rest(now)
        assert one.room(now) == 0
        while one.room(now) == 0:
            now += 0.5

    assert now - began == seconds


async def test_troubles_at_the_same_time_are_one() -> None:
    one = lane()
    for _ in range(4):
        one.rest(0)

    assert one.rests_briefly(0.5)
    assert one.room(1.0) == 4


async def test_a_relay_that_is_well_again_begins_anew() -> None:
    one = lane()
    one.rest(0)
    one.rest(1)
    assert not one.rests_briefly(2)
    one.is_well()

    one.rest(10)

    assert one.rests_briefly(10.5)
    assert one.room(11) == 4
