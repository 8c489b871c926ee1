"""A sender: one connection of a route, and one message after the other through it."""

import asyncio
import zlib
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from mailer.delivery import outcome, redirecting
from mailer.delivery.accounting import Result, may_repeat
from mailer.delivery.holding import Holding
from mailer.delivery.lane import Lane
from mailer.delivery.outcome import Blame, Outcome, Verdict
from mailer.delivery.reply import Reply, Step, own
from mailer.delivery.transport import Ahead, Connection, Envelope
from mailer.delivery.turns import Parcel
from mailer.errors import MailerError, NotHeld

BEFORE_RECIPIENT = frozenset(
    {Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH, Step.MAIL}
)
"""Up to here a relay speaks about itself and us, and would say the same for anybody."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A parcel in hand, with its message, or why there is none."""

    parcel: Parcel
    envelope: Envelope
    message: bytes | Reply


class Sender:
    """Sends what comes along a lane, until it is cancelled or the worker's life ends.

    What we sign is composed by `composers`: a signature takes longer than all else together, and
    meanwhile the others can go on.
    """

    def __init__(self, holding: Holding, lane: Lane, composers: Executor) -> None:
        self._holding = holding
        self._lane = lane
        self._composers = composers
        self._connection = Connection(lane.route)
        self._next: _Ready | None = None

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

    async def _take(self) -> "_Ready | None":
        parcel = await self._lane.take(self._lane.route.timeouts.idle / 2)
        return await self._compose(parcel) if parcel else None

    async def _look_ahead(self) -> Ahead | None:
        """Take the next parcel in hand, so that the relay may be asked for it already."""
        parcel = self._lane.take_ahead() if self._connection.asks_ahead else None
        self._next = await self._compose(parcel) if parcel else None
        if self._next is None or isinstance(self._next.message, Reply):
            return None
        return Ahead(self._next.envelope, self._next.message)

    async def _compose(self, parcel: Parcel) -> "_Ready | None":
        """Compose a parcel in hand; None when even that broke, and then this life ends."""
        try:
            envelope = Envelope(parcel.return_path, parcel.recipient)
            if parcel.is_signed:
                loop = asyncio.get_running_loop()
                message = await loop.run_in_executor(self._composers, _composed, parcel)
            else:
                message = _composed(parcel)
        except BaseException as error:
            self._holding.give_back(parcel, self._lane)
            if not isinstance(error, Exception):
                raise
            log.exception("delivery.broke", delivery=parcel.claimed.id)
            self._holding.give_up(error)
            return None
        return _Ready(parcel, envelope, message)

    def _give_back(self) -> None:
        """Let go of what was taken ahead: nothing of it has been sent."""
        if self._next is not None:
            self._holding.give_back(self._next.parcel, self._lane)
            self._next = None

    async def _send(self, ready: "_Ready") -> None:
        parcel = ready.parcel
        try:
            reply = await self._try(ready)
            self._note(parcel, reply)
        except NotHeld as error:
            self._holding.unbegin(parcel)
            self._holding.give_up(error)
        except Exception as error:
            # Its row keeps the mark it has; all rows of this life are accounted for by marks.
            log.exception("delivery.broke", delivery=parcel.claimed.id)
            self._holding.give_up(error)
        finally:
            self._holding.out_of_hand(self._lane)

    async def _try(self, ready: "_Ready") -> Reply:
        if isinstance(ready.message, Reply):
            return ready.message
        return await self._connection.send(
            ready.envelope,
            ready.message,
            before_dot=lambda: self._holding.begin_dot(ready.parcel),
            vouched=True,  # as `Plate.compose` promises
            ahead=await self._look_ahead(),
        )

    def _note(self, parcel: Parcel, reply: Reply) -> None:
        claimed, now = parcel.claimed, self._holding.clock.now()
        meaning = outcome.read(
            reply,
            may_repeat=may_repeat(claimed.kind),
            tries=claimed.tries,
            now=now,
            not_after=claimed.not_after,
            jitter=_jitter(claimed.id, claimed.tries),
        )
        if parcel.redirected_to:
            meaning = redirecting.outcome(meaning, parcel.redirected_to)
        is_copy = bool(parcel.redirected_to)
        self._holding.note(Result(claimed, reply, meaning, now, is_copy, parcel.detour))
        if _is_trouble(reply, meaning):
            self._give_back()
            self._holding.rest(self._lane)
        elif not reply.ours:
            self._lane.is_well()
        if self._next is not None and not self._holding.may_go_on(self._next.parcel, self._lane):
            self._give_back()


def _composed(parcel: Parcel) -> bytes | Reply:
    """Give the whole message, or a refusal of our own that says why there is none."""
    try:
        return parcel.compose()
    except MailerError as error:
        why = str(error)
    except Exception as error:
        log.exception("delivery.composing", delivery=parcel.claimed.id)
        why = f"it could not be composed ({type(error).__name__})"
    return own(Step.MAIL, 554, "5.6.0", f"not sent: {why}")


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
