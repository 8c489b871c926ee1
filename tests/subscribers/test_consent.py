"""What follows from what a reader asks: the whole table, and nothing beside it."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.db.schema import DeliveryKind, OptIn, SubscriptionState, SuppressionReason
from mailer.subscribers import consent
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED, Step

BOUNCE, COMPLAINT = SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT
REQUEST, EDITOR = SuppressionReason.REQUEST, SuppressionReason.EDITOR
STATES = st.none() | st.sampled_from(SubscriptionState)
REASONS = st.sets(st.sampled_from(SuppressionReason))
NOTHING = Step(state=None, letter=None)


@pytest.mark.parametrize(
    "state, reasons, step",
    [
        (None, (), Step(PENDING, DeliveryKind.CONFIRMATION)),
        (PENDING, (), Step(PENDING, DeliveryKind.CONFIRMATION)),
        (UNSUBSCRIBED, (), Step(PENDING, DeliveryKind.CONFIRMATION, anew=True)),
        (CONFIRMED, (), Step(None, DeliveryKind.ALREADY)),
        # A mailbox may have come back to life; whoever said “never” may change their mind.
        (CONFIRMED, (BOUNCE,), Step(PENDING, DeliveryKind.CONFIRMATION, anew=True)),
        (UNSUBSCRIBED, (REQUEST,), Step(PENDING, DeliveryKind.CONFIRMATION, anew=True)),
        (None, (BOUNCE, REQUEST), Step(PENDING, DeliveryKind.CONFIRMATION)),
        # Whoever complained is never written to because somebody typed their address.
        (None, (COMPLAINT,), NOTHING),
        (CONFIRMED, (COMPLAINT,), NOTHING),
        (UNSUBSCRIBED, (BOUNCE, COMPLAINT), NOTHING),
        (None, (EDITOR,), NOTHING),
    ],
)
def test_an_opt_in(
    state: SubscriptionState | None, reasons: tuple[SuppressionReason, ...], step: Step
) -> None:
    assert consent.subscribe(state, reasons) == step


@pytest.mark.parametrize(
    "state, reasons, step",
    [
        (None, (), Step(CONFIRMED, DeliveryKind.WELCOME)),
        (PENDING, (), Step(CONFIRMED, DeliveryKind.WELCOME, anew=True)),
        (UNSUBSCRIBED, (), Step(CONFIRMED, DeliveryKind.WELCOME, anew=True)),
        (CONFIRMED, (), Step(None, DeliveryKind.ALREADY)),
        (None, (BOUNCE,), Step(PENDING, DeliveryKind.CONFIRMATION)),
        (None, (COMPLAINT,), NOTHING),
    ],
)
def test_a_single_opt_in_still_proves_a_suppressed_address(
    state: SubscriptionState | None, reasons: tuple[SuppressionReason, ...], step: Step
) -> None:
    assert consent.subscribe(state, reasons, OptIn.SINGLE) == step


@pytest.mark.parametrize("state", [None, UNSUBSCRIBED])
def test_who_is_not_on_a_list_is_not_told_so_by_mail(state: SubscriptionState | None) -> None:
    assert consent.unsubscribe(state, ()) == NOTHING


@pytest.mark.parametrize("state", [PENDING, CONFIRMED])
@pytest.mark.parametrize(
    "reasons, mailed",
    [((), True), ((BOUNCE,), True), ((COMPLAINT,), False), ((EDITOR,), False)],
)
def test_a_leaving_is_asked_back_by_mail(
    state: SubscriptionState, reasons: tuple[SuppressionReason, ...], mailed: bool
) -> None:
    expected = Step(None, DeliveryKind.LEAVE) if mailed else NOTHING

    assert consent.unsubscribe(state, reasons) == expected


@given(STATES, REASONS, st.sampled_from(OptIn))
def test_every_step_is_one_that_may_follow(
    state: SubscriptionState | None, reasons: set[SuppressionReason], opt_in: OptIn
) -> None:
    step = consent.subscribe(state, reasons, opt_in)

    assert step.letter is None or consent.allowed(step.letter, reasons)
    assert step.state in {None, state} or (step.state and consent.may_follow(state, step.state))
    # A link of an earlier opt-in must not confirm a later one.
    assert not (step.state and state in {CONFIRMED, UNSUBSCRIBED} and not step.anew)


ALL_REASONS = list(
    chain.from_iterable(combinations(SuppressionReason, size) for size in range(1, 5))
)


@pytest.mark.parametrize("kind", DeliveryKind)
def test_which_mail_may_go_in_spite_of_what(kind: DeliveryKind) -> None:
    despite = {
        DeliveryKind.CONFIRMATION: {BOUNCE, REQUEST},
        DeliveryKind.LEAVE: {BOUNCE},
        DeliveryKind.NOTICE: set(SuppressionReason),
        DeliveryKind.PASSWORD: set(SuppressionReason),
        DeliveryKind.APPROVAL: set(SuppressionReason),
        DeliveryKind.ACCESS: {BOUNCE, REQUEST},
        DeliveryKind.MOVE: {BOUNCE},
        DeliveryKind.MOVED: {BOUNCE, REQUEST},
    }.get(kind, set())

    assert consent.allowed(kind, ())
    for reasons in ALL_REASONS:
        assert consent.allowed(kind, reasons) == (set(reasons) <= despite)


@pytest.mark.parametrize(
    "before, after, may",
    [
        (None, PENDING, True),
        (None, CONFIRMED, True),
        (None, UNSUBSCRIBED, False),
        (PENDING, CONFIRMED, True),
        (PENDING, UNSUBSCRIBED, True),
        (CONFIRMED, UNSUBSCRIBED, True),
        (UNSUBSCRIBED, PENDING, True),
        (UNSUBSCRIBED, CONFIRMED, True),
        (CONFIRMED, CONFIRMED, False),
    ],
)
def test_what_may_follow_what(
    before: SubscriptionState | None, after: SubscriptionState, may: bool
) -> None:
    assert consent.may_follow(before, after) is may
