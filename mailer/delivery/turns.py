"""A worker's turns at the database: settle what has ended, claim what is due, in one commit.

Claimed rows are asked once more whether they may be mailed. What cannot go is settled on the
spot; what can becomes a parcel.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog
from sqlmodel import Session

from mailer import ledger, subscribers
from mailer.clock import Clock
from mailer.db import Database
from mailer.db.schema import DeliveryState
from mailer.delivery import accounting, notices, redirecting
from mailer.delivery.accounting import Detour, Pause, Result
from mailer.delivery.fitting import Fitting, render_ahead
from mailer.delivery.pacing import Known, Pacer, fairly
from mailer.delivery.press import Press
from mailer.delivery.standing import Standing, limited, look
from mailer.errors import MailerError
from mailer.ledger import Claimed, Settlement
from mailer.rendering import Plate

if TYPE_CHECKING:
    from mailer.dkim import Signer

RENDER_AGAIN = timedelta(minutes=10)
"""How long a letter waits whose template is broken, before it is rendered again."""

WIDER, SWEEP = 8, 200
"""How many times the room is claimed, up to so many rows, where groups have paces: those that may
not go yet are then out of the way at once, and those there is no room for go back."""

AHEAD = 200
"""Letters looked at before a turn, so that they are rendered outside its transaction."""

log = structlog.get_logger(__name__)


class Parcel(NamedTuple):
    """A claimed row with what it takes to send it: a tuple, since each message has one.

    Its `signer` is that of the turn that claimed it: should the next key not be opened here, what
    is in hand still goes, and only what is claimed from then on waits.
    """

    claimed: Claimed
    plate: Plate
    press: Press
    signer: "Signer | None" = None
    detour: Detour | None = None

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

    @property
    def is_signed(self) -> bool:
        """Tell whether we sign this message: composing it is then work for a thread."""
        return self.signer is not None

    def compose(self) -> bytes:
        """Give the whole message: the same bytes at every try."""
        return self.press.compose(self.claimed, self.plate, self.signer)


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
        self._routes = press.settings.all_routes()
        self._limited = limited(self._routes)
        # What is redirected goes to one address, whoever it is for.
        self._pacer = Pacer({} if press.redirect_to else self._routes)
        self._life = timedelta(hours=press.settings.delivery.digest_give_up_hours)

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
        if results or returned:
            paces = self._prepare(room, now)
        else:
            standing, is_due = self._look(room, now)
            if not is_due:
                return Turn(standing=standing)
            paces = standing.paces
        with self._database.writing() as session:
            locked = self._lock(session, paces, results)
            self._account(session, worker_id, results, paces)
            if returned:
                ledger.give_back(session, worker_id, returned)
            # A pace that another worker began in this moment counts from the next turn on.
            standing = self._standing(session, room, now).counting(locked)
            claimed, detours = _claim(session, worker_id, standing, now)
            claimed = self._lengthen(session, claimed, standing, now)
            going = self._sift(session, worker_id, claimed, standing, detours, now)
            parcels = self._sort(session, worker_id, fairly(going), detours, now)
        return Turn(parcels, standing, is_idle=not (claimed or results or returned))

    def settle(self, worker_id: int, results: Sequence[Result]) -> None:
        """Settle what ended, and claim nothing more."""
        if results:
            with self._database.reading() as session:
                paces = self._pacer.look(session, now=self._clock.now())
            with self._database.writing() as session:
                self._lock(session, paces, results)
                self._account(session, worker_id, results, paces)

    def _prepare(self, room: Mapping[str, int], now: datetime) -> Known:
        """Render letters that may be claimed; give the paces. For a turn that writes anyway."""
        with self._database.reading() as session:
            if any(room.values()):
                letters = ledger.letters_due(session, self._routes, limit=AHEAD, now=now)
                render_ahead(session, self._press, letters)
            return self._pacer.look(session, now=now)

    def _look(self, room: Mapping[str, int], now: datetime) -> tuple[Standing, bool]:
        """Give what may be sent, and tell whether any of it is due; render its letters."""
        with self._database.reading() as session:
            standing = self._standing(session, room, now)
            free = {home for home, way in standing.ways.items() if standing.room[way].letters > 0}
            letters = ledger.letters_due(session, free, limit=AHEAD, now=now)
            render_ahead(session, self._press, letters)
            digests = (
                digest
                for digest, going in standing.digests.items()
                if standing.room[going.route].digests > 0
            )
            is_due = bool(letters) or any(ledger.is_due(session, one, now=now) for one in digests)
        return standing, is_due

    def _standing(self, session: Session, room: Mapping[str, int], now: datetime) -> Standing:
        return look(session, self._routes, room, self._pacer, now=now, life_of=self._life)

    def _lock(self, session: Session, paces: Known, results: Sequence[Result]) -> frozenset[str]:
        """Lock the routes of which anything is counted that workers share; give them."""
        locked = self._limited | paces.routes | self._pacer.teaching(results)
        ledger.lock_routes(session, locked)
        return locked

    def _account(
        self, session: Session, worker_id: int, results: Sequence[Result], paces: Known
    ) -> None:
        for stop in accounting.settle(session, worker_id, results, self._routes):
            if isinstance(stop, Pause):
                log.warning("route.paused", route=stop.route, why=stop.reason)
                notices.route_paused(session, self._press, stop, now=self._clock.now())
            else:
                log.warning("route.rests", route=stop.route, why=stop.reason)
        for halt in self._pacer.learn(session, paces, results):
            log.warning("group.stopped", route=halt.route, group=halt.group, why=halt.reason)
            notices.group_stopped(session, self._press, halt, now=self._clock.now())

    def _lengthen(
        self, session: Session, claimed: Sequence[Claimed], standing: Standing, now: datetime
    ) -> list[Claimed]:
        """Give rows the time that their digest or their route has taken from them."""
        lengthened, longer = [], defaultdict(list)
        for one in claimed:
            last = one.not_after
            if last <= now:
                last = standing.last_moment(one, now, self._life)
            if last == one.not_after:
                lengthened.append(one)
            else:
                longer[last].append(one.id)
                lengthened.append(one._replace(not_after=last))
        for last, ids in longer.items():
            ledger.wait_longer(session, ids, last)
        return lengthened

    def _sift(
        self,
        session: Session,
        worker_id: int,
        claimed: Sequence[Claimed],
        standing: Standing,
        detours: Mapping[int, Detour],
        now: datetime,
    ) -> list[Claimed]:
        """Give what may go at the pace of its group; what may not waits, and is meant for home."""
        going = self._pacer.sift(
            session, worker_id, claimed, standing.paces, standing.room, now=now
        )
        kept = {one.id for one in going}
        homes = defaultdict(list)
        for row, detour in detours.items():
            if row not in kept:
                homes[detour.home].append(row)
        for home, ids in sorted(homes.items()):
            ledger.take_over(session, ids, home)
        return going

    def _sort(
        self,
        session: Session,
        worker_id: int,
        claimed: Sequence[Claimed],
        detours: Mapping[int, Detour],
        now: datetime,
    ) -> tuple[Parcel, ...]:
        """Make parcels of what may go, and settle what may not."""
        if not claimed:
            return ()
        claimed = subscribers.follow(session, claimed, now=now)
        refused = subscribers.may_not_be_mailed(session, claimed, now=now)
        spare = self._not_mailed(session, claimed)
        self._press.signers.renew(session)
        fitting = Fitting(session, self._press, now)
        parcels, settled = [], []
        for one in claimed:
            if one.id in refused or one.id in spare or not one.address or one.not_after <= now:
                settled.append(_ended(one, refused.get(one.id), now))
                continue
            try:
                plate, signer = fitting.ready(one)
                parcels.append(Parcel(one, plate, self._press, signer, detours.get(one.id)))
            except MailerError as error:
                settled.append(_unready(one, error, now))
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


def _claim(
    session: Session, worker_id: int, standing: Standing, now: datetime
) -> tuple[list[Claimed], dict[int, Detour]]:
    """Claim letters first, then digests, which share what room is left on their route.

    Also give which rows take another route than they were meant to.
    """
    claimed: list[Claimed] = []
    detours: dict[int, Detour] = {}

    def take(route: str, home: str, some: list[Claimed]) -> int:
        claimed.extend(_by(session, route, some))
        if route != home:
            detour = Detour(home, standing.detours[home])
            detours.update((one.id, detour) for one in some)
        return len(some)

    for route in sorted(standing.routes):
        room = standing.room[route]
        letters = 0
        for home in standing.homes(route):
            if (free := room.letters - letters) > 0:
                some = ledger.claim_letters(session, worker_id, home, limit=free, now=now)
                letters += take(route, home, some)
        free = room.digests - letters
        if standing.paces.sorts(route):
            free = max(free, min(WIDER * free, SWEEP))
        mine = sorted(digest for digest, going in standing.digests.items() if going.route == route)
        for left, digest in zip(range(len(mine), 0, -1), mine, strict=True):
            if free > 0:
                share = -(-free // left)
                some = ledger.claim_digest(session, worker_id, digest, limit=share, now=now)
                free -= take(route, standing.digests[digest].home, some)
    return claimed, detours


def _by(session: Session, route: str, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Let rows go by the route that is taken now, whatever it was before."""
    strangers = [one.id for one in claimed if one.route != route]
    if not strangers:
        return list(claimed)
    ledger.take_over(session, strangers, route)
    return [one._replace(route=route) for one in claimed]


def _ended(one: Claimed, refused: tuple[str, str] | None, now: datetime) -> Settlement:
    """Give how a row ends that must not be sent."""
    if refused:
        state, reason = refused
        return _without_a_try(one, DeliveryState(state), reason, now)
    if not one.address:
        return _without_a_try(one, DeliveryState.WITHDRAWN, "erased before it was sent", now)
    if one.not_after > now:
        return _without_a_try(one, DeliveryState.WITHDRAWN, redirecting.NOT_MAILED, now)
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
