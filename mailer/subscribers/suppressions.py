"""Addresses that must not be mailed, everywhere or on one list, and why.

Kept by the address's normal form, so that it holds for a subscriber who comes later too; of a
person who was erased a keyed hash of it stays, which is found by the address and gives none back.
Leaving a list is not a suppression.
"""

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from mailer import departures, facts
from mailer.db import Spelled, among, changed, upsert
from mailer.db.schema import Suppression, SuppressionReason
from mailer.departures import Departure, Kind
from mailer.tokens import new_key

EVERYWHERE = 0

FORGOTTEN = "forgotten:"
"""What the key of a suppression begins with whose address was erased; a keyed hash follows."""

HASHING = "erasure.hashing"
"""The fact that holds the key of those hashes: one for each installation, in every backup."""


WEIGHT = {
    SuppressionReason.BOUNCE: 0,
    SuppressionReason.REQUEST: 1,
    SuppressionReason.EDITOR: 2,
    SuppressionReason.COMPLAINT: 3,
}
"""How hard a reason is to lift. A row holds the gravest: lifting a bounce lifts nothing more."""


DEPARTURES = {
    SuppressionReason.COMPLAINT: Kind.COMPLAINED,
    SuppressionReason.EDITOR: Kind.BARRED,
}
"""What is done again after a restore; a request is in the history, a bounce comes again."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a suppression rests on: the delivery that bounced, or an editor's note."""

    delivery_id: int | None = None
    note: str = ""


NO_GROUND = Ground()


def suppress(
    session: Session,
    key: str,
    reason: SuppressionReason,
    *,
    now: datetime,
    list_id: int = EVERYWHERE,
    ground: Ground = NO_GROUND,
) -> bool:
    """Suppress an address; False when it was already, for this reason or a graver one."""
    values = {
        "reason": reason,
        "delivery_id": ground.delivery_id,
        "batch_id": None,
        "note": ground.note,
        "created_at": now,
    }
    lighter = [other for other in WEIGHT if WEIGHT[other] < WEIGHT[reason]]
    statement = (
        upsert(session, Suppression)
        .values(key=key, list_id=list_id, **values)
        .on_conflict_do_update(
            index_elements=["key", "list_id"],
            set_=values,
            where=col(Suppression.reason).in_(lighter),
        )
    )
    is_new = changed(session, statement) == 1
    if is_new and reason in DEPARTURES:
        line = Departure(now, DEPARTURES[reason], list_id=list_id)
        departures.note(session.info, line, key)
    return is_new


def suppress_all(
    session: Session,
    addresses: Mapping[str, tuple[SuppressionReason, Ground]],
    *,
    batch_id: int,
    now: datetime,
) -> None:
    """Suppress many addresses everywhere, for an import; one that was is left as it was."""
    values = [
        {
            "key": key,
            "list_id": EVERYWHERE,
            "reason": reason,
            "delivery_id": ground.delivery_id,
            "batch_id": batch_id,
            "note": ground.note,
            "created_at": now,
        }
        for key, (reason, ground) in addresses.items()
    ]
    if values:
        statement = upsert(session, Suppression).on_conflict_do_nothing()
        session.connection().execute(statement, values)


def count_of_batch(session: Session, batch_id: int) -> int:
    """Count the suppressions that an import made."""
    statement = select(func.count()).where(col(Suppression.batch_id) == batch_id)
    return int(session.execute(statement).scalar_one())


def lift_of_batch(session: Session, batch_id: int) -> int:
    """Lift the suppressions that an import made; give how many."""
    return changed(session, delete(Suppression).where(col(Suppression.batch_id) == batch_id))


def lift(
    session: Session,
    key: str,
    *,
    list_id: int | None = None,
    reasons: Collection[SuppressionReason] | None = None,
) -> int:
    """Let an address be mailed again; give how many suppressions were lifted."""
    statement = delete(Suppression).where(col(Suppression.key).in_(names_of(session, key)))
    if list_id is not None:
        statement = statement.where(col(Suppression.list_id).in_([EVERYWHERE, list_id]))
    if reasons is not None:
        statement = statement.where(col(Suppression.reason).in_(reasons))
    return changed(session, statement)


