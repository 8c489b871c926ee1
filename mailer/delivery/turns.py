"""A worker's turns at the database: settle what has ended, claim what is due, in one commit.

Claimed rows are asked once more whether they may be mailed, and letters get the edition that
they keep through every retry. What cannot go is settled on the spot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from sqlmodel import Session

from mailer import ledger, lists, subscribers
from mailer.clock import Clock
from mailer.db import Database
from mailer.db.schema import DeliveryState, DigestState
from mailer.delivery import accounting, notices, routes
from mailer.delivery.accounting import Result
from mailer.delivery.press import Parcel, Press
from mailer.digests import life
from mailer.errors import MailerError
from mailer.ledger import Claimed, Settlement

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn gave: new parcels, and which digests and routes may send now."""

    parcels: tuple[Parcel, ...] = ()
    digests: frozenset[int] = frozenset()
    routes: frozenset[str] = frozenset()
    settled: int = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether there was nothing to do."""
        return not self.parcels and not self.settled

    def may_go(self, parcel: Parcel) -> bool:
        """Tell whether what was claimed earlier may still be sent."""
        claimed = parcel.claimed
        active = claimed.digest_id is None or claimed.digest_id in self.digests
        return active and claimed.route in self.routes


class Turns:
    """Takes turns for the engine of one process; `state` is where its journals are."""

    def __init__(self, database: Database, clock: Clock, press: Press, state: Path) -> None:
        self._database = database
        self._clock = clock
        self._press = press
        self.state = state

    def take(
        self,
        worker_id: int,
        results: Sequence[Result],
        returned: Sequence[int],
        room: Mapping[str, int],
        *,
        now: datetime,
    ) -> Turn:
        """Settle, give back, and claim up to `room` rows for each route."""
        with self._database.writing() as session:
            self._account(session, worker_id, results)
            if returned:
                ledger.give_back(session, worker_id, returned)
            usable = frozenset(room) - routes.paused(session)
            digests = self._sending(session, usable)
            claimed = self._claim(session, worker_id, digests, room, usable, now)
            ready, refused = self._sort(session, claimed, now)
            ledger.settle(session, worker_id, refused)
        return Turn(
            parcels=tuple(self._press.parcel_of(*one) for one in ready),
            digests=frozenset(digests),
            routes=usable,
            settled=len(results) + len(refused) + len(returned),
        )

    def settle(self, worker_id: int, results: Sequence[Result]) -> None:
        """Settle what ended, and claim nothing more."""
        with self._database.writing() as session:
            self._account(session, worker_id, results)

    def _account(self, session: Session, worker_id: int, results: Sequence[Result]) -> None:
        for pause in accounting.settle(session, worker_id, results):
            log.warning("route.paused", route=pause.route, why=pause.reason)
            notices.route_paused(session, self._press, pause, now=self._clock.now())

    def _sending(self, session: Session, usable: frozenset[str]) -> dict[int, str]:
        """Give the digests that are being sent by a usable route, with that route."""
        digests = {}
        for digest in life.in_state(session, DigestState.SENDING):
            route = lists.card(session, digest.list_id).sender.route
            if route in usable and digest.id is not None:
                digests[digest.id] = route
        return digests

    def _claim(
        self,
        session: Session,
        worker_id: int,
        digests: Mapping[int, str],
        room: Mapping[str, int],
        usable: frozenset[str],
        now: datetime,
    ) -> list[Claimed]:
        """Claim letters first, then digests, which share what room is left on their route."""
        claimed: list[Claimed] = []
        for route in sorted(usable):
            free = room[route]
            if free > 0:
                letters = ledger.claim_letters(session, worker_id, route, limit=free, now=now)
                claimed += letters
                free -= len(letters)
            mine = [digest_id for digest_id, its in digests.items() if its == route]
            for left, digest_id in zip(range(len(mine), 0, -1), mine, strict=True):
                if free <= 0:
                    break
                share = -(-free // left)
                some = ledger.claim_digest(session, worker_id, digest_id, limit=share, now=now)
                claimed += some
                free -= len(some)
        return claimed

    def _sort(
        self, session: Session, claimed: Sequence[Claimed], now: datetime
    ) -> tuple[list["_Ready"], list[Settlement]]:
        """Part what may go, with its edition, from what is settled without being sent."""
        refused = subscribers.may_not_be_mailed(session, claimed)
        ready, settled = [], []
        for one in claimed:
            if one.id in refused:
                state, reason = refused[one.id]
                settled.append(_ended(one, DeliveryState(state), reason, now))
            elif one.not_after <= now:
                settled.append(_expired(one, now))
            else:
                try:
                    ready.append((one, self._press.edition_of(session, one, now=now)))
                except MailerError as error:
                    log.exception("delivery.rendering", delivery=one.id)
                    settled.append(_held(one, str(error), now))
        return ready, settled


_Ready = tuple[Claimed, int]


def _ended(one: Claimed, state: DeliveryState, reason: str, now: datetime) -> Settlement:
    return Settlement(one.id, state, now, counted=False, reason=reason)


def _expired(one: Claimed, now: datetime) -> Settlement:
    """Settle one whose last moment has passed: failed when it was tried, else withdrawn."""
    if one.tries:
        return _ended(one, DeliveryState.FAILED, "no time left to try again", now)
    return _ended(one, DeliveryState.WITHDRAWN, "too late to be sent", now)


def _held(one: Claimed, why: str, now: datetime) -> Settlement:
    return _ended(one, DeliveryState.QUEUED, f"cannot be rendered: {why}"[:500], now)
