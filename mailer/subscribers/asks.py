"""What came in by the box: stored as it was asked, acted upon a moment later by a worker.

The page after the box does the same work for everybody, one row written, so that neither its
words nor its time tell who is on a list. An ask is deleted in the transaction that acts on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from mailer import address, history
from mailer.db import Lock, alone
from mailer.db.schema import Ask, AskAction
from mailer.errors import MailerError
from mailer.history import SYSTEM, About
from mailer.subscribers import access, roster
from mailer.subscribers.limits import network_of
from mailer.subscribers.roster import Rules, Wish

BATCH = 16
"""Asks acted upon in one transaction: under 100 ms."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """One press of a button: checked where it stands in a form, not yet acted upon.

    `trapped` marks one that filled the field people do not see.
    """

    action: AskAction
    list_id: int
    address: str
    language: str
    remote: str
    trapped: bool
    evidence: Mapping[str, Any]


def ask(session: Session, asked: Asked, *, now: datetime) -> None:
    """Keep what somebody asked."""
    session.add(
        Ask(
            action=asked.action,
            list_id=asked.list_id,
            address=asked.address,
            language=asked.language,
            network=network_of(asked.remote),
            trapped=asked.trapped,
            evidence=dict(asked.evidence),
            asked_at=now,
        )
    )


def waiting_asks(session: Session) -> int:
    """Count the asks that nobody has acted upon."""
    return int(session.execute(select(func.count()).select_from(Ask)).scalar_one())


def answer(session: Session, rules: Rules, *, now: datetime, limit: int = BATCH) -> int:
    """Act upon some asks, oldest first; give how many were taken."""
    alone(session, Lock.ROSTER)
    asks = session.execute(select(Ask).order_by(col(Ask.id)).limit(limit)).scalars().all()
    session.expunge_all()  # values from here on: a savepoint rolled back would read them again
    for one in asks:
        _act(session, one, rules, now)
    session.execute(delete(Ask).where(col(Ask.id).in_([one.id for one in asks])))
    return len(asks)


def _act(session: Session, one: Ask, rules: Rules, now: datetime) -> None:
    if one.trapped:
        history.record(session, "ask.trapped", SYSTEM, About(list_id=one.list_id), at=now)
        return
    try:
        with session.begin_nested():
            _carry_out(session, one, rules, now)
    except MailerError as error:
        log.warning("ask.refused", list=one.list_id, why=type(error).__name__)
    except OperationalError:
        raise  # the database is not well: all asks are kept for later
    except Exception:
        # One that nobody foresaw must not keep all others waiting behind it for ever.
        log.exception("ask.failed", list=one.list_id)


def _carry_out(session: Session, one: Ask, rules: Rules, now: datetime) -> None:
    wish = Wish(
        address=address.parse(one.address),
        list_id=one.list_id,
        language=one.language,
        evidence={**one.evidence, "asked_at": one.asked_at.isoformat()},
        network=one.network,
    )
    match one.action:
        case AskAction.SUBSCRIBE:
            roster.require_list_open(session, one.list_id)
            roster.subscribe(session, wish, rules, now=now)
        case AskAction.UNSUBSCRIBE:
            roster.unsubscribe(session, wish, rules, now=now)
        case AskAction.ACCESS:
            access.ask_access(session, wish, rules, now=now)
