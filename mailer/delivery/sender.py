"""A sender: one connection of a route, and one message after the other through it."""

import asyncio
import zlib
from datetime import datetime
from typing import NamedTuple

import structlog

from mailer.delivery import outcome, redirecting
from mailer.delivery.accounting import Result, may_repeat
from mailer.delivery.composing import Composer
from mailer.delivery.holding import Holding
from mailer.delivery.lane import Lane
from mailer.delivery.outcome import TAKEN, Blame, Outcome, Verdict
from mailer.delivery.reply import Reply, Step
from mailer.delivery.transport import Ahead, Connection, Envelope
from mailer.delivery.turns import Parcel
from mailer.errors import NotHeld

BEFORE_RECIPIENT = frozenset(
    {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH, Step.MAIL}
)
"""Up to here a relay speaks about itself and us, and would say the same for anybody."""

log = structlog.get_logger(__name__)


class _Ready(NamedTuple):
    """A parcel in hand, with its message, or why there is none."""

    parcel: Parcel
    envelope: Envelope
    message: bytes | Reply


class Sender:
    """Sends what comes along a lane, until it is cancelled or the worker's life ends."""

    def __init__(self, holding: Holding, lane: Lane, composer: Composer) -> None:
        self._holding = holding
        self._lane = lane
        self._composer = composer
        self._connection = Connection(lane.route)
        self._current: _Ready | None = None
        self._next: _Ready | None = None
        self._changes = 0

    async def run(self) -> None:
        """Send, and give a connection that stays idle back to the relay."""
        try:
            while self._holding.failure is None:
                ready = self._next or await self._take()
                self._next = None
                if ready is None:
                    await self._connection.close()
                else:
                    await self._send(ready)
        finally:
            self._give_back()
            await self._connection.close()

    async def _take(self) -> _Ready | None:
        """Take a parcel in hand; None when none came for long, or when composing broke."""
        parcel = await self._lane.take(self._lane.route.timeouts.idle / 2)
        if parcel is None:
            return None
        try:
            return _Ready(parcel, *await self._composer.compose(parcel))
        except asyncio.CancelledError:
            self._holding.give_back(parcel, self._lane)
            raise
        except Exception as error:
            log.exception("delivery.broke", delivery=parcel.claimed.id)
            self._broke(parcel, error)
        return None

    def _look_ahead(self) -> Ahead | None:
        """Take the next parcel in hand, so that the relay may be asked for it already."""
        if not self._connection.asks_ahead:
            return None
        parcel = self._lane.take_ahead(self._composer.is_ready)
        if parcel is None:
            return None
        try:
            envelope, message = self._composer.at_once(parcel)
        except Exception as error:
            log.exception("delivery.broke", delivery=parcel.claimed.id)
            self._broke(parcel, error)
            return None
        self._next, self._changes = _Ready(parcel, envelope, message), self._holding.changes
        return None if isinstance(message, Reply) else Ahead(envelope, message)

    def _broke(self, parcel: Parcel, error: Exception) -> None:
        """Let go of a parcel whose composing broke; then this life ends."""
        self._holding.give_back(parcel, self._lane)
        self._holding.give_up(error)

    def _give_back(self) -> None:
        """Let go of what was taken ahead: nothing of it has been sent."""
        if self._next is not None:
            self._holding.give_back(self._next.parcel, self._lane)
            self._next = None

    async def _send(self, ready: "_Ready") -> None:
        self._current, reply = ready, ready.message
        try:
            if not isinstance(reply, Reply):
                reply = await self._connection.send(
                    ready.envelope,
                    reply,
                    before_dot=lambda: self._holding.begin_dot(ready.parcel),
                    vouched=True,  # as `Plate.compose` promises
                    ahead=self._look_ahead(),
                    following=self._go_on,
                )
            self._note(self._current.parcel, reply)
        except NotHeld as error:
            self._holding.unbegin(self._current.parcel)
            self._holding.give_up(error)
        except Exception as error:
            # Its row keeps the mark it has; all rows of this life are accounted for by marks.
            log.exception("delivery.broke", delivery=self._current.parcel.claimed.id)
            self._holding.give_up(error)
        finally:
            self._holding.out_of_hand(self._lane)

    def _go_on(self, reply: Reply) -> tuple[bytes, Ahead | None] | None:
        """Note that a message was taken, and give the one ahead, if that may still be sent."""
        current, following = self._current, self._next
        if current is None or following is None or isinstance(following.message, Reply):
            return None
        if self._holding.failure is not None or self._holding.changes != self._changes:
            return None
        self._next = None
        self._note(current.parcel, reply)
        self._holding.out_of_hand(self._lane)
        self._current = following
        ahead = self._look_ahead()
        if not self._holding.begin_dot(following.parcel):
            raise NotHeld("the claim was lost before the dot; nothing of the message was sent")
        return following.message, ahead

    def _note(self, parcel: Parcel, reply: Reply) -> None:
        claimed, now = parcel.claimed, self._holding.clock.now()
        meaning = TAKEN if reply.is_taken else self._read(parcel, reply, now)
        if elsewhere := parcel.redirected_to:
            meaning = redirecting.outcome(meaning, elsewhere)
        self._holding.note(Result(claimed, reply, meaning, now, bool(elsewhere), parcel.detour))
        if meaning is not TAKEN and _is_trouble(reply, meaning):
            self._give_back()
            self._holding.rest(self._lane)
        elif not reply.ours:
            self._lane.is_well()
        if self._next is not None and self._holding.changes != self._changes:
            self._changes = self._holding.changes
            if not self._holding.may_go_on(self._next.parcel, self._lane):
                self._give_back()

    def _read(self, parcel: Parcel, reply: Reply, now: datetime) -> Outcome:
        """Say what a reply means for a parcel."""
        claimed = parcel.claimed
        return outcome.read(
            reply,
            may_repeat=may_repeat(claimed.kind),
            tries=claimed.tries,
            now=now,
            not_after=claimed.not_after,
            jitter=_jitter(claimed.id, claimed.tries),
        )


def _is_trouble(reply: Reply, meaning: Outcome) -> bool:
    """Tell whether the relay would now do the same to any message: then it needs a rest."""
    if reply.in_doubt:
        return True
    if meaning.verdict is not Verdict.DEFERRED:
        return False
    return reply.step in BEFORE_RECIPIENT or meaning.blame is Blame.ROUTE or not meaning.counted


def _jitter(delivery_id: int, tries: int) -> float:
    """Give a number from -1 to 1 that differs by delivery, so that tries spread out."""
    return zlib.crc32(f"{delivery_id}:{tries}".encode()) / 0x7FFFFFFF - 1