def lift_one(session: Session, key: str, list_id: int) -> int:
    """Lift an address's suppression in one scope, a list or EVERYWHERE, and in no other."""
    statement = delete(Suppression).where(
        col(Suppression.key).in_(names_of(session, key)), col(Suppression.list_id) == list_id
    )
    return changed(session, statement)


def lift_made_by(session: Session, delivery_ids: Collection[int]) -> int:
    """Lift the suppressions that rest on these deliveries alone; give how many."""
    statement = delete(Suppression).where(
        col(Suppression.delivery_id).in_(delivery_ids),
        col(Suppression.reason) == SuppressionReason.BOUNCE,
    )
    return changed(session, statement)


def reasons(session: Session, key: str, list_id: int | None) -> set[SuppressionReason]:
    """Give why an address must not be mailed, on a list or at all."""
    return reasons_of(session, [key], list_id).get(key, set())


def reasons_of(
    session: Session, keys: Iterable[str], list_id: int | None
) -> dict[str, set[SuppressionReason]]:
    """Give the same for many addresses: only those that are suppressed are in the answer."""
    named = names(session, filter(None, keys))
    scope = EVERYWHERE if list_id is None else list_id
    found: dict[str, set[SuppressionReason]] = {}
    asked = _REASONS.execute(session, names=named, everywhere=EVERYWHERE, scope=scope)
    for called, reason in asked.all():
        found.setdefault(named[called], set()).add(SuppressionReason(reason))
    return found


_REASONS = Spelled(
    """
    SELECT key, reason FROM suppressions
    WHERE key {names} AND list_id IN (:everywhere, :scope)
    """,
    names="text",
)


def made_by_batch(session: Session, keys: Collection[str], batch_id: int) -> set[str]:
    """Give which of these addresses an import suppressed."""
    statement = select(col(Suppression.key)).where(
        among(session, col(Suppression.key), keys), col(Suppression.batch_id) == batch_id
    )
    return set(session.execute(statement).scalars())


def of(session: Session, key: str) -> list[Suppression]:
    """Give the suppressions of one address."""
    statement = select(Suppression).where(col(Suppression.key).in_(names_of(session, key)))
    return list(session.execute(statement).scalars())


def forget(session: Session, key: str, *, now: datetime) -> str:
    """Keep what an address was suppressed for without the address; give its name from now on."""
    called = name(session, key, now=now)
    others = select(col(Suppression.list_id)).where(col(Suppression.key) == called)
    mine = col(Suppression.key) == key
    session.execute(delete(Suppression).where(mine, col(Suppression.list_id).in_(others)))
    session.execute(update(Suppression).where(mine).values(key=called, note=""))
    return called


def name(session: Session, key: str, *, now: datetime) -> str:
    """Give what an address is called once it is forgotten: a keyed hash of it."""
    return _hashed(_secret(session, now), key)


def are_hashed(session: Session) -> bool:
    """Tell whether some addresses may be known by their hashes only."""
    return facts.get(session, HASHING) is not None


def names(session: Session, keys: Iterable[str]) -> dict[str, str]:
    """Give addresses by what they may be called: by themselves, or by their hashes."""
    found = {key: key for key in keys}
    kept = facts.value(session, HASHING) if found else None
    if kept is not None:
        found |= {_hashed(kept["key"], key): key for key in list(found)}
    return found


def names_of(session: Session, key: str) -> list[str]:
    """Give what an address may be called among the suppressions: by itself, or by its hash."""
    return list(names(session, [key]))


def _secret(session: Session, now: datetime) -> str:
    fact = facts.get(session, HASHING)
    if fact is None:
        facts.note(session, HASHING, {"key": new_key()}, now=now)
        fact = facts.get(session, HASHING)
        assert fact is not None
    return str(fact.value["key"])


def _hashed(secret: str, key: str) -> str:
    return FORGOTTEN + hmac.digest(secret.encode(), key.encode(), "sha256").hex()


def every(session: Session) -> list[Suppression]:
    """Give all suppressions, newest first."""
    statement = select(Suppression).order_by(col(Suppression.id).desc())
    return list(session.execute(statement).scalars())
