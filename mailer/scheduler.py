"""The clock: a few ticks that ask our tables what is due.

APScheduler only ticks. What is due, and who did it, is in the database, so that any number of
processes may tick: a missed tick is made up by the next, and a doubled one finds nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from mailer import (
    backups,
    continuity,
    delivery,
    departures,
    ledger,
    lists,
    retention,
    subscribers,
    watch,
)
from mailer.app import App
from mailer.clock import SystemClock
from mailer.db.schema import DigestState
from mailer.delivery import Terms
from mailer.digests import life
from mailer.errors import DatabaseError, MailerError
from mailer.ledger import Journal, Recovered
from mailer.ledger.journal import boot_id

if TYPE_CHECKING:
    from mailer.check import Names

SKEW = timedelta(seconds=10)
"""How far the clocks of two machines on one ledger may differ."""

ASKING_SECONDS = 30
"""How long one tick may ask name servers about domains; what is left is for the next."""

ASKING_AT_ONCE = 8

log = structlog.get_logger(__name__)


def start(app: App, *, left_to_others: Collection[Callable[[App], None]] = ()) -> AsyncIOScheduler:
    """Start ticking on the running loop; `shutdown()` ends it.

    What is `left_to_others` has a process of its own beside this one.
    """
    # A tick says itself what went wrong; that one was long, or cut short at the end, is no news.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    ticking = AsyncIOScheduler(timezone=UTC)
    now = SystemClock().now()  # APScheduler goes by the machine's clock, whatever ours says
    for tick, seconds in (
        (answer_asks, 0.5),
        (keep_cadences, 5),
        (promote, 1),
        (close_digests, 2),
        (recover, 5),
        (ask_about_domains, 10),
        (watch.look, 60),
        (keep_mark, continuity.EVERY.total_seconds()),
        (back_up, 60),
        (count_growth, 60),
        (tidy, 600),
        (retention.forget, 3600),
        (trim_departures, 86_400),
    ):
        if tick in left_to_others:
            continue
        ticking.add_job(
            _surviving(tick),
            "interval",
            args=[app],
            seconds=seconds,
            next_run_time=now,
            id=tick.__name__,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
    ticking.start()
    return ticking


def tick_once(app: App) -> None:
    """Do what every tick does, until nothing more is due."""
    recover(app)
    answer_asks(app)
    keep_cadences(app)
    promote(app)
    close_digests(app)
    keep_mark(app)


def answer_asks(app: App) -> None:
    """Act upon what came in by the box until now.

    What comes meanwhile waits for the next tick, and for company: many cost little more than one.
    """
    with app.database.reading() as session:
        waiting = subscribers.waiting_asks(session)
    while waiting > 0:
        done = app.database.write(subscribers.answer, app.rules, now=app.clock.now())
        waiting = waiting - done if done else 0


def keep_cadences(app: App) -> None:
    """Draft the digests that are due by their lists' cadence."""
    late = timedelta(hours=app.settings.delivery.late_hours)
    with app.database.reading() as session:
        due = delivery.due_lists(session, now=app.clock.now())
    for one in due:
        try:
            _keep(app, one, late)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001  (told; its day comes up again, others go on)
            _tell(app, one, error)


def promote(app: App) -> None:
    """Begin what is due, and freeze audiences, in chunks, to the end."""
    with app.database.reading() as session:
        is_due = life.due(session, now=app.clock.now())
        if not (is_due or life.in_state(session, DigestState.QUEUED)):
            return
    _begin_due(app)
    with app.database.reading() as session:
        queued = [digest.id for digest in life.in_state(session, DigestState.QUEUED) if digest.id]
    give_up = timedelta(hours=app.settings.delivery.digest_give_up_hours)
    terms = Terms(give_up, app.keys.signing_id)
    for digest_id in queued:
        while app.database.write(delivery.freeze_chunk, digest_id, terms, now=app.clock.now()):
            pass


def close_digests(app: App) -> None:
    """Take back what was cancelled, end what waited too long, note what is sent."""
    with app.database.reading() as session:
        if not delivery.has_loose_ends(session, now=app.clock.now()):
            return
    while app.database.write(delivery.withdraw_late, now=app.clock.now()):
        pass
    while app.database.write(delivery.withdraw_cancelled, now=app.clock.now()):
        pass
    while app.database.write(delivery.expire, now=app.clock.now()):
        pass
    for digest_id in app.database.write(delivery.reopen, now=app.clock.now()):
        log.warning("digest.reopened", digest=digest_id)
    for digest_id in app.database.write(delivery.finish, now=app.clock.now()):
        log.info("digest.sent", digest=digest_id)


def count_growth(app: App) -> None:
    """Count how lists have grown, each once an hour, in chunks that keep nobody waiting."""
    with app.database.reading() as session:
        ids = [card.id for card in lists.cards(session)]
        now = app.clock.now()
        due = [one for one in ids if subscribers.growth_is_due(session, one, now=now)]
    for list_id in due:
        counting = subscribers.Counting(list_id)
        while counting.state is not None:
            counting = app.database.read(subscribers.count_on, counting)
        app.database.write(subscribers.note_growth, counting, now=app.clock.now())


