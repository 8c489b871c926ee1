"""Who must not be mailed, why, and what lifts it."""

import pytest

from mailer import subscribers
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import SuppressionReason
from mailer.subscribers import EVERYWHERE, Ground

KIM = "kim@example.org"
BOUNCE, COMPLAINT = SuppressionReason.BOUNCE, SuppressionReason.COMPLAINT
REQUEST, EDITOR = SuppressionReason.REQUEST, SuppressionReason.EDITOR
BY_WEIGHT = [BOUNCE, REQUEST, EDITOR, COMPLAINT]


def suppress(
    database: Database,
    clock: FrozenClock,
    reason: SuppressionReason,
    *,
    list_id: int = EVERYWHERE,
    ground: Ground = Ground(),  # noqa: B008  (frozen)
) -> bool:
    return database.write(
        subscribers.suppress, KIM, reason, now=clock.now(), list_id=list_id, ground=ground
    )


def reasons(database: Database, list_id: int | None = 1) -> set[SuppressionReason]:
    return database.read(subscribers.reasons, KIM, list_id)


@pytest.mark.parametrize("first", BY_WEIGHT)
@pytest.mark.parametrize("second", BY_WEIGHT)
def test_the_gravest_reason_stands(
    database: Database,
    clock: FrozenClock,
    first: SuppressionReason,
    second: SuppressionReason,
) -> None:
    assert suppress(database, clock, first)

    fresh = suppress(database, clock, second, ground=Ground(note="second"))

    graver = BY_WEIGHT.index(second) > BY_WEIGHT.index(first)
    assert fresh is graver
    [row] = database.read(subscribers.suppressions)
    assert (row.reason, row.note) == ((second, "second") if graver else (first, ""))


def test_a_scope_is_one_list_or_all(database: Database, clock: FrozenClock) -> None:
    assert suppress(database, clock, EDITOR, list_id=2)
    assert reasons(database, 1) == set()
    assert reasons(database, 2) == {EDITOR}
    assert reasons(database, None) == set()

    assert suppress(database, clock, BOUNCE)
    assert reasons(database, 1) == reasons(database, None) == {BOUNCE}
    assert reasons(database, 2) == {BOUNCE, EDITOR}


def test_a_lifting_may_name_its_reasons_and_its_list(
    database: Database, clock: FrozenClock
) -> None:
    suppress(database, clock, EDITOR, list_id=2)
    suppress(database, clock, BOUNCE, list_id=1)
    suppress(database, clock, REQUEST)

    assert database.write(subscribers.lift, KIM, list_id=1, reasons={BOUNCE, REQUEST}) == 2
    assert reasons(database, 2) == {EDITOR}
    assert database.write(subscribers.lift_one, KIM, 1) == 0
    assert database.write(subscribers.lift_one, KIM, 2) == 1
    assert database.write(subscribers.lift, KIM) == 0


def test_what_rests_on_a_delivery_falls_with_it(database: Database, clock: FrozenClock) -> None:
    suppress(database, clock, BOUNCE, ground=Ground(delivery_id=7))

    assert database.write(subscribers.lift_made_by, [8]) == 0
    assert database.write(subscribers.lift_made_by, [7, 8]) == 1
    assert reasons(database) == set()


def test_what_was_said_since_does_not_fall_with_a_delivery(
    database: Database, clock: FrozenClock
) -> None:
    suppress(database, clock, BOUNCE, ground=Ground(delivery_id=7))
    suppress(database, clock, REQUEST)

    assert database.write(subscribers.lift_made_by, [7]) == 0
    assert reasons(database) == {REQUEST}
