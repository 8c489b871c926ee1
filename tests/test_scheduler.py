"""The ticks: who is dead is found out and dealt with, and nothing that breaks stops the others."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col

from mailer import ledger, scheduler, subscribers
from mailer.app import App
from mailer.db.schema import AskAction, Delivery, MailingList, Subscription, Worker
from mailer.digests import life
from mailer.digests.cadence import Cadence, Every
from mailer.errors import Refused
from mailer.ledger import Journal, Mark, boot_id
from mailer.subscribers import Asked
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock, readers, wait_for
from tests.smtp_server import SmtpServer

LEASE = timedelta(seconds=60)


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        yield made
        made.close()


@pytest.fixture
def dead(office: Installation) -> Iterator["Dead"]:
    made = Dead(office)
    yield made
    made.journal.close()


class Dead:
    """A worker that claimed a digest's rows, marked some in its journal, and stopped."""

    def __init__(self, office: Installation, *, boot: str | None = None) -> None:
        office.subscribers(*readers(4))
        self.digest = office.sending()
        self.office = office
        database, now = office.app.database, office.clock.now()
        self.id = database.write(
            ledger.register, host="here", boot=boot_id(), pid=1, now=now, lease=LEASE
        )
        claimed = database.write(ledger.claim_digest, self.id, self.digest, limit=9, now=now)
        rows = [one.id for one in claimed]
        self.journal = Journal.create(
            office.app.config.state, self.id, boot=boot or boot_id(), capacity=9
        )
        self.journal.deadline = office.clock.boottime() + LEASE.total_seconds()
        self.journal.claim(rows[:3])  # it did not come to note the last
        self.journal.mark(rows[1], Mark.SENDING)
        self.journal.mark(rows[2], Mark.ACCEPTED)

    def states(self) -> list[str]:
        return [row.state.value for row in self.office.rows(self.digest)]

    def journals(self) -> list[Path]:
        return list(self.office.app.config.state.iterdir())


CLAIMED = ["claimed"] * 4
BY_MARKS = ["queued", "uncertain", "sent", "queued"]
IN_DOUBT = ["uncertain"] * 4


def test_a_dead_worker_is_recovered_at_once_by_its_journal(
    office: Installation, dead: "Dead"
) -> None:
    dead.journal.close()

    scheduler.recover(office.app)

    assert dead.states() == BY_MARKS
    assert dead.journals() == []


def test_a_living_worker_is_let_alone(office: Installation, dead: "Dead") -> None:

    scheduler.recover(office.app)

    assert dead.states() == CLAIMED
    assert len(dead.journals()) == 1


def test_a_worker_that_sleeps_past_its_lease_is_recovered_and_keeps_its_journal(
    office: Installation, dead: "Dead"
) -> None:
    office.clock.move(LEASE + timedelta(seconds=1))

    scheduler.recover(office.app)
    scheduler.recover(office.app)

    assert dead.states() == BY_MARKS
    assert len(dead.journals()) == 1


def test_a_worker_that_renewed_since_somebody_looked_is_let_alone(
    office: Installation, dead: "Dead"
) -> None:
    office.clock.move(LEASE - timedelta(seconds=1))
    renewed = office.app.database.write(ledger.renew, dead.id, now=office.clock.now(), lease=LEASE)
    office.clock.move(timedelta(seconds=2))  # the journal does not say so yet

    scheduler.recover(office.app)

    assert renewed
    assert dead.states() == CLAIMED


def test_of_another_boot_the_marks_prove_nothing(office: Installation) -> None:
    dead = Dead(office, boot="before-the-power-cut")
    dead.journal.close()

    scheduler.recover(office.app)

    assert dead.states() == IN_DOUBT
    assert dead.journals() == []


def test_a_worker_of_another_machine_is_in_doubt_when_its_lease_is_long_over(
    office: Installation, dead: "Dead"
) -> None:
    dead.journal.close(remove=True)

    office.clock.move(LEASE + timedelta(seconds=5))
    scheduler.recover(office.app)
    assert dead.states() == CLAIMED  # its clock may be behind ours

    office.clock.move(timedelta(seconds=10))
    scheduler.recover(office.app)
    assert dead.states() == IN_DOUBT


def test_a_journal_that_cannot_be_read_does_not_hide_its_worker(
    office: Installation, dead: "Dead"
) -> None:
    path = dead.journal.path
    dead.journal.close()
    path.write_bytes(b"\0" * 200)

    office.clock.move(LEASE + timedelta(seconds=15))
    scheduler.recover(office.app)

    assert dead.states() == IN_DOUBT


