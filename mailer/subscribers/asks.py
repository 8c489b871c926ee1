"""What came in by the box: stored as it was asked, acted upon a moment later by a worker.

The page after the box does the same work for everybody, one row written, so that neither its
words nor its time tell who is on a list. An ask is deleted in the transaction that acts on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from mailer import address, history
from mailer.db import Lock, alone, among, changed, draw, pour
from mailer.db.schema import Ask, AskAction
from mailer.errors import MailerError
from mailer.history import SYSTEM, About
from mailer.subscribers import access, newcomers, roster
from mailer.subscribers.limits import network_of
from mailer.subscribers.roster import Rules, Wish

BATCH = 200
"""Asks looked at in one transaction: under 100 ms, where most are of people who are new."""

BATCH_ONE_BY_ONE = 16
"""Other asks acted upon in the same transaction; the rest waits for the next."""

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


class _Kept(NamedTuple):
    """An ask as it was kept."""

    id: int
    action: AskAction
    list_id: int
    address: str
    language: str
    network: str
    trapped: bool
    evidence: Mapping[str, Any]
    asked_at: datetime


def ask(session: Session, asked: Asked, *, now: datetime) -> None:
    """Keep what somebody asked."""
    ask_all(session, [asked], now=now)


def ask_all(session: Session, asked: Sequence[Asked], *, now: datetime) -> None:
    """Keep what several asked, in this order."""
    values = [
        {
            "action": one.action,
            "list_id": one.list_id,
            "address": one.address,
            "language": one.language,
            "network": network_of(one.remote),
            "trapped": one.trapped,
            "evidence": one.evidence,
            "asked_at": now,
        }
        for one in asked
    ]
    pour(session, Ask, values)


def waiting_asks(session: Session) -> int:
    """Count the asks that nobody has acted upon."""
    return int(session.execute(select(func.count()).select_from(Ask)).scalar_one())


def answer(session: Session, rules: Rules, *, now: datetime, limit: int = BATCH) -> int:
    """Act upon some asks, oldest first; give how many were taken."""
    alone(session, Lock.ROSTER)
    asks = _oldest(session, limit)
    rest = _without_newcomers(session, asks, rules, now)
    for one in rest[:BATCH_ONE_BY_ONE]:
        _act(session, one, rules, now)
    left = {one.id for one in rest[BATCH_ONE_BY_ONE:]}
    done = [one.id for one in asks if one.id not in left]
    changed(session, delete(Ask).where(among(session, col(Ask.id), done)))
    return len(done)


def _oldest(session: Session, limit: int) -> list["_Kept"]:
    some = select(*(getattr(Ask, name) for name in _Kept._fields)).order_by(col(Ask.id))
    return [_Kept(*row) for row in draw(session, some.limit(limit))]


def _without_newcomers(
    session: Session, asks: Sequence["_Kept"], rules: Rules, now: datetime
) -> list["_Kept"]:
    """Act upon the opt-ins of people who are new, all at once; give what is left to act upon."""
    try:
        with session.begin_nested():
            coming = _newcomers(session, asks)
            for list_id in {wish.list_id for wish in coming.values()}:
                roster.require_list_open(session, list_id)
            if coming:
                newcomers.enter(session, list(coming.values()), rules, now=now)
    except OperationalError:
        raise  # the database is not well: all asks are kept for later
    except Exception:  # noqa: BLE001  (whoever spoils it is found out one by one)
        return list(asks)
    return [one for one in asks if one.id not in coming]


def _newcomers(session: Session, asks: Sequence["_Kept"]) -> dict[int, Wish]:
    """Give what people wish who are new, by the ids of their asks."""
    plain = [one for one in asks if one.action is AskAction.SUBSCRIBE and not one.trapped]
    # What else somebody asked comes in its turn: one address, one after the other.
    others = {
        one.address.lower() for one in asks if one.trapped or one.action is not AskAction.SUBSCRIBE
    }
    wishes = {one.id: _wish(one) for one in plain if one.address.lower() not in others}
    new = newcomers.which(session, list(wishes.values()))
    return {id_: wish for (id_, wish), is_new in zip(wishes.items(), new, strict=True) if is_new}


def _act(session: Session, one: "_Kept", rules: Rules, now: datetime) -> None:
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


def _carry_out(session: Session, one: "_Kept", rules: Rules, now: datetime) -> None:
    wish = _wish(one)
    match one.action:
        case AskAction.SUBSCRIBE:
            roster.require_list_open(session, one.list_id)
            roster.subscribe(session, wish, rules, now=now)
        case AskAction.UNSUBSCRIBE:
            roster.unsubscribe(session, wish, rules, now=now)
        case AskAction.ACCESS:
            access.ask_access(session, wish, rules, now=now)


def _wish(one: "_Kept") -> Wish:
    return Wish(
        address=address.parse(one.address),
        list_id=one.list_id,
        language=one.language,
        evidence={**one.evidence, "asked_at": one.asked_at.isoformat()},
        network=one.network,
    )
