"""What follows from what a reader asks: pure decisions, and the one table of what may follow.

Also the table that says which kind of letter may go to whom in spite of which suppression: a
fresh opt-in's confirmation goes to one who had bounced or asked to be left alone, never to
one who complained.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mailer.db.schema import DeliveryKind, OptIn, SubscriptionState, SuppressionReason

PENDING = SubscriptionState.PENDING
CONFIRMED = SubscriptionState.CONFIRMED
UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED

AFTER: dict[SubscriptionState | None, frozenset[SubscriptionState]] = {
    None: frozenset({PENDING, CONFIRMED}),
    PENDING: frozenset({CONFIRMED, UNSUBSCRIBED}),
    # A confirmed reader whose address had bounced proves it again by a fresh opt-in.
    CONFIRMED: frozenset({UNSUBSCRIBED, PENDING}),
    UNSUBSCRIBED: frozenset({PENDING, CONFIRMED}),
}

MAY_GO_DESPITE: dict[DeliveryKind, frozenset[SuppressionReason]] = {
    DeliveryKind.CONFIRMATION: frozenset({SuppressionReason.BOUNCE, SuppressionReason.REQUEST}),
    # They asked for the link a moment ago; a mailbox may have come back to life.
    DeliveryKind.LEAVE: frozenset({SuppressionReason.BOUNCE}),
    DeliveryKind.NOTICE: frozenset(SuppressionReason),
    # Whoever works here gets what their work needs.
    DeliveryKind.PASSWORD: frozenset(SuppressionReason),
    DeliveryKind.APPROVAL: frozenset(SuppressionReason),
    # Who wants no mail may still see what is kept about them.
    DeliveryKind.ACCESS: frozenset({SuppressionReason.BOUNCE, SuppressionReason.REQUEST}),
    DeliveryKind.MOVE: frozenset({SuppressionReason.BOUNCE}),
    DeliveryKind.MOVED: frozenset({SuppressionReason.BOUNCE, SuppressionReason.REQUEST}),
}
"""Every other kind goes in spite of none."""

LIFTED_BY_CONFIRMING = frozenset({SuppressionReason.BOUNCE, SuppressionReason.REQUEST})

ENDS_UNDOING = frozenset({SuppressionReason.REQUEST, SuppressionReason.COMPLAINT})
"""Whoever left and then said *never again* comes back by a fresh opt-in only."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do: the state to come, whether the opt-in counts anew, and the letter to post."""

    state: SubscriptionState | None
    letter: DeliveryKind | None
    anew: bool = False


def subscribe(
    state: SubscriptionState | None,
    reasons: Collection[SuppressionReason],
    opt_in: OptIn = OptIn.DOUBLE,
) -> Step:
    """Decide what an opt-in leads to.

    `state` is None for one who was never on the list; `reasons` suppress the address.
    """
    if not allowed(DeliveryKind.CONFIRMATION, reasons):
        return Step(state=None, letter=None)
    if state is CONFIRMED and not reasons:
        return Step(state=None, letter=DeliveryKind.ALREADY)
    if opt_in is OptIn.SINGLE and not reasons:
        return Step(CONFIRMED, DeliveryKind.WELCOME, anew=state is not None)
    anew = state in {CONFIRMED, UNSUBSCRIBED}
    return Step(PENDING, DeliveryKind.CONFIRMATION, anew=anew)


def unsubscribe(state: SubscriptionState | None, reasons: Collection[SuppressionReason]) -> Step:
    """Decide what pressing *unsubscribe* in the box leads to: a link by mail, or nothing."""
    on_the_list = state in {PENDING, CONFIRMED}
    if on_the_list and allowed(DeliveryKind.LEAVE, reasons):
        return Step(state=None, letter=DeliveryKind.LEAVE)
    return Step(state=None, letter=None)


def allowed(kind: DeliveryKind, reasons: Collection[SuppressionReason]) -> bool:
    """Tell whether a kind of mail may go to an address suppressed for these reasons."""
    return set(reasons) <= MAY_GO_DESPITE.get(kind, frozenset())


def may_follow(before: SubscriptionState | None, after: SubscriptionState) -> bool:
    """Tell whether a subscription in one state may come to another."""
    return after in AFTER[before]
