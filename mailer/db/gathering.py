"""Small writes of many threads, committed together.

A commit waits for the disk, and one writes at a time: a hundred who wait in turn wait a hundred
times. Here who comes while a commit goes on is written by the next one, with all others who came.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlmodel import Session

from mailer.db import Database

T = TypeVar("T")


class Gathering(Generic[T]):
    """Writes things by one function for many of them; `add` returns once it is committed."""

    def __init__(self, database: Database, write: Callable[[Session, Sequence[T]], None]) -> None:
        self._database = database
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Ticket[T]] = []
        self._is_led = False

    def add(self, thing: T) -> None:
        """Write a thing, with whatever else waits; raises what the writing of all raised."""
        ticket = _Ticket(thing)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._is_led = not self._is_led, True
        if not leads:
            ticket.woken.wait()
        if not ticket.is_done:
            self._commit()
        if ticket.error is not None:
            raise ticket.error

    def _commit(self) -> None:
        """Write all that waits; then whoever came meanwhile leads."""
        with self._lock:
            group, self._waiting = self._waiting, []
        error: Exception | None = None
        try:
            self._database.write(self._write, [one.thing for one in group])
        except Exception as raised:  # noqa: BLE001  (each of them raises it)
            error = raised
        with self._lock:
            heir = self._waiting[:1]
            self._is_led = bool(heir)
        for one in group:
            one.is_done, one.error = True, error
        for one in [*group, *heir]:
            one.woken.set()


class _Ticket(Generic[T]):
    """One thing that waits to be written."""

    __slots__ = ("error", "is_done", "thing", "woken")

    def __init__(self, thing: T) -> None:
        self.thing = thing
        self.woken = threading.Event()
        self.is_done = False
        self.error: Exception | None = None
