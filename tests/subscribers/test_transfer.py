"""Many subscribers at once: in by CSV, in short transactions, and out again."""

import csv
import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import Session, col

from mailer import lists, sheets, subscribers
from mailer.db.schema import (
    Actor,
    AddressChange,
    Delivery,
    DeliveryKind,
    Event,
    Organisation,
    Subscriber,
    Subscription,
    SuppressionReason,
    Table,
)
from mailer.errors import FileInvalid, Refused
from mailer.subscribers import Import, Reading, Report, Watch
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from tests import rows
from tests.subscribers.conftest import Roster

BASIS = "signed up at the annual meeting"
Take = Callable[..., Report]


@pytest.fixture
def take(roster: Roster, tmp_path: Path) -> Take:
    """Give a way to import a text."""

    def taken(text: str, *, basis: str | None = BASIS, **more: Any) -> Report:
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        return take_in(roster, read(path), basis=basis, **more)

    return taken


def read(path: Path, **more: Any) -> Reading:
    found = sheets.opened(path, sheets.Wanted())
    mark = str(len(path.read_bytes()))
    return subscribers.understand(path.name, found, said={}, mark=mark, **more)


def take_in(
    roster: Roster,
    reading: Reading,
    *,
    basis: str | None = BASIS,
    watch: Watch | None = None,
    **more: Any,
) -> Report:
    wanted = Import(roster.list_id, "en", basis=basis, **more)
    now = roster.clock.now
    return subscribers.take(roster.database, reading, wanted, roster.rules, now=now, watch=watch)


def count(roster: Roster, table: type[Table]) -> int:
    def counted(session: Session) -> int:
        return session.scalar(select(func.count()).select_from(table)) or 0

    return roster.database.read(counted)


def everything(roster: Roster) -> list[int]:
    return [count(roster, table) for table in (Subscriber, Subscription, Delivery, Event)]


def skipped(report: Report) -> list[tuple[int, str, str]]:
    return [(row.line, row.email, row.why) for row in report.stayed_out]


# ------------------------------------------------------------------------- in


def test_on_a_basis_people_are_on_the_list_with_the_basis_as_evidence(
    roster: Roster, take: Take
) -> None:
    report = take("email,name,language\nKim@Example.org,Kim,ja\njo@example.org,,\n")

    assert (report.rows, report.confirmed, report.asked) == (2, 2, 0)
    assert roster.letters() == []
    standing = roster.standing()
    assert (standing.state, standing.language, standing.address) == (
        CONFIRMED,
        "ja",
        "Kim@example.org",
    )
    assert roster.standing("jo@example.org").language == "en"
    event = roster.events()[-1]
    assert (event.kind, event.actor, event.at) == (
        "subscription.confirmed",
        Actor.EDITOR,
        roster.clock.now(),
    )
    assert event.details == {"via": "import", "basis": BASIS, "batch": 1, "line": 3}


def test_without_a_basis_each_gets_a_letter_that_confirms(roster: Roster, take: Take) -> None:
    report = take("email,language\nkim@example.org,ja\njo@example.org,\n", basis=None)

    assert (report.confirmed, report.asked) == (0, 2)
    first, second = roster.letters()
    assert (first.kind, first.language, first.route) == (DeliveryKind.CONFIRMATION, "ja", "smtp")
    assert first.context["offered"]  # the office asks: nobody may say that the reader did
    assert (second.address, second.language) == ("jo@example.org", "en")
    assert roster.state() is PENDING
    assert roster.history() == ["subscription.asked"] * 2
    assert "expires_at" in first.context
    roster.confirm()
    assert roster.state() is CONFIRMED


def test_the_limits_of_the_box_do_not_hold_an_import_up(roster: Roster, take: Take) -> None:
    people = "".join(f"reader{number}@example.org\n" for number in range(100))

    take("email\n" + people, basis=None)

    assert {letter.due_at for letter in roster.letters()} == {roster.clock.now()}
    assert len(roster.letters()) == 100


