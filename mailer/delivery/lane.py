"""A lane: the rows that wait in memory for one route, letters before digests.

It holds some seconds of work and no more, for nobody who leaves or pauses should have to wait
until it is through. A relay that cannot be used gets a rest, each time a longer one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain, islice

from mailer.delivery.route import Route
from mailer.delivery.turns import Parcel

AHEAD_SECONDS = 5
"""Seconds of work a lane may hold."""

WINDOW_SECONDS = 1
"""Over how long the pace is measured, unless the lane runs dry before."""

FIRST_REST_SECONDS = 1
LONGEST_REST_SECONDS = 60


class Lane:
    """One route's lane in one worker; `batch` is the most it ever holds.

    Times are the clock's boot time.
    """

    def __init__(self, route: Route, batch: int, *, now: float) -> None:
        self.route = route
        self._batch = batch
        self._letters: deque[Parcel] = deque()
        self._digests: deque[Parcel] = deque()
        self._filled = asyncio.Event()
        self._in_hand = 0
        self._ended = 0
        self._pace = 0.0
        self._since = now
        self._rest_seconds = 0.0
        self._rests_until = now
        self._low = self._size() // 2

    def __len__(self) -> int:
        return len(self._letters) + len(self._digests)

    @property
    def is_busy(self) -> bool:
        """Tell whether anything waits here or is being sent."""
        return bool(self._in_hand or self._letters or self._digests)

    @property
    def is_low(self) -> bool:
        """Tell whether it is time to fetch more: so that no connection has to wait."""
        return len(self._letters) + len(self._digests) <= self._low

    def room(self, now: float) -> int:
        """Give how many rows may be claimed: none while the relay rests or enough wait."""
        self._measure(now)
        if self.rests(now) or not self.is_low:
            return 0
        return self._size() - len(self)

    def put(self, parcels: Iterable[Parcel]) -> None:
        """Line up what was claimed."""
        for one in parcels:
            (self._letters if one.claimed.digest_id is None else self._digests).append(one)
        self._filled.set()

    async def take(self, seconds: float) -> Parcel | None:
        """Wait for a parcel and take it in hand; None when none came in so many seconds."""
        if not (self._letters or self._digests):
            await self._wait(seconds)
        return self.take_now()

    def take_now(self) -> Parcel | None:
        """Take a parcel in hand if one is there."""
        queue = self._letters or self._digests
        if not queue:
            return None
        self._in_hand += 1
        return queue.popleft()

    def take_ahead(self, is_ready: Callable[[Parcel], bool]) -> Parcel | None:
        """Take one in hand that will be sent next, if no other connection could have it sooner.

        So none of a few that wait, and nothing of a digest while a letter waits. Nor one that is
        not ready, for then what is being sent would wait for it.
        """
        queue = self._letters or self._digests
        if len(queue) < self.route.connections or not is_ready(queue[0]):
            return None
        return self.take_now()

    def next(self, count: int) -> list[Parcel]:
        """Give those that will be taken next, at most so many."""
        return list(islice(chain(self._letters, self._digests), count))

    def ended(self) -> None:
        """Note that a parcel is out of hand, however it went."""
        self._in_hand -= 1
        self._ended += 1

    def empty(self, *, but: Callable[[Parcel], bool] | None = None) -> list[int]:
        """Take out what waits, save what may stay; give the ids of the deliveries."""
        out = []
        for queue in (self._letters, self._digests):
            for _ in range(len(queue)):
                one = queue.popleft()
                if but is not None and but(one):
                    queue.append(one)
                else:
                    out.append(one.claimed.id)
        return out

    def rest(self, now: float) -> None:
        """Leave the relay in peace for a while; longer, when the last rest did not help."""
        if not self.rests(now):
            longer = max(2 * self._rest_seconds, FIRST_REST_SECONDS)
            self._rest_seconds = min(longer, LONGEST_REST_SECONDS)
            self._rests_until = now + self._rest_seconds

    def rests(self, now: float) -> bool:
        """Tell whether the relay is left in peace."""
        return now < self._rests_until

    def rests_briefly(self, now: float) -> bool:
        """Tell whether the relay rests, and for the first time: it may be back in a moment."""
        return self.rests(now) and self._rest_seconds <= FIRST_REST_SECONDS

    def is_well(self) -> None:
        """Note that the relay does take mail."""
        self._rest_seconds = 0.0

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not len(self):
                    self._filled.clear()
                    await self._filled.wait()

    def _size(self) -> int:
        return max(self.route.connections, min(self._batch, int(self._pace * AHEAD_SECONDS)))

    def _measure(self, now: float) -> None:
        elapsed = now - self._since
        if elapsed >= WINDOW_SECONDS or (elapsed > 0 and self._ended and not len(self)):
            self._pace = self._ended / elapsed
            self._ended, self._since = 0, now
            self._low = self._size() // 2
