"""When something around the engine is broken, nothing is lost, and the rest goes on."""

import errno
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import update
from sqlmodel import col

from mailer import ledger, worker
from mailer.clock import SystemClock
from mailer.db import Database
from mailer.db.schema import Attempt, Delivery, DeliveryKind, Edition, Worker
from mailer.errors import DatabaseUnreachable
from tests import postgres, rows
from tests.delivery.mails import read
from tests.installation import OWNER, Installation, readers, wait_for
from tests.rows import LEASE
from tests.smtp_server import SILENCE, SmtpServer, Then

KIM = "kim@example.org"


def claimed(office: Installation) -> int:
    return office.count(Delivery, col(Delivery.state) == "claimed")


# ------------------------------------------------------------------ the relay


def test_an_unreachable_relay_is_not_stormed(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"port": 1})
    office.subscribers(*readers(50))
    digest = office.queued()

    office.work()

    assert office.sums(digest).waiting == 50
    assert claimed(office) == 0
    assert office.count(Attempt) <= 12  # of 50: four connections, and a rest after each round

    office.reopen(smtp={"port": relay.port})
    office.clock.move(timedelta(minutes=2))
    office.work()
    assert relay.taken == dict.fromkeys(readers(50), 1)


def test_a_relay_that_is_busy_for_a_moment_is_tried_a_moment_later(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"connections": 1})
    office.subscribers(*readers(20))
    relay.answer("greeting", "421 4.3.2 too busy", times=1, then=Then.CLOSE)
    digest = office.queued()

    office.work()

    assert office.sums(digest).sent == 19
    assert office.sums(digest).waiting == 1


def test_a_relay_that_puts_everybody_off_at_mail_is_left_in_peace(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(50))
    relay.answer("mail", "451 4.3.0 later")
    digest = office.queued()

    office.work()

    assert office.sums(digest).deferred <= 12
    assert office.sums(digest).deferred + office.sums(digest).waiting == 50


def test_a_connection_that_is_dropped_between_messages_costs_nothing(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(40))
    relay.answer("dot", then=Then.CLOSE, after=4)
    digest = office.queued()

    office.work()

    assert relay.taken == dict.fromkeys(readers(40), 1)
    assert office.sums(digest).sent == 40
    assert office.count(Attempt) == 0


# ------------------------------------------------------------------ templates and values


def own_template(office: Installation, kind: str, text: str) -> Path:
    folder = office.folder / "own" / "mail" / kind
    folder.mkdir(parents=True)
    (folder / "body.html").write_text(text)
    office.reopen(templates={"folder": "own"})
    return folder / "body.html"


def test_a_broken_template_holds_its_letters_and_nothing_else(
    office: Installation, relay: SmtpServer
) -> None:
    # Given an owner's template with a mistake in it
    broken = own_template(office, "welcome", "{{ nothing.of.this.name }}")
    office.subscribers(KIM, *readers(5))
    office.letter(KIM)
    digest = office.queued()

    # When a worker comes to it
    office.work()

    # Then the letter waits and says where the mistake is, the owner is told, the rest has gone
    row = office.row(KIM)
    assert (row.state, row.tries) == ("queued", 1)
    assert f"{broken}:1" in row.reason
    assert office.sums(digest).sent == 6
    assert set(relay.taken) == {OWNER, KIM, *readers(5)}

    # When it is mended, then the letter goes
    broken.unlink()
    office.clock.move(timedelta(minutes=11))
    office.work()
    assert office.row(KIM).state == "sent"


def test_a_letter_that_cannot_be_made_to_the_end_fails(
    office: Installation, relay: SmtpServer
) -> None:
    own_template(office, "welcome", "{{ nothing }}")
    office.subscribers(KIM)
    office.letter(KIM)
    office.work()

    office.clock.move(timedelta(hours=25))
    office.work()

    assert office.row(KIM).state == "failed"


