"""The first room: what needs whoever has come in, and nothing of what is not theirs."""

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from mailer import facts, ledger, lists, scheduler
from mailer.accounts import unsaved
from mailer.continuity.hold import hold
from mailer.db.schema import (
    Approval,
    Delivery,
    DeliveryState,
    Digest,
    DigestState,
    DigestText,
    Role,
    Subscription,
    SubscriptionState,
)
from mailer.delivery.routes import pause
from mailer.digests.cadence import Cadence, Every
from mailer.subscribers import growth as face
from mailer.subscribers.growing import over_a_year
from tests import rows
from tests.web.conftest import Office
from tests.web.rooms.conftest import Rooms, seen


def digest_that(
    office: Office, subject: str, state: str, *, list_id: int = 1, **values: object
) -> int:
    """Make a digest in a state, with two recipients that wait and one that is in doubt."""
    return office.app.database.write(
        _digest_that, subject, state, list_id, values, now=office.clock.now()
    )


def _digest_that(
    session: Session,
    subject: str,
    state: str,
    list_id: int,
    values: dict[str, object],
    *,
    now: datetime,
) -> int:
    digest_id = rows.a_digest(session, list_id, now=now)
    session.add(DigestText(digest_id=digest_id, language="en", subject=subject))
    people = rows.people(session, 3, now=now, first=digest_id * 10)
    made = rows.recipients(session, digest_id, people, now=now)
    doubt = update(Delivery).where(col(Delivery.id) == made[0])
    session.execute(doubt.values(state=DeliveryState.UNCERTAIN))
    whole = {"state": DigestState(state), **values}
    session.execute(update(Digest).where(col(Digest.id) == digest_id).values(**whole))
    return digest_id


def test_a_fresh_installation_teaches_the_first_steps(lone_rooms: Rooms) -> None:
    with lone_rooms.office.app.database.writing() as session:
        lists.get(session, "meetings").retired_at = lone_rooms.office.clock.now()
    answer = lone_rooms.as_(Role.OWNER).get()

    page = seen(answer)
    assert "Four steps to the first digest" in page
    assert "Make a list" in page
    assert 'href="/rooms/lists/_new"' in answer.text


def test_who_has_a_part_in_nothing_is_told_whom_to_ask(lone_rooms: Rooms) -> None:
    assert lone_rooms.as_(None).get().status_code in {200, 403}
    other = lone_rooms.office.add_list("statistics", "Statistics")
    desk = lone_rooms.as_(Role.VIEWER, list_id=other)
    lone_rooms.office.retire("statistics")

    assert "An owner gives you a part in one." in seen(desk.get())


def test_each_digest_has_the_one_link_that_acts(rooms: Rooms) -> None:
    office, now = rooms.office, rooms.office.clock.now()
    going = digest_that(office, "Goes", "sending")
    paused = digest_that(office, "Stands", "paused", reason="A date is wrong")
    undone = digest_that(office, "In doubt", "sent", sent_at=now - timedelta(days=1))
    draft = digest_that(office, "Half written", "draft")
    soon = digest_that(office, "Soon", "scheduled", due_at=now + timedelta(days=1))

    answer = rooms.as_(Role.EDITOR).get()

    page = seen(answer)
    assert "1 of 3 done" in page
    assert "A date is wrong" in page
    assert "Of 1 person nobody knows" in page
    for digest_id, room in (
        (going, "/progress"),
        (paused, "/progress"),
        (undone, "/report"),
        (draft, ""),
        (soon, ""),
    ):
        assert f'href="/rooms/digests/{digest_id}{room}"' in answer.text


def test_what_is_old_or_went_well_is_not_shown(lone_rooms: Rooms) -> None:
    office, now = lone_rooms.office, lone_rooms.office.clock.now()
    digest_that(office, "Long ago", "sent", sent_at=now - timedelta(days=30))
    digest_that(office, "Ended", "cancelled")

    page = seen(lone_rooms.as_(Role.EDITOR).get())

    assert "Long ago" not in page
    assert "Ended" not in page
    assert "Nothing waits for you." in page


