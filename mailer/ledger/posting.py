"""How rows come into the ledger: one letter at a time, or a digest's audience by the thousand.

A letter is posted in the transaction that caused it, so that no mail is lost between a commit
and a send.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, select, update
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, col

from mailer.address import Address
from mailer.db import changed, pour, upsert
from mailer.db.schema import Delivery, DeliveryKind, DeliveryState

WAITING: ColumnElement[bool] = literal_column("deliveries.state = 'queued'")
"""Spelled out, not bound: only so do both databases see that the partial index serves."""

WITHDRAW_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is not a digest, ready to be posted.

    `context` holds plain values that fill the template; never a token. The same
    `idempotency_key` posts once, however often it is asked.
    """

    kind: DeliveryKind
    to: Address
    language: str
    due_at: datetime
    not_after: datetime
    name: str = ""
    list_id: int | None = None
    subscriber_id: int | None = None
    edition_id: int | None = None
    route: str = "smtp"
    signing_key: int | None = None
    idempotency_key: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


def post(session: Session, letter: Letter, *, now: datetime) -> int | None:
    """Put a letter in the ledger; give its id, or None when its key was posted before."""
    statement = upsert(session, Delivery).values(_row(letter, now)).on_conflict_do_nothing()
    return session.execute(statement.returning(col(Delivery.id))).scalar()


def post_all(session: Session, letters: Sequence[Letter], *, now: datetime) -> None:
    """Put many letters in the ledger at once."""
    pour(session, Delivery, [_row(letter, now) for letter in letters], amend=_unless_posted)


def queue(session: Session, columns: list[str], audience: "Select[Any]") -> int:
    """Put the rows that `audience` selects in the ledger; give how many.

    `columns` name what it selects, in order. A recipient who is there already is left alone.
    """
    # SQLite reads “SELECT … ON CONFLICT” right only after a WHERE (its “Parsing Ambiguity”).
    source = audience.where(literal_column("1") == literal_column("1"))
    statement = upsert(session, Delivery).from_select(columns, source, include_defaults=False)
    return changed(session, statement.on_conflict_do_nothing())


def withdraw_digest(
    session: Session, digest_id: int, reason: str, *, now: datetime, limit: int = WITHDRAW_CHUNK
) -> int:
    """Take some of a digest's waiting rows back; give how many. Call until it gives 0."""
    some = (
        select(col(Delivery.id)).where(WAITING, col(Delivery.digest_id) == digest_id).limit(limit)
    )
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(some), WAITING)
        .values(state=DeliveryState.WITHDRAWN, reason=reason, settled_at=now, due_at=None)
    )
    return changed(session, statement)


def withdraw_letters(
    session: Session,
    subscriber_ids: Collection[int],
    list_id: int,
    reason: str,
    *,
    now: datetime,
) -> int:
    """Take letters about a list back that wait for these subscribers; give how many."""
    statement = (
        update(Delivery)
        .where(
            WAITING,
            col(Delivery.subscriber_id).in_(subscriber_ids),
            col(Delivery.list_id) == list_id,
            col(Delivery.digest_id).is_(None),
        )
        .values(state=DeliveryState.WITHDRAWN, reason=reason, settled_at=now, due_at=None)
    )
    return changed(session, statement)


def _unless_posted(statement: sqlite.Insert) -> sqlite.Insert:
    return statement.on_conflict_do_nothing()


def _row(letter: Letter, now: datetime) -> dict[str, Any]:
    return {
        "kind": letter.kind,
        "state": DeliveryState.QUEUED,
        "edition_id": letter.edition_id,
        "list_id": letter.list_id,
        "subscriber_id": letter.subscriber_id,
        "address": letter.to.mailbox,
        "key": letter.to.key,
        "domain": letter.to.domain,
        "name": letter.name,
        "language": letter.language,
        "context": dict(letter.context),
        "route": letter.route,
        "signing_key": letter.signing_key,
        "idempotency_key": letter.idempotency_key,
        "posted_at": now,
        "due_at": letter.due_at,
        "not_after": letter.not_after,
        "tries": 0,
        "reason": "",
        "reply_text": "",
    }
