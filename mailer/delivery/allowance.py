"""What a relay allows in any minute, hour and day, and how much of it is left.

Pure. Digests leave a reserve to letters, so that who asks to join or leave is answered while a
digest uses up the day. A warm-up is a limit for the day that grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Self

from mailer import config
from mailer.ledger import Used, Window

PERCENT = 100

WARM = 200_000
"""Messages a day at which a warm-up is over: no provider looks askance at more."""


@dataclass(frozen=True, slots=True)
class Left:
    """How many messages may leave now: letters, and of these so many of digests."""

    letters: int
    digests: int

    def within(self, other: Self | None) -> Self:
        """Give what both leave; None leaves everything."""
        if other is None:
            return self
        digests = min(self.digests, other.digests)
        return type(self)(min(self.letters, other.letters), digests)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A daily limit that grows by so many percent from its first day on; days are those of UTC."""

    first_on: date
    first: int
    percent: int

    def limit(self, at: datetime) -> int | None:
        """Give the day's limit; None when the warm-up is over. Before it, that of its first day."""
        limit = float(self.first)
        for _ in range(max((at.date() - self.first_on).days, 0)):
            limit *= 1 + self.percent / PERCENT
            if limit >= WARM:
                break
        return int(limit) if limit < WARM else None


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most messages in any window of each length; none named is no limit."""

    limits: Mapping[Window, int] = field(default_factory=dict)
    reserve: int = 0
    warm_up: WarmUp | None = None

    @classmethod
    def of(cls, route: config.Route, at: datetime) -> Self:
        """Give the allowance that a route's settings name, at some moment and after it."""
        named = {
            Window.MINUTE: route.per_minute,
            Window.HOUR: route.per_hour,
            Window.DAY: route.per_day,
        }
        limits = {window: limit for window, limit in named.items() if limit}
        warm_up = None
        if route.warm_up_on is not None:
            warm_up = WarmUp(route.warm_up_on, route.warm_up_first, route.warm_up_percent)
        is_warm = warm_up is None or warm_up.limit(at) is None
        return cls(limits, route.letters_reserve, None if is_warm else warm_up)

    def __bool__(self) -> bool:
        return bool(self.limits) or self.warm_up is not None

    def limit(self, window: Window, at: datetime) -> int | None:
        """Give the most messages in a window at some moment; None for no limit."""
        limit = self.limits.get(window)
        grown = self.warm_up.limit(at) if self.warm_up and window is Window.DAY else None
        return grown if limit is None or (grown is not None and grown < limit) else limit

    def for_digests(self, window: Window, at: datetime) -> int | None:
        """Give how much of a window digests may use; always something, None for no limit."""
        limit = self.limit(window, at)
        return None if limit is None else max(limit - limit * self.reserve // PERCENT, 1)

    def left(self, used: Used, at: datetime) -> Left:
        """Give what is left of it."""
        letters, digests = [], []
        for window in Window:
            limit, most = self.limit(window, at), self.for_digests(window, at)
            if limit is not None and most is not None:
                held = used.within(window)
                letters.append(limit - held)
                digests.append(most - held)
        return Left(max(min(letters), 0), max(min(digests), 0))
