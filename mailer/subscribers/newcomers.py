"""Opt-ins of people who are new to a list, many at once: most of what the box is asked.

What becomes of each is just what `roster.subscribe` does with one; here all are looked up, decided
upon and written together, so that a busy hour costs a few statements and not twenty for each.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db import among, draw, pour
from mailer.db.schema import DeliveryKind, Subscriber, Subscription
from mailer.history import READER, About, record_all
from mailer.subscribers import consent, suppressions
from mailer.subscribers.consent import CONFIRMED, Step
from mailer.subscribers.limits import Book, Wanted
from mailer.subscribers.roster import Rules, Standing, Wish, letter


@dataclass(frozen=True, slots=True)
class _Coming:
    """One who comes: what they wish, what it leads to, and when their letter may go."""

    wish: Wish
    step: Step
    when: datetime


def which(session: Session, wishes: Sequence[Wish]) -> list[bool]:
    """Tell of each who is new: on no list of ours yet, not suppressed, asking for the first time.

    Of two wishes for one address neither is: what the second leads to depends on the first.
    """
    keys = [wish.address.key for wish in wishes]
    known = select(col(Subscriber.key)).where(among(session, col(Subscriber.key), keys))
    odd = set(session.execute(known).scalars())
    for list_id in {wish.list_id for wish in wishes}:
        odd |= suppressions.reasons_of(session, keys, list_id).keys()
    odd |= {key for key, times in Counter(keys).items() if times > 1}
    return [key not in odd for key in keys]


def enter(session: Session, wishes: Sequence[Wish], rules: Rules, *, now: datetime) -> None:
    """Bring all of them to where their opt-in leads, each with evidence and a letter."""
    opt_ins = {one: lists.by_id(session, one).opt_in for one in {w.list_id for w in wishes}}
    steps = {list_id: consent.subscribe(None, (), opt_in) for list_id, opt_in in opt_ins.items()}
    wanted = [_wanted(wish, steps[wish.list_id]) for wish in wishes]
    book = Book.open(session, wanted, rules.limits, now=now)
    coming, limited = [], []
    for wish, one in zip(wishes, wanted, strict=True):
        when = book.enter(one)
        if when is None:
            limited.append((About(list_id=wish.list_id), wish.evidence))
        else:
            coming.append(_Coming(wish, steps[wish.list_id], when))
    book.close(session)
    record_all(session, "subscription.limited", READER, limited, at=now)
    if coming:
        _write(session, coming, rules, now)


def _wanted(wish: Wish, step: Step) -> Wanted:
    kind = step.letter or DeliveryKind.CONFIRMATION
    return Wanted(wish.address.key, kind, wish.list_id, wish.network or "")


def _write(session: Session, coming: Sequence[_Coming], rules: Rules, now: datetime) -> None:
    people = _people(session, [one.wish for one in coming], now)
    standings = [_standing(one, people[one.wish.address.key]) for one in coming]
    pour(session, Subscription, [_subscription(one, now) for one in standings])
    lines: list[tuple[About, Mapping[str, Any]]] = [
        (About(standing.subscriber_id, standing.list_id), one.wish.evidence)
        for one, standing in zip(coming, standings, strict=True)
    ]
    record_all(session, "subscription.asked", READER, lines, at=now)
    at_once = [line for line, one in zip(lines, coming, strict=True) if one.step.state is CONFIRMED]
    record_all(session, "subscription.confirmed", READER, at_once, at=now)
    routes = {one: lists.route_of(session, one) for one in {s.list_id for s in standings}}
    letters = [
        letter(one.step.letter, standing, rules, route=routes[standing.list_id], when=one.when)
        for one, standing in zip(coming, standings, strict=True)
        if one.step.letter
    ]
    ledger.post_all(session, letters, now=now)


def _people(session: Session, wishes: Sequence[Wish], now: datetime) -> dict[str, int]:
    values = [
        {
            "address": wish.address.mailbox,
            "key": wish.address.key,
            "domain": wish.address.domain,
            "name": wish.name,
            "language": wish.language,
            "created_at": now,
        }
        for wish in wishes
    ]
    pour(session, Subscriber, values)
    found = select(col(Subscriber.key), col(Subscriber.id)).where(
        among(session, col(Subscriber.key), [wish.address.key for wish in wishes])
    )
    return dict(draw(session, found))


def _standing(one: _Coming, subscriber_id: int) -> Standing:
    wish = one.wish
    return Standing(
        subscriber_id=subscriber_id,
        list_id=wish.list_id,
        address=wish.address.mailbox,
        key=wish.address.key,
        language=wish.language,
        state=one.step.state or consent.PENDING,
        ask=1,
    )


def _subscription(standing: Standing, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": standing.subscriber_id,
        "list_id": standing.list_id,
        "state": standing.state,
        "ask": standing.ask,
        "language": standing.language,
        "basis": None,
        "created_at": now,
        "confirmed_at": now if standing.state is CONFIRMED else None,
    }
