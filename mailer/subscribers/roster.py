"""Subscribers and their subscriptions: joining, confirming, leaving, coming back.

Each step is one conditional UPDATE and one line of history that holds the evidence. Letters
are posted in the same transaction, so that nothing is promised that is not on its way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from mailer import history, ledger, lists
from mailer.address import Address
from mailer.db import Lock, alone, changed, upsert
from mailer.db.schema import (
    DeliveryKind,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.errors import NotFound, Refused
from mailer.history import READER, About, By
from mailer.subscribers import consent, limits, suppressions
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from mailer.subscribers.limits import Limits


@dataclass(frozen=True, slots=True)
class Rules:
    """How long links and letters live, and the limits; from the settings."""

    confirm_for: timedelta = timedelta(days=7)
    undo_for: timedelta = timedelta(days=30)
    access_for: timedelta = timedelta(hours=1)
    remind_after: timedelta | None = None
    letter_life: timedelta = timedelta(hours=24)
    limits: Limits = field(default_factory=Limits)
    signing_key: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what: an address, a list, and the evidence of how it was asked.

    `evidence` holds plain values: wording and its version, page, network address, agent, via.
    `network` is what is counted against the limits; None for an editor's own doing.
    """

    address: Address
    list_id: int
    language: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    network: str | None = None
    name: str = ""
    by: By = READER


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """What the link of a confirmation letter names: one opt-in of one subscriber to one list."""

    subscriber_id: int
    list_id: int
    ask: int


class Confirmed(StrEnum):
    """What following a confirmation link came to."""

    NOW = "now"
    ALREADY = "already"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Standing:
    """One subscriber on one list, as pages need it.

    `left_event` is the line of history that `left_at` rests on, which *undo* may take back. An
    opt-in is `offered` when the office began it and not the reader, by an import for example.
    """

    subscriber_id: int
    list_id: int
    address: str
    key: str
    language: str | None
    state: SubscriptionState
    ask: int
    left_at: datetime | None = None
    left_event: int | None = None
    offered: bool = False


def subscribe(session: Session, wish: Wish, rules: Rules, *, now: datetime) -> None:
    """Act upon an opt-in: pending and a confirmation letter, or what else consent says."""
    alone(session, Lock.ROSTER)
    opt_in = lists.by_id(session, wish.list_id).opt_in
    found = _find(session, wish.address.key, wish.list_id)
    why_not = suppressions.reasons(session, wish.address.key, wish.list_id)
    step = consent.subscribe(found.state if found else None, why_not, opt_in)
    if step.letter is None:
        _note(session, "subscription.refused", found, wish, now)
        return
    when = _when(session, wish, step.letter, rules, now)
    if when is None:
        _note(session, "subscription.limited", found, wish, now)
        return
    standing = _enter(session, wish, step, found, now)
    _note(session, "subscription.asked", standing, wish, now)
    if step.state is CONFIRMED:
        _note(session, "subscription.confirmed", standing, wish, now)
    asking = replace(standing, language=wish.language, offered=wish.by != READER)
    _post(session, step.letter, asking, rules, when=when, now=now)


def unsubscribe(session: Session, wish: Wish, rules: Rules, *, now: datetime) -> None:
    """Act upon *unsubscribe* in the box: mail a link to leave to one who is on the list."""
    found = _find(session, wish.address.key, wish.list_id)
    why_not = suppressions.reasons(session, wish.address.key, wish.list_id)
    step = consent.unsubscribe(found.state if found else None, why_not)
    if found is None or step.letter is None:
        return
    when = _when(session, wish, step.letter, rules, now)
    _note(session, "subscription.leave_asked" if when else "subscription.limited", found, wish, now)
    if when:
        asking = replace(found, language=wish.language)
        _post(session, step.letter, asking, rules, when=when, now=now)


