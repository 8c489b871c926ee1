"""Imports as batches: what each file brought, and how all of it is taken back.

Undoing takes back what the batch made and nobody has touched since. Who was mailed meanwhile is
unsubscribed, with the history kept; who was not is as if the file had never come.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer import ledger
from mailer.db import Database, Lock, alone, changed
from mailer.db.schema import (
    Actor,
    AddressChange,
    Delivery,
    DeliveryState,
    Event,
    ImportBatch,
    Organisation,
    OrganisationDomain,
    Subscriber,
    Subscription,
)
from mailer.errors import NotFound, Refused
from mailer.history import EDITOR, About, By, record, record_all
from mailer.subscribers import suppressions
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED

CHUNK = 200
"""Subscriptions taken back in one transaction: some 50 ms."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, or would be.

    `removed` were never mailed; `unsubscribed` were; `kept` have acted since and stay; `restored`
    wait for an answer again, as before the import. Then people forgotten, letters withdrawn,
    suppressions lifted.
    """

    removed: int = 0
    unsubscribed: int = 0
    restored: int = 0
    kept: int = 0
    people: int = 0
    letters: int = 0
    suppressions: int = 0

    def __add__(self, other: "Undone") -> "Undone":
        mine, theirs = asdict(self), asdict(other)
        return Undone(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a batch is: for which list, from which file of what kind, on what basis.

    `mark` tells one file from another of the same name.
    """

    list_id: int
    name: str
    kind: str
    basis: str
    mark: str


def begin(session: Session, origin: Origin, *, now: datetime) -> int:
    """Begin a batch; give its id."""
    batch = ImportBatch(
        list_id=origin.list_id,
        name=origin.name,
        kind=origin.kind,
        basis=origin.basis,
        counts={"mark": origin.mark},
        started_at=now,
    )
    session.add(batch)
    session.flush()
    assert batch.id is not None
    return batch.id


def unfinished(session: Session, origin: Origin) -> int | None:
    """Give the batch that began with this very file and never came to its end, if there is one."""
    statement = (
        select(ImportBatch)
        .where(
            col(ImportBatch.list_id) == origin.list_id,
            col(ImportBatch.name) == origin.name,
            col(ImportBatch.basis) == origin.basis,
            col(ImportBatch.ended_at).is_(None),
            col(ImportBatch.undone_at).is_(None),
        )
        .order_by(col(ImportBatch.id).desc())
    )
    found = session.execute(statement).scalars()
    return next((one.id for one in found if one.counts.get("mark") == origin.mark), None)


def note(
    session: Session, batch_id: int, counts: dict[str, int], *, ended_at: datetime | None = None
) -> None:
    """Write how far a batch has come, and that it has ended."""
    batch = get(session, batch_id)
    batch.counts = {**batch.counts, **counts}
    batch.ended_at = ended_at
    session.add(batch)


def get(session: Session, batch_id: int) -> ImportBatch:
    """Give a batch; NotFound when there is none of that number."""
    found = session.get(ImportBatch, batch_id)
    if found is None:
        raise NotFound("batch", batch_id, "“mailer subscriber batches” shows them")
    return found


def every(session: Session, list_id: int | None = None) -> list[ImportBatch]:
    """Give the batches, of one list or all, newest first."""
    statement = select(ImportBatch).order_by(col(ImportBatch.id).desc())
    if list_id is not None:
        statement = statement.where(col(ImportBatch.list_id) == list_id)
    return list(session.execute(statement).scalars())


def page(
    session: Session, seen: frozenset[int] | None, *, before: int | None = None, most: int = 50
) -> list[ImportBatch]:
    """Give the newest batches of some lists (None: of all), one more than `most` if there are."""
    statement = select(ImportBatch).order_by(col(ImportBatch.id).desc()).limit(most + 1)
    if seen is not None:
        statement = statement.where(col(ImportBatch.list_id).in_(seen))
    if before is not None:
        statement = statement.where(col(ImportBatch.id) < before)
    return list(session.execute(statement).scalars())


def left_of(session: Session, batch_id: int) -> int:
    """Tell how many subscriptions still are as a batch made or changed them, at the most."""
    return _size(session, batch_id)


