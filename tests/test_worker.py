"""Worker processes: one alone, several under a parent, and what becomes of them without it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import col, select

from mailer.clock import SystemClock
from mailer.db.schema import Worker
from tests.installation import Installation, RunningClock, readers, wait_for
from tests.smtp_server import SmtpServer


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, sqlite_template: Path, relay: SmtpServer) -> Iterator[Installation]:
    """Give an office by the machine's own clock; on SQLite, for this is about processes."""
    file = shutil.copyfile(sqlite_template, tmp_path / "mailer.db")
    clock = RunningClock(SystemClock().now())
    made = Installation(tmp_path / "office", f"sqlite:///{file}", relay, clock)
    yield made
    made.close()


def at_work(office: Installation) -> list[Worker]:
    with office.app.database.reading() as session:
        return list(session.exec(select(Worker).where(col(Worker.ended_at).is_(None))))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]


@contextmanager
def two(office: Installation) -> Iterator[tuple["subprocess.Popen[bytes]", list[int]]]:
    """Run a parent with two workers; give it and the ids of their processes."""
    with office.worker("--processes", "2") as parent:
        wait_for(lambda: len(at_work(office)) == 2)
        yield parent, [one.pid for one in at_work(office)]


def test_several_processes_share_the_work(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(60))
    relay.answer("dot", delay=0.02)
    with two(office) as (parent, pids):
        digest = office.queued()
        office.wait_until_sent(digest)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(20) == 0

    assert relay.taken == dict.fromkeys(readers(60), 1)
    assert not any(map(is_running, pids))
    assert at_work(office) == []


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")])
def test_the_settings_say_how_many_processes_send(
    office: Installation, command: tuple[str, ...]
) -> None:
    office.reopen(delivery={"processes": 2})
    with office.running(*command) as parent:
        wait_for(lambda: len(at_work(office)) == 2)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(20) == 0

    assert at_work(office) == []


def test_a_worker_that_falls_is_started_again(office: Installation) -> None:
    with two(office) as (parent, pids):
        os.kill(pids[0], signal.SIGKILL)

        wait_for(lambda: {one.pid for one in at_work(office)} - set(pids))

        assert parent.poll() is None


def test_workers_end_when_their_parent_is_gone(office: Installation) -> None:
    with two(office) as (parent, pids):
        parent.kill()
        parent.wait()

        wait_for(lambda: not any(map(is_running, pids)))

    assert at_work(office) == []


def test_a_worker_that_is_tied_takes_its_time_to_end_but_not_the_processor(
    office: Installation, relay: SmtpServer
) -> None:
    """Its standard input stays at its end: to look at that again and again is all work."""
    office.reopen(smtp={"connections": 1})
    office.subscribers("kim@example.org")
    relay.answer("dot", delay=2)
    office.queued()
    with office.worker("--tied") as process:
        wait_for(lambda: relay.commands("DATA"))
        assert process.stdin is not None
        process.stdin.close()
        used = _processor_seconds(process.pid)
        time.sleep(1)
        assert _processor_seconds(process.pid) - used < 0.5
        assert process.wait(10) == 0

    assert relay.taken == {"kim@example.org": 1}


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