def add_confirmed(
    session: Session, wish: Wish, basis: str, *, now: datetime
) -> SuppressionReason | SubscriptionState | None:
    """Put somebody on a list on a stated basis, without a letter; give why not, or None.

    Nobody who is suppressed, or who left, comes back in this way: that takes their own opt-in.
    """
    alone(session, Lock.ROSTER)
    why_not = suppressions.reasons(session, wish.address.key, wish.list_id)
    if why_not:
        return min(why_not)
    found = _find(session, wish.address.key, wish.list_id)
    if found and found.state in {UNSUBSCRIBED, CONFIRMED}:
        return found.state
    step = consent.Step(CONFIRMED, None)
    standing = _enter(session, wish, step, found, now, basis=basis)
    details = {**wish.evidence, "basis": basis}
    _record(session, "subscription.confirmed", standing, wish.by, now, details)
    return None


def join(session: Session, wish: Wish, rules: Rules, *, now: datetime) -> bool:
    """Put somebody on a list whose mailbox has just proved itself, and welcome them.

    It is what confirming is, without the letter: False when that would not be allowed either.
    """
    alone(session, Lock.ROSTER)
    why_not = suppressions.reasons(session, wish.address.key, wish.list_id)
    found = _find(session, wish.address.key, wish.list_id)
    if why_not - consent.LIFTED_BY_CONFIRMING:
        _note(session, "subscription.refused", found, wish, now)
        return False
    suppressions.lift(session, wish.address.key, list_id=wish.list_id, reasons=why_not)
    if found and found.state is CONFIRMED:
        return True
    step = consent.Step(CONFIRMED, None, anew=found is not None)
    standing = _enter(session, wish, step, found, now)
    _note(session, "subscription.confirmed", standing, wish, now)
    _post(session, DeliveryKind.WELCOME, standing, rules, when=now, now=now)
    return True


def confirm(
    session: Session,
    link: ConfirmLink,
    evidence: Mapping[str, Any],
    rules: Rules,
    *,
    now: datetime,
) -> Confirmed:
    """Confirm by the link of a letter; opened again it says how things stand."""
    list_id = link.list_id
    standing = standing_of(session, link.subscriber_id, list_id)
    if standing.ask != link.ask or standing.state is UNSUBSCRIBED:
        return Confirmed.ALREADY if standing.state is CONFIRMED else Confirmed.LEFT
    if not _move(session, standing, PENDING, CONFIRMED, confirmed_at=now, left_at=None):
        return Confirmed.ALREADY
    suppressions.lift(session, standing.key, list_id=list_id, reasons=consent.LIFTED_BY_CONFIRMING)
    _record(session, "subscription.confirmed", standing, READER, now, evidence)
    _post(session, DeliveryKind.WELCOME, standing, rules, when=now, now=now)
    return Confirmed.NOW


def leave(
    session: Session,
    subscriber_id: int,
    list_id: int,
    evidence: Mapping[str, Any],
    *,
    now: datetime,
    by: By = READER,
) -> int | None:
    """Leave a list at once; give the event that *undo* refers to.

    Idempotent: leaving again gives the same event, or None for one who never joined.
    """
    standing = standing_of(session, subscriber_id, list_id)
    for before in (CONFIRMED, PENDING):
        if _move(session, standing, before, UNSUBSCRIBED, left_at=now):
            details = {**evidence, "was": before.value}
            return _record(session, "subscription.left", standing, by, now, details)
    return standing.left_event


def undo_leaving(  # noqa: PLR0913  (one value more than a leaving has: which)
    session: Session,
    subscriber_id: int,
    list_id: int,
    left_event: int,
    evidence: Mapping[str, Any],
    *,
    now: datetime,
    by: By = READER,
) -> bool:
    """Take a leaving back, if it is the last thing that happened; False when it is not."""
    standing = standing_of(session, subscriber_id, list_id)
    if standing.left_event != left_event or standing.state is not UNSUBSCRIBED:
        return False
    if suppressions.reasons(session, standing.key, list_id) & consent.ENDS_UNDOING:
        return False
    event = history.last(session, "subscription.left", About(standing.subscriber_id, list_id))
    before = SubscriptionState(event.details.get("was", CONFIRMED)) if event else CONFIRMED
    if not _move(session, standing, UNSUBSCRIBED, before, left_at=None):
        return False
    _record(session, "subscription.resumed", standing, by, now, evidence)
    return True


