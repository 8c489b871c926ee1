"""What became of a digest: how many got it, how many did not and why, by language, provider, time.

A report goes through all rows of its digest some times; whoever shows it keeps it for a while.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from mailer import ledger
from mailer.db.schema import Delivery, DeliveryState
from mailer.delivery.meaning import IN_DOUBT
from mailer.delivery.outcome import GIVEN_UP, reply_key
from mailer.delivery.progress import Destination, destinations, plus
from mailer.delivery.reaching import Reach, reach
from mailer.delivery.redirecting import NOT_MAILED
from mailer.digests import life
from mailer.language import translatable
from mailer.ledger import Standing, Sums
from mailer.subscribers.audience import PAUSES

MOST_REASONS = 40
MOST_LANGUAGES = 20
MOST_MINUTES = 60 * 24 * 14
"""Minutes in which a digest's messages are counted: two weeks, longer than any is tried."""

MOST_REPLIES_READ = 20_000
"""Rows whose replies are read to group them; of more, the first so many stand for all."""

MOST_REPLIES = 12
"""Groups of replies that are shown."""

NOT_SENT = (
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.WITHDRAWN,
    DeliveryState.UNCERTAIN,
)

REASONS = {
    "left the list before it was sent": translatable("They left the list before their turn."),
    "erased before it was sent": translatable("They were forgotten, as they asked."),
    "the digest was cancelled": translatable("The digest was cancelled."),
    "too late to be sent": translatable("It was too late to send it."),
    "no time left to try again": translatable("There was no time left to try again."),
    "withdrawn after a restore": translatable("It was withdrawn after a restore."),
    "counted as sent by an editor": translatable("An editor counted it as sent."),
    "the address must not be mailed": translatable("The address must not be mailed."),
    "the address must not be mailed: bounce": translatable(
        "The address must not be mailed: earlier mail was returned."
    ),
    "the address must not be mailed: complaint": translatable(
        "The address must not be mailed: its reader complained."
    ),
    "the address must not be mailed: request": translatable(
        "The address must not be mailed: its reader asked for no more mail."
    ),
    "the address must not be mailed: editor": translatable(
        "The address must not be mailed: an editor said so."
    ),
    PAUSES: translatable("They take a pause from this mail."),
    NOT_MAILED: translatable("Mail is redirected, and enough copies had gone."),
    ledger.HELD_BACK: translatable("It is held after a restore."),
    GIVEN_UP: translatable("It could not be tried again before its last date."),
}
"""How what the ledger says of a row is said to editors; what a relay meant is said as it is."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many did not get a digest."""

    standing: Standing
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a relay said to so many, whoever they were: its meaning, and its own words once."""

    words: str
    said: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a digest. `minutes` are those in which messages were taken, none left out.

    `answers` are of the first `MOST_REPLIES_READ` only, where there are more.
    """

    sums: Sums
    began_at: datetime | None
    ended_at: datetime | None
    reasons: Sequence[Reason]
    languages: Sequence[tuple[str, Sums]]
    destinations: Sequence[Destination]
    minutes: Sequence[int]
    first_minute: datetime | None
    answers: Sequence[Answer]
    reach: Reach
    held: int

    @property
    def took(self) -> timedelta | None:
        """Give how long it was on its way."""
        return self.ended_at - self.began_at if self.began_at and self.ended_at else None

    @property
    def to_retry(self) -> int:
        """Give how many can be sent to again: those that were returned, and those held."""
        return self.sums.failed + self.held


def report(session: Session, digest_id: int, *, now: datetime) -> Report:
    """Give what became of a digest; NotFound when there is none."""
    digest = life.get(session, digest_id)
    sums = ledger.sums(session, digest_id)
    minutes, first = _minutes(session, digest_id)
    return Report(
        sums=sums,
        began_at=digest.queued_at or first,
        ended_at=digest.sent_at,
        reasons=_reasons(session, digest_id),
        languages=_languages(session, digest_id),
        destinations=destinations(session, digest_id, sums, now=now),
        minutes=minutes,
        first_minute=first,
        answers=_answers(session, digest_id),
        reach=reach(session, digest_id),
        held=_held(session, digest_id),
    )


def said(reason: str) -> str:
    """Give a row's reason as editors are told it, to be looked up in their language."""
    return REASONS.get(reason, reason)


