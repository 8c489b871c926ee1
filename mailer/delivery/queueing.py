"""From a due digest to rows in the ledger: the audience, frozen in chunks that resume.

Whoever ticks may do it; a conditional UPDATE decides who does each step, so that two
processes queue one digest once, and a third takes up what a dead one left half done.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, ColumnElement, case, literal, or_, select
from sqlmodel import Session, col

from mailer import ledger, lists, subscribers
from mailer.db.schema import DeliveryKind, Digest, DigestEdition, DigestState, UTCDateTime
from mailer.digests import life
from mailer.errors import NotFound, Refused
from mailer.history import SYSTEM

CHUNK = 5_000
"""Recipients frozen in one transaction: well under 100 ms."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an audience is queued: how long it is tried, and which key signs its links."""

    give_up: timedelta
    signing_key: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Some of an audience: by subscriber ids in (after, upto], and by a segment's conditions."""

    after: int
    upto: int
    only: tuple[ColumnElement[bool], ...] = ()


def promote(session: Session, *, now: datetime) -> list[int]:
    """Begin every digest whose hour has come; give those that came too late and now wait.

    One that could not go before its last moment is paused, with the reason, for an editor.
    """
    missed = []
    for digest in life.due(session, now=now):
        assert digest.id is not None
        if digest.not_after is None or now <= digest.not_after:
            life.begin(session, digest, now=now, by=SYSTEM)
        elif _pause_late(session, digest, now):
            missed.append(digest.id)
    return missed


def freeze_chunk(session: Session, digest_id: int, terms: Terms, *, now: datetime) -> bool:
    """Put the next recipients of a queued digest in the ledger; False when none are left."""
    digest = life.get(session, digest_id)
    if digest.state is not DigestState.QUEUED:
        return False
    editions = _editions(session, digest_id)
    if not editions:
        why = "it was never frozen; cancel it and draft it again"
        life.pause(session, digest_id, why, now=now, by=SYSTEM)
        return False
    try:
        only = subscribers.narrowing(session, digest.segment_id, digest.list_id)
    except (NotFound, Refused) as error:
        why = f"its segment cannot be used: {error}; cancel it and draft it again"
        life.pause(session, digest_id, why, now=now, by=SYSTEM)
        return False
    before = digest.audience_cursor
    upto = subscribers.chunk_end(session, digest.list_id, after=before, size=CHUNK)
    if upto is None:
        life.send(session, digest, now=now, by=SYSTEM)
        return False
    if life.advance(session, digest_id, before, upto):
        _queue(session, digest, _Span(before, upto, tuple(only)), editions, terms, now)
    return True


def _pause_late(session: Session, digest: Digest, now: datetime) -> bool:
    """Pause a digest that came too late; False when another process was first."""
    assert digest.id is not None
    late = now - (digest.due_at or now)
    hours = int(late.total_seconds() // 3600)
    reason = f"it was due {hours} hours ago and nothing was running; resume or cancel it"
    try:
        life.pause(session, digest.id, reason, now=now, by=SYSTEM)
    except Refused:
        return False
    return True


def _queue(
    session: Session,
    digest: Digest,
    span: _Span,
    editions: dict[str, int],
    terms: Terms,
    now: datetime,
) -> None:
    card = lists.card(session, digest.list_id)
    people = subscribers.audience(
        digest.list_id,
        after=span.after,
        upto=span.upto,
        language=card.list.language,
        now=now,
        only=span.only,
    ).subquery()
    fixed: dict[str, ColumnElement[object]] = {
        "kind": literal(DeliveryKind.DIGEST.value),
        "digest_id": literal(digest.id),
        "list_id": literal(digest.list_id),
        "context": literal({}, type_=JSON()),
        "route": literal(card.sender.route),
        "signing_key": literal(terms.signing_key),
        "posted_at": literal(now, type_=UTCDateTime()),
        "due_at": literal(now, type_=UTCDateTime()),
        "not_after": literal(now + terms.give_up, type_=UTCDateTime()),
        "tries": literal(0),
        "reply_text": literal(""),
        "edition_id": _edition_for(people.c.language, editions, card.list.language),
    }
    rows = select(*(people.c[name] for name in subscribers.AUDIENCE_COLUMNS), *fixed.values())
    ledger.queue(session, [*subscribers.AUDIENCE_COLUMNS, *fixed], rows)


def _editions(session: Session, digest_id: int) -> dict[str, int]:
    statement = select(col(DigestEdition.language), col(DigestEdition.edition_id)).where(
        col(DigestEdition.digest_id) == digest_id
    )
    return dict(session.execute(statement).all())


def _edition_for(
    language: ColumnElement[str], editions: dict[str, int], own: str
) -> ColumnElement[object]:
    """Give the edition for a recipient's language: the same, the same base, or the list's own."""
    first = editions.get(own) or next(iter(editions.values()))
    same = [(language == spoken, literal(edition)) for spoken, edition in editions.items()]
    bases = {spoken.partition("-")[0]: edition for spoken, edition in reversed(editions.items())}
    near = [
        (or_(language == base, language.like(f"{base}-%")), literal(edition))
        for base, edition in bases.items()
    ]
    return case(*same, *near, else_=literal(first))
