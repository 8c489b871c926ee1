"""Composing what a lane sends: at once, or ahead and by threads where we sign it.

A signature takes longer than all else of a message together, but not in Python: threads make
them beside the loop that sends, several at a time, for a hop to a thread costs something too.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import structlog

from mailer.delivery.lane import Lane
from mailer.delivery.reply import Reply, Step, own
from mailer.delivery.transport import Envelope
from mailer.delivery.turns import Parcel
from mailer.errors import MailerError

TOGETHER = 8
"""Signed messages that a thread composes at a time."""

Composed = tuple[Envelope, bytes | Reply]
"""A message as it goes out, or a refusal of our own that says why there is none."""

log = structlog.get_logger(__name__)


class Composer:
    """Composes the parcels of a lane; signed ones by `threads` threads of an executor."""

    def __init__(self, lane: Lane, executor: Executor, threads: int) -> None:
        self._lane = lane
        self._executor = executor
        self._threads = threads
        self._busy = 0
        # By the identity of the parcel, which is kept beside it: a row that comes again may
        # have become another message.
        self._ahead: dict[int, tuple[Parcel, asyncio.Future[Composed]]] = {}

    def is_ready(self, parcel: Parcel) -> bool:
        """Tell whether `at_once` can give a parcel's message."""
        if parcel.signer is None:
            return True
        self._look_ahead()
        found = self._ahead.get(id(parcel))
        return found is not None and found[1].done()

    def at_once(self, parcel: Parcel) -> Composed:
        """Give the message of a parcel that is ready. Raises what broke."""
        if parcel.signer is None:
            return _composed(parcel)
        return self._ahead.pop(id(parcel))[1].result()

    async def compose(self, parcel: Parcel) -> Composed:
        """Give the message of a parcel that is in hand. Raises what broke."""
        if parcel.signer is None:
            return _composed(parcel)
        if id(parcel) not in self._ahead:
            self._begin([parcel])
        _, message = self._ahead.pop(id(parcel))
        self._look_ahead()
        return await message

    def _look_ahead(self) -> None:
        """Let idle threads begin with what the lane will send next."""
        if self._busy >= self._threads:
            return
        wanted = [
            one
            for one in self._lane.next(TOGETHER * (self._threads + 1))
            if one.signer is not None and id(one) not in self._ahead
        ]
        while wanted and self._busy < self._threads:
            self._begin(wanted[:TOGETHER])
            del wanted[:TOGETHER]

    def _begin(self, parcels: Sequence[Parcel]) -> None:
        """Let a thread compose some parcels; forget the oldest that nobody came for."""
        loop = asyncio.get_running_loop()
        messages = [loop.create_future() for _ in parcels]
        self._ahead |= {
            id(parcel): (parcel, message) for parcel, message in zip(parcels, messages, strict=True)
        }
        for oldest in list(self._ahead)[: -2 * TOGETHER * (self._threads + 1)]:
            del self._ahead[oldest]
        self._busy += 1
        done = loop.run_in_executor(self._executor, _all_composed, parcels)
        done.add_done_callback(lambda done: self._end(done, messages))

    def _end(
        self,
        done: "asyncio.Future[list[Composed | Exception]]",
        messages: "Sequence[asyncio.Future[Composed]]",
    ) -> None:
        self._busy -= 1
        if done.cancelled():
            for message in messages:
                message.cancel()
            return
        for message, composed in zip(messages, done.result(), strict=True):
            if message.cancelled():
                continue
            if isinstance(composed, Exception):
                message.set_exception(composed)
                message.exception()  # nobody may come for it, and then it needs no telling
            else:
                message.set_result(composed)


def _all_composed(parcels: Sequence[Parcel]) -> list[Composed | Exception]:
    done: list[Composed | Exception] = []
    for parcel in parcels:
        try:
            done.append(_composed(parcel))
        except Exception as error:  # noqa: BLE001  (raised again where its message is asked for)
            done.append(error)
    return done


def _composed(parcel: Parcel) -> Composed:
    envelope = Envelope(parcel.return_path, parcel.recipient)
    try:
        return envelope, parcel.compose()
    except MailerError as error:
        why = str(error)
    except Exception as error:
        log.exception("delivery.composing", delivery=parcel.claimed.id)
        why = f"it could not be composed ({type(error).__name__})"
    return envelope, own(Step.MAIL, 554, "5.6.0", f"not sent: {why}")