def test_a_journal_stays_while_the_database_cannot_take_what_it_says(
    office: Installation, dead: "Dead", monkeypatch: pytest.MonkeyPatch
) -> None:
    dead.journal.close()

    with monkeypatch.context() as broken:
        broken.setattr("mailer.ledger.recover", _refuse)
        with pytest.raises(Refused):
            scheduler.recover(office.app)
    assert len(dead.journals()) == 1

    scheduler.recover(office.app)
    assert dead.states() == BY_MARKS


def test_a_list_whose_digest_cannot_be_drafted_keeps_no_other_from_its_day(
    office: Installation,
) -> None:
    # Given news, and two lists that are due: one's subjects cannot be, the other's are blank
    other = office.a_list("other")
    office.item("The laboratories meet")
    rhythm = Cadence(
        Every.WEEK,
        MOMENT.isoweekday(),
        MOMENT.time().replace(tzinfo=None),
        MOMENT - timedelta(days=30),
    )
    with office.app.database.writing() as session:
        for list_id, subject in ((office.list_id, "two\nlines"), (other, "  ")):
            found = session.get_one(MailingList, list_id)
            found.cadence = replace(rhythm, subject=subject).stored()

    scheduler.keep_cadences(office.app)

    [digest] = office.app.database.read(life.every)
    assert digest.list_id == other
    assert office.app.database.read(life.texts, digest.id or 0)["en"].subject.startswith(
        "The other"
    )


def test_what_came_in_by_the_box_is_acted_upon(office: Installation) -> None:
    asked = Asked(
        AskAction.SUBSCRIBE, office.list_id, "kim@example.org", "en", "203.0.113.5", False, {}
    )
    office.app.database.write(subscribers.ask, asked, now=office.clock.now())

    scheduler.tick_once(office.app)

    assert office.count(Subscription) == 1
    assert [row.kind for row in office.rows()] == ["confirmation"]


def test_what_comes_while_others_are_acted_upon_waits_for_the_next_tick(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, passes = office.app.database.write, list[int]()

    def press(address: str) -> None:
        asked = Asked(AskAction.SUBSCRIBE, office.list_id, address, "en", "203.0.113.5", False, {})
        write(subscribers.ask, asked, now=office.clock.now())

    def and_somebody_presses(*args: Any, **kwargs: Any) -> int:
        passes.append(write(*args, **{**kwargs, "limit": 1}))
        press(f"reader{len(passes)}@example.org")
        return passes[-1]

    press("kim@example.org")
    press("lee@example.org")
    monkeypatch.setattr(office.app.database, "write", and_somebody_presses)

    scheduler.answer_asks(office.app)

    assert passes == [1, 1]
    assert office.app.database.read(subscribers.waiting_asks) == 2


async def test_a_tick_that_breaks_stops_neither_itself_nor_the_others(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.scheduler.answer_asks", _refuse)
    office.subscribers(*readers(2))
    digest = office.queued()

    ticking = scheduler.start(office.app)
    try:
        await asyncio.to_thread(wait_for, lambda: office.digest(digest).state == "sending")
    finally:
        ticking.shutdown(wait=False)

    assert office.count(Delivery, col(Delivery.digest_id) == digest) == 2


async def test_every_tick_comes_at_once_at_the_start(office: Installation, dead: "Dead") -> None:
    dead.journal.close()

    ticking = scheduler.start(office.app)
    try:
        await asyncio.to_thread(wait_for, lambda: dead.states() == BY_MARKS, seconds=3)
    finally:
        ticking.shutdown(wait=False)

    assert office.count(Worker, col(Worker.ended_at).is_(None)) == 0


def _refuse(app: App, *_: object, **__: object) -> None:
    raise Refused("not today")


async def test_a_tick_that_is_cut_short_at_the_end_makes_no_noise(
    office: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = threading.Event()

    def slow(_: App) -> None:
        begun.set()
        time.sleep(0.3)

    monkeypatch.setattr("mailer.scheduler.tidy", slow)
    ticking = scheduler.start(office.app)
    await asyncio.to_thread(begun.wait, 5)
    ticking.shutdown(wait=False)
    await asyncio.sleep(0.1)

    assert [one.getMessage() for one in caplog.records if one.name.startswith("apsch")] == []
