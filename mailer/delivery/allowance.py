"""What a relay allows in any minute, hour and day, and how much of it is left.

Pure. Digests leave a reserve to letters, so that who asks to join or leave is answered while a
digest uses up the day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from mailer import config
from mailer.ledger import Used, Window

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Left:
    """How many messages may leave now: letters, and of these so many of digests."""

    letters: int
    digests: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most messages in any window of each length; none named is no limit."""

    limits: Mapping[Window, int] = field(default_factory=dict)
    reserve: int = 0

    @classmethod
    def of(cls, route: config.Route) -> Self:
        """Give the allowance that a route's settings name."""
        named = {
            Window.MINUTE: route.per_minute,
            Window.HOUR: route.per_hour,
            Window.DAY: route.per_day,
        }
        limits = {window: limit for window, limit in named.items() if limit}
        return cls(limits, route.letters_reserve)

    def __bool__(self) -> bool:
        return bool(self.limits)

    def for_digests(self, window: Window) -> int:
        """Give how much of a window digests may use; always something."""
        limit = self.limits[window]
        return max(limit - limit * self.reserve // PERCENT, 1)

    def left(self, used: Used) -> Left:
        """Give what is left of it."""
        held = {window: used.within(window) for window in self.limits}
        return Left(
            letters=max(min(self.limits[one] - held[one] for one in held), 0),
            digests=max(min(self.for_digests(one) - held[one] for one in held), 0),
        )