def test_who_waits_for_an_answer_is_not_asked_twice(roster: Roster, take: Take) -> None:
    take("email\nkim@example.org\n", basis=None)

    report = take("email\nkim@example.org\n", basis=None)

    assert len(roster.letters()) == 1
    assert skipped(report) == [
        (2, "kim@example.org", "was asked by a letter already, and has not answered")
    ]


def test_who_waits_for_an_answer_is_confirmed_on_a_basis(roster: Roster, take: Take) -> None:
    take("email\nkim@example.org\n", basis=None)

    report = take("email\nkim@example.org\n")

    assert report.confirmed == 1
    assert roster.state() is CONFIRMED


@pytest.mark.parametrize("basis", [BASIS, None])
def test_nobody_comes_back_who_left_or_is_suppressed(
    roster: Roster, take: Take, basis: str | None
) -> None:
    # Given one who left, one whose address bounced, one on the list, one new
    roster.add()
    roster.leave()
    with roster.database.writing() as session:
        subscribers.suppress(
            session, "jo@example.org", SuppressionReason.BOUNCE, now=roster.clock.now()
        )
    roster.add("lee@example.org")

    # When all are imported
    people = "kim@example.org,K\njo@example.org,J\nlee@example.org,L\nnew@example.org,N\n"
    report = take(f"email,name\n{people}", basis=basis)

    # Then only the new one comes, and each other says why not
    assert skipped(report) == [
        (2, "kim@example.org", "left the list; only they themselves can come back"),
        (3, "jo@example.org", "must not be mailed: bounce"),
    ]
    assert (report.already, report.confirmed + report.asked) == (1, 1)
    assert roster.state() is UNSUBSCRIBED
    assert roster.state("new@example.org") is (CONFIRMED if basis else PENDING)
    assert count(roster, Subscriber) == 3


@pytest.mark.parametrize("old", ["Kim@example.org", "KÄTHE@example.org"])
def test_an_address_that_its_reader_gave_up_is_not_brought_back(
    roster: Roster, take: Take, old: str
) -> None:
    roster.add(old)
    moved(roster, old.lower(), "kim@new.example.org")

    report = take(f"email\n{old}\nkim@new.example.org\n")

    assert skipped(report) == [(2, old, "is mailed at another address now, as they asked")]
    assert (report.already, count(roster, Subscriber)) == (1, 1)


def test_an_address_that_was_given_up_long_ago_is_not_brought_back_either(
    roster: Roster, take: Take
) -> None:
    # Given a change of address of which retention has forgotten both addresses
    roster.add()
    moved(roster, "kim@example.org", "kim@new.example.org")
    roster.clock.move(timedelta(days=400))
    now = roster.clock.now()
    assert roster.database.write(subscribers.forget_moves, before=now, now=now) == 1

    # When an old table is imported, and again once somebody else has the address
    first = take("email\nKim@example.org\nlee@example.org\n")
    roster.add("kim@example.org")
    second = take("email\nkim@example.org\n")

    # Then nothing is mailed where its reader gave it up
    assert skipped(first) == [
        (2, "Kim@example.org", "is mailed at another address now, as they asked")
    ]
    assert (first.confirmed, second.already) == (1, 1)
    with roster.database.reading() as session:
        [old] = session.execute(select(AddressChange)).scalars()
    assert "kim" not in str(old.old_name)


def test_who_was_erased_is_not_brought_back(roster: Roster, take: Take) -> None:
    roster.add()
    person = roster.standing().subscriber_id
    roster.database.write(subscribers.erase, person, now=roster.clock.now())

    report = take("email\nkim@example.org\n")

    assert skipped(report) == [(2, "kim@example.org", "must not be mailed: request")]
    assert roster.database.read(subscribers.size, roster.list_id) == 0


