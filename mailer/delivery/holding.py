"""What a worker holds: its lease, the rows it has claimed, and how far each of them came.

Memory and journal are changed together here, so that whatever happens to the process, the
journal tells of every row what memory knew.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mailer.clock import Clock
from mailer.delivery.accounting import Result
from mailer.delivery.lane import Lane
from mailer.delivery.outcome import Verdict
from mailer.delivery.standing import Standing
from mailer.delivery.turns import Parcel, Turn
from mailer.ledger import Journal, Mark


@dataclass
class Holding:
    """One life of a worker. `wanted` is set when a turn at the database is worth while.

    `failure` says why the life must end; from then on nothing more is begun. `changes` counts
    whatever may keep from going what was taken in hand before.
    """

    worker_id: int
    journal: Journal
    lanes: dict[str, Lane]
    clock: Clock
    batch: int
    results: list[Result] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    failure: Exception | None = None
    standing: Standing = field(default_factory=Standing)
    is_leaving: bool = False
    changes: int = 0
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_sending(self) -> bool:
        """Tell whether a message waits to be sent or is on the wire."""
        return any(lane.is_busy for lane in self.lanes.values())

    @property
    def is_busy(self) -> bool:
        """Tell whether anything is claimed and not yet settled."""
        return bool(self.results or self.returned or self.is_sending)

    def room(self) -> dict[str, int]:
        """Give how many rows may be claimed for each route."""
        now = self.clock.boottime()
        return {name: lane.room(now) for name, lane in self.lanes.items()}

    def turned(self, turn: Turn, settled: Sequence[Result], returned: Sequence[int]) -> None:
        """Take over what a committed turn gave, and forget what it settled."""
        del self.results[: len(settled)], self.returned[: len(returned)]
        self.journal.forget([*(one.claimed.id for one in settled), *returned])
        self.journal.claim([one.claimed.id for one in turn.parcels])
        if not turn.standing.allows_what(self.standing):
            self.changes += 1
            for lane in self.lanes.values():
                self.returned += lane.empty(but=lambda one: turn.standing.may_go(one.claimed))
        self.standing = turn.standing
        for name, lane in self.lanes.items():
            lane.put([one for one in turn.parcels if one.claimed.route == name])
        busy = [lane for lane in self.lanes.values() if lane.is_busy]
        if turn.parcels and not any(map(self._calls_for_a_turn, busy)):
            self.wanted.clear()  # what was wanted meanwhile has come

    def begin_dot(self, parcel: Parcel) -> bool:
        """Mark that a message is about to be sent; False when its row is no longer held.

        First the mark, then the look at the lease: who reads the journal under a lapsed lease
        and finds no mark knows that no dot will follow.
        """
        self.journal.mark(parcel.claimed.id, Mark.SENDING)
        return self.failure is None and self.clock.boottime() < self.journal.deadline

    def may_go_on(self, parcel: Parcel, lane: Lane) -> bool:
        """Tell whether a parcel that a sender took ahead may still be sent; see `changes`."""
        stops = self.is_leaving or lane.rests(self.clock.boottime())
        return not stops and self.standing.may_go(parcel.claimed)

    def give_back(self, parcel: Parcel, lane: Lane) -> None:
        """Return a parcel to the queue that was in hand and not begun."""
        self.returned.append(parcel.claimed.id)
        self.out_of_hand(lane)

    def unbegin(self, parcel: Parcel) -> None:
        """Take the mark back of a message of which nothing was sent."""
        self.journal.mark(parcel.claimed.id, Mark.CLAIMED)

    def note(self, result: Result) -> None:
        """Keep how a try ended until the next turn settles it."""
        if not result.reply.in_doubt:
            taken = result.outcome.verdict is Verdict.SENT
            self.journal.mark(result.claimed.id, Mark.ACCEPTED if taken else Mark.CLAIMED)
        self.results.append(result)

    def out_of_hand(self, lane: Lane) -> None:
        """Note that a parcel of a lane has ended, and call for a turn if it is time for one."""
        lane.ended()
        if not self.wanted.is_set() and self._calls_for_a_turn(lane):
            self.wanted.set()

    def _calls_for_a_turn(self, lane: Lane) -> bool:
        enough = self.failure is not None or len(self.results) >= self.batch
        return enough or lane.is_low or not (lane.is_busy or self.is_sending)

    def rests_briefly(self, routes: Collection[str]) -> bool:
        """Tell whether the relay of one of these routes rests, and may be back in a moment."""
        now = self.clock.boottime()
        return any(self.lanes[name].rests_briefly(now) for name in routes)

    def rest(self, lane: Lane) -> None:
        """Leave a relay in peace, and give back what waits for it."""
        self.changes += 1
        lane.rest(self.clock.boottime())
        self.returned += lane.empty()

    def give_up(self, failure: Exception) -> None:
        """End this life: what is on the wire may end, nothing more is begun."""
        self.failure = self.failure or failure
        self.wanted.set()

    def let_go(self) -> None:
        """Drop what waits to be sent; it is still claimed, and goes back when the life ends."""
        self.is_leaving = True
        self.changes += 1
        for lane in self.lanes.values():
            lane.empty()
