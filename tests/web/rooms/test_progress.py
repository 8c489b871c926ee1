"""Watching a digest go: numbers that add up, the hand on the switch, and what streams."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from mailer import ledger, scheduler
from mailer.continuity.hold import hold
from mailer.db.schema import Delivery, DeliveryState, Digest, DigestState, DigestText, Role
from mailer.digests import life
from mailer.history import EDITOR
from mailer.web.watching import Watching
from tests import rows
from tests.web.conftest import Office
from tests.web.rooms.conftest import Rooms, seen

STATES = ("sent", "failed", "suppressed", "withdrawn", "uncertain", "queued", "queued")


def on_its_way(office: Office, *states: str) -> int:
    """Let a digest go to one reader for each of some states, and stand like that."""
    return office.app.database.write(_on_its_way, states, now=office.clock.now())


def _on_its_way(session: Session, states: tuple[str, ...], *, now: datetime) -> int:
    digest_id = rows.a_digest(session, 1, now=now)
    session.add(DigestText(digest_id=digest_id, language="en", subject="What was decided in Suva"))
    people = rows.people(session, len(states), now=now, list_id=1)
    for row, state in zip(
        rows.recipients(session, digest_id, people, now=now), states, strict=True
    ):
        settled = None if state == "queued" else now
        values = {"state": DeliveryState(state), "settled_at": settled}
        session.execute(update(Delivery).where(col(Delivery.id) == row).values(**values))
    return digest_id


def settle(office: Office, digest_id: int, before: DeliveryState, after: DeliveryState) -> None:
    """Let all of a digest's rows that stand somewhere stand elsewhere, a second later."""
    office.clock.move(timedelta(seconds=1))
    with office.app.database.writing() as session:
        some = update(Delivery).where(
            col(Delivery.digest_id) == digest_id, col(Delivery.state) == before
        )
        session.execute(some.values(state=after))


def state_of(office: Office, digest_id: int) -> str:
    return office.app.database.read(life.get, digest_id).state.value


def test_every_state_is_shown_and_the_numbers_add_up(rooms: Rooms) -> None:
    digest_id = on_its_way(rooms.office, *STATES)

    page = seen(rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/progress"))

    sums = rooms.office.app.database.read(ledger.sums, digest_id)
    assert sums.recipients == len(STATES)
    assert "71 % 5 of 7 done" in page
    assert "2 Waiting" in page or "Waiting 2" in page
    assert "Recipients in all 7" in page


def test_an_editor_pauses_with_a_reason_and_resumes(rooms: Rooms) -> None:
    digest_id = on_its_way(rooms.office, "queued", "queued")
    desk = rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/progress"

    desk.post(path, {"deed": "pause", "reason": "A wrong date <b>in item 2</b>"})

    assert state_of(rooms.office, digest_id) == "paused"
    page = desk.get(path)
    assert "A wrong date <b>in item 2</b>" in seen(page)
    assert "<b>in item 2" not in page.text
    [event] = rooms.office.events("digest.paused")
    assert event.actor_id == str(desk.seat.editor_id)
    desk.post(path, {"deed": "resume"})
    assert state_of(rooms.office, digest_id) == "sending"


def test_a_reason_that_is_too_long_is_kept_and_changes_nothing(lone_rooms: Rooms) -> None:
    digest_id = on_its_way(lone_rooms.office, "queued")
    long = "why " * 60

    answer = lone_rooms.as_(Role.EDITOR).post(
        f"/digests/{digest_id}/progress", {"deed": "pause", "reason": long}
    )

    assert answer.status_code == 400
    assert "at most 200" in seen(answer)
    assert long in answer.text
    assert state_of(lone_rooms.office, digest_id) == "sending"


def test_cancelling_names_how_many_will_not_get_it(lone_rooms: Rooms) -> None:
    digest_id = on_its_way(lone_rooms.office, "sent", "queued", "queued")
    desk, path = lone_rooms.as_(Role.EDITOR), f"/digests/{digest_id}/progress"

    assert "2 people will not get it" in seen(desk.get(path))
    desk.post(path, {"deed": "cancel"})
    scheduler.close_digests(lone_rooms.office.app)

    sums = lone_rooms.office.app.database.read(ledger.sums, digest_id)
    assert (sums.sent, sums.withdrawn, sums.open) == (1, 2, 0)
    assert "It was cancelled" in seen(desk.get(path))


def test_what_waits_at_its_end_is_withdrawn_as_too_late(rooms: Rooms) -> None:
    office = rooms.office
    digest_id = on_its_way(office, "sent", "queued", "queued")
    desk, path = rooms.as_(Role.EDITOR), f"/digests/{digest_id}/progress"
    end = office.clock.now() + timedelta(hours=2)

    desk.post(path, {"deed": "until", "until": f"{end:%Y-%m-%dT%H:%M}"})

    assert "Nothing of it is sent after" in seen(desk.get(path))
    scheduler.close_digests(office.app)
    assert office.app.database.read(ledger.sums, digest_id).waiting == 2
    office.clock.move(timedelta(hours=2))
    assert office.app.database.read(life.going, now=office.clock.now()) == []
    scheduler.close_digests(office.app)
    sums = office.app.database.read(ledger.sums, digest_id)
    assert (sums.sent, sums.withdrawn, sums.open) == (1, 2, 0)
    reasons = {row.reason for row in office.app.database.read(ledger.of_digest, digest_id)}
    assert reasons == {"", "too late to be sent"}
    assert state_of(office, digest_id) == "sent"


def test_an_end_is_taken_back(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "queued")
    end = office.clock.now() + timedelta(hours=2)
    office.app.database.write(life.stop_after, digest_id, end, now=office.clock.now())

    lone_rooms.as_(Role.EDITOR).post(f"/digests/{digest_id}/progress", {"deed": "no-end"})

    office.clock.move(timedelta(hours=3))
    assert len(office.app.database.read(life.going, now=office.clock.now())) == 1


@pytest.mark.parametrize("typed", ["", "soon", "2001-01-01T09:00", "<script>", "2999-01-01T00:00"])
def test_a_time_that_is_none_says_so(lone_rooms: Rooms, typed: str) -> None:
    digest_id = on_its_way(lone_rooms.office, "queued")

    answer = lone_rooms.as_(Role.EDITOR).post(
        f"/digests/{digest_id}/progress", {"deed": "until", "until": typed}
    )

    assert answer.status_code == 400
    assert "<script>" not in answer.text.partition("<main")[2]
    assert lone_rooms.office.app.database.read(life.get, digest_id).stops_at is None


def test_viewers_look_and_do_nothing(lone_rooms: Rooms) -> None:
    digest_id = on_its_way(lone_rooms.office, "queued")
    desk, path = lone_rooms.as_(Role.VIEWER), f"/digests/{digest_id}/progress"

    assert "What you can do" not in seen(desk.get(path))
    assert desk.post(path, {"deed": "cancel"}).status_code == 403
    assert state_of(lone_rooms.office, digest_id) == "sending"


@pytest.mark.parametrize("room", ["progress", "events", "part"])
def test_another_lists_digest_is_not_there(lone_rooms: Rooms, room: str) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "queued")
    other = office.add_list("statistics", "Statistics")

    answer = lone_rooms.as_(Role.EDITOR, list_id=other).get(f"/digests/{digest_id}/{room}")

    assert answer.status_code == 404
    assert "Suva" not in answer.text


