"""The engine: claims rows, keeps connections busy, settles what came of it. One per process.

One loop takes turns at the database: settle what has ended, claim what is due. Tasks, as many
as a route has connections, take claimed rows from a queue and send them one at a time. Before
each dot the journal is marked and the lease checked, in this order; so whatever happens to this
process, every row it held can be accounted for.
"""

import asyncio
import os
import platform
import random
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta

import structlog

from mailer import ledger
from mailer.clock import Clock
from mailer.db import Database
from mailer.delivery import outcome
from mailer.delivery.accounting import Result, may_repeat
from mailer.delivery.press import Parcel
from mailer.delivery.reply import Reply, Step, own
from mailer.delivery.route import Route, trust
from mailer.delivery.transport import Connection, Envelope
from mailer.delivery.turns import Turn, Turns
from mailer.errors import MailerError, NotHeld
from mailer.ledger import Journal, Mark
from mailer.ledger.journal import boot_id

IDLE_SECONDS = 0.5
"""How long a worker with nothing to do waits before it looks again."""

BUSY_SECONDS = 0.2
"""How long outcomes may wait for company before they are committed."""

RETRY_SECONDS = 2
"""How long to wait for a database that does not answer."""

REST_SECONDS = 30
"""How long a relay that cannot be reached is left in peace."""

UNREACHABLE = frozenset({Step.CONNECT, Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH})

RENEWALS = 4
"""Renewals of a lease within its length: three may fail in a row."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The engine's numbers, from the settings."""

    lease: timedelta = timedelta(seconds=60)
    grace: timedelta = timedelta(seconds=60)
    batch: int = 200


@dataclass
class _Life:
    """One registration of this process as a worker: its id, its lease, its journal."""

    worker_id: int
    journal: Journal
    waiting: dict[str, asyncio.Queue[Parcel]]
    results: list[Result] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    resting: dict[str, float] = field(default_factory=dict)
    in_flight: int = 0
    lost: bool = False
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def busy(self) -> bool:
        """Tell whether anything is claimed and not yet settled."""
        return bool(
            self.in_flight
            or self.results
            or self.returned
            or any(queue.qsize() for queue in self.waiting.values())
        )


