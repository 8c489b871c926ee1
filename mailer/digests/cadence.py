"""When a list's digests are due: on which days, by the clock of the list's zone.

A day is acted upon once, whatever happens to clocks: days are known by their local date, and
`mailer.db.schema.CadenceDay` remembers them. An hour that a change of clocks skips means the
next one there is; an hour that comes twice means the first.
"""

import calendar
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from mailer.errors import UsageError

FARTHEST_BACK = timedelta(days=62)
"""How far back a day is looked for: two months, so that the last monthly one is among them."""

HOUR = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")

LAST_DAY = 31
"""A month that has no such day takes its last."""

NAMES = frozenset({"list", "date", "number"})
"""What a pattern for subjects may name, in braces."""

LONGEST_PATTERN = 120

_NAME = re.compile(r"\{([^{}]*)\}")


class Every(StrEnum):
    """How often."""

    WEEK = "week"
    FORTNIGHT = "fortnight"
    MONTH = "month"


class Then(StrEnum):
    """What becomes of the digest that was drafted."""

    QUEUE = "queue"
    DRAFT = "draft"  # an editor looks at it first


@dataclass(frozen=True, slots=True)
class Cadence:
    """When digests are due, and what then.

    `day` is 1 to 7 from Monday on, or the day of the month. `anchor` is a day on which a
    fortnightly one is due. Days count from `since` on. An empty `subject` takes ours.
    """

    every: Every
    day: int
    hour: time
    since: datetime
    then: Then = Then.QUEUE
    anchor: date | None = None
    subject: str = ""

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Self:
        """Give a cadence back from what `stored` gave."""
        anchor = stored["anchor"]
        return cls(
            every=Every(stored["every"]),
            day=stored["day"],
            hour=time.fromisoformat(stored["hour"]),
            since=datetime.fromisoformat(stored["since"]),
            then=Then(stored["then"]),
            anchor=date.fromisoformat(anchor) if anchor else None,
            subject=stored["subject"],
        )

    def stored(self) -> dict[str, Any]:
        """Give the cadence as plain values, for a column."""
        return {
            "every": self.every.value,
            "day": self.day,
            "hour": self.hour.isoformat("minutes"),
            "since": self.since.isoformat(),
            "then": self.then.value,
            "anchor": self.anchor.isoformat() if self.anchor else None,
            "subject": self.subject,
        }

    def falls_on(self, day: date) -> bool:
        """Tell whether a digest is due on a day."""
        if self.every is Every.MONTH:
            return day.day == min(self.day, calendar.monthrange(day.year, day.month)[1])
        if day.isoweekday() != self.day:
            return False
        return self.anchor is None or (day - self.anchor).days % 14 == 0

    def moment(self, day: date, zone: ZoneInfo) -> datetime:
        """Give the moment at which a day's digest is due."""
        # With fold 0 a skipped hour reads the clock as it went before, and lands behind the gap.
        return datetime.combine(day, self.hour, zone).astimezone(UTC)


def latest(cadence: Cadence, zone: ZoneInfo, *, now: datetime) -> date | None:
    """Give the last day whose hour has come; earlier ones need nothing, for it has their news."""
    for day in _days_back(now, zone):
        if cadence.falls_on(day) and cadence.moment(day, zone) <= now:
            return day if cadence.moment(day, zone) > cadence.since else None
    return None


def upcoming(cadence: Cadence, zone: ZoneInfo, count: int, *, now: datetime) -> list[datetime]:
    """Give the next moments at which a digest is due, in the zone."""
    day, found = now.astimezone(zone).date(), list[datetime]()
    while len(found) < count:
        if cadence.falls_on(day) and cadence.moment(day, zone) > now:
            found.append(cadence.moment(day, zone).astimezone(zone))
        day += timedelta(days=1)
    return found


def changed(
    old: Cadence, new: Cadence, zone: ZoneInfo, acted: Collection[date], *, now: datetime
) -> Cadence:
    """Give the new cadence of a list that had another.

    A day that still waits for its digest and is a day of the new cadence as well is not lost:
    it goes by the new hour, at once if that has passed. Any other day counts from now on.
    """
    today = now.astimezone(zone).date()
    began = old.since.astimezone(zone).date()
    waiting = next((day for day in _days_back(now, zone) if old.falls_on(day)), None)
    is_kept = (
        waiting is not None
        and began <= waiting <= today
        and waiting not in acted
        and old.moment(waiting, zone) > old.since
        and new.falls_on(waiting)
    )
    return replace(new, since=old.since if is_kept else now)


def hour_of(text: str) -> time:
    """Read an hour such as 09:00 or 9:00; UsageError for anything else."""
    if not HOUR.fullmatch(text.strip()):
        raise UsageError(f"“{text}” is not an hour; write it like 09:00")
    return time.fromisoformat(text.strip().rjust(5, "0"))


def check_pattern(pattern: str) -> None:
    """Raise UsageError for a pattern of subjects with a name we do not know."""
    unknown = [name for name in _NAME.findall(pattern) if name not in NAMES]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(NAMES))
        raise UsageError(f"a subject cannot hold {{{unknown[0]}}}; it may hold {known}")
    if len(pattern) > LONGEST_PATTERN:
        raise UsageError(f"a pattern for subjects has {LONGEST_PATTERN} characters at most")


def fill(pattern: str, values: dict[str, str]) -> str:
    """Give a subject: the pattern with the values in their places."""
    return _NAME.sub(lambda found: values[found[1]], pattern)


def _days_back(now: datetime, zone: ZoneInfo) -> Iterator[date]:
    today = now.astimezone(zone).date()
    for back in range(FARTHEST_BACK.days):
        yield today - timedelta(days=back)