def say_why(
    session: Session, subscriber_id: int, list_id: int, left_event: int, why: str, *, now: datetime
) -> None:
    """Keep the reason a reader gave for leaving, as they wrote it; the first one counts."""
    details = {"why": why, "event": left_event}
    standing = standing_of(session, subscriber_id, list_id)
    about = About(standing.subscriber_id, list_id)
    said = history.last(session, "subscription.left_because", about)
    if said and said.details.get("event") == left_event:
        return
    _record(session, "subscription.left_because", standing, READER, now, details)


def refuse(
    session: Session,
    subscriber_id: int,
    list_id: int,
    evidence: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    """Act upon *not me, never write again*: nothing goes there until its own fresh opt-in."""
    standing = standing_of(session, subscriber_id, list_id)
    fresh = suppressions.suppress(session, standing.key, SuppressionReason.REQUEST, now=now)
    statement = (
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == standing.subscriber_id,
            col(Subscription.state) != UNSUBSCRIBED,
        )
        .values(state=UNSUBSCRIBED, left_at=now)
    )
    if changed(session, statement) or fresh:
        _record(session, "subscriber.refused", standing, READER, now, evidence)


def standing_of(session: Session, subscriber_id: int, list_id: int) -> Standing:
    """Give how one subscriber stands on one list; NotFound when they never did, or are erased."""
    known_as = today(session, subscriber_id)
    statement = _standings().where(
        col(Subscription.subscriber_id) == known_as, col(Subscription.list_id) == list_id
    )
    row = session.execute(statement).first()
    if row is None or row.address is None:
        raise NotFound("subscription", f"{subscriber_id}/{list_id}")
    standing = Standing(*row)
    if standing.state is not UNSUBSCRIBED:
        return standing
    event = history.last(session, "subscription.left", About(known_as, list_id))
    if event is None or event.at != standing.left_at:
        return standing  # they did not leave this list: they refused all mail
    return replace(standing, left_event=event.id)


def today(session: Session, subscriber_id: int) -> int:
    """Give who a subscriber is today: who moved to another's address became that subscriber."""
    seen = {subscriber_id}
    while True:
        row = session.execute(
            select(col(Subscriber.merged_into)).where(col(Subscriber.id) == subscriber_id)
        ).first()
        if row is None or row.merged_into is None or row.merged_into in seen:
            return subscriber_id
        subscriber_id = row.merged_into
        seen.add(subscriber_id)


def by_address(session: Session, key: str) -> tuple[Subscriber, list[Subscription]]:
    """Give a subscriber and their subscriptions; NotFound when nobody has the address."""
    found = session.execute(select(Subscriber).where(col(Subscriber.key) == key)).scalar()
    if found is None:
        raise NotFound("subscriber", key)
    statement = select(Subscription).where(col(Subscription.subscriber_id) == found.id)
    return found, list(session.execute(statement).scalars())


def require_list_open(session: Session, list_id: int) -> None:
    """Raise Refused for a list that takes no new subscribers."""
    if lists.by_id(session, list_id).retired_at is not None:
        raise Refused("this list has ended; nobody can join it any more")


def _when(
    session: Session, wish: Wish, kind: DeliveryKind, rules: Rules, now: datetime
) -> datetime | None:
    if wish.network is None:
        return now
    wanted = limits.Wanted(wish.address.key, kind, wish.list_id, wish.network)
    return limits.book(session, wanted, rules.limits, now=now)


def _enter(
    session: Session,
    wish: Wish,
    step: consent.Step,
    found: Standing | None,
    now: datetime,
    *,
    basis: str | None = None,
) -> Standing:
    """Bring the subscriber and the subscription to where the step says."""
    subscriber_id = _subscriber(session, wish, now)
    state = step.state or (found.state if found else PENDING)
    confirmed_at = now if state is CONFIRMED else None
    if found is None:
        session.add(
            Subscription(
                subscriber_id=subscriber_id,
                list_id=wish.list_id,
                state=state,
                language=wish.language,
                basis=basis,
                created_at=now,
                confirmed_at=confirmed_at,
            )
        )
        session.flush()
    elif step.state is not None:
        ask = found.ask + (1 if step.anew else 0)
        changes = {"ask": ask, "language": wish.language, "left_at": None, "basis": basis}
        changes |= {"reminded_at": None} if step.anew else {}
        _move(session, found, found.state, state, confirmed_at=confirmed_at, **changes)
    return standing_of(session, subscriber_id, wish.list_id)