def undo(
    database: Database,
    batch_id: int,
    *,
    now: datetime,
    by: By = EDITOR,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Undone:
    """Take a batch back, in short transactions; give what that came to.

    Ends where it was when it is broken off: the same again goes on. Raises Refused for a batch
    that was undone.
    """
    batch = database.read(get, batch_id)
    if batch.undone_at is not None:
        raise Refused(f"batch {batch_id} was undone on {batch.undone_at:%Y-%m-%d}")
    total, done, after, sums = database.read(_size, batch_id), 0, 0, Undone()
    while True:
        chunk = database.read(_chunk, batch_id, after)
        if not chunk:
            break
        sums += (
            database.read(_foresee, batch, chunk)
            if dry_run
            else database.write(_take_back, batch, chunk, now=now)
        )
        done, after = done + len(chunk), chunk[-1]
        progress(done, total)
    if dry_run:
        return sums + Undone(suppressions=database.read(suppressions.count_of_batch, batch_id))
    return sums + database.write(_end, batch, now=now, by=by)


def _size(session: Session, batch_id: int) -> int:
    statement = select(func.count()).where(col(Subscription.batch_id) == batch_id)
    return int(session.execute(statement).scalar_one())


def _chunk(session: Session, batch_id: int, after: int) -> list[int]:
    statement = (
        select(col(Subscription.subscriber_id))
        .where(col(Subscription.batch_id) == batch_id, col(Subscription.subscriber_id) > after)
        .order_by(col(Subscription.subscriber_id))
        .limit(CHUNK)
    )
    return [int(one) for one in session.execute(statement).scalars()]


@dataclass(frozen=True, slots=True)
class _Parts:
    """Some of a batch's subscribers, by what is to become of them."""

    fresh: list[int]
    mailed: list[int]
    asked_before: list[int]
    touched: int

    @property
    def sums(self) -> Undone:
        return Undone(len(self.fresh), len(self.mailed), len(self.asked_before), self.touched)


def _foresee(session: Session, batch: ImportBatch, ids: Sequence[int]) -> Undone:
    """Tell what taking these back would come to."""
    parts = _parts(session, _standing(batch, ids), batch, len(ids))
    return replace(
        parts.sums,
        letters=_waiting(session, batch, [*parts.fresh, *parts.mailed]),
        people=len(_alone(session, batch, parts.fresh, besides=batch.list_id)),
    )


def _take_back(
    session: Session, batch: ImportBatch, ids: Sequence[int], *, now: datetime
) -> Undone:
    alone(session, Lock.ROSTER)
    # On PostgreSQL a reader may press a button at this very moment; SQLite has one writer.
    standing = _standing(batch, ids).with_for_update(of=Subscription)
    parts = _parts(session, standing, batch, len(ids))
    told = [*parts.fresh, *parts.mailed]
    why = "the import was undone"
    letters = ledger.withdraw_letters(session, told, batch.list_id, why, now=now)
    _unsubscribe(session, batch, parts.mailed, now)
    waits = {"state": PENDING, "basis": None, "confirmed_at": None, "batch_id": None}
    _set(session, batch, parts.asked_before, **waits)
    session.execute(
        delete(Subscription).where(_of(batch), col(Subscription.subscriber_id).in_(parts.fresh))
    )
    undone = [*parts.fresh, *parts.asked_before]
    lines = [(About(one, batch.list_id), {"batch": batch.id}) for one in undone]
    record_all(session, "subscription.undone", EDITOR, lines, at=now)
    gone = _alone(session, batch, parts.fresh, besides=None)
    _forget(session, gone, now)
    return replace(parts.sums, letters=letters, people=len(gone))


def _of(batch: ImportBatch) -> Any:
    return and_(col(Subscription.list_id) == batch.list_id, col(Subscription.batch_id) == batch.id)


def _standing(batch: ImportBatch, ids: Sequence[int]) -> Any:
    """Select who of these stands as the batch left them; since when, and whether mailed."""
    return select(
        col(Subscription.subscriber_id), col(Subscription.created_at), _mailed(batch)
    ).where(_of(batch), col(Subscription.subscriber_id).in_(ids), _untouched(batch))


def _parts(session: Session, standing: Any, batch: ImportBatch, count: int) -> _Parts:
    fresh, mailed, asked_before = [], [], []
    for subscriber_id, since, was_mailed in session.execute(standing).all():
        if was_mailed:
            mailed.append(int(subscriber_id))
        elif since < batch.started_at:
            asked_before.append(int(subscriber_id))
        else:
            fresh.append(int(subscriber_id))
    touched = count - len(fresh) - len(mailed) - len(asked_before)
    return _Parts(fresh, mailed, asked_before, touched)


def _untouched(batch: ImportBatch) -> Any:
    """Hold for those who stand as the batch left them, and have done nothing themselves since."""
    joined = and_(
        col(Subscription.state).in_([PENDING, CONFIRMED]),
        col(Subscription.basis) == batch.basis
        if batch.basis
        else col(Subscription.basis).is_(None),
    )
    came_as_gone = and_(
        col(Subscription.state) == UNSUBSCRIBED,
        col(Subscription.confirmed_at).is_(None),
        col(Subscription.left_at) <= col(Subscription.created_at),
    )
    acted = exists().where(
        col(Event.subscriber_id) == col(Subscription.subscriber_id),
        col(Event.actor) == Actor.READER,
        col(Event.at) >= batch.started_at,
    )
    return and_(or_(joined, came_as_gone), ~acted)


def _mailed(batch: ImportBatch) -> Any:
    """Hold for those to whom something about the list may have gone out since the batch began."""
    known = exists().where(
        col(Delivery.subscriber_id) == col(Subscription.subscriber_id),
        col(Delivery.list_id) == batch.list_id,
        col(Delivery.posted_at) >= batch.started_at,
        or_(
            col(Delivery.state).in_(
                [
                    DeliveryState.CLAIMED,
                    DeliveryState.SENT,
                    DeliveryState.UNCERTAIN,
                    DeliveryState.FAILED,
                ]
            ),
            and_(col(Delivery.state) == DeliveryState.QUEUED, col(Delivery.digest_id).is_not(None)),
        ),
    )
    # Of mail so old that its recipients are forgotten, nobody can say whose it was not.
    forgotten = exists().where(
        col(Delivery.subscriber_id).is_(None),
        col(Delivery.address).is_(None),
        col(Delivery.list_id) == batch.list_id,
        col(Delivery.posted_at) >= batch.started_at,
    )
    return or_(known, forgotten)


def _unsubscribe(session: Session, batch: ImportBatch, ids: Sequence[int], now: datetime) -> None:
    _set(session, batch, ids, state=UNSUBSCRIBED, left_at=now, batch_id=None)
    lines = [
        (About(one, batch.list_id), {"via": "undo", "batch": batch.id, "was": CONFIRMED.value})
        for one in ids
    ]
    record_all(session, "subscription.left", EDITOR, lines, at=now)


def _set(session: Session, batch: ImportBatch, ids: Sequence[int], **values: object) -> None:
    statement = (
        update(Subscription)
        .where(col(Subscription.list_id) == batch.list_id, col(Subscription.subscriber_id).in_(ids))
        .values(**values)
    )
    changed(session, statement)


def _waiting(session: Session, batch: ImportBatch, ids: Sequence[int]) -> int:
    statement = select(func.count()).where(
        ledger.WAITING,
        col(Delivery.subscriber_id).in_(ids),
        col(Delivery.list_id) == batch.list_id,
        col(Delivery.digest_id).is_(None),
    )
    return int(session.execute(statement).scalar_one())


def _alone(
    session: Session, batch: ImportBatch, ids: Iterable[int], *, besides: int | None
) -> list[int]:
    """Give those whom the batch brought and who are on no list, nor on their way to one."""
    elsewhere = exists().where(
        col(Subscription.subscriber_id) == col(Subscriber.id),
        *([] if besides is None else [col(Subscription.list_id) != besides]),
    )
    moving = exists().where(col(AddressChange.subscriber_id) == col(Subscriber.id))
    other = aliased(Subscriber)
    became = exists().where(col(other.merged_into) == col(Subscriber.id))
    statement = select(col(Subscriber.id)).where(
        col(Subscriber.id).in_(list(ids)),
        col(Subscriber.batch_id) == batch.id,
        ~elsewhere,
        ~moving,
        ~became,
    )
    return [int(one) for one in session.execute(statement).scalars() if one]


def _forget(session: Session, ids: Sequence[int], now: datetime) -> None:
    """Remove people; of those whom the ledger names the numbers stay, and nothing else."""
    named = set(
        session.execute(
            select(col(Delivery.subscriber_id)).where(col(Delivery.subscriber_id).in_(ids))
        ).scalars()
    )
    blank: dict[str, Any] = {"address": None, "key": None, "domain": "", "name": "", "context": {}}
    blanked = update(Delivery).where(col(Delivery.subscriber_id).in_(ids)).values(**blank)
    changed(session, blanked)
    values = {"address": None, "key": None, "domain": None, "name": "", "language": None}
    kept = update(Subscriber).where(col(Subscriber.id).in_(named))
    changed(session, kept.values(**values, organisation_id=None, batch_id=None, erased_at=now))
    session.execute(delete(Subscriber).where(col(Subscriber.id).in_(set(ids) - named)))


def _end(session: Session, batch: ImportBatch, *, now: datetime, by: By) -> Undone:
    assert batch.id is not None
    lifted = suppressions.lift_of_batch(session, batch.id)
    has_people = exists().where(col(Subscriber.organisation_id) == col(Organisation.id))
    has_rule = exists().where(col(OrganisationDomain.organisation_id) == col(Organisation.id))
    session.execute(
        delete(Organisation).where(col(Organisation.batch_id) == batch.id, ~has_people, ~has_rule)
    )
    ended = update(ImportBatch).where(col(ImportBatch.id) == batch.id)
    changed(session, ended.values(undone_at=now))
    about = About(list_id=batch.list_id)
    record(session, "import.undone", by, about, at=now, details={"batch": batch.id})
    return Undone(suppressions=lifted)
