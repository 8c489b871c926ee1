"""Some rows under a worker's lease, and how each of them ended.

Two workers never hold the same row: a claim is one UPDATE of rows that nobody else has
locked. A settling names its worker, so that one who lost its lease changes nothing.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, insert, select, text, update
from sqlmodel import Session, col

from mailer.db import among, changed
from mailer.db.schema import Attempt, Delivery, DeliveryState, Worker
from mailer.ledger import settling
from mailer.ledger.posting import WAITING
from mailer.ledger.settling import HELD, Settlement
from mailer.ledger.taking import COLUMNS, TABLE, Claimed, Wanted

_LETTERS = Wanted.where("digest_id IS NULL AND route = :of")
_DIGEST = Wanted.where("digest_id = :of")


def claim_letters(
    session: Session, worker_id: int, route: str, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim letters of one route that are due."""
    return _LETTERS.claim(session, route, worker_id, limit=limit, now=now)


def claim_digest(
    session: Session, worker_id: int, digest_id: int, *, limit: int, now: datetime
) -> list[Claimed]:
    """Claim rows of one digest that are due."""
    return _DIGEST.claim(session, digest_id, worker_id, limit=limit, now=now)


def letters_due(
    session: Session, routes: Collection[str], *, limit: int, now: datetime
) -> list[Claimed]:
    """Give some letters that could be claimed now, as a claim would give them; claims nothing."""
    values = {"routes": list(routes), "limit": limit, "now": now}
    return [Claimed._make(row) for row in session.connection().execute(_LETTERS_DUE, values)]


_LETTERS_DUE = (
    select(*COLUMNS)
    .where(
        WAITING,
        TABLE.c.digest_id.is_(None),
        TABLE.c.due_at <= bindparam("now"),
        TABLE.c.route.in_(bindparam("routes", expanding=True)),
    )
    .limit(bindparam("limit"))
)


def is_due(session: Session, digest_id: int, *, now: datetime) -> bool:
    """Tell whether rows of a digest could be claimed now."""
    due = exists().where(WAITING, col(Delivery.digest_id) == digest_id, col(Delivery.due_at) <= now)
    return bool(session.execute(select(due)).scalar())


def give_editions(session: Session, editions: Mapping[int, int]) -> None:
    """Note which editions letters go out as, by the ids of both."""
    alike: dict[int, list[int]] = {}
    for row, edition in editions.items():
        alike.setdefault(edition, []).append(row)
    for edition, ids in alike.items():
        mine = among(session, col(Delivery.id), ids)
        changed(session, update(Delivery).where(mine).values(edition_id=edition))


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
    is still its own to settle: it knows what the relay said. Of people who were forgotten while
    their mail was under way, nothing is kept that a relay said.
    """
    if not settlements:
        return set()
    held = _hold(session, worker_id, {one.delivery_id for one in settlements})
    mine = [one for one in settlements if one.delivery_id in held]
    if settling.write(session, worker_id, mine) < len(held):
        gone = erased(session, held)
        mine = [_unsaid(one) if one.delivery_id in gone else one for one in mine]
        settling.write_of_forgotten(
            session, worker_id, [one for one in mine if one.delivery_id in gone]
        )
    tries = [one.attempt.model_dump(exclude={"id"}) for one in mine if one.attempt]
    if tries:
        session.connection().execute(insert(Attempt), tries)
    return held


def erased(session: Session, ids: Collection[int]) -> set[int]:
    """Give which rows are of people who were forgotten while their mail was under way."""
    if not ids:
        return set()
    statement = select(col(Delivery.id)).where(
        among(session, col(Delivery.id), ids), col(Delivery.address).is_(None)
    )
    return {int(one) for one in session.execute(statement).scalars() if one}


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


def _unsaid(one: Settlement) -> Settlement:
    """Drop what a relay said: it may repeat an address that is forgotten here."""
    attempt = one.attempt
    if attempt is not None:
        blank = {"text": "", "reply_key": "", "domain": ""}
        attempt = Attempt(**{**attempt.model_dump(exclude={"id"}), **blank})
    return one._replace(reply_text="", attempt=attempt)


def _hold(session: Session, worker_id: int, ids: set[int]) -> set[int]:
    """Give which rows are the worker's, and keep it so until the transaction ends."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        # All that it holds, as one value, out of an index; and nobody else writes meanwhile.
        return ids.intersection(
            json.loads(connection.execute(_ALL, {"me": worker_id}).scalar_one())
        )
    # The worker before its rows, like a recovery: the other way about they might wait for
    # each other.
    worker = select(col(Worker.id)).where(col(Worker.id) == worker_id)
    session.execute(worker.with_for_update(read=True))
    mine = and_(among(session, col(Delivery.id), ids), col(Delivery.worker_id) == worker_id, HELD)
    rows = select(TABLE.c.id).where(mine).with_for_update()
    return set(connection.execute(rows).scalars())


_ALL = text(
    f"SELECT json_group_array(id) FROM deliveries WHERE worker_id = :me AND {HELD}"  # noqa: S608
)
