"""The only place that asks the machine what time it is."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the rest of the program may know about time."""

    def now(self) -> datetime:
        """Give the moment, aware and in UTC."""
        ...

    def boottime(self) -> float:
        """Give seconds that never jump and go on while the machine sleeps; for leases."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Give the moment, aware and in UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Give seconds since some fixed point, counting sleep where the system can tell."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()


class FrozenClock:
    """A clock that stands still until it is moved: for tests and for previews."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.astimezone(UTC)
        self._boottime = 1000.0

    def now(self) -> datetime:
        """Give the frozen moment."""
        return self._moment

    def boottime(self) -> float:
        """Give seconds that move with the frozen moment."""
        return self._boottime

    def move(self, delta: timedelta) -> None:
        """Let time pass."""
        self._moment += delta
        self._boottime += delta.total_seconds()