def test_a_list_that_has_ended_takes_nobody(roster: Roster, take: Take) -> None:
    with roster.database.writing() as session:
        listed = lists.by_id(session, roster.list_id)
        listed.retired_at = roster.clock.now()
        session.add(listed)

    with pytest.raises(Refused, match="this list has ended"):
        take("email\nkim@example.org\n")


def moved(roster: Roster, old: str, new: str) -> None:
    now = roster.clock.now()
    with roster.database.writing() as session:
        found, _ = subscribers.by_address(session, old)
        found.address = found.key = new
        session.add(found)
        assert found.id is not None
        change = AddressChange(
            subscriber_id=found.id, old_address=old, address=new, asked_at=now, done_at=now
        )
        session.add(change)


def test_one_address_counts_once_however_it_is_written(roster: Roster, take: Take) -> None:
    report = take("email,name\nkim@example.org,Kim\nKIM@Example.ORG,Other\n")

    assert report.confirmed == 1
    assert skipped(report) == [(3, "KIM@example.org", "is in the file before")]


def test_the_report_adds_up(roster: Roster, take: Take) -> None:
    roster.add("lee@example.org")

    report = take(
        "email,shoe size\nkim@example.org,43\nbad,1\nkim@example.org,2\nlee@example.org,3\n"
    )

    assert report.rows == 4
    assert sum(report.counts.values()) == 2 * report.rows
    assert (report.bad, report.skipped, report.already, report.confirmed) == (1, 1, 1, 1)
    assert [(row.line, row.email) for row in report.stayed_out] == [
        (3, "bad"),
        (4, "kim@example.org"),
    ]


@pytest.mark.parametrize("basis", [BASIS, None])
def test_a_dry_run_reports_the_same_and_writes_nothing(
    roster: Roster, take: Take, basis: str | None
) -> None:
    roster.add("lee@example.org")
    text = "email\nkim@example.org\nbad\nkim@example.org\nlee@example.org\n"
    before = everything(roster)

    dry = take(text, basis=basis, dry_run=True)

    assert everything(roster) == before
    wet = take(text, basis=basis)
    assert (wet.counts, wet.stayed_out) == (dry.counts, dry.stayed_out)
    assert [row.to.key for row in dry.first] == ["kim@example.org", "lee@example.org"]


# ------------------------------------------------------------------------- who they are


def test_organisations_are_made_once(roster: Roster, take: Take) -> None:
    take(
        "email,organisation,country\na@example.org,Customs,BE\nb@example.org,Customs,BE\n"
        "c@example.org,Customs,JP\nd@example.org,,\n"
    )
    take("email,organisation,country\ne@example.org,Customs,JP\n")

    assert count(roster, Organisation) == 2
    with roster.database.reading() as session:
        found = session.execute(
            select(col(Subscriber.key), col(Organisation.country))
            .outerjoin(Organisation, col(Organisation.id) == col(Subscriber.organisation_id))
            .order_by(col(Subscriber.key))
        ).all()
    assert [country for _, country in found] == ["BE", "BE", "JP", None, "JP"]


def test_what_is_known_of_somebody_stays(roster: Roster, take: Take) -> None:
    # Given two who are known from another list, one by name
    take("email,name,organisation\nkim@example.org,Kim Lee,Customs\njo@example.org,,\n")
    roster.list_id = roster.database.write(rows.a_list, "other", now=roster.clock.now())

    # When they are imported with other words
    take("email,name,organisation\nkim@example.org,Someone,Elsewhere\njo@example.org,Jo,Ministry\n")

    # Then only what was empty is filled
    with roster.database.reading() as session:
        found = session.execute(
            select(col(Subscriber.name), col(Organisation.name))
            .join(Organisation, col(Organisation.id) == col(Subscriber.organisation_id))
            .order_by(col(Subscriber.key))
        ).all()
    assert [tuple(row) for row in found] == [("Jo", "Ministry"), ("Kim Lee", "Customs")]


