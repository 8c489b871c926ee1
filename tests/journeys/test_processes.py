"""Several processes on one ledger: stopped, woken, killed, or just at the same time."""

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from mailer.clock import SystemClock
from mailer.db.schema import Event, Worker
from tests.installation import Installation, RunningClock, readers, wait_for
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.gate, pytest.mark.timeout(180)]

LEASE_SECONDS = 5
PATIENCE_SECONDS = 90


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, relay: SmtpServer) -> Iterator[Installation]:
    made = Installation(
        tmp_path / "office",
        migrated_database_url,
        relay,
        RunningClock(SystemClock().now()),
        {
            "delivery": {"lease_seconds": LEASE_SECONDS},
            "smtp": {"connections": 2, "messages_per_connection": 100_000},
        },
    )
    yield made
    made.close()


def stop_in_the_middle(office: Installation, process: "subprocess.Popen[bytes]") -> None:
    """Stop a process while it sends, but not while it writes: then nobody else could."""
    for _ in range(200):
        os.kill(process.pid, signal.SIGSTOP)
        # It has stopped when each of its threads has: until then one may begin to write.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        if _can_write(office):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.013)
    pytest.fail("the worker never stops writing")


def _can_write(office: Installation) -> bool:
    if office.app.database.is_sqlite:
        path = office.app.database.path
        assert path is not None
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            connection.execute("ROLLBACK")
        return True
    with office.app.database.reading() as session:
        inside = "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND mode LIKE 'Row%'"
        return session.execute(sa.text(inside)).scalar() == 0


def test_a_worker_that_sleeps_past_its_lease_sends_nothing_that_is_not_its_own(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a worker that is stopped while it sends
    everybody = readers(400)
    office.subscribers(*everybody)
    relay.answer("dot", delay=0.01)
    digest = office.queued()
    with office.worker() as sleeper:
        relay.wait_for(30, seconds=PATIENCE_SECONDS)
        stop_in_the_middle(office, sleeper)

        # When another finds its lease run out, and finishes what it had begun
        with office.worker() as other:
            office.wait_until_sent(digest, seconds=PATIENCE_SECONDS)
            sent = len(relay.messages)

            # And when the first one wakes: then it sends nothing of that any more
            os.kill(sleeper.pid, signal.SIGCONT)
            wait_for(lambda: workers(office) == 2)
            time.sleep(1)
            assert len(relay.messages) - sent <= 2  # what was on the wire when it fell asleep
            other.send_signal(signal.SIGTERM)
            other.wait(30)

        # And it is at work again, under a new number
        again = office.queued("Next")
        office.wait_until_sent(again, seconds=PATIENCE_SECONDS)

    times = dict.fromkeys(everybody, 0) | taken_of(relay, "News")
    assert max(times.values()) == 1
    assert {who for who, often in times.items() if not often} <= uncertain(office, digest)
    assert office.sums(digest).uncertain <= 2
    assert office.sums(digest).sent + office.sums(digest).uncertain == 400
    assert office.sums(again).sent == 400


def test_two_workers_are_disjoint_and_one_finishes_when_the_other_is_killed(
    office: Installation, relay: SmtpServer
) -> None:
    everybody = readers(600)
    office.subscribers(*everybody)
    relay.answer("dot", delay=0.02)
    with office.worker() as first, office.worker() as second:
        wait_for(lambda: workers(office) == 2)
        digest = office.queued()
        # Each has two connections: more of them, and both are at work.
        wait_for(lambda: len({taken.connection for taken in relay.messages}) > 2)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        office.wait_until_sent(digest, seconds=PATIENCE_SECONDS)
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0

    sums = office.sums(digest)
    assert set(relay.taken) | uncertain(office, digest) == set(everybody)
    assert max(relay.taken.values()) == 1
    assert sums.uncertain <= 2
    assert sums.sent + sums.uncertain == 600


def test_two_that_tick_queue_one_digest_once(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(50))
    with office.worker() as first, office.worker() as second:
        wait_for(lambda: workers(office) == 2)
        digest = office.draft()
        office.queue(digest, after=timedelta(seconds=3))
        office.wait_until_sent(digest, seconds=PATIENCE_SECONDS)
        for one in (first, second):
            one.send_signal(signal.SIGTERM)
            assert one.wait(30) == 0

    assert relay.taken == dict.fromkeys(readers(50), 1)
    for kind in ("digest.queued", "digest.sending", "digest.sent"):
        about = col(Event.digest_id) == digest
        assert office.count(Event, about, col(Event.kind) == kind) == 1


def test_a_digest_that_fell_due_while_nothing_ran_goes_once(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a digest for a moment from now, and a worker that is killed before
    office.subscribers(*readers(50))
    digest = office.draft()
    with office.worker() as process:
        wait_for(lambda: workers(office) == 1)
        office.queue(digest, after=timedelta(seconds=4))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert office.digest(digest).state == "scheduled"

    # When one is started after that moment
    time.sleep(6)
    with office.worker() as process:
        office.wait_until_sent(digest, seconds=PATIENCE_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    # Then everybody has it, once
    assert relay.taken == dict.fromkeys(readers(50), 1)


def workers(office: Installation) -> int:
    return office.count(Worker, col(Worker.ended_at).is_(None))


def taken_of(relay: SmtpServer, subject: str) -> dict[str, int]:
    """Count what the relay took of one digest, by recipient."""
    line = f"Subject: {subject}\r\n".encode()
    return dict(Counter(taken.recipient for taken in relay.messages if line in taken.content))


def uncertain(office: Installation, digest: int) -> set[str | None]:
    return {row.address for row in office.rows(digest) if row.state == "uncertain"}