def unnamed(text: str, address: str | None) -> str:
    """Give what a relay said without whom it said it about."""
    local, _, _ = (address or "").rpartition("@")
    for particular in filter(None, (address, local)):
        pattern = rf"(?<!\w){re.escape(particular)}(?!\w)"
        text = re.sub(pattern, "…", text, flags=re.IGNORECASE)
    return text


def _reasons(session: Session, digest_id: int) -> list[Reason]:
    statement = (
        select(col(Delivery.state), col(Delivery.reason), func.count())
        .where(col(Delivery.digest_id) == digest_id, col(Delivery.state).in_(NOT_SENT))
        .group_by(col(Delivery.state), col(Delivery.reason))
        .order_by(func.count().desc(), col(Delivery.reason))
        .limit(MOST_REASONS)
    )
    return [
        Reason(ledger.standing(DeliveryState(state), 0), _said_of(state, reason), count)
        for state, reason, count in session.execute(statement)
    ]


def _said_of(state: DeliveryState, reason: str) -> str:
    """Say why; what was in doubt when its worker died has no words of its own."""
    return IN_DOUBT.reason if state == DeliveryState.UNCERTAIN and not reason else said(reason)


def _languages(session: Session, digest_id: int) -> list[tuple[str, Sums]]:
    tried = case((col(Delivery.tries) > 0, 1), else_=0)
    statement = (
        select(col(Delivery.language), col(Delivery.state), tried, func.count())
        .where(col(Delivery.digest_id) == digest_id)
        .group_by(col(Delivery.language), col(Delivery.state), tried)
    )
    found: dict[str, Sums] = {}
    for language, state, tries, count in session.execute(statement):
        where = ledger.standing(DeliveryState(state), tries)
        found[language] = plus(found.get(language, Sums()), where, count)
    order = sorted(found, key=lambda code: (-found[code].recipients, code))
    return [(code, found[code]) for code in order[:MOST_LANGUAGES]]


def _minutes(session: Session, digest_id: int) -> tuple[list[int], datetime | None]:
    """Count the messages that were taken in each minute from the first to the last."""
    at = col(Delivery.settled_at)
    is_sqlite = session.connection().dialect.name == "sqlite"
    # As SQLite stores a moment, its first sixteen characters are those up to the minute.
    minute = func.substr(at, 1, 16) if is_sqlite else func.date_trunc("minute", at)
    statement = (
        select(minute.label("minute"), func.count())
        .where(
            col(Delivery.digest_id) == digest_id,
            col(Delivery.state) == DeliveryState.SENT,
            at.is_not(None),
        )
        .group_by("minute")
        .order_by("minute")
        .limit(MOST_MINUTES)
    )
    found = {_moment(at): count for at, count in session.execute(statement)}
    if not found:
        return [], None
    first, last = min(found), max(found)
    span = min(int((last - first) / timedelta(minutes=1)), MOST_MINUTES)
    return [found.get(first + timedelta(minutes=n), 0) for n in range(span + 1)], first


def _moment(said: str | datetime) -> datetime:
    if isinstance(said, datetime):
        return said.astimezone(UTC)
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


def _answers(session: Session, digest_id: int) -> list[Answer]:
    """Group what relays said to those who did not get it, whoever it was about."""
    statement = (
        select(col(Delivery.reason), col(Delivery.reply_text), col(Delivery.address))
        .where(
            col(Delivery.digest_id) == digest_id,
            col(Delivery.state).in_([*ledger.OPEN, *NOT_SENT]),
            col(Delivery.reply_text) != "",
        )
        .limit(MOST_REPLIES_READ)
    )
    counts: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], str] = {}
    for reason, reply, address in session.execute(statement):
        key = (reason, reply_key(reply, address or ""))
        counts[key] += 1
        first.setdefault(key, unnamed(reply, address))
    return [
        Answer(said(key[0]), first[key], count) for key, count in counts.most_common(MOST_REPLIES)
    ]


def _held(session: Session, digest_id: int) -> int:
    """Count the rows that wait for a person."""
    statement = select(func.count()).where(
        ledger.WAITING,
        col(Delivery.digest_id) == digest_id,
        col(Delivery.due_at).is_(None),
        ~ledger.is_held_back(),
    )
    return int(session.execute(statement).scalar_one())
