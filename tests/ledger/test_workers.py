"""Leases, and what becomes of the claims of a worker that is gone."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import DeliveryState
from mailer.ledger import Mark, Recovered, Settlement
from mailer.ledger.workers import LETTER_DOUBT_WAIT
from tests import rows

SECOND = timedelta(seconds=1)
SKEW = timedelta(seconds=10)


# ------------------------------------------------------------------------- leases


def test_a_lease_is_renewed_in_time(database: Database, clock: FrozenClock) -> None:
    me = database.write(rows.a_worker, now=clock.now())

    for _ in range(5):
        clock.move(rows.LEASE - SECOND)
        assert database.write(ledger.renew, me, now=clock.now(), lease=rows.LEASE)

    assert database.read(ledger.lost_workers, now=clock.now(), skew=SKEW) == []
    assert database.read(ledger.working, now=clock.now()) == 1


def test_a_lapsed_lease_is_never_renewed(database: Database, clock: FrozenClock) -> None:
    me = database.write(rows.a_worker, now=clock.now())

    clock.move(rows.LEASE + SECOND)

    assert not database.write(ledger.renew, me, now=clock.now(), lease=rows.LEASE)
    assert database.read(ledger.working, now=clock.now()) == 0


def test_an_ended_worker_renews_nothing(database: Database, clock: FrozenClock) -> None:
    me = database.write(rows.a_worker, now=clock.now())

    database.write(ledger.recover, me, {}, now=clock.now())

    assert not database.write(ledger.renew, me, now=clock.now(), lease=rows.LEASE)
    assert not database.write(ledger.renew, 404, now=clock.now(), lease=rows.LEASE)


def test_a_worker_is_lost_when_its_lease_ran_out_by_any_clock(
    database: Database, clock: FrozenClock
) -> None:
    me = database.write(rows.a_worker, now=clock.now())

    clock.move(rows.LEASE + SKEW)
    assert database.read(ledger.lost_workers, now=clock.now(), skew=SKEW) == []

    clock.move(SECOND)
    lost = database.read(ledger.lost_workers, now=clock.now(), skew=SKEW)
    assert lost == [ledger.Lost(me, host="desk", boot="boot-1")]


def test_a_worker_that_ended_well_is_not_lost(database: Database, clock: FrozenClock) -> None:
    me = database.write(rows.a_worker, now=clock.now())
    database.write(ledger.recover, me, {}, now=clock.now())

    clock.move(timedelta(days=1))

    assert database.read(ledger.lost_workers, now=clock.now(), skew=SKEW) == []


# ------------------------------------------------------------------------- recovery


@dataclass(frozen=True)
class Held:
    """A worker that holds four rows of a digest and two letters."""

    worker: int
    digest: int
    rows: list[int]
    letters: list[int]


def hold(database: Database, clock: FrozenClock) -> Held:
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 4, now=now)
    with database.writing() as session:
        me = rows.a_worker(session, now=now)
        letters = [ledger.post(session, rows.a_letter(now=now), now=now) for _ in range(2)]
        ledger.claim_digest(session, me, digest_id, limit=9, now=now)
        ledger.claim_letters(session, me, "smtp", limit=9, now=now)
    return Held(me, digest_id, ids, [letter for letter in letters if letter])


def recover(
    database: Database, clock: FrozenClock, held: Held, marks: Mapping[int, Mark] | None
) -> Recovered:
    return database.write(ledger.recover, held.worker, marks, now=clock.now())


def test_by_the_marks_each_row_ends_where_it_came(database: Database, clock: FrozenClock) -> None:
    # Given a dead worker and its journal; its last claim it did not come to note
    held = hold(database, clock)
    untouched, sending, accepted, _unnoted = held.rows
    marks = {untouched: Mark.CLAIMED, sending: Mark.SENDING, accepted: Mark.ACCEPTED}
    marks |= dict(zip(held.letters, [Mark.SENDING, Mark.ACCEPTED], strict=True))

    # When it is recovered
    done = recover(database, clock, held, marks)

    # Then what was not begun waits again, what was taken is sent, the rest is in doubt; but
    # a letter in doubt goes again
    assert done == Recovered(queued=3, sent=2, uncertain=1)
    assert rows.states(database, held.rows) == ["queued", "uncertain", "sent", "queued"]
    assert rows.states(database, held.letters) == ["queued", "sent"]
    assert database.read(ledger.sums, held.digest) == ledger.Sums(waiting=2, sent=1, uncertain=1)
    again = rows.delivery(database, held.letters[0])
    assert again.due_at == clock.now() + LETTER_DOUBT_WAIT
    assert again.tries == 1
    assert [rows.delivery(database, row).tries for row in held.rows] == [0, 1, 1, 0]
    assert all(rows.delivery(database, row).reason for row in (sending, accepted))


def test_what_waits_again_can_be_claimed_at_once(database: Database, clock: FrozenClock) -> None:
    held = hold(database, clock)
    recover(database, clock, held, {})

    with database.writing() as session:
        other = rows.a_worker(session, now=clock.now())
        claimed = ledger.claim_digest(session, other, held.digest, limit=9, now=clock.now())

    assert [one.id for one in claimed] == held.rows


def test_without_marks_all_is_in_doubt(database: Database, clock: FrozenClock) -> None:
    held = hold(database, clock)

    done = recover(database, clock, held, None)

    assert done == Recovered(queued=2, uncertain=4)
    assert rows.states(database, held.rows) == ["uncertain"] * 4
    assert rows.states(database, held.letters) == ["queued"] * 2


def test_marks_that_turn_up_later_settle_the_doubt(database: Database, clock: FrozenClock) -> None:
    # Given a worker that was recovered on another machine, without its journal
    held = hold(database, clock)
    untouched, sending, accepted, _unnoted = held.rows
    recover(database, clock, held, None)
    clock.move(timedelta(minutes=5))

    # When the journal turns up
    marks = {untouched: Mark.CLAIMED, sending: Mark.SENDING, accepted: Mark.ACCEPTED}
    done = recover(database, clock, held, marks)

    # Then what it tells is known, what it does not tell stays in doubt
    assert done == Recovered(queued=1, sent=1)
    assert rows.states(database, held.rows) == ["queued", "uncertain", "sent", "uncertain"]
    row = rows.delivery(database, untouched)
    assert (row.due_at, row.settled_at, row.tries, row.reason) == (clock.now(), None, 0, "")
    assert rows.delivery(database, accepted).tries == 1


@pytest.mark.parametrize("known", [False, True])
def test_a_second_recovery_changes_nothing(
    database: Database, clock: FrozenClock, known: bool
) -> None:
    held = hold(database, clock)
    marks = dict(zip(held.rows, [Mark.CLAIMED, *[Mark.SENDING] * 3], strict=True))
    recover(database, clock, held, marks if known else None)
    before = [rows.delivery(database, row).model_dump() for row in (*held.rows, *held.letters)]
    clock.move(SECOND)

    again = recover(database, clock, held, marks if known else None)

    assert not again
    after = [rows.delivery(database, row).model_dump() for row in (*held.rows, *held.letters)]
    assert after == before


def test_what_an_editor_decided_is_not_undone(database: Database, clock: FrozenClock) -> None:
    # Given rows in doubt, which an editor counts as sent
    held = hold(database, clock)
    recover(database, clock, held, None)
    database.write(ledger.take_as_sent, held.digest, now=clock.now())

    # When the journal turns up and says that nothing was begun
    done = recover(database, clock, held, dict.fromkeys(held.rows, Mark.CLAIMED))

    # Then it is too late
    assert not done
    assert database.read(ledger.sums, held.digest) == ledger.Sums(sent=4)


def test_what_was_settled_before_death_stays(database: Database, clock: FrozenClock) -> None:
    held = hold(database, clock)
    first, *rest = held.rows
    settled = [Settlement(first, DeliveryState.FAILED, clock.now())]
    database.write(ledger.settle, held.worker, settled)

    recover(database, clock, held, dict.fromkeys([first, *rest], Mark.ACCEPTED))

    assert rows.states(database, held.rows) == ["failed", "sent", "sent", "sent"]


def test_a_worker_that_may_live_is_recovered_only_when_its_lease_ran_out(
    database: Database, clock: FrozenClock
) -> None:
    # Given a worker that was thought lost, and has renewed its lease since
    held = hold(database, clock)
    clock.move(rows.LEASE - SECOND)
    database.write(ledger.renew, held.worker, now=clock.now(), lease=rows.LEASE)
    reads: list[int] = []

    def read_marks() -> dict[int, Mark]:
        reads.append(1)
        return {}

    # When it is to be recovered
    clock.move(2 * SECOND)
    early = database.write(ledger.recover_lapsed, held.worker, read_marks, now=clock.now())

    # Then it keeps its claims; later, it loses them
    assert not early
    assert reads == []
    assert set(rows.states(database, held.rows)) == {"claimed"}

    clock.move(rows.LEASE)
    late = database.write(
        ledger.recover_lapsed, held.worker, read_marks, now=clock.now(), skew=SECOND
    )
    assert late == Recovered(queued=6)
    assert reads == [1]


def test_recovery_and_settling_do_not_wait_for_each_other(
    database: Database, clock: FrozenClock
) -> None:
    """Both lock the worker first; the other way about PostgreSQL would find a deadlock."""
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 200, now=now)
    me = database.write(rows.a_worker, now=now)
    database.write(ledger.claim_digest, me, digest_id, limit=200, now=now)
    errors: list[Exception] = []

    def settle_and_claim() -> None:
        try:
            for row in ids:
                with database.writing() as session:
                    ledger.settle(session, me, [Settlement(row, DeliveryState.SENT, now)])
                    ledger.claim_letters(session, me, "smtp", limit=1, now=now)
        except Exception as error:  # noqa: BLE001  (told by the test)
            errors.append(error)

    thread = threading.Thread(target=settle_and_claim)
    thread.start()
    for _ in range(5):
        database.write(ledger.recover, me, dict.fromkeys(ids, Mark.SENDING), now=now)
    thread.join(30)

    assert errors == []
    assert database.read(ledger.sums, digest_id).recipients == 200
