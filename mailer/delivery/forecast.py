"""When a digest will be through, at what its route's relay allows. Pure.

The relay's windows are gone through as they will be: what they hold now runs out of them, what is
sent next comes in. How fast the relay itself is does not come into it: where there is no
allowance there is no forecast.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from mailer.delivery.allowance import Allowance
from mailer.ledger import LENGTHS, SLOTS, Used, Window

HORIZON = timedelta(days=366)
"""Nothing is foretold beyond it."""

MANY = 1_000_000_000
"""More than any digest has readers."""

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
        _Filling(window, allowance, used, now)
        for window in LENGTHS
        if allowance.limit(window, now) is not None
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


def rate(allowance: Allowance, at: datetime) -> str:
    """Say what an allowance leaves to digests, as in “27 a minute, 9,000 a day”."""
    limits = {said: allowance.for_digests(window, at) for window, said in SAID.items()}
    words = [f"{limit:,} {said}" for said, limit in limits.items() if limit is not None]
    if allowance.warm_up is not None:
        words[-1] += f" and {allowance.warm_up.percent}% more each day"
    return ", ".join(words)


class _Filling:
    """What one window holds as time goes by."""

    def __init__(self, window: Window, allowance: Allowance, used: Used, now: datetime) -> None:
        self._window = window
        self._allowance = allowance
        self._stay = LENGTHS[window] + SLOTS[window]
        self._uses = deque((use.until, use.count) for use in used.noted.get(window, ()))
        if used.in_flight:
            self._uses.append((now + self._stay, used.in_flight))
        self._held = sum(count for _, count in self._uses)

    def free(self, at: datetime) -> int:
        while self._uses and self._uses[0][0] <= at:
            self._held -= self._uses.popleft()[1]
        return self._limit(at) - self._held

    def opens_at(self, at: datetime) -> datetime:
        """Give when there is room again: at once, when enough has run out, or a limit grows."""
        held, limit = self._held, self._limit(at)
        grows_at = datetime.combine(at.date() + timedelta(days=1), time(), UTC)
        for until, count in self._uses:
            if held < limit:
                break
            held -= count
            at = until
        return at if self._allowance.warm_up is None else min(at, grows_at)

    def _limit(self, at: datetime) -> int:
        limit = self._allowance.for_digests(self._window, at)
        return MANY if limit is None else limit

    def add(self, at: datetime, count: int) -> None:
        self._uses.append((at + self._stay, count))
        self._held += count
