"""From a draft to its hour: what is in the way, when it goes, undo; approval by a second person."""

from datetime import timedelta

import pytest

from mailer import delivery, history, lists
from mailer.db.schema import Digest, DigestState, Role
from mailer.digests import life
from mailer.history import SYSTEM
from mailer.lists import Edit
from mailer.subscribers import filters, segments
from tests.web.rooms.conftest import Desk, Rooms, seen
from tests.web.rooms.test_digests import draft, hidden

WHY = "The committee has seen it."


def state(rooms: Rooms, digest_id: int) -> Digest:
    return rooms.office.app.database.read(life.get, digest_id)


def form(desk: Desk, digest_id: int, at: str = "", **more: str) -> dict[str, str]:
    page = desk.get(f"/digests/{digest_id}/queue?at={at}")
    known = hidden(page, "fingerprint", f"form[action$='/{digest_id}/queue']")
    return {"at": at, "fingerprint": known, "reason": WHY, **more}


@pytest.fixture
def zoned(rooms: Rooms) -> Rooms:
    """Give an office whose list goes by the clock of Brussels, and has one reader."""
    now = rooms.office.clock.now()
    rooms.office.app.database.write(lists.edit, "meetings", Edit(zone="Europe/Brussels"), now=now)
    rooms.office.join("kim@reader.example")
    return rooms


def test_a_digest_is_queued_for_an_hour_of_the_lists_clock(zoned: Rooms) -> None:
    digest_id, desk = draft(zoned), zoned.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/queue"

    page = desk.get(f"{path}?at=2026-12-04T09:00")
    answer = desk.post(path, form(desk, digest_id, "2026-12-04T09:00"))

    assert "Queue for Friday, 4 December 2026, 09:00 (Brussels time)" in seen(page)
    assert "1 as things stand" in seen(page)
    assert answer.headers["location"] == f"/rooms/digests/{digest_id}?said=queued"
    digest = state(zoned, digest_id)
    assert digest.state is DigestState.SCHEDULED
    assert digest.due_at is not None
    assert digest.due_at.isoformat() == "2026-12-04T08:00:00+00:00"
    shown = seen(desk.get(f"/digests/{digest_id}"))
    assert "4 December 2026, 09:00" in shown
    accepted = [
        event
        for event in zoned.office.app.database.read(history.of_digest, digest_id)
        if event.kind == "digest.accepted"
    ]
    assert accepted[0].details == {"warnings": ["unwritten"], "reason": WHY}
    assert accepted[0].actor_id == str(desk.seat.editor_id)


def test_what_goes_now_waits_a_minute_in_which_it_is_undone(zoned: Rooms) -> None:
    digest_id, desk = draft(zoned), zoned.as_(Role.EDITOR)

    desk.post(f"/digests/{digest_id}/queue", form(desk, digest_id))

    assert state(zoned, digest_id).due_at == zoned.office.clock.now() + timedelta(minutes=1)
    assert "Undo" in seen(desk.get(f"/digests/{digest_id}"))
    undone = desk.post(f"/digests/{digest_id}", {"deed": "back"})
    assert undone.headers["location"].endswith("said=back")
    assert state(zoned, digest_id).state is DigestState.DRAFT


