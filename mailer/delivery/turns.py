"""A worker's turns at the database: settle what has ended, claim what is due, in one commit.

Claimed rows are asked once more whether they may be mailed. What cannot go is settled on the
spot; what can becomes a parcel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from mailer import ledger, lists, subscribers
from mailer.clock import Clock
from mailer.db import Database
from mailer.db.schema import DeliveryState, DigestState
from mailer.delivery import accounting, notices, redirecting, routes
from mailer.delivery.accounting import Result
from mailer.delivery.fitting import Fitting, render_ahead
from mailer.delivery.press import Plate, Press
from mailer.digests import life
from mailer.errors import MailerError
from mailer.ledger import Claimed, Settlement

RENDER_AGAIN = timedelta(minutes=10)
"""How long a letter waits whose template is broken, before it is rendered again."""

AHEAD = 200
"""Letters looked at before a turn, so that they are rendered outside its transaction."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed row with what it takes to send it."""

    claimed: Claimed
    plate: Plate
    press: Press

    @property
    def return_path(self) -> str:
        """Give the address in MAIL FROM."""
        return self.press.return_path(self.claimed, self.plate)

    @property
    def recipient(self) -> str:
        """Give the address in RCPT TO."""
        return self.press.recipient(self.claimed)

    @property
    def redirected_to(self) -> str:
        """Give the address that gets this message in its reader's place; empty for none."""
        return self.press.redirect_to

    def compose(self) -> bytes:
        """Give the whole message: the same bytes at every try."""
        return self.press.compose(self.claimed, self.plate)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which routes are in use, and which digests are being sent, each with its route."""

    routes: frozenset[str] = frozenset()
    digests: Mapping[int, str] = field(default_factory=dict)

    def may_go(self, claimed: Claimed) -> bool:
        """Tell whether what was claimed earlier may still be sent."""
        is_active = claimed.digest_id is None or claimed.digest_id in self.digests
        return is_active and claimed.route in self.routes


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn gave: new parcels, and what may be sent now."""

    parcels: tuple[Parcel, ...] = ()
    standing: Standing = field(default_factory=Standing)
    is_idle: bool = True


class Turns:
    """Takes turns for the engine of one process."""

    def __init__(self, database: Database, clock: Clock, press: Press) -> None:
        self._database = database
        self._clock = clock
        self._press = press

    def take(
        self,
        worker_id: int,
        results: Sequence[Result],
        returned: Sequence[int],
        room: Mapping[str, int],
        *,
        now: datetime,
    ) -> Turn:
        """Settle, give back, and claim up to `room` rows for each route.

        Writes nothing when there is nothing to do, so that an idle worker is in nobody's way.
        """
        standing, is_due = self._look(room, now)
        if not (is_due or results or returned):
            return Turn(standing=standing)
        with self._database.writing() as session:
            self._account(session, worker_id, results)
            if returned:
                ledger.give_back(session, worker_id, returned)
            standing = _standing(session, room)
            claimed = _claim(session, worker_id, standing, room, now)
            parcels = self._sort(session, worker_id, claimed, now)
        return Turn(parcels, standing, is_idle=not (claimed or results or returned))

    def settle(self, worker_id: int, results: Sequence[Result]) -> None:
        """Settle what ended, and claim nothing more."""
        if results:
            with self._database.writing() as session:
                self._account(session, worker_id, results)

    def _look(self, room: Mapping[str, int], now: datetime) -> tuple[Standing, bool]:
        """Give what may be sent, and tell whether any of it is due; render its letters."""
        with self._database.reading() as session:
            standing = _standing(session, room)
            free = {route for route in standing.routes if room[route] > 0}
            letters = ledger.letters_due(session, free, limit=AHEAD, now=now)
            render_ahead(session, self._press, letters)
            digests = (digest for digest, route in standing.digests.items() if route in free)
            is_due = bool(letters) or any(ledger.is_due(session, one, now=now) for one in digests)
        return standing, is_due

    def _account(self, session: Session, worker_id: int, results: Sequence[Result]) -> None:
        for pause in accounting.settle(session, worker_id, results):
            log.warning("route.paused", route=pause.route, why=pause.reason)
            notices.route_paused(session, self._press, pause, now=self._clock.now())

    def _sort(
        self, session: Session, worker_id: int, claimed: Sequence[Claimed], now: datetime
    ) -> tuple[Parcel, ...]:
        """Make parcels of what may go, and settle what may not."""
        refused = subscribers.may_not_be_mailed(session, claimed, now=now)
        fitting = Fitting(session, self._press, now)
        parcels, settled = [], []
        spare = self._not_mailed(session, claimed)
        for one in claimed:
            ended = _ended(one, refused.get(one.id), now)
            if ended is None and one.id in spare:
                ended = _without_a_try(one, DeliveryState.WITHDRAWN, redirecting.NOT_MAILED, now)
            if ended is None:
                try:
                    parcels.append(Parcel(one, fitting.plate(one), self._press))
                except MailerError as error:
                    ended = _unready(one, error, now)
            if ended is not None:
                settled.append(ended)
        fitting.keep()
        ledger.settle(session, worker_id, settled)
        for kind, why in fitting.broken.items():
            notices.cannot_render(session, self._press, kind, why, now=now)
        return tuple(parcels)

    def _not_mailed(self, session: Session, claimed: Sequence[Claimed]) -> set[int]:
        """Give the rows of which not even a copy goes, where all mail is redirected."""
        spare: set[int] = set()
        if not self._press.redirect_to:
            return spare
        for digest_id in {one.digest_id for one in claimed} - {None}:
            mine = [one.id for one in claimed if one.digest_id == digest_id]
            gone = redirecting.copies(session, digest_id or 0, set(mine))
            spare.update(mine[max(redirecting.AT_MOST - gone, 0) :])
        return spare