class Engine:
    """Sends what the ledger holds until it is told to stop, or (`once`) until nothing is due."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        turns: Turns,
        routes: dict[str, Route],
        pacing: Pacing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._turns = turns
        for route in routes.values():
            trust(route)  # a CA file that cannot be used is met here, not in the middle
        self._routes = routes
        self._pacing = pacing

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Work until `stop` is set; what was begun is finished within the grace."""
        while not stop.is_set():
            life = await asyncio.to_thread(self._begin)
            try:
                await self._live(life, stop, once=once)
            finally:
                await asyncio.shield(self._end(life, stop))
            if once:
                return

    async def _live(self, life: _Life, stop: asyncio.Event, *, once: bool) -> None:
        senders = [
            asyncio.create_task(self._sender(life, route), name=f"{route.name}/{number}")
            for route in self._routes.values()
            for number in range(route.connections)
        ]
        keeper = asyncio.create_task(self._keep_lease(life), name="lease")
        try:
            await self._take_turns(life, stop, once=once)
            await self._drain(life)
        finally:
            for task in (*senders, keeper):
                task.cancel()
            await asyncio.gather(*senders, keeper, return_exceptions=True)

    async def _take_turns(self, life: _Life, stop: asyncio.Event, *, once: bool) -> None:
        while not (stop.is_set() or life.lost):
            turn = await self._turn(life)
            if once and turn.is_idle and not life.busy:
                return
            await self._pause(life, stop)

    async def _turn(self, life: _Life) -> Turn:
        """Settle and claim in one transaction; the parcels go to the queues of their routes.

        After a transaction that failed nobody knows what was claimed: that life ends.
        """
        room = self._room(life)
        results, returned = list(life.results), list(life.returned)
        try:
            turn = await asyncio.to_thread(
                self._turns.take,
                life.worker_id,
                results,
                returned,
                room,
                now=self._clock.now(),
            )
        except MailerError as error:
            log.warning("worker.turn", worker=life.worker_id, why=str(error))
            life.lost = True
            return Turn()
        del life.results[: len(results)], life.returned[: len(returned)]
        life.journal.forget([*(one.claimed.id for one in results), *returned])
        life.journal.claim([parcel.claimed.id for parcel in turn.parcels])
        self._recall(life, turn)
        for parcel in turn.parcels:
            life.waiting[parcel.claimed.route].put_nowait(parcel)
        return turn

    def _room(self, life: _Life) -> dict[str, int]:
        """Give how many rows may be claimed for each route."""
        now = self._clock.boottime()
        return {
            name: self._pacing.batch - queue.qsize() if life.resting.get(name, 0) <= now else 0
            for name, queue in life.waiting.items()
        }

    def _recall(self, life: _Life, turn: Turn) -> None:
        """Take back what was claimed for a digest or route that has been stopped since."""
        for queue in life.waiting.values():
            for _ in range(queue.qsize()):
                parcel = queue.get_nowait()
                if turn.may_go(parcel):
                    queue.put_nowait(parcel)
                else:
                    life.returned.append(parcel.claimed.id)

    async def _pause(self, life: _Life, stop: asyncio.Event) -> None:
        """Wait until there is enough to settle or a queue runs low, or it is time to look."""
        life.wanted.clear()
        if len(life.results) >= self._pacing.batch:
            return
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(life.wanted.wait())]
        await asyncio.wait(
            waits,
            timeout=BUSY_SECONDS if life.busy else IDLE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for wait in waits:
            wait.cancel()

    async def _sender(self, life: _Life, route: Route) -> None:
        """Keep one connection of a route, and send what comes."""
        connection = Connection(route)
        queue = life.waiting[route.name]
        try:
            while True:
                parcel = await self._next(queue, connection)
                life.in_flight += 1
                try:
                    await self._send(life, connection, parcel)
                finally:
                    life.in_flight -= 1
                    if self._wants_a_turn(life, queue):
                        life.wanted.set()
        finally:
            await connection.close()

    def _wants_a_turn(self, life: _Life, queue: asyncio.Queue[Parcel]) -> bool:
        low = queue.qsize() == self._pacing.batch // 4
        return low or len(life.results) >= self._pacing.batch or not life.in_flight

    async def _next(self, queue: asyncio.Queue[Parcel], connection: Connection) -> Parcel:
        """Wait for a parcel; a connection that stays idle is given back to the relay."""
        try:
            return await asyncio.wait_for(queue.get(), connection.route.timeouts.idle / 2)
        except TimeoutError:
            await connection.close()
            return await queue.get()

    async def _send(self, life: _Life, connection: Connection, parcel: Parcel) -> None:
        claimed = parcel.claimed

        def before_dot() -> bool:
            # First the mark, then the look at the lease: see `ledger.journal`.
            life.journal.mark(claimed.id, Mark.SENDING)
            return not life.lost and self._clock.boottime() < life.journal.deadline

        message = _composed(parcel)
        if isinstance(message, Reply):
            self._note(life, parcel, message)
            return
        envelope = Envelope(parcel.return_path, claimed.address)
        try:
            reply = await connection.send(envelope, message, before_dot=before_dot)
        except NotHeld:
            life.journal.mark(claimed.id, Mark.CLAIMED)
            life.lost = True
            return
        self._note(life, parcel, reply)

    def _note(self, life: _Life, parcel: Parcel, reply: Reply) -> None:
        claimed, now = parcel.claimed, self._clock.now()
        meaning = outcome.read(
            reply,
            may_repeat=may_repeat(claimed.kind),
            tries=claimed.tries,
            now=now,
            not_after=claimed.not_after,
            jitter=random.uniform(-1, 1),  # noqa: S311  (spreads load, keeps no secret)
        )
        if not reply.in_doubt:
            taken = meaning.verdict is outcome.Verdict.SENT
            life.journal.mark(claimed.id, Mark.ACCEPTED if taken else Mark.CLAIMED)
        life.results.append(Result(claimed, reply, meaning, now))
        if reply.step in UNREACHABLE and meaning.verdict is outcome.Verdict.DEFERRED:
            self._rest(life, claimed.route)

    def _rest(self, life: _Life, route: str) -> None:
        """Leave a relay in peace that cannot be reached, and give back what waits for it."""
        life.resting[route] = self._clock.boottime() + REST_SECONDS
        queue = life.waiting[route]
        while queue.qsize():
            life.returned.append(queue.get_nowait().claimed.id)

    async def _keep_lease(self, life: _Life) -> None:
        every = self._pacing.lease.total_seconds() / RENEWALS
        while not life.lost:
            await asyncio.sleep(every)
            try:
                if not await asyncio.to_thread(self._renew, life):
                    life.lost = True
                    life.wanted.set()
            except MailerError as error:
                log.warning("worker.lease", worker=life.worker_id, why=str(error))

    def _renew(self, life: _Life) -> bool:
        # Counted from before the commit: the lease may only ever be thought too short.
        begun = self._clock.boottime()
        if not self._database.write(
            ledger.renew, life.worker_id, now=self._clock.now(), lease=self._pacing.lease
        ):
            return False
        life.journal.deadline = begun + self._pacing.lease.total_seconds()
        return True

    async def _drain(self, life: _Life) -> None:
        """Let what is on the wire end, within the grace; begin nothing more."""
        for queue in life.waiting.values():
            while queue.qsize():
                queue.get_nowait()
        until = self._clock.boottime() + self._pacing.grace.total_seconds()
        while life.in_flight and self._clock.boottime() < until:
            life.wanted.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(life.wanted.wait(), 0.1)

    def _begin(self) -> _Life:
        now, lease = self._clock.now(), self._pacing.lease
        begun = self._clock.boottime()
        worker_id = self._database.write(
            ledger.register,
            host=platform.node(),
            boot=boot_id(),
            pid=os.getpid(),
            now=now,
            lease=lease,
        )
        # Room for a full queue on every route, what is on the wire, and one batch to settle.
        held = sum(self._pacing.batch + route.connections for route in self._routes.values())
        journal = Journal.create(
            self._turns.state,
            worker_id,
            boot=boot_id(),
            capacity=2 * held + self._pacing.batch,
        )
        journal.deadline = begun + lease.total_seconds()
        log.info("worker.began", worker=worker_id)
        return _Life(worker_id, journal, {name: asyncio.Queue() for name in self._routes})

    async def _end(self, life: _Life, stop: asyncio.Event) -> None:
        """Settle what ended, give the rest back, and end the registration.

        While the database does not answer, the journal is kept: by this process, which tries
        again, or after it has gone by the next that finds the journal's lock free.
        """
        while True:
            try:
                done = await asyncio.to_thread(self._settle_all, life)
            except MailerError as error:
                log.warning("worker.ending", worker=life.worker_id, why=str(error))
            else:
                life.journal.close(remove=True)
                log.info("worker.ended", worker=life.worker_id, **asdict(done))
                return
            if stop.is_set():
                life.journal.close()
                return
            await asyncio.sleep(RETRY_SECONDS)

    def _settle_all(self, life: _Life) -> ledger.Recovered:
        self._turns.settle(life.worker_id, life.results)
        life.results.clear()
        return self._database.write(
            ledger.recover, life.worker_id, life.journal.marks(), now=self._clock.now()
        )


def _composed(parcel: Parcel) -> bytes | Reply:
    """Give the whole message, or a refusal of our own that says why there is none."""
    try:
        return parcel.compose()
    except MailerError as error:
        return own(Step.MAIL, 554, "5.6.0", f"not sent: {error}")
    except Exception:
        log.exception("delivery.composing", delivery=parcel.claimed.id)
        return own(Step.MAIL, 554, "5.6.0", "not sent: the message could not be composed")