def test_a_letter_goes_to_the_spelling_that_is_known(roster: Roster, take: Take) -> None:
    take("email\nKim@example.org\n")
    roster.list_id = roster.database.write(rows.a_list, "other", now=roster.clock.now())

    take("email\nkim@example.org\n", basis=None)

    assert [letter.address for letter in roster.letters()] == ["Kim@example.org"]


# ------------------------------------------------------------------------- many


def test_many_come_in_short_transactions(
    roster: Roster, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailer.subscribers import spool

    monkeypatch.setattr(spool, "BLOCK", 10)
    people = "".join(f"reader{number}@example.org\n" for number in range(95))

    first = take("email\n" + people)
    again = take("email\n" + people)

    assert (first.rows, first.confirmed) == (95, 95)
    assert (again.rows, again.already) == (95, 95)
    assert count(roster, Subscription) == 95


def test_the_progress_of_an_import_is_told(roster: Roster, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"r{number}@example.org\n" for number in range(600)))
    told: list[tuple[int, int]] = []

    take_in(roster, read(path), watch=Watch(lambda done, whole: told.append((done, whole))))

    assert told[-1] == (600, 600)
    assert len(told) > 1
    assert told == sorted(told)


def test_a_thousand_come_within_seconds(roster: Roster, take: Take) -> None:
    people = "".join(f"reader{number}@example.org\n" for number in range(1000))
    begun = time.perf_counter()

    take("email\n" + people, basis=None)

    # Two seconds on an idle machine with much to spare; a test machine may be busy.
    assert time.perf_counter() - begun < 10


def test_a_file_broken_in_its_middle_changes_nothing(roster: Roster, take: Take) -> None:
    people = "".join(f"reader{number}@example.org\n" for number in range(1500))
    before = everything(roster)

    with pytest.raises(FileInvalid, match=r"people\.csv:1502: a line of more than"):
        take("email\n" + people + "x" * 10_000_000)

    assert everything(roster) == before


# ------------------------------------------------------------------------- out


def exported(roster: Roster) -> str:
    out = io.StringIO()
    with roster.database.reading() as session:
        csv.writer(out).writerows(subscribers.export_rows(session, roster.list_id))
    return out.getvalue()


def test_an_export_says_who_is_on_the_list_how_and_since_when(roster: Roster, take: Take) -> None:
    take("email,name,language,organisation,country\nkim@example.org,Kim,ja,Customs,BE\n")
    roster.subscribe("jo@example.org")
    roster.leave()

    head, *people = csv.reader(io.StringIO(exported(roster)))

    by_address = {person[0]: dict(zip(head, person, strict=True)) for person in people}
    moment = "2026-12-01T08:00:00Z"
    assert by_address["kim@example.org"] == {
        "email": "kim@example.org",
        "name": "Kim",
        "language": "ja",
        "organisation": "Customs",
        "country": "BE",
        "state": "unsubscribed",
        "since": moment,
        "confirmed": moment,
        "left": moment,
        "basis": BASIS,
    }
    assert by_address["jo@example.org"]["state"] == "pending"
    assert by_address["jo@example.org"]["confirmed"] == ""


def test_what_went_out_comes_in_again(roster: Roster, take: Take) -> None:
    # Given names that a spreadsheet would take for formulas
    take(
        "email,name,organisation\n+kim@example.org,=1+1,@Customs\n"
        'jo@example.org,"Lee, Jo ""J""",-\nyamada@example.org,山田太郎,\n'
    )
    first = exported(roster)
    assert "'=1+1" in first
    assert "'+kim@example.org" in first
    assert "\n=" not in first
    assert ",=" not in first

    # When the export is imported into another list
    roster.list_id = roster.database.write(rows.a_list, "other", now=roster.clock.now())
    report = take(first)

    # Then everybody is there as before
    assert report.confirmed == 3
    assert exported(roster) == first
