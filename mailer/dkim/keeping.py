"""The keys as the database keeps them: new, signing or retired; the private halves sealed.

They lie in the database, for then every machine that works on it signs by the same key, from
one commit on; and a backup has them without a further file to forget.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col

from mailer import sealing
from mailer.db import changed
from mailer.db.schema import DkimAlgorithm, DkimKey
from mailer.dkim import making
from mailer.dkim.signing import Key, PrivateKey
from mailer.errors import NotFound, Refused
from mailer.tokens import KeyRing

KEEP_RECORD = timedelta(days=14)
"""How long a retired key's record stays in DNS: a relay may hold mail for five days, and what
is forwarded or fetched late is judged once more."""


class Standing(StrEnum):
    """Where a key stands."""

    NEW = "new"  # does not sign yet
    SIGNS = "signs"
    RETIRED = "retired"  # has signed; its record is needed for a while


def standing(key: DkimKey) -> Standing:
    """Tell where a key stands."""
    if key.signs_from is None:
        return Standing.NEW
    return Standing.SIGNS if key.signs_until is None else Standing.RETIRED


def every(session: Session, domain: str = "") -> list[DkimKey]:
    """Give the keys, of one domain or of all, by domain and age."""
    statement = select(DkimKey).order_by(col(DkimKey.domain), col(DkimKey.id))
    if domain:
        statement = statement.where(col(DkimKey.domain) == domain)
    fresh = statement.execution_options(populate_existing=True)
    return list(session.execute(fresh).scalars())


@dataclass(frozen=True, slots=True)
class Wish:
    """A key to be kept; without a selector it gets one by the date.

    Its private half is made with the wish, for that takes longer than a transaction may.
    """

    domain: str
    algorithm: DkimAlgorithm = DkimAlgorithm.RSA
    selector: str = ""
    private: PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "private", making.make(self.algorithm))


def make(session: Session, ring: KeyRing, wish: Wish, *, now: datetime) -> DkimKey:
    """Keep a key that does not sign yet. Raises Refused for a selector that is taken."""
    taken = {key.selector for key in every(session, wish.domain)}
    selector = wish.selector or making.next_selector(taken, now=now)
    if selector in taken:
        raise Refused(f"{wish.domain} has a key “{selector}” already")
    packed = making.packed(wish.private)
    sealed, sealed_by = sealing.seal(ring, packed, about(wish.domain, selector))
    key = DkimKey(
        domain=wish.domain,
        selector=selector,
        algorithm=wish.algorithm,
        public=making.public(wish.private),
        sealed=sealed,
        sealed_by=sealed_by,
        made_at=now,
    )
    session.add(key)
    session.flush()
    return key


def about(domain: str, selector: str) -> str:
    """Name a key's private half."""
    return f"DKIM key “{selector}” of {domain}"


def opened(ring: KeyRing, key: DkimKey) -> Key:
    """Give a key ready to sign. Raises ConfigError when the ring does not open it."""
    what = about(key.domain, key.selector)
    raw = sealing.unseal(ring, key.sealed, what, key_id=key.sealed_by)
    return Key(key.selector, making.unpacked(raw))


def chosen(session: Session, domain: str, selector: str) -> list[DkimKey]:
    """Give the keys to switch to: the one that is named, or all that are new.

    Raises NotFound when there is none, Refused when it is not clear which.
    """
    known = every(session, domain)
    if selector:
        named = [key for key in known if key.selector == selector]
        if not named:
            raise NotFound("DKIM key", f"{selector} of {domain}", "“mailer dkim show” lists them")
        return named
    new = [key for key in known if standing(key) is Standing.NEW]
    if not new:
        raise NotFound("new DKIM key of", domain, f"make one: mailer dkim new-key {domain}")
    if len({key.algorithm for key in new}) < len(new):
        names = ", ".join(key.selector for key in new)
        raise Refused(f"{domain} has several new keys ({names}): say which, by --selector")
    return new


def switch(session: Session, keys: Sequence[DkimKey], *, now: datetime) -> list[DkimKey]:
    """Let these keys sign from now on; give those that signed until now.

    Raises Refused for an Ed25519 key that would sign alone: many receivers know RSA only.
    """
    before: list[DkimKey] = []
    for key in sorted(keys, key=lambda one: one.algorithm is DkimAlgorithm.ED25519):
        others = [one for one in every(session, key.domain) if standing(one) is Standing.SIGNS]
        if key.algorithm is DkimAlgorithm.ED25519 and not _has_rsa(others):
            raise Refused(f"no RSA key signs for {key.domain} yet; receivers need one")
        mine = [one for one in others if one.algorithm is key.algorithm and one.id != key.id]
        for one in mine:
            _moments(session, one, signs_from=one.signs_from, signs_until=now)
        if standing(key) is not Standing.SIGNS:
            _moments(session, key, signs_from=now, signs_until=None)
        before += mine
    return before


def remove(session: Session, key: DkimKey) -> None:
    """Forget a key, and its private half. Raises Refused when Ed25519 would sign alone."""
    left = [one for one in every(session, key.domain) if one.id != key.id]
    signing = [one for one in left if standing(one) is Standing.SIGNS]
    if signing and not _has_rsa(signing):
        raise Refused(f"{signing[0].selector} (Ed25519) would sign alone; remove it first")
    session.execute(delete(DkimKey).where(col(DkimKey.id) == key.id))


def leave_until(key: DkimKey) -> datetime | None:
    """Give the moment until which a retired key's record has to stay in DNS."""
    return key.signs_until + KEEP_RECORD if key.signs_until else None


def _has_rsa(keys: Sequence[DkimKey]) -> bool:
    return any(key.algorithm is DkimAlgorithm.RSA for key in keys)


def _moments(
    session: Session, key: DkimKey, *, signs_from: datetime | None, signs_until: datetime | None
) -> None:
    statement = update(DkimKey).where(col(DkimKey.id) == key.id)
    if not changed(session, statement.values(signs_from=signs_from, signs_until=signs_until)):
        raise NotFound("DKIM key", f"{key.selector} of {key.domain}")
    set_committed_value(key, "signs_from", signs_from)
    set_committed_value(key, "signs_until", signs_until)


def in_use(session: Session) -> Iterator[DkimKey]:
    """Give the keys that sign now, RSA before Ed25519."""
    for key in sorted(every(session), key=lambda one: one.algorithm is DkimAlgorithm.ED25519):
        if standing(key) is Standing.SIGNS:
            yield key