def _standing(session: Session, known: Mapping[str, int]) -> Standing:
    usable = frozenset(known) - routes.paused(session)
    digests = {}
    for digest in life.in_state(session, DigestState.SENDING):
        route = lists.card(session, digest.list_id).sender.route
        if route in usable and digest.id is not None:
            digests[digest.id] = route
    return Standing(usable, digests)


def _claim(
    session: Session, worker_id: int, standing: Standing, room: Mapping[str, int], now: datetime
) -> list[Claimed]:
    """Claim letters first, then digests, which share what room is left on their route."""
    claimed: list[Claimed] = []
    for route in sorted(standing.routes):
        free = room[route]
        if free > 0:
            letters = ledger.claim_letters(session, worker_id, route, limit=free, now=now)
            claimed += letters
            free -= len(letters)
        mine = sorted(digest for digest, its in standing.digests.items() if its == route)
        for left, digest in zip(range(len(mine), 0, -1), mine, strict=True):
            if free > 0:
                share = -(-free // left)
                some = ledger.claim_digest(session, worker_id, digest, limit=share, now=now)
                claimed += _by(session, route, some)
                free -= len(some)
    return claimed


def _by(session: Session, route: str, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Let rows of a digest go by the route that its list has now, whatever it was before."""
    strangers = [one.id for one in claimed if one.route != route]
    if strangers:
        ledger.take_over(session, strangers, route)
    return [replace(one, route=route) for one in claimed]


def _ended(one: Claimed, refused: tuple[str, str] | None, now: datetime) -> Settlement | None:
    """Give how a row ends that must not be sent, or None."""
    if refused:
        state, reason = refused
        return _without_a_try(one, DeliveryState(state), reason, now)
    if not one.address:
        return _without_a_try(one, DeliveryState.WITHDRAWN, "erased before it was sent", now)
    if one.not_after > now:
        return None
    if one.tries:
        return _without_a_try(one, DeliveryState.FAILED, "no time left to try again", now)
    return _without_a_try(one, DeliveryState.WITHDRAWN, "too late to be sent", now)


def _without_a_try(one: Claimed, state: DeliveryState, reason: str, now: datetime) -> Settlement:
    return Settlement(one.id, state, now, counted=False, reason=reason)


def _unready(one: Claimed, error: MailerError, now: datetime) -> Settlement:
    """Let a letter wait that cannot be made; the next try finds the template mended, or not."""
    return Settlement(
        one.id,
        DeliveryState.QUEUED,
        now,
        due_at=now + RENDER_AGAIN,
        reason=f"cannot be made: {error}"[:500],
    )
