"""The journal outlives a killed process, and its lock tells whether the process lives."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.ledger import Journal, Mark
from mailer.ledger.journal import HEADER, MAGIC, SLOT, boot_id

DELIVERY_IDS = st.integers(1, 2**63)


def a_journal(folder: Path, *, worker_id: int = 7, capacity: int = 10) -> Journal:
    return Journal.create(folder, worker_id, boot="this-boot", capacity=capacity)


def read(folder: Path) -> dict[int, Mark]:
    [journal] = Journal.others(folder)
    marks = journal.marks()
    journal.close()
    return marks


# ------------------------------------------------------------------------- marks


def test_a_new_journal_is_empty_and_says_whose_it_is(tmp_path: Path) -> None:
    mine = a_journal(tmp_path, worker_id=7)
    mine.deadline = 1234.5

    [seen] = Journal.others(tmp_path)

    assert (seen.worker_id, seen.boot, seen.deadline) == (7, "this-boot", 1234.5)
    assert seen.marks() == {}
    seen.close()
    mine.close()


def test_each_claim_is_noted_with_how_far_it_came(tmp_path: Path) -> None:
    mine = a_journal(tmp_path)
    mine.claim([11, 12, 13, 14])
    mine.mark(12, Mark.SENDING)
    mine.mark(13, Mark.SENDING)
    mine.mark(13, Mark.ACCEPTED)
    mine.forget([14])

    assert read(tmp_path) == {11: Mark.CLAIMED, 12: Mark.SENDING, 13: Mark.ACCEPTED}
    mine.close()


def test_room_is_used_again(tmp_path: Path) -> None:
    mine = a_journal(tmp_path, capacity=2)
    for row in range(1, 100):
        mine.claim([row])
        mine.mark(row, Mark.SENDING)
        mine.forget([row])
    mine.claim([100, 101])

    assert read(tmp_path) == {100: Mark.CLAIMED, 101: Mark.CLAIMED}
    mine.close()


def test_forgetting_what_was_not_noted_is_nothing(tmp_path: Path) -> None:
    mine = a_journal(tmp_path)

    mine.forget([404])

    assert mine.marks() == {}
    mine.close()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(DELIVERY_IDS, st.sampled_from(["claim", "sending", "accepted", "forget"])),
        max_size=60,
    )
)
def test_another_process_reads_what_was_written(story: list[tuple[int, str]]) -> None:
    with TemporaryDirectory() as name:
        mine = a_journal(Path(name), capacity=60)
        expected: dict[int, Mark] = {}
        for row, step in story:
            if step == "claim" and row not in expected:
                mine.claim([row])
                expected[row] = Mark.CLAIMED
            elif step == "forget":
                mine.forget([row])
                expected.pop(row, None)
            elif step in {"sending", "accepted"} and row in expected:
                expected[row] = Mark[step.upper()]
                mine.mark(row, expected[row])

        assert read(Path(name)) == expected
        mine.close()


# ------------------------------------------------------------------------- death

STORY = """
import sys, time
from pathlib import Path
from mailer.ledger import Journal, Mark
journal = Journal.create(Path(sys.argv[1]), 7, boot="this-boot", capacity=10)
journal.claim([1, 2, 3])
journal.mark(2, Mark.SENDING)
journal.mark(3, Mark.ACCEPTED)
print("ready", flush=True)
time.sleep(60)
"""


@contextmanager
def a_worker(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds a journal, until the story ends."""
    command = [sys.executable, "-c", STORY, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_process_leaves_its_marks_and_a_free_lock(tmp_path: Path) -> None:
    with a_worker(tmp_path) as worker:
        worker.kill()
        worker.wait(10)

    [journal] = Journal.others(tmp_path)

    assert journal.marks() == {1: Mark.CLAIMED, 2: Mark.SENDING, 3: Mark.ACCEPTED}
    assert journal.proves_death()
    journal.close()


def test_a_stopped_process_keeps_its_lock(tmp_path: Path) -> None:
    with a_worker(tmp_path) as worker:
        worker.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOWAIT)

        [journal] = Journal.others(tmp_path)

        assert not journal.proves_death()
        assert journal.marks()[2] is Mark.SENDING
        journal.close()


def test_one_s_own_lock_is_held_too(tmp_path: Path) -> None:
    mine = a_journal(tmp_path)

    [seen] = Journal.others(tmp_path)

    assert not seen.proves_death()
    seen.close()
    assert not another_look_proves_death(tmp_path)
    mine.close()
    assert another_look_proves_death(tmp_path)


def another_look_proves_death(folder: Path) -> bool:
    [journal] = Journal.others(folder)
    dead = journal.proves_death()
    journal.close()
    return dead


def test_only_one_recovers_at_a_time(tmp_path: Path) -> None:
    a_journal(tmp_path).close()
    [first], [second] = Journal.others(tmp_path), Journal.others(tmp_path)

    assert first.proves_death()
    assert not second.proves_death()
    first.close(remove=True)
    second.close()
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"x" * 500, b"\0" * HEADER.size],
    ids=["empty", "short", "foreign", "zeros"],
)
def test_a_file_that_is_no_journal_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "3.journal").write_bytes(content)
    mine = a_journal(tmp_path)

    assert read(tmp_path) == {}
    with pytest.raises(ValueError, match=r"3\.journal is (not a|too short for a) journal"):
        Journal.open(tmp_path / "3.journal")
    mine.close()


def test_an_unknown_mark_is_doubt(tmp_path: Path) -> None:
    slots = SLOT.pack(11, 250) + SLOT.pack(12, Mark.CLAIMED)
    header = HEADER.pack(MAGIC, 7, 0.0, b"this-boot")
    (tmp_path / "7.journal").write_bytes(header + slots)

    assert read(tmp_path) == {11: Mark.SENDING, 12: Mark.CLAIMED}


def test_a_journal_that_is_being_made_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "8.new").write_bytes(b"half")

    assert list(Journal.others(tmp_path)) == []


def test_a_boot_has_a_name_on_linux() -> None:
    assert len(boot_id()) in {0, 36}
    assert boot_id() == boot_id()
