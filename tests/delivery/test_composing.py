"""What is signed is composed ahead, by threads; each parcel gets its own message, and once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import pytest

from mailer.delivery.composing import TOGETHER, Composer
from mailer.delivery.lane import Lane
from mailer.delivery.reply import Reply
from mailer.delivery.route import Route
from mailer.delivery.turns import Parcel
from mailer.errors import HeaderInvalid

THREADS = 2
ROUTE = Route("smtp", "127.0.0.1", 25, connections=4)


@dataclass(frozen=True)
class Row:
    id: int
    digest_id: int | None = 1


@dataclass
class Stand:
    """Stands for a parcel: of one, a composer asks whether it is signed, and its message."""

    claimed: Row
    signer: object | None
    fault: Exception | None = None
    composed_by: list[str] = field(default_factory=list)
    return_path: str = "bounce@example.org"

    @property
    def recipient(self) -> str:
        return f"reader{self.claimed.id}@example.org"

    def compose(self) -> bytes:
        self.composed_by.append(threading.current_thread().name)
        if self.fault:
            raise self.fault
        return f"message {self.claimed.id}".encode()


def stands(count: int, *, signed: bool = True) -> list[Stand]:
    return [Stand(Row(number), object() if signed else None) for number in range(count)]


def parcel(one: Stand) -> Parcel:
    return cast("Parcel", one)


@pytest.fixture
def lane() -> Lane:
    return Lane(ROUTE, 100, now=0)


@pytest.fixture
def composer(lane: Lane) -> Iterator[Composer]:
    with ThreadPoolExecutor(THREADS, thread_name_prefix="composing") as executor:
        yield Composer(lane, executor, THREADS)


async def test_what_is_not_signed_is_ready_and_composed_on_the_spot(composer: Composer) -> None:
    [one] = stands(1, signed=False)

    assert composer.is_ready(parcel(one))
    envelope, message = composer.at_once(parcel(one))

    assert envelope.recipient == "reader0@example.org"
    assert message == b"message 0"
    assert one.composed_by == [threading.current_thread().name]


async def test_what_is_signed_is_composed_by_threads_and_the_next_ones_with_it(
    lane: Lane, composer: Composer
) -> None:
    many = stands(TOGETHER * 4)
    lane.put(map(parcel, many))

    got = []
    while taken := lane.take_now():
        got.append((await composer.compose(taken))[1])

    assert got == [f"message {number}".encode() for number in range(len(many))]
    for one in many:
        [thread] = one.composed_by  # once, though it was asked for and looked ahead to
        assert thread.startswith("composing")


async def test_a_signed_one_is_taken_ahead_when_it_is_ready_and_not_before(
    lane: Lane, composer: Composer
) -> None:
    many = stands(TOGETHER)
    lane.put(map(parcel, many))
    assert lane.take_ahead(composer.is_ready) is None

    first = lane.take_now()
    assert first is not None
    await composer.compose(first)  # by now those behind it are under way
    second = lane.next(1)[0]
    while not composer.is_ready(second):
        await composer.compose(parcel(*stands(1)))

    assert lane.take_ahead(composer.is_ready) is second
    assert composer.at_once(second)[1] == b"message 1"


async def test_a_row_that_comes_again_is_composed_again(lane: Lane, composer: Composer) -> None:
    before, after = stands(1)[0], stands(1)[0]
    lane.put([parcel(before)])
    composer.is_ready(parcel(before))
    lane.empty()
    lane.put([parcel(after)])

    await composer.compose(parcel(after))

    assert len(after.composed_by) == 1


async def test_what_cannot_be_composed_is_a_refusal_of_our_own(composer: Composer) -> None:
    [one] = stands(1)
    one.fault = HeaderInvalid("To", "is two lines")

    _, said = await composer.compose(parcel(one))

    assert isinstance(said, Reply)
    assert said.ours
    assert "is two lines" in said.text


async def test_what_breaks_is_raised_where_it_is_asked_for(composer: Composer) -> None:
    class Broken(Stand):
        @property
        def return_path(self) -> str:  # type: ignore[override]
            raise ZeroDivisionError

    broken = Broken.__new__(Broken)
    broken.claimed, broken.signer = Row(1), object()

    with pytest.raises(ZeroDivisionError):
        await composer.compose(parcel(broken))


async def test_nothing_is_kept_of_what_nobody_came_for(lane: Lane, composer: Composer) -> None:
    for _ in range(20):
        left = stands(TOGETHER)
        lane.put(map(parcel, left))
        await composer.compose(lane.take_now() or parcel(left[0]))
        lane.empty()

    assert len(composer._ahead) <= 2 * TOGETHER * (THREADS + 1)
