"""Some rows under a worker's lease, and how each of them ended.

Two workers never hold the same row: a claim is one UPDATE of rows that nobody else has
locked. A settling names its worker, so that one who lost its lease changes nothing.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlmodel import Session, col

from mailer.db import among, changed
from mailer.db.schema import Attempt, Delivery, DeliveryKind, DeliveryState, UTCDateTime, Worker
from mailer.ledger import settling
from mailer.ledger.posting import WAITING
from mailer.ledger.settling import HELD, Settlement


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker may send."""

    id: int
    kind: DeliveryKind
    digest_id: int | None
    edition_id: int | None
    list_id: int | None
    subscriber_id: int | None
    address: str
    key: str
    domain: str
    name: str
    language: str
    context: dict[str, Any]
    route: str
    signing_key: int | None
    not_after: datetime
    dated_at: datetime
    tries: int


TABLE: sqlalchemy.Table = Delivery.__table__  # type: ignore[attr-defined]
NAMES: tuple[str, ...] = tuple(Claimed.__slots__)
COLUMNS = tuple(TABLE.c[name] for name in NAMES)

_KINDS = {kind.value: kind for kind in DeliveryKind}
_KIND, _CONTEXT = NAMES.index("kind"), NAMES.index("context")
_NOT_AFTER, _DATED_AT = NAMES.index("not_after"), NAMES.index("dated_at")


