"""The engine: claims rows, keeps connections busy, settles what came of it. One per process.

It lives one or more lives, each registered as a worker with a lease and a journal. In a life
one loop takes turns at the database, and senders, as many as a route has connections, send
what was claimed. When anything goes wrong with the database or the lease, the life ends and
the next begins; so whatever happens, every row it held can be accounted for.
"""

import asyncio
import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from mailer import ledger
from mailer.clock import Clock
from mailer.db import Database
from mailer.delivery.composing import Composer
from mailer.delivery.holding import Holding
from mailer.delivery.lane import Lane
from mailer.delivery.route import Route, trust
from mailer.delivery.sender import Sender
from mailer.delivery.turns import Turn, Turns
from mailer.errors import MailerError, NotHeld
from mailer.ledger import Journal, Recovered, boot_id

IDLE_SECONDS = 0.5
"""How long a worker with nothing to do waits before it looks again."""

BUSY_SECONDS = 0.5
"""How long outcomes may wait for company before they are committed."""

APART_SECONDS = 0.05
"""Turns begin at least so far apart: what comes one by one is claimed and settled in company."""

RETRY_SECONDS = 2
"""How long to wait for a database that does not answer."""

RENEWALS = 4
"""Renewals of a lease within its length: three may fail in a row."""

THREADS = 2
"""One for turns, one for the lease: neither ever waits for the other, or for a tick."""

COMPOSERS = os.cpu_count() or 1
"""Threads that compose what we sign."""

R = TypeVar("R")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The engine's numbers, from the settings."""

    lease: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=60)
    batch: int = 3000