def recover(app: App) -> None:
    """Deal with the claims of workers that are gone: first by their journals, then by the clock.

    A journal on this machine says exactly how far each row came. It serves as soon as its
    lock is free, or its lease has run out by a clock that both processes share.
    """
    local = set()
    for journal in Journal.others(app.config.state):
        local.add(journal.worker_id)
        _by_journal(app, journal)
    with app.database.reading() as session:
        lost = ledger.lost_workers(session, now=app.clock.now(), skew=SKEW)
    for worker in lost:
        if worker.worker_id not in local:
            now = app.clock.now()
            done = app.database.write(
                ledger.recover_lapsed, worker.worker_id, None, now=now, skew=SKEW
            )
            _say(worker.worker_id, done)


def keep_mark(app: App) -> None:
    """Write down how far the database has come; first see whether it was put back meanwhile."""
    if app.look_back() is None:
        mark = app.database.write(continuity.advance, now=app.clock.now())
        continuity.remember(app.config.state, mark)


def back_up(app: App) -> None:
    """Make the backup of the night, once over all who tick."""
    if backups.is_due(app) and backups.begin(app):
        backups.run(app)


def ask_about_domains(app: App, names: "Names | None" = None) -> None:
    """Ask name servers whose mail exchangers some domains have: those that a pace is kept for."""
    domains = app.database.read(delivery.domains_to_ask_about)
    if not domains:
        return
    asked = names or _names()
    with ThreadPoolExecutor(ASKING_AT_ONCE) as threads:
        answers = list(threads.map(lambda domain: asked.ask(domain, "MX"), domains))
    groups = {
        domain: None if answer.problem else delivery.group_by_exchanges(answer.values)
        for domain, answer in zip(domains, answers, strict=True)
    }
    app.database.write(delivery.keep_groups, groups, now=app.clock.now())


def _names() -> "Names":
    from mailer import check  # noqa: PLC0415  (few installations ever ask)

    return check.Resolver(seconds=ASKING_SECONDS)


def tidy(app: App) -> None:
    """Remind who did not confirm, and drop counts and paces that bind nobody any more."""
    while app.database.write(subscribers.remind, app.rules, now=app.clock.now()):
        pass
    app.database.write(subscribers.forget_old, now=app.clock.now())
    app.database.write(ledger.forget_uses, now=app.clock.now())
    app.database.write(delivery.forget_paces, app.settings.all_routes(), now=app.clock.now())


def trim_departures(app: App) -> None:
    """Forget in this machine's file of departures who is too long ago, and whose address went."""
    folder = app.config.beside
    departures.trim(folder, now=app.clock.now())
    app.database.read(continuity.forget, folder)


def _keep(app: App, due: delivery.Due, late: timedelta) -> None:
    now, write = app.clock.now(), app.database.write
    kept = None
    if due.begun is None and (kept := write(delivery.assemble, app.press, due, now=now)):
        due = replace(due, begun=kept.digest_id)
    if due.begun is not None:
        with suppress(MailerError):  # what is wrong with it is said when it is to be queued
            app.database.read(app.press.render_ahead, due.begun)
        kept = write(delivery.conclude, app.press, due, late=late, now=now)
    if kept is not None:
        log.info("cadence.kept", list=due.list_id, outcome=kept.outcome, digest=kept.digest_id)


def _tell(app: App, due: delivery.Due, error: Exception) -> None:
    """Say that a digest could not be made, in the log and to the owner; once a day."""
    why = str(error) if isinstance(error, MailerError) else f"{type(error).__name__}: {error}"
    if app.database.write(delivery.cadence_failed, app.press, due, why, now=app.clock.now()):
        log.error("cadence.failed", list=due.list_id, day=str(due.day), exc_info=error)


def _begin_due(app: App) -> None:
    with app.database.writing() as session:
        missed = delivery.promote(session, now=app.clock.now())
        for digest_id in missed:
            delivery.digest_missed(session, app.press, digest_id, now=app.clock.now())
    for digest_id in missed:
        log.warning("digest.missed", digest=digest_id)


def _by_journal(app: App, journal: Journal) -> None:
    is_dead = False
    try:
        is_same_boot = journal.boot == boot_id() != ""
        is_dead, worker, now = journal.proves_death(), journal.worker_id, app.clock.now()
        if is_dead:
            marks = journal.marks() if is_same_boot else None
            _say(worker, app.database.write(ledger.recover, worker, marks, now=now))
        elif is_same_boot and app.clock.boottime() > journal.deadline > 0:
            read = journal.marks
            _say(worker, app.database.write(ledger.recover_lapsed, worker, read, now=now))
    except BaseException:
        journal.close()  # what it says is still needed
        raise
    journal.close(remove=is_dead)


def _say(worker_id: int, done: Recovered) -> None:
    if done:
        log.warning(
            "worker.recovered",
            worker=worker_id,
            queued=done.queued,
            sent=done.sent,
            uncertain=done.uncertain,
        )


def _surviving(tick: Callable[[App], None]) -> Callable[[App], object]:
    """Run a tick in a thread; what goes wrong is logged, and the next tick comes."""

    async def run(app: App) -> None:
        try:
            await asyncio.to_thread(tick, app)
        except MailerError as error:
            log.warning("tick.failed", tick=tick.__name__, why=str(error))
        except Exception:
            log.exception("tick.failed", tick=tick.__name__)

    run.__name__ = tick.__name__
    return run
