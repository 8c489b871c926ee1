"""What an editor sees of a digest's rows, and what they may do about them."""

from datetime import timedelta

import pytest

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import DeliveryState
from mailer.ledger import Settlement, Standing, Sums
from tests import rows

LATER = timedelta(days=3)
ENDS = [
    DeliveryState.SENT,
    DeliveryState.FAILED,
    DeliveryState.SUPPRESSED,
    DeliveryState.WITHDRAWN,
    DeliveryState.UNCERTAIN,
]


@pytest.fixture
def digest(database: Database, clock: FrozenClock) -> int:
    """Give a digest of nine: one of each end, two deferred (one is held), two not tried."""
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 9, now=now)
    with database.writing() as session:
        me = rows.a_worker(session, now=now)
        ledger.claim_digest(session, me, digest_id, limit=7, now=now)
        ended = [Settlement(row, state, now) for row, state in zip(ids, ENDS, strict=False)]
        again = Settlement(ids[5], DeliveryState.QUEUED, now, due_at=now + LATER)
        held = Settlement(ids[6], DeliveryState.QUEUED, now, reason="wait for the owner")
        ledger.settle(session, me, [*ended, again, held])
        ledger.claim_digest(session, me, digest_id, limit=1, now=now)
    return digest_id


def test_sums_add_up_to_the_recipients(database: Database, digest: int) -> None:
    found = database.read(ledger.sums, digest)

    assert found == Sums(
        waiting=2, deferred=2, sent=1, failed=1, suppressed=1, withdrawn=1, uncertain=1
    )
    assert (found.recipients, found.open, found.closed_otherwise) == (9, 4, 3)


def test_a_digest_nobody_gets_sums_up_to_nothing(database: Database) -> None:
    assert database.read(ledger.sums, 404) == Sums()


@pytest.mark.parametrize("only", Standing)
def test_rows_are_listed_as_they_are_counted(
    database: Database, digest: int, only: Standing
) -> None:
    counted = database.read(ledger.sums, digest)

    listed = database.read(ledger.of_digest, digest, only)

    assert len(listed) == getattr(counted, only)
    assert {ledger.standing(row.state, row.tries) for row in listed} == {only}
    assert len(database.read(ledger.of_digest, digest)) == counted.recipients


def test_what_failed_or_is_held_is_tried_again(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    clock.move(timedelta(hours=1))
    now = clock.now()

    again = database.write(ledger.retry_failed, digest, now=now, not_after=now + LATER)

    assert again == 2
    found = database.read(ledger.sums, digest)
    assert found == Sums(
        waiting=2, deferred=3, sent=1, failed=0, suppressed=1, withdrawn=1, uncertain=1
    )
    due = [row for row in database.read(ledger.of_digest, digest) if row.due_at == now]
    assert [(row.reason, row.settled_at, row.not_after) for row in due] == [
        ("", None, now + LATER)
    ] * 2


def test_what_is_uncertain_is_sent_again(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    now = clock.now()

    again = database.write(ledger.resend_uncertain, digest, now=now, not_after=now + LATER)

    assert again == 1
    assert database.read(ledger.sums, digest).uncertain == 0


def test_what_is_uncertain_is_counted_as_sent(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    assert database.write(ledger.take_as_sent, digest, now=clock.now()) == 1

    sent = database.read(ledger.of_digest, digest, Standing.SENT)
    assert [row.reason for row in sent] == ["", "counted as sent by an editor"]
    assert database.write(ledger.take_as_sent, digest, now=clock.now()) == 0


def test_letters_that_wait_are_counted_apart(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    database.write(ledger.post, rows.a_letter(now=clock.now()), now=clock.now())

    assert database.read(ledger.letters_waiting) == 1
