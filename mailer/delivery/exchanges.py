"""Which group a domain belongs to, as name servers say: asked beside the sending, never in it.

A domain of which nothing is known yet is a group of its own, and is noted to be asked about.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlmodel import Session, col

from mailer.db import among, changed, upsert
from mailer.db.schema import DomainGroup
from mailer.delivery.groups import BY_DOMAIN, by_exchanges

FRESH = timedelta(minutes=10)
"""How long a worker trusts what it has read: answers come in meanwhile."""

BELIEVED = timedelta(days=30)
"""How long an answer is believed; a domain that is met afterwards is asked about anew."""

AGAIN = timedelta(hours=1)
"""How long a domain is left that could not be asked about."""

AT_ONCE = 200
"""Domains asked about in one go."""


class Groups:
    """The groups of domains as far as they are known; one for each worker.

    A domain in `apart` is a group of its own, whoever takes its mail.
    """

    def __init__(self, apart: Collection[str] = ()) -> None:
        self._apart = frozenset(apart)
        self._known: dict[str, str] = {}
        self._fresh_until: datetime | None = None

    def of(self, domain: str) -> str:
        """Give the group of a domain: its provider, or itself."""
        if domain in self._apart:
            return domain
        return BY_DOMAIN.get(domain) or self._known.get(domain, domain)

    def read(self, session: Session, domains: Iterable[str], *, now: datetime) -> set[str]:
        """Learn of some domains what the database knows; give those it has not heard of."""
        if self._fresh_until is None or now >= self._fresh_until:
            self._known, self._fresh_until = {}, now + FRESH
        new = sorted({one for one in domains if one not in BY_DOMAIN and one not in self._known})
        if new:
            statement = select(col(DomainGroup.domain), col(DomainGroup.group_name)).where(
                among(session, col(DomainGroup.domain), new)
            )
            found = {row[0]: row[1] for row in session.execute(statement)}
            self._known.update({one: found.get(one, one) for one in new})
            return set(new) - set(found)
        return set()


def want(session: Session, domains: Collection[str]) -> None:
    """Note domains to be asked about, if nothing is known of them."""
    rows = [{"domain": one, "group_name": one} for one in sorted(set(domains) - set(BY_DOMAIN))]
    if rows:
        statement = upsert(session, DomainGroup).on_conflict_do_nothing(index_elements=["domain"])
        session.connection().execute(statement, rows)


def wanted(session: Session) -> list[str]:
    """Give some domains to ask about."""
    statement = select(col(DomainGroup.domain)).where(col(DomainGroup.asked_at).is_(None))
    return list(session.execute(statement.limit(AT_ONCE)).scalars())


def by_records(records: Iterable[str]) -> str:
    """Give the group of a domain by its MX records, such as “10 mx.example.org”; empty for none."""
    parted = (record.partition(" ") for record in records)
    ranked = sorted((int(rank), host) for rank, _, host in parted if rank.isdecimal())
    # “.” is no exchanger but says that there is none (RFC 7505).
    return by_exchanges(host for _, host in ranked if host.strip("."))


def answered(session: Session, groups: Mapping[str, str | None], *, now: datetime) -> None:
    """Write which group some domains belong to; None for one that could not be asked about."""
    rows = [
        {
            "domain": domain,
            "group_name": group or domain,
            "asked_at": now if group is not None else now - BELIEVED + AGAIN,
        }
        for domain, group in sorted(groups.items())
    ]
    if rows:
        statement = upsert(session, DomainGroup)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=["domain"],
            set_={"group_name": new.group_name, "asked_at": new.asked_at},
        )
        session.connection().execute(statement, rows)


def forget(session: Session, *, now: datetime) -> int:
    """Drop answers that are too old to be believed."""
    old = delete(DomainGroup).where(col(DomainGroup.asked_at) < now - BELIEVED)
    return changed(session, old)
