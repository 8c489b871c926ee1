"""Those who come at the same moment: each has their own answer, and few groups serve all."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from mailer.web.gathering import Gathering


async def test_each_has_the_answer_to_what_they_asked() -> None:
    groups: list[int] = []

    def answer(things: Sequence[int]) -> list[str | Exception]:
        groups.append(len(things))
        return [f"answer {thing}" for thing in things]

    gathering = Gathering(answer)

    answers = await asyncio.gather(*(gathering.add(number) for number in range(200)))

    assert answers == [f"answer {number}" for number in range(200)]
    assert sum(groups) == 200


async def test_who_comes_meanwhile_is_answered_next_with_all_others() -> None:
    groups: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def answer(things: Sequence[int]) -> list[int | Exception]:
        groups.append([*things])
        begun.set()
        assert go_on.wait(30)
        return [*things]

    gathering = Gathering(answer)
    first = asyncio.ensure_future(gathering.add(0))
    await asyncio.to_thread(begun.wait, 30)
    rest = [asyncio.ensure_future(gathering.add(number)) for number in range(1, 10)]
    await asyncio.sleep(0)  # each of them has come
    go_on.set()
    await asyncio.gather(first, *rest)

    assert groups == [[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]]


async def test_what_goes_wrong_with_one_is_told_to_that_one() -> None:
    def answer(things: Sequence[str]) -> list[str | Exception]:
        return [ValueError(one) if one == "bad" else one for one in things]

    gathering = Gathering(answer)

    bad, good = await asyncio.gather(
        gathering.add("bad"), gathering.add("good"), return_exceptions=True
    )

    assert isinstance(bad, ValueError)
    assert good == "good"


async def test_what_goes_wrong_with_all_is_told_to_each_and_the_next_begins_anew() -> None:
    def answer(things: Sequence[str]) -> list[str | Exception]:
        if "bad" in things:
            raise ValueError("bad")
        return [*things]

    gathering = Gathering(answer)

    with pytest.raises(ValueError, match="bad"):
        await gathering.add("bad")
    assert await gathering.add("good") == "good"


async def test_who_has_gone_keeps_nobody_waiting() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def answer(things: Sequence[int]) -> list[int | Exception]:
        begun.set()
        assert go_on.wait(30)
        return [*things]

    gathering = Gathering(answer)
    gone = asyncio.ensure_future(gathering.add(0))
    await asyncio.to_thread(begun.wait, 30)
    gone.cancel()
    other = asyncio.ensure_future(gathering.add(1))
    await asyncio.sleep(0)
    go_on.set()

    assert await other == 1
    assert gone.cancelled()