def test_what_has_begun_to_go_is_not_undone(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    desk.post(f"/digests/{digest_id}/queue", form(desk, digest_id))
    lone_rooms.office.clock.move(delivery.UNDO)
    lone_rooms.office.app.database.write(delivery.promote, now=lone_rooms.office.clock.now())

    answer = desk.post(f"/digests/{digest_id}", {"deed": "back"})

    assert answer.status_code == 409
    assert "It is on its way" in seen(answer)
    assert state(lone_rooms, digest_id).state is DigestState.QUEUED


def test_an_hour_that_does_not_exist_is_refused_with_the_next_one(zoned: Rooms) -> None:
    digest_id, desk = draft(zoned), zoned.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/queue"

    skipped = desk.get(f"{path}?at=2027-03-28T02:30")
    doubled = seen(desk.get(f"{path}?at=2027-10-31T02:30"))

    assert skipped.status_code == 400
    assert "this hour does not exist" in seen(skipped)
    assert "at=2027-03-28T03%3A30" in skipped.text
    assert "shows this hour twice" in doubled
    for wrong in ("2026-11-01T09:00", "nonsense", "2050-01-01T00:00"):
        assert desk.get(f"{path}?at={wrong}").status_code == 400
        refused = desk.post(path, form(desk, digest_id, "2026-12-04T09:00") | {"at": wrong})
        assert refused.status_code == 400
    assert state(zoned, digest_id).state is DigestState.DRAFT


def test_errors_are_in_the_way_and_warnings_take_a_reason(zoned: Rooms) -> None:
    empty, other = draft(zoned, introduction=""), draft(zoned)
    desk = zoned.as_(Role.EDITOR)

    refused = desk.post(f"/digests/{empty}/queue", form(desk, empty))
    silent = desk.post(f"/digests/{other}/queue", form(desk, other, reason=" "))
    long = desk.post(f"/digests/{other}/queue", form(desk, other, reason="x" * 501))

    assert (refused.status_code, silent.status_code, long.status_code) == (400, 400, 400)
    assert "It cannot be made as it is" in seen(refused)
    assert "Say why it may go all the same" in seen(silent)
    assert state(zoned, empty).state is DigestState.DRAFT
    assert state(zoned, other).state is DigestState.DRAFT


def test_what_was_changed_since_it_was_looked_at_does_not_go(zoned: Rooms) -> None:
    digest_id, desk = draft(zoned), zoned.as_(Role.EDITOR)
    fields = form(desk, digest_id)
    zoned.office.app.database.write(life.write, digest_id, "en", "Other words", "Hello")

    answer = desk.post(f"/digests/{digest_id}/queue", fields)

    assert answer.status_code == 409
    assert "changed since you looked at it" in seen(answer)
    assert state(zoned, digest_id).state is DigestState.DRAFT
    without = {name: value for name, value in fields.items() if name != "fingerprint"}
    assert desk.post(f"/digests/{digest_id}/queue", without).status_code == 409


def test_only_editors_queue_and_only_once(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    fields = form(desk, digest_id)

    assert (
        lone_rooms.as_(Role.APPROVER).post(f"/digests/{digest_id}/queue", fields).status_code == 403
    )
    assert desk.post(f"/digests/{digest_id}/queue", fields).status_code == 303
    assert desk.post(f"/digests/{digest_id}/queue", fields).status_code == 409


def test_the_calendar_shows_what_goes_and_when_cadences_fall_due(lone_rooms: Rooms) -> None:
    from mailer.digests import cadence

    office = lone_rooms.office
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    desk.post(f"/digests/{digest_id}/queue", form(desk, digest_id, "2026-12-04T09:00"))
    office.add_list("other", "Other News")
    rhythm = cadence.Cadence(
        cadence.Every.MONTH, 15, cadence.hour_of("10:30"), since=office.clock.now()
    )
    with office.app.database.writing() as session:
        found = lists.get(session, "other")
        lists.set_cadence(session, found, rhythm.stored(), now=office.clock.now())

    december = seen(desk.get("/digests/calendar"))
    mine = seen(lone_rooms.as_(Role.VIEWER, list_id=1).get("/digests/calendar?month=2026-12"))

    assert "09:00 What was decided Scheduled" in december
    assert "10:30 Other News · cadence" in december
    assert "Other News" not in mine
    assert "What was decided" not in seen(desk.get("/digests/calendar?month=2027-01"))
    for wrong in ("2026-13", "0000-01", "x", "9999-12"):
        assert desk.get(f"/digests/calendar?month={wrong}").status_code == 404


def test_links_are_looked_at_but_none_within_our_own_network(lone_rooms: Rooms) -> None:
    inner = "http://127.0.0.1/admin"
    digest_id = draft(lone_rooms, introduction=f"[The page]({inner})")
    desk, path = lone_rooms.as_(Role.EDITOR), f"/digests/{digest_id}/queue"

    assert desk.post(path, {"deed": "links"}).status_code == 303

    shown = seen(desk.get(path))
    assert f"A link leads nowhere: {inner}" in shown
    assert "a network of our own" in shown
    # it is a warning like others: accepted by a reason, and told in history
    assert desk.post(path, form(desk, digest_id, reason="")).status_code == 400
    assert desk.post(path, form(desk, digest_id)).status_code == 303
    [accepted] = lone_rooms.office.events("digest.accepted")
    assert "link" in accepted.details["warnings"]


def test_a_digest_is_for_a_segment_that_is_counted_and_no_other_lists(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    office.join("kim@reader.example")
    office.join("jo@other.example")
    other = office.add_list("other", "Other News")
    wanted = filters.read({"domain": "reader.example"})
    with office.app.database.writing() as session:
        mine, theirs = (
            segments.save(session, list_id, "Readers", wanted, now=office.clock.now(), by=SYSTEM)
            for list_id in (1, other)
        )
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}"
    settle = {"deed": "settle", "date": "2026-12-01", "layout": "digest"}

    assert desk.post(path, {**settle, "segment": str(theirs)}).status_code == 404
    assert desk.post(path, {**settle, "segment": str(mine)}).status_code == 303

    assert "1 as things stand · only the segment “Readers”" in seen(desk.get(f"{path}/queue"))
    desk.post(f"{path}/rehearsal", {"deed": "begin"})
    found = office.app.database.read(delivery.rehearsal, digest_id)
    assert found is not None
    assert (found.total, found.composed) == (1, 1)
