"""What follows from how tries ended: the rows settled, and whom the replies count against.

Only what the worker still held counts. Everything is written in a fixed order (destinations,
addresses, routes, each by its key), so that two workers who settle at once cannot wait for
each other.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from sqlmodel import Session

from mailer import config, ledger, subscribers
from mailer.address import mask
from mailer.db.schema import Attempt, DeliveryKind, DeliveryState, SuppressionReason
from mailer.delivery import destinations, routes, witnesses
from mailer.delivery.allowance import Allowance
from mailer.delivery.destinations import Met, Place
from mailer.delivery.meaning import NO_SESSION, OTHER_SENDER
from mailer.delivery.outcome import Blame, Outcome, Verdict, reply_key
from mailer.delivery.reply import Reply, Step
from mailer.delivery.resting import rest_after
from mailer.delivery.routes import Meeting
from mailer.ledger import Claimed, Settlement

PERMANENT = 500

COUNTED = frozenset({Step.RCPT, Step.DATA, Step.DOT})
"""From here on a relay counts a message, whatever it then says to it."""

STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.REDIRECTED: DeliveryState.WITHDRAWN,
    Verdict.DEFERRED: DeliveryState.QUEUED,
    Verdict.FAILED: DeliveryState.FAILED,
    Verdict.HELD: DeliveryState.QUEUED,
    Verdict.UNCERTAIN: DeliveryState.UNCERTAIN,
}


@dataclass(frozen=True, slots=True)
class Detour:
    """From which route a row was taken to another, and why."""

    home: str
    why: str


class Result(NamedTuple):
    """One try: what was claimed, what the relay said, and what that means.

    A copy that was `redirected` tells nothing about its reader's domain. A tuple, since each
    message has one.
    """

    claimed: Claimed
    reply: Reply
    outcome: Outcome
    at: datetime
    redirected: bool = False
    detour: Detour | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A route that was paused, and why: for a notice to the owner."""

    route: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resting:
    """A route that rests from now on, and why; it needs nobody."""

    route: str
    reason: str


def settle(
    session: Session,
    worker_id: int,
    results: Sequence[Result],
    known: Mapping[str, config.Route],
) -> list[Pause | Resting]:
    """Write how tries ended and what follows; give the routes that are stopped by it."""
    held = ledger.settle(session, worker_id, [_settlement(one) for one in results])
    by_route: dict[str, _Tries] = {}
    for one in results:
        if one.claimed.id in held:
            tries = by_route.get(one.claimed.route)
            if tries is None:
                tries = by_route[one.claimed.route] = _Tries()
            (tries.taken if one.outcome.verdict is Verdict.SENT else tries.others).append(one)
    others = [one for tries in by_route.values() for one in tries.others]
    destinations.count(session, _met(by_route))
    _suppress(session, [one for one in others if one.outcome.suppress])
    _send_home(session, others)
    stops: list[Pause | Resting | None] = []
    for name, tries in sorted(by_route.items()):
        stops += [_judge(session, name, tries, known[name])]
        stops += [_weary(session, name, tries, known[name])]
    return [stop for stop in stops if stop is not None]


@dataclass(frozen=True, slots=True)
class _Tries:
    """How tries by one route ended: nearly all are taken, and most questions are about others."""

    taken: list[Result] = field(default_factory=list)
    others: list[Result] = field(default_factory=list)

    @property
    def ended_at(self) -> datetime:
        """Give when the last of them ended."""
        moments: Iterator[datetime] = map(attrgetter("at"), chain(self.taken, self.others))
        return max(moments)


def may_repeat(kind: DeliveryKind) -> bool:
    """Tell whether a message in doubt goes again: a letter better twice than not at all."""
    return kind is not DeliveryKind.DIGEST


def _settlement(one: Result) -> Settlement:
    row, at, reply, outcome = one.claimed.id, one.at, one.reply, one.outcome
    due_at, counted, verdict = outcome.due_at, outcome.counted, outcome.verdict
    code, said = reply.code, str(reply)
    if verdict is Verdict.SENT:
        why = _detoured(one, one.detour) if one.detour else ""
        return Settlement(row, DeliveryState.SENT, at, due_at, counted, why, code, said)
    state, why = STATES[verdict], outcome.reason
    attempt = None if verdict is Verdict.REDIRECTED else _attempt(one)
    return Settlement(row, state, at, due_at, counted, why, code, said, attempt)


def _detoured(one: Result, detour: Detour) -> str:
    """Say why a message took another route than its own."""
    return f"Taken by the relay of “{one.claimed.route}”, because {detour.why}."


def _attempt(one: Result) -> Attempt:
    return Attempt(
        delivery_id=one.claimed.id,
        tried_at=one.at,
        route=one.claimed.route,
        domain=one.claimed.domain,
        step=one.reply.step.value,
        code=one.reply.code,
        enhanced=one.reply.enhanced,
        text=one.reply.text,
        reply_key=_key(one),
        verdict=one.outcome.verdict.value,
    )


