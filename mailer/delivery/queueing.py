"""From a due digest to rows in the ledger: the audience, frozen in chunks that resume.

Whoever ticks may do it; a conditional UPDATE decides who does each step, so that two
processes queue one digest once, and a third takes up what a dead one left half done.
"""

from datetime import datetime, timedelta

from sqlalchemy import JSON, ColumnElement, case, exists, literal, or_, select, update
from sqlmodel import Session, col

from mailer import ledger, lists, subscribers
from mailer.db import changed
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestEdition,
    DigestState,
    UTCDateTime,
)
from mailer.digests import life
from mailer.errors import Refused
from mailer.history import SYSTEM
from mailer.lists import Card

CHUNK = 5_000
"""Recipients frozen in one transaction: well under 100 ms."""

EXPIRE_CHUNK = 1_000


def promote(session: Session, *, now: datetime) -> list[int]:
    """Begin every digest whose hour has come; give those that came too late and now wait.

    One that could not go before its last moment is paused, with the reason, for an editor.
    """
    missed = []
    for digest in life.due(session, now=now):
        assert digest.id is not None
        if digest.not_after and now > digest.not_after:
            late = now - (digest.due_at or now)
            hours = int(late.total_seconds() // 3600)
            reason = f"it was due {hours} hours ago and nothing was running; resume or cancel it"
            life.pause(session, digest.id, reason, now=now, by=SYSTEM)
            missed.append(digest.id)
        else:
            life.begin(session, digest, now=now, by=SYSTEM)
    return missed


def freeze_chunk(
    session: Session, digest_id: int, *, give_up: timedelta, signing_key: int, now: datetime
) -> bool:
    """Put the next recipients of a queued digest in the ledger; False when none are left."""
    digest = life.get(session, digest_id)
    if digest.state is not DigestState.QUEUED:
        return False
    card = lists.card(session, digest.list_id)
    before = digest.audience_cursor
    upto = subscribers.chunk_end(session, digest.list_id, after=before, size=CHUNK)
    if upto is None:
        life.send(session, digest, now=now, by=SYSTEM)
        return False
    if not life.advance(session, digest_id, before, upto):
        return True
    _queue(
        session, digest, card, (before, upto),
        give_up=give_up, signing_key=signing_key, now=now,
    )  # fmt: skip
    return True


def finish(session: Session, *, now: datetime) -> list[int]:
    """Note digests of which nothing is open any more; give their ids."""
    done = []
    for digest in life.in_state(session, DigestState.SENDING):
        assert digest.id is not None
        still = exists().where(
            col(Delivery.digest_id) == digest.id,
            col(Delivery.state).in_([DeliveryState.QUEUED, DeliveryState.CLAIMED]),
        )
        if not session.execute(select(still)).scalar() and life.finish(
            session, digest, now=now, by=SYSTEM
        ):
            done.append(digest.id)
    return done


def has_loose_ends(session: Session, *, now: datetime) -> bool:
    """Tell whether a digest may be ending, or rows wait for nothing; a look, not a write."""
    if life.in_state(session, DigestState.SENDING):
        return True
    waits = exists().where(ledger.WAITING, col(Delivery.digest_id) == col(Digest.id))
    cancelled = exists().where(col(Digest.state) == DigestState.CANCELLED, waits)
    held = exists().where(
        ledger.WAITING, col(Delivery.due_at).is_(None), col(Delivery.not_after) <= now
    )
    return bool(session.execute(select(or_(cancelled, held))).scalar())


def withdraw_cancelled(session: Session, *, now: datetime) -> int:
    """Take back some rows of cancelled digests; give how many. Call until it gives 0."""
    waiting = (
        select(col(Digest.id))
        .where(
            col(Digest.state) == DigestState.CANCELLED,
            exists().where(ledger.WAITING, col(Delivery.digest_id) == col(Digest.id)),
        )
        .limit(1)
    )
    digest_id = session.execute(waiting).scalar()
    if digest_id is None:
        return 0
    return ledger.withdraw_digest(session, digest_id, "the digest was cancelled", now=now)


def expire_held(session: Session, *, now: datetime) -> int:
    """End rows that waited for a person beyond their last moment; give how many."""
    some = (
        select(col(Delivery.id))
        .where(ledger.WAITING, col(Delivery.due_at).is_(None), col(Delivery.not_after) <= now)
        .limit(EXPIRE_CHUNK)
    )
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(some), ledger.WAITING)
        .values(state=DeliveryState.FAILED, settled_at=now)
    )
    return changed(session, statement)


def _queue(  # noqa: PLR0913  (one statement's worth of values)
    session: Session,
    digest: Digest,
    card: Card,
    span: tuple[int, int],
    *,
    give_up: timedelta,
    signing_key: int,
    now: datetime,
) -> None:
    after, upto = span
    people = subscribers.audience(
        digest.list_id, after=after, upto=upto, language=card.list.language, now=now
    ).subquery()
    fixed: dict[str, ColumnElement[object]] = {
        "kind": literal(DeliveryKind.DIGEST.value),
        "digest_id": literal(digest.id),
        "list_id": literal(digest.list_id),
        "context": literal({}, type_=JSON()),
        "route": literal(card.sender.route),
        "signing_key": literal(signing_key),
        "posted_at": literal(now, type_=UTCDateTime()),
        "due_at": literal(now, type_=UTCDateTime()),
        "not_after": literal(now + give_up, type_=UTCDateTime()),
        "tries": literal(0),
        "reply_text": literal(""),
        "edition_id": _edition(session, digest, card, people.c.language),
    }
    rows = select(*(people.c[name] for name in people.c.keys()), *fixed.values())  # noqa: SIM118
    ledger.queue(session, [*subscribers.AUDIENCE_COLUMNS, *fixed], rows)


def _edition(
    session: Session, digest: Digest, card: Card, language: ColumnElement[str]
) -> ColumnElement[object]:
    """Give the edition for a recipient's language: the same, the same base, or the list's own."""
    statement = select(col(DigestEdition.language), col(DigestEdition.edition_id)).where(
        col(DigestEdition.digest_id) == digest.id
    )
    editions = dict(session.execute(statement).all())
    if not editions:
        raise Refused(f"digest {digest.id} was never frozen; queue it again")
    first = editions.get(card.list.language) or next(iter(editions.values()))
    same = [(language == spoken, literal(edition)) for spoken, edition in editions.items()]
    bases = {spoken.partition("-")[0]: edition for spoken, edition in reversed(editions.items())}
    near = [
        (or_(language == base, language.like(f"{base}-%")), literal(edition))
        for base, edition in bases.items()
    ]
    return case(*same, *near, else_=literal(first))
