"""What follows from how a try ended: the row settled, and whom the reply counts against.

A mailbox that does not exist is suppressed. But a relay that answers the same permanent text
for three different domains is speaking about us: then nobody is suppressed, what was is
undone, those deliveries wait again, and the route pauses. A domain that lately took mail from
this route is no witness, for there the words were about the mailbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from mailer import ledger, subscribers
from mailer.db import changed
from mailer.db.schema import (
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Destination,
    SuppressionReason,
)
from mailer.delivery import routes
from mailer.delivery.outcome import Blame, Outcome, Verdict, reply_key
from mailer.delivery.reply import Reply, Step
from mailer.ledger import Claimed, Settlement

WITNESSES = 3
"""Different domains that make a permanent text one about us."""

MEMORY = timedelta(hours=24)
"""How long an answer is remembered as a witness."""

PERMANENT = 500

STATES = {
    Verdict.SENT: DeliveryState.SENT,
    Verdict.DEFERRED: DeliveryState.QUEUED,
    Verdict.FAILED: DeliveryState.FAILED,
    Verdict.HELD: DeliveryState.QUEUED,
    Verdict.UNCERTAIN: DeliveryState.UNCERTAIN,
}


@dataclass(frozen=True, slots=True)
class Result:
    """One try: what was claimed, what the relay said, and what that means."""

    claimed: Claimed
    reply: Reply
    outcome: Outcome
    at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """A route that was paused, and why: for a notice to the owner."""

    route: str
    reason: str


def settle(session: Session, worker_id: int, results: Sequence[Result]) -> list[Pause]:
    """Write how tries ended and what follows; give the routes that were paused by it."""
    ledger.settle(session, worker_id, [_settlement(one) for one in results])
    pauses: dict[str, Pause] = {}
    for one in results:
        _count_destination(session, one)
        if one.outcome.suppress:
            _suppress(session, one)
        why = _why_pause(session, one)
        if why and routes.pause(session, one.claimed.route, why, now=one.at):
            pauses[one.claimed.route] = Pause(one.claimed.route, why)
    return list(pauses.values())


def _settlement(one: Result) -> Settlement:
    outcome = one.outcome
    return Settlement(
        delivery_id=one.claimed.id,
        state=STATES[outcome.verdict],
        at=one.at,
        due_at=outcome.due_at,
        counted=outcome.counted,
        reason="" if outcome.verdict is Verdict.SENT else outcome.reason,
        reply_code=one.reply.code,
        reply_text=str(one.reply),
        attempt=None if outcome.verdict is Verdict.SENT else _attempt(one),
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
    code, step = one.reply.code or 0, one.reply.step
    if one.outcome.verdict is not Verdict.FAILED or code < PERMANENT or one.reply.ours:
        return ""
    if step not in {Step.RCPT, Step.DATA, Step.DOT}:
        return ""
    return reply_key(str(one.reply), one.claimed.address)


def _count_destination(session: Session, one: Result) -> None:
    taken = one.outcome.verdict is Verdict.SENT
    if not taken and one.outcome.blame is not Blame.DESTINATION:
        return
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite.insert if on_sqlite else postgresql.insert
    values = {"accepted_at": one.at} if taken else {"refused_at": one.at}
    first = {"route": one.claimed.route, "domain": one.claimed.domain, **values}
    later = dict(values) if taken else {**values, "refusals": col(Destination.refusals) + 1}
    statement = insert(Destination).values({**first, "refusals": 0 if taken else 1})
    session.execute(statement.on_conflict_do_update(index_elements=["route", "domain"], set_=later))


def _suppress(session: Session, one: Result) -> None:
    subscribers.suppress(
        session,
        one.claimed.key,
        SuppressionReason.BOUNCE,
        now=one.at,
        delivery_id=one.claimed.id,
        note=str(one.reply)[:200],
    )


def _why_pause(session: Session, one: Result) -> str:
    """Give why the route must pause after this try, or nothing."""
    if one.outcome.pause_route:
        return f"{one.outcome.reason} The relay said: {one.reply}"
    witnesses = _witnesses(session, one, _key(one))
    if len({domain for _, domain in witnesses}) < WITNESSES:
        return ""
    _undo(session, [delivery for delivery, _ in witnesses], one.at)
    return f"The relay refuses different domains with the same words: {one.reply}"


def _witnesses(session: Session, one: Result, key: str) -> list[tuple[int, str]]:
    """Give the deliveries and domains that got the same permanent text on this route."""
    if not key:
        return []
    since = max(one.at - MEMORY, routes.resumed_at(session, one.claimed.route) or one.at - MEMORY)
    took = (
        select(col(Destination.domain))
        .where(
            col(Destination.route) == one.claimed.route,
            col(Destination.accepted_at) >= since,
        )
        .scalar_subquery()
    )
    statement = (
        select(col(Attempt.delivery_id), col(Attempt.domain))
        .where(
            col(Attempt.route) == one.claimed.route,
            col(Attempt.reply_key) == key,
            col(Attempt.tried_at) >= since,
            col(Attempt.domain).not_in(took),
        )
        .distinct()
    )
    return [(delivery, domain) for delivery, domain in session.execute(statement)]


def _undo(session: Session, delivery_ids: list[int], now: datetime) -> None:
    """Let deliveries wait again that failed for our sake, and lift what rested on them."""
    subscribers.lift_made_by(session, delivery_ids)
    statement = (
        update(Delivery)
        .where(col(Delivery.id).in_(delivery_ids), col(Delivery.state) == DeliveryState.FAILED)
        .values(
            state=DeliveryState.QUEUED,
            due_at=now,
            settled_at=None,
            reason="waits: the route refused everybody with the same words",
        )
    )
    changed(session, statement)


def may_repeat(kind: DeliveryKind) -> bool:
    """Tell whether a message in doubt goes again: a letter better twice than not at all."""
    return kind is not DeliveryKind.DIGEST