def _key(one: Result) -> str:
    """Give what a permanent refusal by the relay says, whoever it is about; else nothing."""
    refused = one.outcome.verdict in {Verdict.FAILED, Verdict.HELD}
    if not refused or one.reply.ours or (one.reply.code or 0) < PERMANENT:
        return ""
    if one.reply.step not in {Step.RCPT, Step.DATA, Step.DOT}:
        return ""
    return reply_key(str(one.reply), one.claimed.address)


def _met(by_route: Mapping[str, _Tries]) -> dict[Place, Met]:
    """Give what was met at each domain; a copy that went elsewhere tells nothing of it."""
    met: dict[Place, Met] = {}
    for route, tries in by_route.items():
        taken = {one.claimed.domain: one.at for one in tries.taken if not one.redirected}
        met |= {(route, domain): Met(accepted_at=at) for domain, at in taken.items()}
        for one in tries.others:
            if one.outcome.blame is Blame.DESTINATION and not one.redirected:
                place = met.setdefault((route, one.claimed.domain), Met())
                place.refused_at = one.at
                place.refusals += 1
    return met


def _suppress(session: Session, results: Sequence[Result]) -> None:
    gone = ledger.erased(session, [one.claimed.id for one in results])
    for one in sorted(results, key=lambda one: one.claimed.key):
        if one.claimed.id not in gone:
            subscribers.suppress(
                session,
                one.claimed.key,
                SuppressionReason.BOUNCE,
                now=one.at,
                ground=subscribers.Ground(one.claimed.id, str(one.reply)[:200]),
            )


def _send_home(session: Session, results: Sequence[Result]) -> None:
    """Let what was taken to another route, and waits again, be meant for its own."""
    homes: dict[str, list[int]] = {}
    for one in results:
        if one.detour is not None and STATES[one.outcome.verdict] is DeliveryState.QUEUED:
            homes.setdefault(one.detour.home, []).append(one.claimed.id)
    for home, ids in sorted(homes.items()):
        ledger.take_over(session, ids, home)


def _weary(session: Session, name: str, tries: _Tries, route: config.Route) -> Resting | None:
    """Note what was used of a route, and let it rest when that is all there was."""
    now = tries.ended_at
    if Allowance.of(route, now):
        every = chain(tries.taken, tries.others)
        spent = sum(one.reply.step in COUNTED and not one.reply.ours for one in every)
        ledger.note_uses(session, {name: spent}, at=now)
    patience = timedelta(minutes=route.fallback_minutes) if route.fallback else None
    if routes.take_note(session, name, _met_relay(tries), now=now, patience=patience):
        return Resting(name, "It has not been reached for long.")
    refused = next((one for one in tries.others if one.outcome.rest_route), None)
    if refused is None:
        return None
    length = rest_after(str(refused.reply))
    if not routes.rest(session, name, length, said(refused), now=now):
        return None
    return Resting(name, said(refused))


def _judge(session: Session, route: str, tries: _Tries, settings: config.Route) -> Pause | None:
    """Pause a route whose relay refuses us; None when it may go on, or had stopped before."""
    if not tries.others:
        return None
    reasons = [
        " ".join(filter(None, (one.outcome.reason, said(one), _advice(one, settings))))
        for one in tries.others
        if one.outcome.pause_route
    ]
    by_key = {key: one for one in tries.others if (key := _key(one))}
    now = tries.ended_at
    about_us = []
    for key in sorted(by_key):
        if found := witnesses.heard(session, route, key, now=now):
            about_us.append(found)
            reasons.append(f"It refuses different domains with the same words. {said(by_key[key])}")
    if not reasons:
        return None
    is_new = routes.pause(session, route, reasons[0], now=now)
    for found in about_us:
        witnesses.acquit(session, found, now=now)
    return Pause(route, reasons[0]) if is_new else None


def said(one: Result) -> str:
    """Give what the relay said, to be shown and kept where no erasing looks: nobody is named."""
    address = one.claimed.address
    words = re.sub(re.escape(address), mask(address), str(one.reply), flags=re.IGNORECASE)
    return f"The relay said: {words}"


def _met_relay(tries: _Tries) -> Meeting:
    """Give how far any of some tries came with the relay."""
    asked = [one for one in tries.others if not one.reply.ours]
    if tries.taken or any(one.outcome.verdict is Verdict.REDIRECTED for one in asked):
        return Meeting.TOOK
    if all(one.outcome.reason == NO_SESSION.reason for one in asked):
        return Meeting.MISSED if asked else Meeting.NONE
    return Meeting.ANSWERED


def _advice(one: Result, route: config.Route) -> str:
    """Say what to set when a relay does not let us send as somebody."""
    if one.outcome.reason != OTHER_SENDER.reason:
        return ""
    name = one.claimed.route
    path = name if name == "smtp" else f"routes.{name}"
    login = route.username if "@" in route.username else "the address that it knows us by"
    if route.envelope is config.Envelope.SIGNED or not route.return_path:
        fixed = f"{path}.envelope = “fixed” and {path}.return_path = “{login}”"
        return f"If it takes one sender only, set {fixed}."
    return f"Let {path}.return_path and the list's sender be what it allows, such as “{login}”."
