"""A list keeps its days: the digest is drafted from what is new, queued, and mailed, once."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col

from mailer import delivery, lists, scheduler
from mailer.cli.tree import run
from mailer.db.schema import CadenceDay, Delivery, DeliveryKind, Digest, DigestState
from mailer.digests import life
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock, readers
from tests.smtp_server import SmtpServer

WEEK = timedelta(days=7)


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        made.subscribers(*readers(3))
        yield made
        made.close()


def say(office: Installation, *arguments: str) -> None:
    """Run a command; it goes by the machine's clock, so only what it writes is looked at."""
    assert run(["--config", str(office.config), *arguments]) == 0


def keep(office: Installation, *arguments: str) -> None:
    """Give the list a cadence that counts from the office's own today."""
    say(office, "list", "cadence", "news", *arguments)
    with office.app.database.writing() as session:
        found = lists.get(session, "news")
        stored = dict(found.cadence or {}, since=office.clock.now().isoformat())
        lists.set_cadence(session, found, stored, now=office.clock.now())


def move_to(office: Installation, moment: datetime) -> None:
    office.clock.move(moment - office.clock.now())


def digests(office: Installation) -> list[Digest]:
    return office.app.database.read(life.every)


def outcomes(office: Installation) -> list[tuple[date, str]]:
    days = office.app.database.read(delivery.cadence_days, office.list_id, limit=9)
    return [(row.day, row.outcome) for row in days]


def test_on_its_day_a_digest_is_drafted_from_what_is_new_and_mailed(
    office: Installation,
) -> None:
    # Given a list that is due on Tuesdays at ten, and two pieces of news
    keep(office, "--weekly", "tue", "--at", "10:00")
    office.item("The laboratories meet")
    office.item("Rules for seed dogs")

    # When its hour has not come, then nothing happens
    office.work()
    assert digests(office) == []

    # When it has come
    move_to(office, MOMENT.replace(hour=10, minute=0, second=5))
    office.work()

    # Then everybody has the digest, once, however often workers look
    office.work()
    [digest] = digests(office)
    assert digest.state is DigestState.SENT
    assert office.sums(digest.id or 0).sent == 3
    message = office.row("reader0@d0.example.org", digest.id)
    assert message.state.value == "sent"
    assert outcomes(office) == [(date(2026, 12, 1), "queued")]


def test_with_nothing_new_there_is_no_digest_and_the_next_week_has_one(
    office: Installation,
) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    move_to(office, MOMENT.replace(hour=11))
    office.work()
    office.item("The laboratories meet")
    office.work()
    assert digests(office) == []

    office.clock.move(WEEK)
    office.work()

    assert [one.state for one in digests(office)] == [DigestState.SENT]
    assert outcomes(office) == [
        (date(2026, 12, 8), "queued"),
        (date(2026, 12, 1), "nothing new"),
    ]


def test_a_list_may_leave_its_draft_to_an_editor_who_is_told(office: Installation) -> None:
    keep(
        office,
        "--weekly",
        "tue",
        "--at",
        "10:00",
        "--then",
        "draft",
        "--subject",
        "{list} no. {number}",
    )
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))

    office.work()

    [digest] = digests(office)
    assert digest.state is DigestState.DRAFT
    texts = office.app.database.read(life.texts, digest.id or 0)
    assert texts["en"].subject == "The news no. 1"
    [notice] = office.rows(None)
    assert notice.kind is DeliveryKind.NOTICE
    assert "waits for an editor" in notice.context["headline"]


def test_a_list_that_takes_approval_waits_for_it_and_an_editor_is_told(
    office: Installation,
) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    edit = lists.Edit(needs_approval=True)
    office.app.database.write(lists.edit, "news", edit, now=office.clock.now())
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))

    office.work()

    assert digests(office)[0].state is DigestState.DRAFT
    [notice] = office.rows(None)
    assert "takes a second person" in str(notice.context["paragraphs"])


def test_a_digest_whose_hour_went_by_long_ago_is_left_to_an_editor(office: Installation) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    office.item("The laboratories meet")
    move_to(office, MOMENT + timedelta(days=2))

    office.work()

    [digest] = digests(office)
    assert digest.state is DigestState.DRAFT
    assert outcomes(office) == [(date(2026, 12, 1), "too late")]


def test_what_cannot_be_queued_stays_a_draft_and_the_owner_is_told(office: Installation) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    for number in range(3):
        office.item(f"Report {number}", body="A very long report. " * 3000)
    move_to(office, MOMENT.replace(hour=10, minute=1))

    office.work()

    [digest] = digests(office)
    assert digest.state is DigestState.DRAFT
    assert outcomes(office) == [(date(2026, 12, 1), "failed")]
    [notice] = office.rows(None)
    assert "limit" in " ".join(notice.context["paragraphs"])