def _subscriber(session: Session, wish: Wish, now: datetime) -> int:
    statement = (
        upsert(session, Subscriber)
        .values(
            address=wish.address.mailbox,
            key=wish.address.key,
            domain=wish.address.domain,
            name=wish.name,
            language=wish.language,
            created_at=now,
        )
        # Something must be set for the row to be given back.
        .on_conflict_do_update(index_elements=["key"], set_={"key": wish.address.key})
        .returning(col(Subscriber.id))
    )
    return int(session.execute(statement).scalar_one())


def _move(
    session: Session,
    standing: Standing,
    before: SubscriptionState,
    after: SubscriptionState,
    **values: object,
) -> bool:
    if before is not after and not consent.may_follow(before, after):
        raise Refused(f"a subscription that is {before} cannot become {after}")
    statement = (
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == standing.subscriber_id,
            col(Subscription.list_id) == standing.list_id,
            col(Subscription.state) == before,
        )
        .values(state=after, **values)
    )
    return changed(session, statement) == 1


def _post(
    session: Session,
    kind: DeliveryKind,
    standing: Standing,
    rules: Rules,
    *,
    when: datetime,
    now: datetime,
) -> None:
    route = lists.route_of(session, standing.list_id)
    ledger.post(session, letter(kind, standing, rules, route=route, when=when), now=now)


def letter(
    kind: DeliveryKind, standing: Standing, rules: Rules, *, route: str, when: datetime
) -> ledger.Letter:
    """Make a letter to one subscriber about one list, due at `when`. Pure."""
    context: dict[str, Any] = {"ask": standing.ask, "asked_at": when.isoformat()}
    if kind in {DeliveryKind.CONFIRMATION, DeliveryKind.REMINDER}:
        context["expires_at"] = (when + rules.confirm_for).isoformat()
    if standing.offered:
        context["offered"] = True
    once = f"welcome:{standing.subscriber_id}:{standing.list_id}:{standing.ask}"
    return ledger.Letter(
        kind=kind,
        to=Address(mailbox=standing.address, key=standing.key),
        language=standing.language or "en",
        due_at=when,
        not_after=when + rules.letter_life,
        list_id=standing.list_id,
        subscriber_id=standing.subscriber_id,
        route=route,
        signing_key=rules.signing_key,
        idempotency_key=once if kind is DeliveryKind.WELCOME else None,
        context=context,
    )


def _find(session: Session, key: str, list_id: int) -> Standing | None:
    statement = _standings().where(col(Subscriber.key) == key, col(Subscription.list_id) == list_id)
    row = session.execute(statement).first()
    return Standing(*row) if row else None


def _standings() -> Any:
    return select(
        col(Subscription.subscriber_id),
        col(Subscription.list_id),
        col(Subscriber.address),
        col(Subscriber.key),
        func.coalesce(col(Subscription.language), col(Subscriber.language)),
        col(Subscription.state),
        col(Subscription.ask),
        col(Subscription.left_at),
    ).join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))


def _note(
    session: Session, kind: str, standing: Standing | None, wish: Wish, now: datetime
) -> None:
    if standing is None:
        history.record(
            session, kind, wish.by, About(list_id=wish.list_id), at=now, details=wish.evidence
        )
    else:
        _record(session, kind, standing, wish.by, now, wish.evidence)


def _record(
    session: Session,
    kind: str,
    standing: Standing,
    by: By,
    now: datetime,
    details: Mapping[str, Any],
) -> int:
    about = About(subscriber_id=standing.subscriber_id, list_id=standing.list_id)
    return history.record(session, kind, by, about, at=now, details=details)
