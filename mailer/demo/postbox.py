"""What came in over the demo's own SMTP port, in memory, the newest first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mailer.demo.reading import Message, read

ROOM = 500
"""Messages that are kept; beyond them the oldest go."""


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came, with its envelope; `number` counts from 1 and is never used twice."""

    number: int
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    message: Message


class Postbox:
    """Holds the newest messages. The SMTP port puts in, pages look; from different threads."""

    def __init__(self, *, room: int = ROOM) -> None:
        self.room = room
        self._lock = threading.Lock()
        self._kept: dict[int, Received] = {}
        self._taken = 0

    def put(self, sender: str, recipients: tuple[str, ...], raw: bytes, *, at: datetime) -> None:
        """Keep a message, at the cost of the oldest when there is no room."""
        message = read(raw)
        with self._lock:
            self._taken += 1
            self._kept[self._taken] = Received(self._taken, at, sender, recipients, raw, message)
            if len(self._kept) > self.room:
                del self._kept[next(iter(self._kept))]

    def get(self, number: int) -> Received | None:
        """Give one message, unless it never came or had to go."""
        with self._lock:
            return self._kept.get(number)

    def newest(self, wanted: Callable[[Received], bool] = lambda _: True) -> list[Received]:
        """Give what is kept and wanted, the newest first."""
        with self._lock:
            kept = list(self._kept.values())
        return [one for one in reversed(kept) if wanted(one)]

    @property
    def taken(self) -> int:
        """Count what ever came in."""
        with self._lock:
            return self._taken

    @property
    def gone(self) -> int:
        """Count what had to go."""
        with self._lock:
            return self._taken - len(self._kept)