def test_who_dies_over_a_draft_leaves_it_to_the_next(office: Installation) -> None:
    # Given a process that dies once it has drafted the digest of a day
    keep(office, "--weekly", "tue", "--at", "10:00")
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))
    with office.app.database.reading() as session:
        [due] = delivery.due_lists(session, now=office.clock.now())
    now, press = office.clock.now(), office.app.press
    office.app.database.write(delivery.assemble, press, due, now=now)
    assert outcomes(office) == [(date(2026, 12, 1), "begun")]

    # When another one ticks, within the digest's time
    office.clock.move(timedelta(hours=2))
    office.work()
    office.work()

    # Then it goes
    assert outcomes(office) == [(date(2026, 12, 1), "queued")]
    assert [one.state for one in digests(office)] == [DigestState.SENT]


def test_a_draft_that_an_editor_took_in_hand_meanwhile_is_theirs(office: Installation) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))
    with office.app.database.reading() as session:
        [due] = delivery.due_lists(session, now=office.clock.now())
    now, press = office.clock.now(), office.app.press
    kept = office.app.database.write(delivery.assemble, press, due, now=now)
    assert kept
    assert kept.digest_id
    office.app.database.write(life.cancel, kept.digest_id, now=now)

    office.work()

    assert outcomes(office) == [(date(2026, 12, 1), "drafted")]
    assert [one.state for one in digests(office)] == [DigestState.CANCELLED]
    assert office.rows(None) == []


def test_a_digest_that_cannot_even_be_drafted_is_told_once_a_day_and_made_later(
    office: Installation,
) -> None:
    # Given a list whose subject is by a pattern that we know no more
    keep(office, "--weekly", "tue", "--at", "10:00", "--subject", "News {number}")
    with office.app.database.writing() as session:
        found = lists.get(session, "news")
        stored = {**(found.cadence or {}), "subject": "News {season}"}
        lists.set_cadence(session, found, stored, now=office.clock.now())
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))

    # When it is tried again and again
    for _ in range(3):
        scheduler.keep_cadences(office.app)
        office.clock.move(timedelta(minutes=5))

    # Then the owner has one letter, and nothing is half done
    [notice] = office.rows(None)
    assert notice.context["headline"] == ("The digest of “news” for 1 December 2026 cannot be made")
    assert "season" in notice.context["paragraphs"][0]
    assert (digests(office), outcomes(office)) == ([], [])

    # When it is put right
    with office.app.database.writing() as session:
        found = lists.get(session, "news")
        stored = {**(found.cadence or {}), "subject": ""}
        lists.set_cadence(session, found, stored, now=office.clock.now())
    office.work()

    # Then it goes
    assert outcomes(office) == [(date(2026, 12, 1), "queued")]


def test_two_processes_that_tick_at_once_make_one_digest(office: Installation) -> None:
    keep(office, "--weekly", "tue", "--at", "10:00")
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=10, minute=1))
    with office.app.database.reading() as session:
        due = delivery.due_lists(session, now=office.clock.now())

    # When both have seen that the day is due before either acts
    now, late = office.clock.now(), timedelta(hours=12)
    with office.second() as other:
        for app in (office.app, other):
            for one in due:
                app.database.write(delivery.assemble, app.press, one, now=now)
        # and both that it is begun before either concludes
        with office.app.database.reading() as session:
            begun = delivery.due_lists(session, now=now)
        kept = [
            app.database.write(delivery.conclude, app.press, one, late=late, now=now)
            for one in begun
            for app in (office.app, other)
        ]

    assert [one.outcome for one in kept if one] == ["queued"]
    assert len(digests(office)) == 1
    assert office.count(CadenceDay) == 1


def test_a_changed_hour_on_the_day_gives_one_digest(office: Installation) -> None:
    # Given a digest that is due at three in the afternoon
    keep(office, "--weekly", "tue", "--at", "15:00")
    office.item("The laboratories meet")
    move_to(office, MOMENT.replace(hour=12))
    scheduler.keep_cadences(office.app)
    assert digests(office) == []

    # When the hour is moved to nine, which has passed, and later to four
    for hour in ("09:00", "16:00"):
        with office.app.database.writing() as session:
            found = lists.get(session, "news")
            stored = {**(found.cadence or {}), "hour": hour}
            lists.set_cadence(session, found, stored, now=office.clock.now())
        office.item(f"News before {hour}")
        office.work()
        office.clock.move(timedelta(hours=5))
        office.work()

    # Then the day has one digest
    assert len(digests(office)) == 1
    assert office.count(Delivery, col(Delivery.digest_id).is_not(None)) == 3