def claim_letters(
    session: Session, worker_id: int, route: str, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim letters of one route that are due."""
    wanted = [col(Delivery.digest_id).is_(None), col(Delivery.route) == route]
    return _claim(session, worker_id, wanted, limit, now)


def claim_digest(
    session: Session, worker_id: int, digest_id: int, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim rows of one digest that are due."""
    return _claim(session, worker_id, [col(Delivery.digest_id) == digest_id], limit, now)


def letters_due(
    session: Session, routes: Collection[str], *, limit: int, now: datetime
) -> list[Claimed]:
    """Give some letters that could be claimed now, as a claim would give them; claims nothing."""
    statement = (
        select(*COLUMNS)
        .where(
            WAITING,
            col(Delivery.digest_id).is_(None),
            col(Delivery.due_at) <= now,
            col(Delivery.route).in_(routes),
        )
        .limit(limit)
    )
    return [Claimed(*row) for row in session.execute(statement)]


def is_due(session: Session, digest_id: int, *, now: datetime) -> bool:
    """Tell whether rows of a digest could be claimed now."""
    due = exists().where(WAITING, col(Delivery.digest_id) == digest_id, col(Delivery.due_at) <= now)
    return bool(session.execute(select(due)).scalar())


def give_editions(session: Session, editions: Mapping[int, int]) -> None:
    """Note which editions letters go out as, by the ids of both."""
    if editions:
        values = [{"b_id": row, "b_edition": edition} for row, edition in editions.items()]
        session.connection().execute(_GIVE_EDITION, values)


def take_over(session: Session, ids: Collection[int], route: str) -> None:
    """Let claimed rows go by another route than they were queued for."""
    mine = among(session, col(Delivery.id), ids)
    changed(session, update(Delivery).where(mine).values(route=route))


def wait_longer(session: Session, ids: Collection[int], until: datetime) -> None:
    """Give claimed rows a later last moment."""
    mine = among(session, col(Delivery.id), ids)
    changed(session, update(Delivery).where(mine).values(not_after=until))


def settle(session: Session, worker_id: int, settlements: Sequence[Settlement]) -> set[int]:
    """Write how claims ended; give the ids of those that the worker did hold.

    A row that it lost stays as it is, without a trace. One that was found in doubt meanwhile
    is still its own to settle: it knows what the relay said.
    """
    held = _hold(session, worker_id, [one.delivery_id for one in settlements])
    gone = erased(session, held)
    mine = [
        _unsaid(one) if one.delivery_id in gone else one
        for one in settlements
        if one.delivery_id in held
    ]
    if mine:
        settling.write(session, worker_id, mine)
    tries = [one.attempt.model_dump(exclude={"id"}) for one in mine if one.attempt]
    if tries:
        session.connection().execute(insert(Attempt), tries)
    return held


def erased(session: Session, ids: Collection[int]) -> set[int]:
    """Give which rows are of people who were forgotten while their mail was under way."""
    statement = select(col(Delivery.id)).where(
        among(session, col(Delivery.id), ids), col(Delivery.address).is_(None)
    )
    return {int(one) for one in session.execute(statement).scalars() if one} if ids else set()


def give_back(session: Session, worker_id: int, ids: Collection[int] | None = None) -> int:
    """Return claims that were not begun to the queue (all of them when no ids are given)."""
    held = [
        HELD,
        col(Delivery.worker_id) == worker_id,
        col(Delivery.state) == DeliveryState.CLAIMED,
    ]
    if ids is not None:
        held.append(among(session, col(Delivery.id), ids))
    statement = update(Delivery).where(*held).values(state=DeliveryState.QUEUED, worker_id=None)
    return changed(session, statement)


def _claim(
    session: Session,
    worker_id: int,
    wanted: Sequence[ColumnElement[bool]],
    limit: int,
    now: datetime,
) -> list[Claimed]:
    if not _alive(session, worker_id, now):
        return []
    # All three columns of the index: PostgreSQL takes “IS NULL” for no reason to skip a sort.
    order = (col(Delivery.digest_id), col(Delivery.due_at), col(Delivery.id))
    due = (
        select(col(Delivery.id))
        .where(WAITING, col(Delivery.due_at) <= now, *wanted)
        .order_by(*order)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claim = update(TABLE).values(
        state=DeliveryState.CLAIMED,
        worker_id=worker_id,
        dated_at=func.coalesce(col(Delivery.dated_at), literal(now, UTCDateTime())),
    )
    # By the bare connection: rows, and nothing of the ORM, which would cost more than the claim.
    claimed = _taken(session.connection(), due, claim)
    return sorted((Claimed(*row) for row in claimed), key=attrgetter("id"))


def _taken(connection: Connection, due: Select[Any], claim: Update) -> Iterable[Sequence[Any]]:
    """Claim what is due, and give its rows."""
    if connection.dialect.name == "sqlite":
        return _taken_at_once(connection, due, claim)
    # A WITH and not a sub-select, which PostgreSQL may run once for every row it compares.
    which = due.cte("due").prefix_with("MATERIALIZED")
    statement = claim.where(TABLE.c.id.in_(select(which.c.id))).returning(*COLUMNS)
    return connection.execute(statement).all()


def _taken_at_once(connection: Connection, due: Select[Any], claim: Update) -> list[list[Any]]:
    """Claim on SQLite, each statement giving one value, be it for a thousand rows.

    For every row the driver lets go of the interpreter and has to get hold of it again, from the
    loop that is sending; that took longer than all the rest. Nobody else writes meanwhile.
    """
    found = due.subquery()
    ids = connection.execute(select(func.json_group_array(found.c.id))).scalar_one()
    if ids == "[]":
        return []
    which = TABLE.c.id.in_(select(func.json_each(ids).table_valued("value").c.value))
    connection.execute(claim.where(which))
    rows = select(func.json_group_array(func.json_array(*COLUMNS))).where(which)
    moment = cache(_moment)  # one digest's rows have few
    return [_read(row, moment) for row in json.loads(connection.execute(rows).scalar_one())]


def _read(row: list[Any], moment: Callable[[str], datetime]) -> list[Any]:
    """Turn a row as SQLite stores it into values, in its place."""
    row[_KIND] = _KINDS[row[_KIND]]
    row[_CONTEXT] = json.loads(row[_CONTEXT])
    row[_NOT_AFTER] = moment(row[_NOT_AFTER])
    row[_DATED_AT] = moment(row[_DATED_AT])
    return row


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _unsaid(one: Settlement) -> Settlement:
    """Drop what a relay said: it may repeat an address that is forgotten here."""
    attempt = one.attempt
    if attempt is not None:
        blank = {"text": "", "reply_key": "", "domain": ""}
        attempt = Attempt(**{**attempt.model_dump(exclude={"id"}), **blank})
    return replace(one, reply_text="", attempt=attempt)


def _alive(session: Session, worker_id: int, now: datetime) -> bool:
    """Tell whether the worker may claim, and keep it so until the claim is committed.

    A recovery ends the worker first: it waits for this lock and then sees what was claimed.
    """
    statement = (
        select(col(Worker.id))
        .where(
            col(Worker.id) == worker_id,
            col(Worker.ended_at).is_(None),
            col(Worker.lease_until) >= now,
        )
        .with_for_update(read=True)
    )
    return session.execute(statement).first() is not None


def _hold(session: Session, worker_id: int, ids: Sequence[int]) -> set[int]:
    """Give which rows are the worker's, and keep it so until the transaction ends."""
    if not ids:
        return set()
    # The worker before its rows, like a recovery: the other way about they might wait for
    # each other.
    worker = select(col(Worker.id)).where(col(Worker.id) == worker_id)
    session.execute(worker.with_for_update(read=True))
    mine = and_(among(session, col(Delivery.id), ids), col(Delivery.worker_id) == worker_id, HELD)
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        # Counted first: mostly all are its own, and nobody else writes meanwhile.
        count = select(func.count()).select_from(TABLE).where(mine)
        if connection.execute(count).scalar_one() == len(set(ids)):
            return set(ids)
    rows = select(TABLE.c.id).where(mine).with_for_update()
    return set(connection.execute(rows).scalars())


_GIVE_EDITION = (
    update(Delivery.__table__)  # type: ignore[attr-defined]
    .where(col(Delivery.id) == bindparam("b_id"))
    .values(edition_id=bindparam("b_edition"))
)
