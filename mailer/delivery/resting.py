"""How long a route rests: what a relay's words about a quota say of its window.

Pure. Few relays tell when their window ends, and some begin it at midnight, wherever that is. So a
rest is a guess that grows: the first try after it costs one message, which then waits again.
"""

import re
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rest:
    """How long the first of some rests in a row is, and how long they become, by doubling."""

    first: timedelta
    longest: timedelta

    def length(self, before: int) -> timedelta:
        """Give how long to rest after so many rests that did not help."""
        return min(self.first * (1 << min(before, 16)), self.longest)


A_MINUTE = Rest(timedelta(minutes=1), timedelta(minutes=16))
AN_HOUR = Rest(timedelta(minutes=15), timedelta(hours=1))
A_DAY = Rest(timedelta(hours=1), timedelta(hours=4))
UNKNOWN = A_DAY

UNREACHED = Rest(timedelta(minutes=5), timedelta(hours=1))
"""For a relay that cannot be reached, when there is another to take in the meantime."""

_OF_A_DAY = re.compile(r"\b(?:daily|day|24.?h(?:ours?)?|month(?:ly)?)\b", re.IGNORECASE)
_OF_AN_HOUR = re.compile(r"\b(?:hourly|hour|60 ?min(?:utes)?)\b", re.IGNORECASE)
_OF_A_MINUTE = re.compile(
    r"\b(?:rate|minute|second|too (?:many|fast|quickly|much)|throttl\w*)\b|\[TSS", re.IGNORECASE
)


def rest_after(text: str) -> Rest:
    """Give how long to rest after words about a quota.

    >>> rest_after("Daily message quota exceeded") is A_DAY
    True
    >>> rest_after("Maximum sending rate exceeded") is A_MINUTE
    True
    """
    if _OF_A_DAY.search(text):
        return A_DAY
    if _OF_AN_HOUR.search(text):
        return AN_HOUR
    return A_MINUTE if _OF_A_MINUTE.search(text) else UNKNOWN