def test_nothing_of_another_list_is_shown(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    other = office.add_list("statistics", "Statistics of trade")
    digest_that(office, "Their secret", "sending", list_id=other)
    digest_that(office, "Their draft", "draft", list_id=other)
    mine = lone_rooms.as_(Role.EDITOR, list_id=1)
    office.app.database.write(
        unsaved.keep,
        mine.seat.editor_id,
        "digest/2/en",
        {"subject": "x"},
        base=0,
        now=office.clock.now(),
    )

    page = mine.get().text

    assert "Their" not in page
    assert "Statistics of trade" not in page
    assert "digests/2" not in page


def test_viewers_see_no_drafts(lone_rooms: Rooms) -> None:
    digest_that(lone_rooms.office, "Half written", "draft")

    assert "Half written" not in lone_rooms.as_(Role.VIEWER).get().text


def test_an_approver_is_led_to_what_they_are_asked_to_read(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = digest_that(office, "To be read", "draft")
    asked, other = lone_rooms.as_(Role.APPROVER), lone_rooms.as_(Role.APPROVER)
    with office.app.database.writing() as session:
        session.add(
            Approval(
                digest_id=digest_id,
                fingerprint="x",
                address=asked.seat.address,
                asked_at=office.clock.now(),
            )
        )

    assert "You are asked to read it" in seen(asked.get())
    assert "To be read" not in other.get().text
    assert "has not answered" in seen(lone_rooms.as_(Role.EDITOR).get())


@pytest.mark.parametrize(
    "place, path",
    [
        ("item/new", "/rooms/items/new"),
        ("item/7", "/rooms/items/7/edit"),
        ("digest/1/en", "/rooms/digests/1?language=en"),
    ],
)
def test_what_was_not_saved_is_gone_on_with(lone_rooms: Rooms, place: str, path: str) -> None:
    office = lone_rooms.office
    digest_that(office, "Half written", "draft")
    desk, now = lone_rooms.as_(Role.EDITOR), office.clock.now()
    keep = office.app.database.write
    keep(unsaved.keep, desk.seat.editor_id, place, {"title": "x"}, base=0, now=now)

    assert f'href="{path}"' in desk.get().text
    assert f'href="{path}"' not in lone_rooms.as_(Role.EDITOR).get().text.partition("Next")[0]


def test_owners_see_what_stands_still_and_others_do_not(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    now, write = office.clock.now(), office.app.database.write
    write(pause, "smtp", "It does not know <us>.", now=now)
    write(facts.note, "trouble:mail:letters", {"headline": "Letters do not leave"}, now=now)
    write(ledger.post, rows.a_letter(now=now), now=now)
    write(hold, now=now)

    page = seen(lone_rooms.as_(Role.OWNER).get())

    assert "No process sends" in page
    assert "It does not know <us>." in page
    assert "Letters do not leave" in page
    assert "1 letter is held after a restore." in page
    assert "What stands still" not in seen(lone_rooms.as_(Role.EDITOR).get())


def test_subjects_and_names_are_words_and_no_markup(lone_rooms: Rooms) -> None:
    evil = "<script>alert(1)</script>"
    digest_that(lone_rooms.office, evil, "paused", reason=evil)

    answer = lone_rooms.as_(Role.EDITOR).get()

    assert seen(answer).count(evil) >= 2
    assert "<script>alert" not in answer.text


def test_a_list_says_when_its_next_digest_is_due(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    rhythm = Cadence(Every.MONTH, 24, time(9), office.clock.now())
    with office.app.database.writing() as session:
        listed = lists.get(session, "meetings")
        lists.set_cadence(session, listed, rhythm.stored(), now=office.clock.now())

    assert "Next due on 24 December 2026, 09:00" in seen(lone_rooms.as_(Role.VIEWER).get())


# ------------------------------------------------------------------------- growth


def test_growth_is_counted_in_chunks_and_kept_for_an_hour(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.subscribers.growing.CHUNK", 2)
    office, read = rooms.office, rooms.office.app.database.read
    now = office.clock.now()
    with office.app.database.writing() as session:
        people = rows.people(session, 7, now=now, list_id=1)
        for place, person in enumerate(people):
            came = datetime(2026, 8 + place % 3, 5, tzinfo=now.tzinfo)
            values: dict[str, object] = {"confirmed_at": came}
            if place >= 5:
                left = datetime(2026, 11, 3, tzinfo=now.tzinfo)
                values |= {"state": SubscriptionState.UNSUBSCRIBED, "left_at": left}
            mine = col(Subscription.subscriber_id) == person
            session.execute(update(Subscription).where(mine).values(**values))

    assert read(face, 1, now=now) is None
    scheduler.count_growth(office.app)
    found = read(face, 1, now=now)

    assert found is not None
    assert found.months[-1] == "2026-12"
    assert dict(zip(found.months, found.counts, strict=True)) | {} == {
        **dict.fromkeys(found.months, 0),
        "2026-08": 3,
        "2026-09": 5,
        "2026-10": 7,
        "2026-11": 5,
        "2026-12": 5,
    }
    office.app.database.write(rows.people, 1, now=now, list_id=1, first=50)
    scheduler.count_growth(office.app)
    assert read(face, 1, now=now) == found  # not counted again within the hour
    office.clock.move(timedelta(hours=1))
    scheduler.count_growth(office.app)
    assert read(face, 1, now=now) != found


def test_a_year_ends_with_the_month_that_runs() -> None:
    now = datetime.combine(date(2026, 3, 1), time(), tzinfo=None)

    found = over_a_year({"net": {"2020-01": 5, "2026-02": -2, "2026-04": 9}}, now)

    assert found.months[0] == "2025-04"
    assert list(found.counts) == [5] * 10 + [3, 3]


def test_growth_is_drawn_with_its_numbers(lone_rooms: Rooms) -> None:
    lone_rooms.office.join("kim@reader.example")
    scheduler.count_growth(lone_rooms.office.app)

    answer = lone_rooms.as_(Role.VIEWER).get()

    assert "<polyline" in answer.text
    assert "2026-12 1" in seen(answer)
