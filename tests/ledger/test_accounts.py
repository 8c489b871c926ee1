"""Whatever happens, in whatever order: sums add up, and nobody gets a digest twice by guess."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Delivery, DeliveryState
from mailer.ledger import Mark, Settlement
from tests import rows
from tests.conftest import MOMENT

RECIPIENTS = 5
BY_EDITOR = "counted as sent by an editor"


@dataclass(eq=False)
class Worker:
    """A worker as it knows itself: its lease, and its journal."""

    id: int
    deadline: datetime
    journal: dict[int, Mark] = field(default_factory=dict)

    def that_are(self, mark: Mark) -> list[int]:
        return [row for row, its in self.journal.items() if its is mark]


class Office(RuleBasedStateMachine):
    """One digest, some workers, an editor; and a relay that counts what really reached it."""

    database: Database
    list_id: int
    people: list[int]

    workers: Bundle[Worker] = Bundle("workers")
    lost_journals: Bundle[Worker] = Bundle("lost journals")

    @initialize()
    def a_digest_is_queued(self) -> None:
        self.clock = FrozenClock(MOMENT)
        self.reached: Counter[int] = Counter()
        with self.database.writing() as session:
            self.digest = rows.a_digest(session, self.list_id, now=MOMENT)
            ids = rows.recipients(session, self.digest, self.people, now=MOMENT)
        self.meant = Counter(ids)

    # --- workers ---------------------------------------------------------------------

    @rule(target=workers)
    def one_begins(self) -> Worker:
        now = self.clock.now()
        return Worker(self.database.write(rows.a_worker, now=now), now + rows.LEASE)

    @rule(worker=workers, limit=st.integers(1, 3))
    def one_claims(self, worker: Worker, limit: int) -> None:
        claimed = self.database.write(
            ledger.claim_digest, worker.id, self.digest, limit=limit, now=self.clock.now()
        )
        worker.journal |= {one.id: Mark.CLAIMED for one in claimed}

    @rule(worker=workers, answered=st.booleans())
    def one_sends(self, worker: Worker, *, answered: bool) -> None:
        """First the mark, then the look at the lease, then the dot."""
        for row in worker.that_are(Mark.CLAIMED)[:1]:
            worker.journal[row] = Mark.SENDING
            if self.clock.now() >= worker.deadline:
                worker.journal[row] = Mark.CLAIMED
                return
            self.reached[row] += 1
            if answered:
                worker.journal[row] = Mark.ACCEPTED

    @rule(
        worker=workers, refused=st.sampled_from([DeliveryState.FAILED, DeliveryState.QUEUED, None])
    )
    def one_settles(self, worker: Worker, refused: DeliveryState | None) -> None:
        now = self.clock.now()
        ends = {Mark.ACCEPTED: DeliveryState.SENT, Mark.SENDING: DeliveryState.UNCERTAIN}
        if refused:
            ends[Mark.CLAIMED] = refused
        settlements = [
            Settlement(row, ends[mark], now, due_at=now)
            for row, mark in worker.journal.items()
            if mark in ends
        ]
        self.database.write(ledger.settle, worker.id, settlements)
        self.database.write(ledger.give_back, worker.id)
        worker.journal.clear()

    @rule(worker=workers)
    def one_renews(self, worker: Worker) -> None:
        now = self.clock.now()
        if self.database.write(ledger.renew, worker.id, now=now, lease=rows.LEASE):
            worker.deadline = now + rows.LEASE

    @rule(worker=workers, has_journal=st.booleans())
    def one_is_silent_for_long(self, worker: Worker, *, has_journal: bool) -> None:
        """Stopped, recovered by a neighbour or from afar, and perhaps awake again later."""
        self.clock.move(rows.LEASE + timedelta(seconds=1))
        read_marks = (lambda: worker.journal) if has_journal else None
        self.database.write(ledger.recover_lapsed, worker.id, read_marks, now=self.clock.now())

    @rule(worker=consumes(workers))
    def one_dies(self, worker: Worker) -> None:
        self.database.write(ledger.recover, worker.id, worker.journal, now=self.clock.now())

    @rule(target=lost_journals, worker=consumes(workers))
    def one_dies_far_away(self, worker: Worker) -> Worker:
        self.database.write(ledger.recover, worker.id, None, now=self.clock.now())
        return worker

    @rule(worker=consumes(lost_journals))
    def a_journal_turns_up(self, worker: Worker) -> None:
        self.database.write(ledger.recover, worker.id, worker.journal, now=self.clock.now())

    # --- an editor -------------------------------------------------------------------

    @rule()
    def failed_ones_are_tried_again(self) -> None:
        now = self.clock.now()
        self.database.write(ledger.retry_failed, self.digest, now=now, not_after=now + rows.LIFE)

    @rule()
    def uncertain_ones_are_sent_again(self) -> None:
        """Whoever was in doubt may now get it twice: that is the editor's choice."""
        now = self.clock.now()
        self.meant.update(self._that_are(DeliveryState.UNCERTAIN))
        self.database.write(
            ledger.resend_uncertain, self.digest, now=now, not_after=now + rows.LIFE
        )

    @rule()
    def uncertain_ones_are_counted_as_sent(self) -> None:
        self.database.write(ledger.take_as_sent, self.digest, now=self.clock.now())

    @rule()
    def time_passes(self) -> None:
        self.clock.move(rows.LEASE / 3)

    # --- what always holds -----------------------------------------------------------

    @invariant()
    def every_recipient_is_accounted_for(self) -> None:
        assert self.database.read(ledger.sums, self.digest).recipients == RECIPIENTS

    @invariant()
    def nobody_gets_more_than_was_meant(self) -> None:
        assert self.reached <= self.meant

    @invariant()
    def nobody_is_said_to_have_what_never_reached_the_relay(self) -> None:
        assert [row for row in self._that_are(DeliveryState.SENT) if not self.reached[row]] == []

    @invariant()
    def tries_are_those_that_were_made(self) -> None:
        tries = {row.id: row.tries for row in self._rows()}
        assert all(tries[row] >= min(self.reached[row], 1) for row in self._settled())

    def _rows(self) -> list[Delivery]:
        return self.database.read(ledger.of_digest, self.digest)

    def _that_are(self, state: DeliveryState) -> list[int]:
        return [
            row.id
            for row in self._rows()
            if row.id is not None and row.state is state and row.reason != BY_EDITOR
        ]

    def _settled(self) -> list[int]:
        return [*self._that_are(DeliveryState.SENT), *self._that_are(DeliveryState.UNCERTAIN)]


@pytest.mark.timeout(240)
def test_every_recipient_is_accounted_for_whatever_happens(database: Database) -> None:
    with database.writing() as session:
        list_id = rows.a_list(session, now=MOMENT)
        people = rows.people(session, RECIPIENTS, now=MOMENT)

    class ThisOffice(Office):
        pass

    ThisOffice.database, ThisOffice.list_id, ThisOffice.people = database, list_id, people
    run_state_machine_as_test(
        ThisOffice,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
