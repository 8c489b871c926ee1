"""What a route was used for counts as a relay counts, whatever becomes of the workers."""

import random
from datetime import datetime, timedelta

import pytest

from mailer import ledger
from mailer.db import Database
from mailer.db.schema import DeliveryState, RouteUse
from mailer.ledger import Claimed, Settlement, Window
from tests import rows
from tests.conftest import MOMENT

LEASE = timedelta(days=2)
LIMITS = {Window.MINUTE: 12, Window.HOUR: 90}


class Hand:
    """A worker by hand: it claims what is left, sends late, settles later, and may die."""

    def __init__(self, database: Database, digest: int, chance: random.Random) -> None:
        self._database = database
        self._digest = digest
        self._chance = chance
        self._held: list[Claimed] = []
        self._sent: list[Claimed] = []
        self._worker = 0

    def claim(self, now: datetime) -> None:
        with self._database.writing() as session:
            if not self._worker:
                self._worker = ledger.register(
                    session, host="a", boot="b", pid=1, now=now, lease=LEASE
                )
            ledger.lock_routes(session, ["smtp"])
            used = ledger.used(session, "smtp", now=now)
            free = min(limit - used.within(window) for window, limit in LIMITS.items())
            if free > 0:
                self._held += ledger.claim_digest(
                    session, self._worker, self._digest, limit=free, now=now
                )

    def send(self) -> int:
        """Have the relay take some, as it counts them."""
        count = self._chance.randint(0, len(self._held))
        self._sent += self._held[:count]
        del self._held[:count]
        return count

    def settle(self, now: datetime) -> None:
        ended = [Settlement(one.id, DeliveryState.SENT, now) for one in self._sent]
        with self._database.writing() as session:
            ledger.settle(session, self._worker, ended)
            ledger.note_uses(session, {"smtp": len(ended)}, at=now)
        self._sent.clear()

    def die(self, now: datetime) -> None:
        """Die, and be recovered without a trace of how far it came."""
        self._database.write(ledger.recover, self._worker, None, now=now)
        self._held, self._sent, self._worker = [], [], 0


@pytest.mark.parametrize("seed", range(3))
def test_no_window_of_the_relay_ever_holds_more_than_its_limit(
    database: Database, seed: int
) -> None:
    # Given two workers who claim, send and settle as it comes, and sometimes die
    chance = random.Random(seed)
    digest, _ = rows.a_queued_digest(database, 600, now=MOMENT)
    hands = [Hand(database, digest, chance) for _ in range(2)]
    seen: list[datetime] = []
    now = MOMENT
    for _ in range(120):
        now += timedelta(seconds=chance.choice([0.2, 1, 3, 20, 45, 600]))
        hand = chance.choice(hands)
        hand.claim(now)
        now += timedelta(seconds=chance.choice([0, 0.5, 10, 50]))
        seen += [now] * hand.send()
        now += timedelta(seconds=chance.choice([0, 0.5, 10]))
        if chance.random() < 0.1:
            hand.die(now)
        else:
            hand.settle(now)

    # Then whatever minute or hour the relay looks back over, it has seen no more than its limit
    assert len(seen) > 60
    for window, limit in LIMITS.items():
        for at in seen:
            assert sum(at - ledger.LENGTHS[window] < one <= at for one in seen) <= limit


def test_what_no_window_holds_is_forgotten(database: Database) -> None:
    database.write(ledger.note_uses, {"smtp": 3}, at=MOMENT)

    database.write(ledger.forget_uses, now=MOMENT + timedelta(hours=2))
    used = database.read(ledger.used, "smtp", now=MOMENT + timedelta(hours=2))
    assert [used.within(window) for window in Window] == [0, 0, 3]

    database.write(ledger.forget_uses, now=MOMENT + timedelta(days=2))
    with database.reading() as session:
        assert session.get(RouteUse, ("smtp", "day", MOMENT)) is None
