"""An import is a batch: broken off it goes on, undone it takes back what it made and no more."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import Session, col

from mailer import ledger, lists, sheets, subscribers
from mailer.db.schema import (
    Delivery,
    DeliveryState,
    ImportBatch,
    OptIn,
    Organisation,
    Subscriber,
    Subscription,
    Table,
)
from mailer.errors import NotFound, Refused
from mailer.lists import Edit
from mailer.sheets import Wanted
from mailer.subscribers import Import, Report, Undone, Watch
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from tests import rows
from tests.subscribers.conftest import EVIDENCE, Roster

BASIS = "signed up at the annual meeting"
THREE = (
    "email,name,organisation\nkim@example.org,Kim,Customs\njo@example.org,Jo,\nana@example.org,,\n"
)
Take = Callable[..., Report]


@pytest.fixture
def take(roster: Roster, tmp_path: Path) -> Take:
    def taken(
        text: str = THREE, *, basis: str | None = BASIS, watch: Watch | None = None, **more: Any
    ) -> Report:
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        found = sheets.opened(path, Wanted())
        reading = subscribers.understand(path.name, found, said={}, mark=str(hash(text)), **more)
        wanted = Import(roster.list_id, "en", basis=basis)
        now = roster.clock.now
        return subscribers.take(
            roster.database, reading, wanted, roster.rules, now=now, watch=watch
        )

    return taken


def undo(roster: Roster, batch: int | None, **more: Any) -> Undone:
    assert batch is not None
    roster.clock.move(timedelta(minutes=1))
    return subscribers.undo(roster.database, batch, now=roster.clock.now(), **more)


def count(roster: Roster, table: type[Table]) -> int:
    def counted(session: Session) -> int:
        return session.scalar(select(func.count()).select_from(table)) or 0

    return roster.database.read(counted)


def batch(roster: Roster) -> ImportBatch:
    return roster.database.read(subscribers.every_batch)[0]


def gone(roster: Roster, key: str) -> bool:
    try:
        roster.standing(key)
    except NotFound:
        return True
    return False


def mailed(roster: Roster, key: str) -> None:
    """Have the letter to somebody taken by the relay."""
    with roster.database.writing() as session:
        sent = update(Delivery).where(col(Delivery.key) == key)
        session.execute(sent.values(state=DeliveryState.SENT, due_at=None))


# ------------------------------------------------------------------------- what is kept


def test_a_batch_keeps_what_it_was_and_how_it_went(roster: Roster, take: Take) -> None:
    report = take()

    kept = batch(roster)
    assert (kept.id, kept.name, kept.kind, kept.basis) == (
        report.batch,
        "people.csv",
        "table",
        BASIS,
    )
    assert (kept.counts["rows"], kept.counts["confirmed"]) == (3, 3)
    assert kept.ended_at == roster.clock.now()


def test_a_file_that_brings_nobody_is_no_batch(roster: Roster, take: Take) -> None:
    take()

    again = take()

    assert again.batch is None
    assert count(roster, ImportBatch) == 1


def test_an_import_that_was_broken_off_goes_on_in_its_batch(
    roster: Roster, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an import that ends after its first chunk, as one that is killed does
    from mailer.subscribers import spool

    monkeypatch.setattr(spool, "BLOCK", 2)

    def killed(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(watch=Watch(progress=killed))
    assert batch(roster).ended_at is None
    assert count(roster, Subscription) == 2

    # When the same file comes again
    report = take()

    # Then it is one batch, as if it had never been broken off, and nobody is there twice
    assert (report.confirmed, report.already, count(roster, Subscription)) == (3, 0, 3)
    assert count(roster, ImportBatch) == 1
    assert batch(roster).ended_at is not None
    assert roster.history().count("subscription.confirmed") == 3
    assert undo(roster, report.batch).removed == 3


def test_another_file_of_the_same_name_is_another_batch(
    roster: Roster, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(watch=Watch(progress=killed))

    report = take("email\nnew@example.org\n")

    assert report.batch == 2
    assert report.confirmed == 1


# ------------------------------------------------------------------------- undone


def test_who_was_not_mailed_is_as_if_the_file_had_never_come(roster: Roster, take: Take) -> None:
    report = take()

    undone = undo(roster, report.batch)

    assert undone == Undone(removed=3, people=3)
    assert [count(roster, table) for table in (Subscriber, Subscription, Organisation)] == [0] * 3
    assert roster.history()[-2:] == ["subscription.undone", "import.undone"]
    assert batch(roster).undone_at == roster.clock.now()


def test_what_was_undone_can_be_brought_in_again(roster: Roster, take: Take) -> None:
    undo(roster, take().batch)

    report = take()

    assert (report.confirmed, report.batch) == (3, 2)


def test_letters_that_wait_are_withdrawn_and_name_nobody(roster: Roster, take: Take) -> None:
    report = take(basis=None)

    undone = undo(roster, report.batch)

    assert undone == Undone(removed=3, people=3, letters=3)
    assert {letter.state for letter in roster.letters()} == {DeliveryState.WITHDRAWN}
    assert {(letter.address, letter.key, letter.name) for letter in roster.letters()} == {
        (None, None, "")
    }
    assert gone(roster, "kim@example.org")
    assert take(basis=None).asked == 3


def test_who_joined_a_list_of_single_opt_in_is_taken_back_too(roster: Roster, take: Take) -> None:
    with roster.database.writing() as session:
        lists.edit(session, "news", Edit(opt_in=OptIn.SINGLE), now=roster.clock.now())
    report = take(basis=None)
    assert roster.state() is CONFIRMED

    assert undo(roster, report.batch) == Undone(removed=3, people=3, letters=3)
    assert {letter.state for letter in roster.letters()} == {DeliveryState.WITHDRAWN}


def test_who_was_mailed_is_unsubscribed_and_their_history_stays(roster: Roster, take: Take) -> None:
    report = take(basis=None)
    mailed(roster, "kim@example.org")

    undone = undo(roster, report.batch)

    assert (undone.removed, undone.unsubscribed, undone.letters) == (2, 1, 2)
    assert roster.state() is UNSUBSCRIBED
    assert roster.letters()[0].address == "kim@example.org"
    assert [one.why for one in take(basis=None).stayed_out] == [
        "left the list; only they themselves can come back"
    ]


def test_of_whom_nobody_knows_any_more_whether_they_were_mailed_nobody_is_removed(
    roster: Roster, take: Take
) -> None:
    # Given mail of the list so old that its recipients are forgotten
    report = take(basis=None)
    mailed(roster, "kim@example.org")
    with roster.database.writing() as session:
        old = update(Delivery).where(col(Delivery.key) == "kim@example.org")
        session.execute(old.values(ledger.BLANK))

    undone = undo(roster, report.batch)

    assert (undone.removed, undone.unsubscribed) == (0, 3)


def test_who_acted_since_stays(roster: Roster, take: Take) -> None:
    # Given three who were asked: one confirmed, one left, one did nothing
    report = take(basis=None)
    roster.clock.move(timedelta(hours=1))
    roster.confirm()
    jo = roster.standing("jo@example.org").subscriber_id
    with roster.database.writing() as session:
        now = roster.clock.now()
        subscribers.leave(session, jo, roster.list_id, EVIDENCE, now=now)

    # When the import is undone, then only the last one goes
    undone = undo(roster, report.batch)

    assert (undone.kept, undone.removed, undone.people) == (2, 1, 1)
    assert roster.state() is CONFIRMED
    assert roster.state("jo@example.org") is UNSUBSCRIBED
    assert gone(roster, "ana@example.org")


def test_who_was_here_before_stays_a_subscriber(roster: Roster, take: Take) -> None:
    # Given one on another list, and one who had been asked by the box
    here = roster.list_id
    roster.list_id = roster.database.write(rows.a_list, "other", now=roster.clock.now())
    roster.add("jo@example.org")
    roster.list_id = here
    roster.subscribe("kim@example.org")
    roster.clock.move(timedelta(hours=1))

    # When an import that confirmed both is undone
    undone = undo(roster, take().batch)

    # Then the first is still a subscriber, and the second waits for an answer again
    assert (undone.removed, undone.restored, undone.people) == (2, 1, 1)
    assert roster.state("kim@example.org") is PENDING
    assert gone(roster, "jo@example.org")
    assert count(roster, Subscriber) == 2


def test_suppressions_that_came_with_a_file_go_with_it(
    roster: Roster, take: Take, tmp_path: Path
) -> None:
    export = "uuid,email,name,attributes,status\n1,kim@example.org,Kim,{},blocklisted\n"
    report = take(export)
    assert report.suppressed == 1

    undone = undo(roster, report.batch)

    assert undone.suppressions == 1
    assert roster.database.read(subscribers.suppressions) == []


def test_who_came_as_gone_goes_too(roster: Roster, take: Take) -> None:
    export = (
        "uuid,email,name,attributes,status,subscription_status\n"
        "1,kim@example.org,Kim,{},enabled,unsubscribed\n"
    )
    report = take(export)
    assert roster.state() is UNSUBSCRIBED

    assert undo(roster, report.batch).removed == 1
    assert gone(roster, "kim@example.org")


def test_an_organisation_that_has_others_stays(roster: Roster, take: Take) -> None:
    report = take()
    take("email,organisation\nlee@example.org,Customs\n")

    undo(roster, report.batch)

    assert count(roster, Organisation) == 1


@pytest.mark.parametrize("basis", [BASIS, None])
def test_a_dry_run_says_the_same_and_changes_nothing(
    roster: Roster, take: Take, basis: str | None
) -> None:
    report = take(basis=basis)
    if basis is None:
        mailed(roster, "kim@example.org")
    tables = (Subscriber, Subscription, Delivery, Organisation)
    before = [count(roster, table) for table in tables]

    dry = undo(roster, report.batch, dry_run=True)

    assert [count(roster, table) for table in tables] == before
    assert batch(roster).undone_at is None
    wet = undo(roster, report.batch)
    assert (dry.removed, dry.unsubscribed, dry.people) == (
        wet.removed,
        wet.unsubscribed,
        wet.people,
    )


def test_a_batch_is_undone_once(roster: Roster, take: Take) -> None:
    report = take()
    undo(roster, report.batch)

    with pytest.raises(Refused, match="batch 1 was undone on"):
        undo(roster, report.batch)
    with pytest.raises(NotFound):
        undo(roster, 9)


def test_an_undoing_that_was_broken_off_goes_on(
    roster: Roster, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailer.subscribers import batches

    report = take()
    monkeypatch.setattr(batches, "CHUNK", 2)

    def killed(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo(roster, report.batch, progress=killed)
    assert count(roster, Subscription) == 1

    assert undo(roster, report.batch).removed == 1
    assert count(roster, Subscriber) == 0
