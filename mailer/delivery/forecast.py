"""When a digest will be through, at what its route's relay allows. Pure.

The relay's windows are gone through as they will be: what they hold now runs out of them, what is
sent next comes in. How fast the relay itself is does not come into it: where there is no
allowance there is no forecast.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.delivery.allowance import Allowance
from mailer.ledger import LENGTHS, SLOTS, Used, Window

HORIZON = timedelta(days=366)
"""Nothing is foretold beyond it."""

SAID = {Window.MINUTE: "a minute", Window.HOUR: "an hour", Window.DAY: "a day"}


@dataclass(frozen=True, slots=True)
class Job:
    """So many messages of digests, from some moment on."""

    starts_at: datetime
    count: int


def through_at(
    jobs: Sequence[Job], allowance: Allowance, used: Used, *, now: datetime
) -> datetime | None:
    """Give when the last of some jobs will be done, one after the other; None beyond a year."""
    windows = [
        _Filling(window, allowance.for_digests(window), used, now)
        for window in LENGTHS
        if window in allowance.limits
    ]
    at = now
    for job in sorted(jobs, key=lambda job: job.starts_at):
        at, left = max(at, job.starts_at), job.count
        while left and windows:
            free = min(window.free(at) for window in windows)
            if free > 0:
                for window in windows:
                    window.add(at, min(free, left))
                left -= min(free, left)
            else:
                at = max(window.opens_at(at) for window in windows)
            if at - now > HORIZON:
                return None
    return at


def rate(allowance: Allowance) -> str:
    """Say what an allowance leaves to digests, as in “27 a minute, 9,000 a day”."""
    return ", ".join(
        f"{allowance.for_digests(window):,} {said}"
        for window, said in SAID.items()
        if window in allowance.limits
    )


class _Filling:
    """What one window holds as time goes by."""

    def __init__(self, window: Window, limit: int, used: Used, now: datetime) -> None:
        self._limit = limit
        self._stay = LENGTHS[window] + SLOTS[window]
        self._uses = deque((use.until, use.count) for use in used.noted.get(window, ()))
        if used.in_flight:
            self._uses.append((now + self._stay, used.in_flight))
        self._held = sum(count for _, count in self._uses)

    def free(self, at: datetime) -> int:
        while self._uses and self._uses[0][0] <= at:
            self._held -= self._uses.popleft()[1]
        return self._limit - self._held

    def opens_at(self, at: datetime) -> datetime:
        """Give when there is room again: at once, or when enough has run out."""
        held = self._held
        for until, count in self._uses:
            if held < self._limit:
                break
            held -= count
            at = until
        return at

    def add(self, at: datetime, count: int) -> None:
        self._uses.append((at + self._stay, count))
        self._held += count
