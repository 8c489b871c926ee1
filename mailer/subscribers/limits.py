"""How many letters strangers may cause: for one address, from one network, and at all.

A form that mails is a weapon. One address gets few letters a day, whoever asks; a busy
network or hour delays letters instead of losing them, for many real people share one network.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Self

from sqlalchemy import delete, select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col

from mailer.db import among, draw, pour
from mailer.db.schema import Delivery, DeliveryKind, Tally

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
INSTALLATION = "installation"
KEEP_TALLIES = timedelta(days=2)
CAUSED_BY_STRANGERS = (
    DeliveryKind.CONFIRMATION,
    DeliveryKind.ALREADY,
    DeliveryKind.LEAVE,
    DeliveryKind.ACCESS,
    DeliveryKind.MOVE,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers, from the settings."""

    per_address: int = 3
    gap: timedelta = timedelta(minutes=10)
    per_network: int = 30
    per_hour: int = 1000
    longest_delay: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A letter that somebody asked for: to which address, of which kind, from which network."""

    key: str
    kind: DeliveryKind
    list_id: int
    network: str


@dataclass(frozen=True, slots=True)
class Past:
    """What one address was lately sent because somebody asked."""

    count: int = 0
    last_at: datetime | None = None
    last_same_at: datetime | None = None


def network_of(address: str) -> str:
    """Give the network that is counted: an IPv4 address, or an IPv6 /64.

    >>> network_of("2001:db8:1:2:3::9")
    '2001:db8:1:2::/64'
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped:
        return str(mapped)
    return str(ip) if ip.version == 4 else str(ip_network((ip, 64), strict=False))


def book(session: Session, wanted: Wanted, limits: Limits, *, now: datetime) -> datetime | None:
    """Give when a letter may go, now or later, and count it there; None if not at all."""
    one = Book.open(session, [wanted], limits, now=now)
    due = one.enter(wanted)
    one.close(session)
    return due


class Book:
    """Where letters are counted, each for another address: looked up at once, then written."""

    def __init__(
        self,
        past: Mapping[str, "Past"],
        booked: dict[str, dict[datetime, int]],
        limits: Limits,
        now: datetime,
    ) -> None:
        self._past, self._booked, self._limits, self._now = past, booked, limits, now
        self._new: Counter[tuple[str, datetime]] = Counter()

    @classmethod
    def open(
        cls, session: Session, wanted: Sequence[Wanted], limits: Limits, *, now: datetime
    ) -> Self:
        """Look up what was sent to these addresses and caused by these networks."""
        networks = {one.network for one in wanted} | {INSTALLATION}
        past = _past(session, wanted, now)
        return cls(past, _booked(session, networks, now), limits, now)

    def enter(self, wanted: Wanted) -> datetime | None:
        """Give when a letter may go, and count it there; None if not at all."""
        limits = self._limits
        begin = earliest(self._past.get(wanted.key, Past()), limits, now=self._now)
        if begin is None:
            return None
        rooms = {wanted.network: limits.per_network, INSTALLATION: limits.per_hour}
        until = self._now + limits.longest_delay
        due = first_free(self._booked, rooms, begin=begin, until=until)
        if due is not None:
            hour = _hour(due)
            for subject in rooms:
                hours = self._booked.setdefault(subject, {})
                hours[hour] = hours.get(hour, 0) + 1
                self._new[subject, hour] += 1
        return due

    def close(self, session: Session) -> None:
        """Write what was counted."""
        values = [
            {"subject": subject, "hour": hour, "count": count}
            for (subject, hour), count in sorted(self._new.items())
        ]
        pour(session, Tally, values, amend=_added)


def _added(statement: sqlite.Insert) -> sqlite.Insert:
    """Count on where something was counted before."""
    return statement.on_conflict_do_update(
        index_elements=["subject", "hour"],
        set_={"count": col(Tally.count) + statement.excluded["count"]},
    )


def earliest(past: Past, limits: Limits, *, now: datetime) -> datetime | None:
    """Decide when one address may get a letter again, or (None) that it gets none. Pure."""
    if past.count >= limits.per_address:
        return None
    if past.last_same_at and now - past.last_same_at < limits.gap:
        return None  # the same letter is on its way
    return max(now, past.last_at + limits.gap) if past.last_at else now


def first_free(
    booked: Mapping[str, Mapping[datetime, int]],
    rooms: Mapping[str, int],
    *,
    begin: datetime,
    until: datetime,
) -> datetime | None:
    """Find the first hour in which every subject has room, and a moment in it. Pure.

    `booked` counts by subject what is counted in each hour; `rooms` says how many may be. So
    a flood takes the hours to come, each to its limit, instead of piling up in one. Within a
    later hour letters are spread evenly. None when there is no room until `until`.
    """
    hour = _hour(begin)
    while hour <= until:
        share = max(booked.get(subject, {}).get(hour, 0) / room for subject, room in rooms.items())
        due = max(begin, hour + HOUR * share) if hour > begin else begin
        if share < 1 and due <= until:
            return due
        hour += HOUR
    return None


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _past(session: Session, wanted: Sequence[Wanted], now: datetime) -> dict[str, Past]:
    """Look up what addresses were sent in the last day because somebody asked, if anything."""
    statement = select(
        col(Delivery.key),
        col(Delivery.posted_at),
        col(Delivery.due_at),
        col(Delivery.kind),
        col(Delivery.list_id),
    ).where(
        among(session, col(Delivery.key), [one.key for one in wanted]),
        col(Delivery.digest_id).is_(None),
        col(Delivery.posted_at) > now - DAY,
        col(Delivery.kind).in_(CAUSED_BY_STRANGERS),
    )
    rows: dict[str, list[Any]] = {}
    for key, *row in session.execute(statement):
        rows.setdefault(str(key), []).append(row)
    by_key = {one.key: one for one in wanted}
    return {key: _summed(by_key[key], found) for key, found in rows.items()}


def _summed(wanted: Wanted, rows: Sequence[Any]) -> Past:
    same = [at for at, _, *its in rows if its == [wanted.kind, wanted.list_id]]
    latest = [max(posted, due_at or posted) for posted, due_at, *_ in rows]
    return Past(len(rows), max(latest, default=None), max(same, default=None))


def _booked(
    session: Session, subjects: Collection[str], since: datetime
) -> dict[str, dict[datetime, int]]:
    statement = select(col(Tally.subject), col(Tally.hour), col(Tally.count)).where(
        among(session, col(Tally.subject), subjects), col(Tally.hour) >= _hour(since)
    )
    found: dict[str, dict[datetime, int]] = {}
    for subject, hour, count in draw(session, statement):
        found.setdefault(subject, {})[hour] = count
    return found


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop counts that no limit looks at any more."""
    session.execute(delete(Tally).where(col(Tally.hour) < now - KEEP_TALLIES))
