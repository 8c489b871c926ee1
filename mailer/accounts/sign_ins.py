"""Sign-ins: an editor at one browser. The cookie is a secret of chance, and its hash is kept.

A sign-in ends when it was not used for some days, on a day of its own at the latest, when the
password changes, and when somebody ends it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from mailer.accounts.editors import grants
from mailer.accounts.seats import Seat
from mailer.db import changed
from mailer.db.schema import Editor, SignIn
from mailer.history import About, By, record

IDLE = timedelta(days=14)
LONGEST = timedelta(days=90)
CODE_WITHIN = timedelta(minutes=10)
"""How long the second factor may be awaited."""

NOTED_EVERY = timedelta(minutes=10)
"""How exactly it is known when a sign-in was used last: noting it is a write."""

TOKEN_BYTES = 32
LONGEST_TOKEN = 100


@dataclass(frozen=True, slots=True)
class Browser:
    """What somebody signs in with: the agent's words, and the network address."""

    agent: str = ""
    network: str = ""


def begin(
    session: Session, editor_id: int, browser: Browser, *, passed: bool, now: datetime
) -> str:
    """Sign an editor in; give the cookie's secret. Not `passed`, it waits for a second factor."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        SignIn(
            hash=_hash(token),
            editor_id=editor_id,
            agent=browser.agent,
            network=browser.network,
            began_at=now,
            seen_at=now,
            passed_at=now if passed else None,
            expires_at=now + (IDLE if passed else CODE_WITHIN),
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, *, now: datetime) -> Seat | None:
    """Give who is signed in by a cookie's secret; None for nobody, or nobody any more."""
    row = _row(session, token, now)
    if row is None or row[0].passed_at is None:
        return None
    sign_in, editor = row
    assert editor.id is not None
    assert sign_in.id is not None
    return Seat(
        editor_id=editor.id,
        name=editor.name,
        address=editor.address,
        language=editor.language,
        roles=grants(session, editor.id),
        sign_in_id=sign_in.id,
        guard=guard_of(token),
    )


def waiting(session: Session, token: str, *, now: datetime) -> tuple[SignIn, Editor] | None:
    """Give the sign-in that awaits its second factor, and whose it is."""
    row = _row(session, token, now)
    return row if row and row[0].passed_at is None else None


def is_stale(session: Session, token: str, *, now: datetime) -> bool:
    """Tell whether it is time to note that a sign-in is in use."""
    row = _row(session, token, now)
    return row is not None and now - row[0].seen_at >= NOTED_EVERY


def note(session: Session, token: str, *, now: datetime) -> None:
    """Note that a sign-in is in use: so it goes on, but not beyond its longest time."""
    row = _row(session, token, now)
    if row is not None and row[0].passed_at is not None:
        sign_in = row[0]
        sign_in.seen_at = now
        sign_in.expires_at = min(now + IDLE, sign_in.began_at + LONGEST)
        session.add(sign_in)
        session.flush()


def of(session: Session, editor_id: int, *, now: datetime) -> list[SignIn]:
    """Give an editor's sign-ins, the last used first."""
    statement = (
        select(SignIn)
        .where(
            col(SignIn.editor_id) == editor_id,
            col(SignIn.expires_at) > now,
            col(SignIn.passed_at).is_not(None),
        )
        .order_by(col(SignIn.seen_at).desc())
    )
    return list(session.exec(statement))


def end(session: Session, editor_id: int, sign_in_id: int) -> None:
    """End one sign-in of an editor's."""
    session.execute(
        delete(SignIn).where(col(SignIn.id) == sign_in_id, col(SignIn.editor_id) == editor_id)
    )


def end_others(session: Session, editor_id: int, sign_in_id: int) -> None:
    """End all sign-ins of an editor's but one."""
    session.execute(
        delete(SignIn).where(col(SignIn.id) != sign_in_id, col(SignIn.editor_id) == editor_id)
    )


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop sign-ins that have ended by themselves; give how many."""
    return changed(session, delete(SignIn).where(col(SignIn.expires_at) <= now))


def end_all(session: Session, editor_id: int, *, now: datetime, by: By) -> None:
    """End all sign-ins of an editor's, by somebody else's hand."""
    session.execute(delete(SignIn).where(col(SignIn.editor_id) == editor_id))
    record(session, "editor.signed_out", by, About(), at=now, details={"editor": editor_id})


def last_seen(session: Session, *, now: datetime) -> dict[int, datetime]:
    """Give when each editor who is signed in was last seen."""
    statement = (
        select(SignIn.editor_id, func.max(SignIn.seen_at))
        .where(col(SignIn.expires_at) > now, col(SignIn.passed_at).is_not(None))
        .group_by(col(SignIn.editor_id))
    )
    return dict(session.exec(statement).all())


def end_by(session: Session, token: str) -> None:
    """End the sign-in of a cookie."""
    session.execute(delete(SignIn).where(col(SignIn.hash) == _hash(token)))


def guard_of(token: str) -> str:
    """Give what the forms of a sign-in must bring along: made from its cookie."""
    return hmac.digest(token.encode(), b"communique guard", "sha256").hex()[:32]


def _row(session: Session, token: str, now: datetime) -> tuple[SignIn, Editor] | None:
    if not token or len(token) > LONGEST_TOKEN:
        return None
    statement = (
        select(SignIn, Editor)
        .join(Editor, col(Editor.id) == col(SignIn.editor_id))
        .where(
            col(SignIn.hash) == _hash(token),
            col(SignIn.expires_at) > now,
            col(Editor.retired_at).is_(None),
        )
    )
    found = session.exec(statement).first()
    return (found[0], found[1]) if found else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