def test_what_is_held_after_a_restore_goes_only_when_an_owner_says_so(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "sent", "queued")
    path = f"/digests/{digest_id}/progress"
    office.app.database.write(hold, now=office.clock.now())
    editor, owner = lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.OWNER)

    assert "An owner decides" in seen(editor.get(path))
    for deed in ("resume", "release", "drop"):
        assert editor.post(path, {"deed": deed}).status_code in {403, 409}
    assert state_of(office, digest_id) == "paused"

    owner.post(path, {"deed": "release"})

    assert state_of(office, digest_id) == "sending"
    assert office.app.database.read(ledger.held_back, digest_id) == 0


def test_the_rate_is_what_was_done_in_the_last_minute(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, *["queued"] * 6)
    desk, path = lone_rooms.as_(Role.VIEWER), f"/digests/{digest_id}/progress"

    assert "Measuring how fast" in seen(desk.get(path))
    with office.app.database.writing() as session:
        some = select(Delivery.id).where(col(Delivery.digest_id) == digest_id).limit(2)
        session.execute(
            update(Delivery).where(col(Delivery.id).in_(some)).values(state=DeliveryState.SENT)
        )
    office.clock.move(timedelta(seconds=30))
    page = seen(desk.get(path))

    assert "4 in the last minute" in page
    assert "Through by about" in page


def test_a_digest_is_counted_once_a_second_however_many_look(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "queued", "sent")
    first, path = lone_rooms.as_(Role.VIEWER), f"/digests/{digest_id}/progress"
    assert "1 of 2 done" in seen(first.get(path))
    with office.app.database.writing() as session:
        everyone = update(Delivery).where(col(Delivery.digest_id) == digest_id)
        session.execute(everyone.values(state=DeliveryState.SENT))

    assert "1 of 2 done" in seen(first.get(path))  # what was counted a moment ago
    office.clock.move(timedelta(seconds=1))
    assert "2 of 2 done" in seen(first.get(path))


def test_a_draft_says_that_there_is_nothing_to_watch_yet(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    wish = life.Wish("meetings", "Soon", "Two days.")
    digest_id = office.app.database.write(life.draft, wish, now=office.clock.now())

    page = lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/progress")

    assert "It is a draft" in seen(page)


def test_a_stream_says_how_it_goes_and_ends_when_it_is_over(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "sent")
    with office.app.database.writing() as session:
        session.execute(update(Digest).values(state=DigestState.SENT))

    answer = lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/events")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "event: over\ndata: sent\n\n" in answer.text


def test_a_stream_tells_a_pause_and_ends(
    lone_rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = lone_rooms.office
    digest_id = on_its_way(office, "sent", "queued")
    desk = lone_rooms.as_(Role.VIEWER)
    looks = []

    def look(self: object, of: int) -> object:
        # Between the first look and the second, somebody pauses it.
        looks.append(real(self, of))  # type: ignore[arg-type]
        office.app.database.write(life.pause, of, "wait", now=office.clock.now(), by=EDITOR)
        return looks[-1]

    real = Watching.look
    monkeypatch.setattr(Watching, "look", look)
    monkeypatch.setattr("mailer.web.stream.EVERY_SECONDS", 0.01)

    said = desk.get(f"/digests/{digest_id}/events").text

    assert said.index("1 of 2 done") < said.index("event: over\ndata: paused")
    assert len(looks) == 1