class Engine:
    """Sends what the ledger holds until it is told to stop, or (`once`) until nothing is due."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        turns: Turns,
        routes: dict[str, Route],
        pacing: Pacing,
        state: Path,
    ) -> None:
        """Make ready; journals go to the folder `state`.

        Raises ConfigError for a CA file that cannot be used.
        """
        for route in routes.values():
            trust(route)
        self._database = database
        self._clock = clock
        self._turns = turns
        self._routes = routes
        self._pacing = pacing
        self._state = state
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="engine")
        self._composers = ThreadPoolExecutor(COMPOSERS, thread_name_prefix="composing")

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Work until `stop` is set; what was begun is finished within the grace.

        With `once`, raises what kept it from working; otherwise it tries again.
        """
        try:
            while not stop.is_set():
                failure = await self._live(stop, once=once)
                if once and failure is not None:
                    raise failure
                if once:
                    return
                if failure is not None:
                    await _sleep(stop, RETRY_SECONDS)
        finally:
            self._threads.shutdown(wait=False)
            self._composers.shutdown(wait=False)

    # ------------------------------------------------------------------ a life

    async def _live(self, stop: asyncio.Event, *, once: bool) -> Exception | None:
        """Register, work, and hand back what is left; give what went wrong, if anything did."""
        try:
            holding = await self._in_thread(self._begin)
        except (MailerError, OSError) as error:
            log.warning("worker.cannot_begin", why=str(error))
            return error
        try:
            await self._work(holding, stop, once=once)
        finally:
            await asyncio.shield(self._end(holding, stop, once=once))
        return holding.failure

    def _begin(self) -> Holding:
        begun = self._clock.boottime()
        worker_id = self._database.write(
            ledger.register,
            host=platform.node(),
            boot=boot_id(),
            pid=os.getpid(),
            now=self._clock.now(),
            lease=self._pacing.lease,
        )
        journal = self._journal(worker_id)
        journal.deadline = begun + self._pacing.lease.total_seconds()
        log.info("worker.began", worker=worker_id)
        batch = self._pacing.batch
        lanes = {name: Lane(route, batch, now=begun) for name, route in self._routes.items()}
        return Holding(worker_id, journal, lanes, self._clock, batch)

    def _journal(self, worker_id: int) -> Journal:
        # Room for full lanes, what is on the wire, and as much again that waits to be settled.
        held = sum(self._pacing.batch + route.connections for route in self._routes.values())
        try:
            return Journal.create(self._state, worker_id, boot=boot_id(), capacity=2 * held)
        except OSError:
            self._database.write(ledger.recover, worker_id, {}, now=self._clock.now())
            raise

    async def _work(self, holding: Holding, stop: asyncio.Event, *, once: bool) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep_lease(holding), name="lease")]
            for lane in holding.lanes.values():
                composer = Composer(lane, self._composers, COMPOSERS)
                for number in range(lane.route.connections):
                    sender = Sender(holding, lane, composer)
                    name = f"{lane.route.name}/{number}"
                    tasks.append(group.create_task(sender.run(), name=name))
            await self._take_turns(holding, stop, once=once)
            await self._drain(holding)
            for task in tasks:
                task.cancel()

    async def _end(self, holding: Holding, stop: asyncio.Event, *, once: bool) -> None:
        """Settle what ended, give the rest back, and end the registration.

        While the database does not answer, the journal is kept: by this process, which tries
        again, or after it has gone by the next that finds the journal's lock free.
        """
        while True:
            try:
                done = await self._in_thread(self._settle_all, holding)
            except MailerError as error:
                log.warning("worker.ending", worker=holding.worker_id, why=str(error))
            except Exception:
                log.exception("worker.ending", worker=holding.worker_id)
                holding.journal.close()
                return
            else:
                holding.journal.close(remove=True)
                log.info("worker.ended", worker=holding.worker_id, **asdict(done))
                return
            if stop.is_set() or once:
                holding.journal.close()
                return
            await _sleep(stop, RETRY_SECONDS)

    def _settle_all(self, holding: Holding) -> Recovered:
        self._turns.settle(holding.worker_id, holding.results)
        holding.results.clear()
        marks = holding.journal.marks()
        return self._database.write(ledger.recover, holding.worker_id, marks, now=self._clock.now())

    # ------------------------------------------------------------------ turns

    async def _take_turns(self, holding: Holding, stop: asyncio.Event, *, once: bool) -> None:
        loop = asyncio.get_running_loop()
        while not (stop.is_set() or holding.failure):
            next_at = loop.time() + APART_SECONDS
            turn = await self._turn(holding)
            has_more = holding.is_busy or holding.rests_briefly(turn.standing.routes)
            if has_more or not once:
                await _pause(holding, stop)
            elif turn.is_idle:
                return
            await _sleep(stop, next_at - loop.time())

    async def _turn(self, holding: Holding) -> Turn:
        """Settle and claim in one transaction; what was claimed goes to its lane.

        After a transaction that failed nobody knows what was claimed: that life ends.
        """
        holding.wanted.clear()
        results, returned = list(holding.results), list(holding.returned)
        try:
            turn = await self._in_thread(
                self._turns.take,
                holding.worker_id,
                results,
                returned,
                holding.room(),
                now=self._clock.now(),
            )
        except MailerError as error:
            log.warning("worker.turn", worker=holding.worker_id, why=str(error))
            holding.give_up(error)
        except Exception as error:
            log.exception("worker.turn", worker=holding.worker_id)
            holding.give_up(error)
        else:
            holding.turned(turn, results, returned)
            return turn
        return Turn()

    async def _drain(self, holding: Holding) -> None:
        """Let what is on the wire end, within the grace; begin nothing more."""
        holding.let_go()
        until = self._clock.boottime() + self._pacing.grace.total_seconds()
        while holding.is_sending and self._clock.boottime() < until:
            holding.wanted.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(holding.wanted.wait(), BUSY_SECONDS)

    # ------------------------------------------------------------------ the lease

    async def _keep_lease(self, holding: Holding) -> None:
        every = self._pacing.lease.total_seconds() / RENEWALS
        while holding.failure is None:
            await asyncio.sleep(every)
            try:
                if not await self._in_thread(self._renew, holding):
                    holding.give_up(NotHeld("the lease was lost"))
            except MailerError as error:
                log.warning("worker.lease", worker=holding.worker_id, why=str(error))
            except Exception as error:
                log.exception("worker.lease", worker=holding.worker_id)
                holding.give_up(error)

    def _renew(self, holding: Holding) -> bool:
        # Counted from before the commit: the lease may only ever be thought too short.
        begun = self._clock.boottime()
        lease = self._pacing.lease
        if not self._database.write(
            ledger.renew, holding.worker_id, now=self._clock.now(), lease=lease
        ):
            return False
        holding.journal.deadline = begun + lease.total_seconds()
        return True

    async def _in_thread(self, function: Callable[..., R], *args: Any, **kwargs: Any) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *args, **kwargs))


async def _pause(holding: Holding, stop: asyncio.Event) -> None:
    """Wait until a turn is worth while, or it is time to look."""
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(holding.wanted.wait())]
    await asyncio.wait(
        waits,
        timeout=BUSY_SECONDS if holding.is_busy else IDLE_SECONDS,
        return_when=asyncio.FIRST_COMPLETED,
    )
    for wait in waits:
        wait.cancel()


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    """Wait for a while, or until it is time to stop."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
