"""How many letters strangers may cause: for one address, from one network, and at all.

A form that mails is a weapon. One address gets few letters a day, whoever asks; a busy
network or hour delays letters instead of losing them, for many real people share one network.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import delete, select
from sqlmodel import Session, col

from mailer.db import upsert
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
    begin = earliest(_past(session, wanted, now), limits, now=now)
    if begin is None:
        return None
    rooms = {wanted.network: limits.per_network, INSTALLATION: limits.per_hour}
    booked = _booked(session, list(rooms), begin)
    due = first_free(booked, rooms, begin=begin, until=now + limits.longest_delay)
    if due is not None:
        for subject in rooms:
            _count(session, subject, _hour(due))
    return due


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
        shares = [booked.get(subject, {}).get(hour, 0) / room for subject, room in rooms.items()]
        due = max(begin, hour + HOUR * max(shares) if hour > begin else begin)
        if max(shares) < 1 and due <= until:
            return due
        hour += HOUR
    return None


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _past(session: Session, wanted: Wanted, now: datetime) -> Past:
    """Look up what an address was sent in the last day because somebody asked."""
    statement = select(
        col(Delivery.posted_at), col(Delivery.due_at), col(Delivery.kind), col(Delivery.list_id)
    ).where(
        col(Delivery.key) == wanted.key,
        col(Delivery.digest_id).is_(None),
        col(Delivery.posted_at) > now - DAY,
        col(Delivery.kind).in_(CAUSED_BY_STRANGERS),
    )
    rows = session.execute(statement).all()
    same = [at for at, _, *its in rows if its == [wanted.kind, wanted.list_id]]
    latest = [max(posted, due_at or posted) for posted, due_at, *_ in rows]
    return Past(len(rows), max(latest, default=None), max(same, default=None))


def _booked(
    session: Session, subjects: Collection[str], since: datetime
) -> dict[str, dict[datetime, int]]:
    statement = select(col(Tally.subject), col(Tally.hour), col(Tally.count)).where(
        col(Tally.subject).in_(subjects), col(Tally.hour) >= _hour(since)
    )
    found: dict[str, dict[datetime, int]] = {}
    for subject, hour, count in session.execute(statement):
        found.setdefault(subject, {})[hour] = count
    return found


def _count(session: Session, subject: str, hour: datetime) -> None:
    statement = (
        upsert(session, Tally)
        .values(subject=subject, hour=hour, count=1)
        .on_conflict_do_update(
            index_elements=["subject", "hour"], set_={"count": col(Tally.count) + 1}
        )
    )
    session.execute(statement)


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop counts that no limit looks at any more."""
    session.execute(delete(Tally).where(col(Tally.hour) < now - KEEP_TALLIES))