def test_a_letter_that_breaks_us_stops_nobody_else(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    office.letter(KIM)
    office.letter(OWNER, DeliveryKind.NOTICE, list_id=None, subscriber_id=None, context={})

    office.work()

    assert set(relay.taken) == {KIM, OWNER}  # the owner's is about the one that could not be made
    [broken] = [row for row in office.rows() if row.kind == "notice" and row.state == "queued"]
    assert "headline" in broken.reason


def test_an_edition_that_cannot_be_read_as_it_was_kept_stops_nobody_else(
    office: Installation, relay: SmtpServer
) -> None:
    """Another version of this program may have kept it, or a hand in the database."""
    office.subscribers(KIM)
    spoilt = office.sending("Spoilt")
    with office.app.database.writing() as session:
        session.execute(update(Edition).values(head={}))
    whole = office.queued("Whole")

    office.work()

    assert [read(one)["Subject"] for one in relay.messages] == ["Whole"]
    assert office.row(KIM, whole).state == "sent"
    assert office.row(KIM, spoilt).state == "queued"
    assert office.row(KIM, spoilt).reason.startswith("cannot be made: edition ")


def test_a_value_that_must_not_stand_in_a_header_fails_that_message_only(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM, *readers(5))
    digest = office.sending()
    with office.app.database.writing() as session:
        evil = update(Delivery).where(col(Delivery.address) == KIM)
        session.execute(evil.values(name="Kim\r\nBcc: everybody@example.org"))

    office.work()

    row = office.row(KIM, digest)
    assert row.state == "failed"
    assert row.reply_text.startswith("554 5.6.0 not sent: name:")
    assert office.sums(digest).sent == 5


# ------------------------------------------------------------------ the database


@contextmanager
def away(office: Installation) -> Iterator[None]:
    """Take the database away from everybody for a moment."""
    if office.app.database.is_sqlite:
        path = office.app.database.path
        assert path is not None
        with sqlite3.connect(path, isolation_level=None, timeout=10) as locked:
            locked.execute("BEGIN IMMEDIATE")
            yield
            locked.execute("ROLLBACK")
        locked.close()
    else:
        stop = threading.Event()
        thread = threading.Thread(target=_terminate, args=[office.url, stop])
        thread.start()
        yield
        stop.set()
        thread.join()


def _terminate(url: str, stop: threading.Event) -> None:
    """End everybody else's connections, again and again."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    while not stop.is_set():
        with engine.begin() as connection:
            kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
            connection.execute(sa.text(kill))
        time.sleep(0.02)
    engine.dispose()


def test_a_database_that_goes_away_for_a_moment_loses_nothing(
    office: Installation, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.db.BUSY_SECONDS", 0.2)
    monkeypatch.setattr("mailer.delivery.engine.RETRY_SECONDS", 0.2)
    office.reopen(smtp={"connections": 2})
    office.subscribers(*readers(60))
    relay.answer("dot", delay=0.01)
    digest = office.sending()

    with office.at_work():
        relay.wait_for(5)
        with away(office):
            time.sleep(1.5)
        wait_for(lambda: office.sums(digest).sent == 60)

    assert relay.taken == dict.fromkeys(readers(60), 1)


def test_a_single_run_says_that_the_database_is_gone(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.db.BUSY_SECONDS", 0.1)
    office.reopen()
    office.subscribers(KIM)
    office.letter(KIM)

    with away(office), pytest.raises(DatabaseUnreachable):
        worker.run(office.app, once=True)

    office.work()
    assert office.row(KIM).state == "sent"


# ------------------------------------------------------------------ being stopped


@pytest.fixture
def living(office: Installation) -> Installation:
    """Give the office by the machine's own clock, for workers in processes of their own."""
    office.clock.move(SystemClock().now() - office.clock.now())
    return office


def test_sigterm_lets_what_was_begun_end_and_leaves_nothing_claimed(
    living: Installation, relay: SmtpServer
) -> None:
    office = living
    office.subscribers(*readers(200))
    relay.answer("dot", delay=0.02)
    digest = office.queued()

    with office.worker() as process:
        relay.wait_for(20, seconds=20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    sums = office.sums(digest)
    assert sums.sent == len(relay.messages)
    assert 20 <= sums.sent < 200
    assert sums.waiting == 200 - sums.sent
    assert claimed(office) == 0
    assert list(office.app.config.state.glob("*.journal")) == []

    relay.behave()
    office.work()
    assert relay.taken == dict.fromkeys(readers(200), 1)


def test_what_does_not_end_within_the_grace_is_in_doubt(
    living: Installation, relay: SmtpServer
) -> None:
    office = living
    office.reopen(delivery={"grace_seconds": 1}, smtp={"connections": 2})
    office.subscribers(*readers(30))
    relay.answer("dot", SILENCE, then=Then.HANG)
    digest = office.queued()

    with office.worker() as process:
        wait_for(lambda: len([x for x in relay.transcript if x.endswith("go ahead")]) == 2)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    assert office.sums(digest).uncertain == 2
    assert office.sums(digest).waiting == 28
    assert claimed(office) == 0


def test_a_worker_that_is_killed_is_recovered_by_the_next(
    living: Installation, relay: SmtpServer
) -> None:
    office = living
    office.subscribers(*readers(100))
    relay.answer("dot", delay=0.02)
    digest = office.queued()

    with office.worker() as process:
        relay.wait_for(20, seconds=20)
        process.kill()
        process.wait()
    relay.behave()
    office.work()

    sums = office.sums(digest)
    assert set(relay.taken) == set(readers(100))
    assert relay.taken.total() == 100
    assert sums.uncertain <= 4
    assert sums.sent + sums.uncertain == 100


# ------------------------------------------------------------------ falling asleep


def test_one_who_falls_asleep_in_a_transaction_loses_it(
    postgresql: postgres.Postgres,
    postgresql_template: str,
    fresh_names: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine that vanishes leaves its locks behind; on PostgreSQL others must get past them.

    An SQLite file is free again as soon as the process that held it has died.
    """
    # Given a worker that holds its row, and goes no further
    monkeypatch.setattr("mailer.db.ASLEEP_SECONDS", 1)
    url = postgresql.create(fresh_names(), template=postgresql_template)
    asleep, awake = Database(url), Database(url)
    now = SystemClock().now()
    me = asleep.write(rows.a_worker, now=now)

    def fall_asleep() -> None:
        with asleep.writing() as session:
            ledger.renew(session, me, now=now, lease=LEASE)
            recovered.wait(10)

    recovered = threading.Event()
    with ThreadPoolExecutor() as pool:
        sleeping = pool.submit(fall_asleep)
        time.sleep(0.3)

        # When another wants to recover it, then it can
        awake.write(ledger.recover, me, {}, now=now)
        recovered.set()

        # And whoever wakes is told that nothing was written
        with pytest.raises(DatabaseUnreachable, match="idle-in-transaction"):
            sleeping.result(10)
    assert not awake.write(ledger.renew, me, now=now, lease=LEASE)
    asleep.close()
    awake.close()


def test_a_full_disk_is_met_before_anything_is_claimed(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker without a journal would not be accounted for; none is left behind either."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("mailer.delivery.engine.RETRY_SECONDS", 0.1)
    office.subscribers(KIM)
    office.letter(KIM)

    with monkeypatch.context() as disk:
        disk.setattr("os.posix_fallocate", full)
        with office.at_work():
            wait_for(lambda: office.count(Worker) >= 2)
    assert office.count(Worker, col(Worker.ended_at).is_(None)) == 0
    assert office.row(KIM).state == "queued"

    office.work()
    assert office.row(KIM).state == "sent"
