"""Those who come at about the same moment are answered together, by a thread of their own.

A commit waits for the disk, and one writes at a time: a hundred who wait in turn wait a hundred
times. Here who comes while others are being answered comes next, with all who came meanwhile.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """Calls `answer` with all that waits. An exception in its result is for that one alone."""

    def __init__(self, answer: Callable[[Sequence[T]], Sequence[R | Exception]]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[T, R]] = []
        self._is_at_work = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gathering")

    async def add(self, thing: T) -> R:
        """Give the answer to a thing; raises what went wrong with it, or with all of them."""
        told = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(_Ticket(thing, told))
            rests, self._is_at_work = not self._is_at_work, True
        if rests:
            self._thread.submit(self._work)
        answer: R = await told
        return answer

    def _work(self) -> None:
        while group := self._next():
            answers: Sequence[R | Exception]
            try:
                answers = self._answer([one.thing for one in group])
            except Exception as error:  # noqa: BLE001  (each of them raises it)
                answers = [error] * len(group)
            self._tell(group, answers)

    def _next(self) -> "list[_Ticket[T, R]]":
        with self._lock:
            group, self._waiting = self._waiting, []
            self._is_at_work = bool(group)
        return group

    def _tell(self, group: "Sequence[_Ticket[T, R]]", answers: "Sequence[R | Exception]") -> None:
        by_loop = defaultdict(list)
        for one, answer in zip(group, answers, strict=True):
            by_loop[one.told.get_loop()].append((one.told, answer))
        for loop, told in by_loop.items():
            with suppress(RuntimeError):  # it has ended: nobody waits there any more
                loop.call_soon_threadsafe(_tell_all, told)


class _Ticket(NamedTuple, Generic[T, R]):
    """One thing that waits, and where its answer is waited for."""

    thing: T
    told: "asyncio.Future[R]"


def _tell_all(answers: "Sequence[tuple[asyncio.Future[Any], Any]]") -> None:
    for told, answer in answers:
        if told.done():  # who waited has gone
            continue
        if isinstance(answer, Exception):
            told.set_exception(answer)
        else:
            told.set_result(answer)
