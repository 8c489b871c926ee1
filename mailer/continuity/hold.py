"""What is held after a restore, and how its owner lets it go.

An older database does not know what went out since it was copied. So everything that is not
settled waits: rows of digests and letters without a due moment and with the reason, digests
paused. Nothing that comes after is held: a fresh opt-in gets its letter at once. What would be
mailed anew by itself is not: reminders are forgone, and old news waits for an editor.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlmodel import Session, col

from mailer import facts, ledger, subscribers
from mailer.db.schema import Delivery, Digest, DigestState, MailingList, Worker
from mailer.digests import life
from mailer.digests.cadence import Cadence
from mailer.errors import NotFound
from mailer.history import EDITOR, SYSTEM, By
from mailer.ledger import HELD_BACK

ON_THE_WAY = (DigestState.SCHEDULED, DigestState.QUEUED, DigestState.SENDING)


@dataclass(frozen=True, slots=True)
class Held:
    """What waits of one digest, or (`digest_id` None) of letters; `sent` and `uncertain` beside it.

    `state` is what a paused digest goes back to.
    """

    digest_id: int | None
    waiting: int
    sent: int = 0
    uncertain: int = 0
    state: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what is let go may be tried, and how late a digest may begin."""

    give_up: timedelta
    late: timedelta


def hold(session: Session, *, now: datetime) -> list[Held]:
    """Hold everything that is not settled; give what is held."""
    for worker_id in _workers(session):
        # Of the rows that it held nobody here knows how far they came.
        ledger.recover(session, worker_id, None, now=now)
    ledger.hold_back(session)
    for digest in life.in_state(session, *ON_THE_WAY):
        assert digest.id is not None
        life.pause(session, digest.id, HELD_BACK, now=now, by=SYSTEM)
    _begin_cadences_anew(session, now)
    facts.note(session, life.PUT_BACK, {}, now=now)
    subscribers.forgo_reminders(session, now=now)
    return held(session)


def held(session: Session) -> list[Held]:
    """Give what waits to be let go: each digest, then letters."""
    found = []
    for digest in _digests(session):
        assert digest.id is not None
        sums = ledger.sums(session, digest.id)
        waiting = ledger.held_back(session, digest.id)
        goes_to = (digest.resume_to or digest.state).value
        found.append(Held(digest.id, waiting, sums.sent, sums.uncertain, goes_to))
    letters = ledger.held_back(session, None)
    return [*found, Held(None, letters)] if letters else found


def is_holding(session: Session) -> bool:
    """Tell whether anything waits to be let go."""
    return bool(_digests(session)) or ledger.held_back(session, None) > 0


def release(
    session: Session, digest_id: int | None, terms: Terms, *, now: datetime, by: By = EDITOR
) -> int:
    """Let a digest, or (None) all letters, go; give how many messages.

    NotFound for a digest that is not held.
    """
    if digest_id is not None:
        digest = _held_digest(session, digest_id)
        if _is_paused_by_us(digest):
            life.resume(session, digest_id, late=terms.late, now=now, by=by)
    return ledger.let_go(session, digest_id, now=now, not_after=now + terms.give_up)


def drop(session: Session, digest_id: int | None, *, now: datetime, by: By = EDITOR) -> int:
    """Withdraw what is held of a digest, or (None) all held letters; give how many.

    A digest of which some went out counts as sent; one that had not begun is cancelled.
    """
    count = ledger.drop_held(session, digest_id, now=now)
    if digest_id is None:
        return count
    digest = life.get(session, digest_id)
    if not _is_paused_by_us(digest):
        return count
    if digest.resume_to is DigestState.SENDING:
        life.resume(session, digest_id, late=timedelta(0), now=now, by=by)
    else:
        life.cancel(session, digest_id, now=now, by=by)
    return count


def _held_digest(session: Session, digest_id: int) -> Digest:
    digest = life.get(session, digest_id)
    if not _is_paused_by_us(digest) and not ledger.held_back(session, digest_id):
        raise NotFound("held digest", digest_id, "“mailer held” shows what waits")
    return digest


def _is_paused_by_us(digest: Digest) -> bool:
    return digest.state is DigestState.PAUSED and digest.reason == HELD_BACK


def _digests(session: Session) -> list[Digest]:
    waiting = select(col(Delivery.digest_id)).where(ledger.is_held_back())
    paused: ColumnElement[bool] = (col(Digest.state) == DigestState.PAUSED) & (
        col(Digest.reason) == HELD_BACK
    )
    statement = select(Digest).where(paused | col(Digest.id).in_(waiting)).order_by(col(Digest.id))
    return list(session.execute(statement).scalars())


def _workers(session: Session) -> Collection[int]:
    statement = select(col(Worker.id)).where(col(Worker.ended_at).is_(None))
    return list(session.execute(statement).scalars())


def _begin_cadences_anew(session: Session, now: datetime) -> None:
    """Let no digest be drafted for days that may have had theirs."""
    rows = select(MailingList).where(col(MailingList.cadence).is_not(None))
    for found in session.execute(rows).scalars():
        if found.cadence:
            anew = replace(Cadence.load(found.cadence), since=now).stored()
            statement = update(MailingList).where(col(MailingList.id) == found.id)
            session.execute(statement.values(cadence=anew))


def count_held(session: Session) -> int:
    """Count the messages that wait to be let go."""
    statement = select(func.count()).where(ledger.is_held_back())
    return int(session.execute(statement).scalar_one())
