"""How many letters strangers may cause: for one address, from one network, and at all.

A form that mails is a weapon. One address gets few letters a day, whoever asks; a busy
network or hour delays letters instead of losing them, for many real people share one network.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from mailer.db.schema import Delivery, DeliveryKind, Tally

DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
INSTALLATION = "installation"
KEEP_TALLIES = timedelta(days=2)
CAUSED_BY_STRANGERS = (DeliveryKind.CONFIRMATION, DeliveryKind.ALREADY, DeliveryKind.LEAVE)


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers, from the settings."""

    per_address: int = 3
    gap: timedelta = timedelta(minutes=10)
    per_network: int = 30
    per_hour: int = 1000
    longest_delay: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Past:
    """What one address was lately sent because somebody asked."""

    count: int
    last_at: datetime | None
    last_same_at: datetime | None


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


def due(
    past: Past, in_network: int, in_hour: int, limits: Limits, *, now: datetime
) -> datetime | None:
    """Decide when a letter goes: now, later, or (None) not at all. Pure.

    `in_network` and `in_hour` count this letter in.
    """
    if past.count >= limits.per_address:
        return None
    if past.last_same_at and now - past.last_same_at < limits.gap:
        return None  # the same letter is on its way
    delay = max(
        _excess(in_network, limits.per_network),
        _excess(in_hour, limits.per_hour),
        past.last_at + limits.gap - now if past.last_at else timedelta(0),
    )
    return None if delay > limits.longest_delay else now + max(delay, timedelta(0))


def past(session: Session, key: str, kind: DeliveryKind, list_id: int, *, now: datetime) -> Past:
    """Look up what an address was sent in the last day because somebody asked."""
    statement = select(
        col(Delivery.posted_at), col(Delivery.due_at), col(Delivery.kind), col(Delivery.list_id)
    ).where(
        col(Delivery.key) == key,
        col(Delivery.digest_id).is_(None),
        col(Delivery.posted_at) > now - DAY,
        col(Delivery.kind).in_(CAUSED_BY_STRANGERS),
    )
    rows = session.execute(statement).all()
    same = [posted for posted, _, its, list_ in rows if its == kind and list_ == list_id]
    latest = [max(posted, due_at or posted) for posted, due_at, _, _ in rows]
    return Past(len(rows), max(latest, default=None), max(same, default=None))


def count(session: Session, subject: str, *, now: datetime) -> int:
    """Count one more for a subject in this hour; give the sum."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert if on_sqlite else postgresql.insert
    hour = now.replace(minute=0, second=0, microsecond=0)
    statement = (
        insert(Tally)
        .values(subject=subject, hour=hour, count=1)
        .on_conflict_do_update(
            index_elements=["subject", "hour"], set_={"count": col(Tally.count) + 1}
        )
        .returning(col(Tally.count))
    )
    return int(session.execute(statement).scalar_one())


def forget_old(session: Session, *, now: datetime) -> None:
    """Drop counts that no limit looks at any more."""
    session.execute(delete(Tally).where(col(Tally.hour) < now - KEEP_TALLIES))


def _excess(number: int, limit: int) -> timedelta:
    """Space out what goes beyond an hour's limit at the limit's own rate."""
    return max(number - limit, 0) * HOUR / limit
