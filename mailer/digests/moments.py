"""Dates and times as people write them: days, and local times in a zone.

A local time that a change of clocks skips is refused, with the next one that exists. One
that comes twice means the first, and the caller is told, to say so.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailer.errors import MomentInvalid

FARTHEST = timedelta(days=5 * 366)
"""How far ahead something can be scheduled; more is a slip of the pen."""

LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?")


class Skipped(MomentInvalid):
    """A local time that a change of clocks skips; `valid` is the next one that exists."""

    def __init__(self, text: str, zone_name: str, valid: str) -> None:
        super().__init__(
            f"{text} does not exist in {zone_name}: the clocks change; "
            f"the next time that does is {valid}"
        )
        self.valid = valid


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A wall-clock time in a zone and the moment it means; `doubled` when it comes twice."""

    text: str
    zone: str
    at: datetime
    doubled: bool = False


def zone(name: str) -> ZoneInfo:
    """Give a time zone by its IANA name; MomentInvalid when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MomentInvalid(
            f"there is no time zone “{name}”; use a name such as Europe/Brussels or UTC"
        ) from None


def local(text: str, zone_name: str) -> LocalTime:
    """Read a local time such as 2026-12-01T09:00; MomentInvalid when it does not exist."""
    where = zone(zone_name)
    if not LOCAL_TIME.fullmatch(text.strip()):
        raise MomentInvalid(f"“{text}” is not a local time; write it like 2026-12-01T09:00")
    try:
        naive = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise MomentInvalid(f"“{text}” is not a local time: {error}") from None
    first, second = naive.replace(tzinfo=where), naive.replace(tzinfo=where, fold=1)
    try:
        at = first.astimezone(UTC)
        if at.astimezone(where).replace(tzinfo=None) != naive:
            # In the gap, fold 0 reads the clock as it went before: the moment is the next valid.
            valid = at.astimezone(where).replace(tzinfo=None)
            raise Skipped(text, zone_name, valid.isoformat(timespec="minutes"))
    except OverflowError:
        raise MomentInvalid(f"“{text}” is beyond the calendar") from None
    doubled = first.utcoffset() != second.utcoffset()
    return LocalTime(naive.isoformat(timespec="minutes"), zone_name, at, doubled)


def due(text: str, zone_name: str, *, now: datetime) -> LocalTime:
    """Read the local time at which a digest is to go; it must lie ahead, within five years."""
    when = local(text, zone_name)
    if when.at < now:
        here = now.astimezone(zone(zone_name)).isoformat(" ", timespec="minutes")
        raise MomentInvalid(f"{text} in {zone_name} has passed; it is now {here}")
    if when.at > now + FARTHEST:
        raise MomentInvalid(f"{text} is more than five years ahead; is the year right?")
    return when


def day_or_time(value: str, zone_name: str | None) -> date | datetime:
    """Read an item's date: a day (2026-12-01), or an aware moment when it has an hour."""
    text = value.strip()
    try:
        if len(text) == len("2026-12-01"):
            return date.fromisoformat(text)
    except ValueError as error:
        raise MomentInvalid(f"“{value}” is not a date: {error}") from None
    return local(text[:16], zone_name or "UTC").at
