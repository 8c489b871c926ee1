"""What follows from how tries ended: the rows settled, and whom the replies count against.

Only what the worker still held counts. Everything is written in a fixed order (destinations,
addresses, routes, each by its key), so that two workers who settle at once cannot wait for
each other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from mailer import ledger, subscribers
from mailer.address import mask
from mailer.db.schema import Attempt, DeliveryKind, DeliveryState, SuppressionReason
from mailer.delivery import destinations, routes, witnesses
from mailer.delivery.destinations import Met
from mailer.delivery.outcome import Blame, Outcome, Verdict, reply_key
from mailer.delivery.reply import Reply, Step
from mailer.ledger import Claimed, Settlement

PERMANENT = 500

STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.REDIRECTED: DeliveryState.WITHDRAWN,
    Verdict.DEFERRED: DeliveryState.QUEUED,
    Verdict.FAILED: DeliveryState.FAILED,
    Verdict.HELD: DeliveryState.QUEUED,
    Verdict.UNCERTAIN: DeliveryState.UNCERTAIN,
}


@dataclass(frozen=True, slots=True)
class Result:
    """One try: what was claimed, what the relay said, and what that means.

    A copy that was `redirected` tells nothing about its reader's domain.
    """

    claimed: Claimed
    reply: Reply
    outcome: Outcome
    at: datetime
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """A route that was paused, and why: for a notice to the owner."""

    route: str
    reason: str


def settle(session: Session, worker_id: int, results: Sequence[Result]) -> list[Pause]:
    """Write how tries ended and what follows; give the routes that were paused by it."""
    held = ledger.settle(session, worker_id, [_settlement(one) for one in results])
    mine = [one for one in results if one.claimed.id in held]
    destinations.count(session, [_met(one) for one in mine if not one.redirected])
    gone = ledger.erased(session, held)
    _suppress(session, [one for one in mine if one.outcome.suppress and one.claimed.id not in gone])
    pauses = []
    for route in sorted({one.claimed.route for one in mine}):
        by_route = [one for one in mine if one.claimed.route == route]
        pauses.append(_judge(session, route, by_route))
    return [pause for pause in pauses if pause is not None]


def may_repeat(kind: DeliveryKind) -> bool:
    """Tell whether a message in doubt goes again: a letter better twice than not at all."""
    return kind is not DeliveryKind.DIGEST


def _settlement(one: Result) -> Settlement:
    outcome, sent = one.outcome, one.outcome.verdict is Verdict.SENT
    is_over = outcome.verdict in {Verdict.SENT, Verdict.REDIRECTED}
    return Settlement(
        delivery_id=one.claimed.id,
        state=STATES[outcome.verdict],
        at=one.at,
        due_at=outcome.due_at,
        counted=outcome.counted,
        reason="" if sent else outcome.reason,
        reply_code=one.reply.code,
        reply_text=str(one.reply),
        attempt=None if is_over else _attempt(one),
    )


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


def _met(one: Result) -> Met:
    return Met(
        route=one.claimed.route,
        domain=one.claimed.domain,
        at=one.at,
        taken=one.outcome.verdict is Verdict.SENT,
        refused=one.outcome.blame is Blame.DESTINATION,
    )


def _suppress(session: Session, results: Sequence[Result]) -> None:
    for one in sorted(results, key=lambda one: one.claimed.key):
        subscribers.suppress(
            session,
            one.claimed.key,
            SuppressionReason.BOUNCE,
            now=one.at,
            ground=subscribers.Ground(one.claimed.id, str(one.reply)[:200]),
        )


def _judge(session: Session, route: str, results: Sequence[Result]) -> Pause | None:
    """Pause a route whose relay refuses us; None when it may go on, or had stopped before."""
    now = max(one.at for one in results)
    reasons = [f"{one.outcome.reason} {_said(one)}" for one in results if one.outcome.pause_route]
    by_key = {key: one for one in results if (key := _key(one))}
    about_us = []
    for key in sorted(by_key):
        if found := witnesses.heard(session, route, key, now=now):
            about_us.append(found)
            reasons.append(
                f"It refuses different domains with the same words. {_said(by_key[key])}"
            )
    if not reasons:
        return None
    is_new = routes.pause(session, route, reasons[0], now=now)
    for found in about_us:
        witnesses.acquit(session, found, now=now)
    return Pause(route, reasons[0]) if is_new else None


def _said(one: Result) -> str:
    # It is shown and kept where no erasing looks: the address is masked in it.
    address = one.claimed.address
    words = re.sub(re.escape(address), mask(address), str(one.reply), flags=re.IGNORECASE)
    return f"The relay said: {words}"
