"""A rehearsal: every message composed, none sent; what would be skipped, and what fails."""

import pytest

from mailer import delivery, ledger, subscribers
from mailer.db.schema import Role, SuppressionReason
from mailer.delivery import Rehearsal, rehearsing
from mailer.digests import life
from mailer.errors import HeaderInvalid
from mailer.ledger import Claimed
from mailer.rendering import Plate
from tests.web.rooms.conftest import Desk, Rooms, seen
from tests.web.rooms.test_digests import draft


def people(rooms: Rooms, *names: str) -> None:
    for name in names:
        rooms.office.join(f"{name}@reader.example")


def report(rooms: Rooms, digest_id: int) -> Rehearsal:
    found = rooms.office.app.database.read(delivery.rehearsal, digest_id)
    assert found is not None
    return found


def rehearse(desk: Desk, digest_id: int, steps: int) -> None:
    path = f"/digests/{digest_id}/rehearsal"
    assert desk.post(path, {"deed": "begin"}).status_code == 303
    for _ in range(steps):
        assert desk.post(path, {"deed": "on"}).status_code == 303


def test_every_message_is_composed_and_none_is_posted(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "CHUNK", 2)  # so that five are more than one step
    people(rooms, "a", "b", "c", "d", "e")
    office = rooms.office
    with office.app.database.writing() as session:
        reason = SuppressionReason.REQUEST
        subscribers.suppress(session, "c@reader.example", reason, now=office.clock.now())
    digest_id, desk = draft(rooms), rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/rehearsal"

    rehearse(desk, digest_id, 0)
    first = report(rooms, digest_id)
    assert (first.looked_at, first.is_done) == (2, False)
    assert "Recipients looked at: 2 of 5" in seen(desk.get(path))
    for _ in range(4):
        desk.post(path, {"deed": "on"})

    found = report(rooms, digest_id)
    assert found.is_done
    assert (found.composed, found.failed, dict(found.languages)) == (4, 0, {"en": 4})
    assert dict(found.skipped) == {"the address must not be mailed": 1}
    assert found.largest * 4 >= found.bytes >= found.largest > 1_000
    with office.app.database.reading() as session:
        assert not list(ledger.of_digest(session, digest_id, None))
    page = seen(desk.get(path))
    assert "Done. Recipients looked at: 5" in page
    assert "1: the address must not be mailed" in page


def test_what_fails_is_told_and_keeps_nobody_else(
    lone_rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(lone_rooms, "a", "b")
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    press = lone_rooms.office.app.press
    compose = press.compose

    # Nothing that gets into the database by our own ways makes a message fail.
    def failing(claimed: Claimed, plate: Plate) -> bytes:
        if claimed.address.startswith("a@"):
            raise HeaderInvalid("name", "holds a line break")
        return compose(claimed, plate)

    monkeypatch.setattr(press, "compose", failing)

    rehearse(desk, digest_id, 1)

    found = report(lone_rooms, digest_id)
    assert (found.composed, found.failed) == (1, 1)
    page = seen(desk.get(f"/digests/{digest_id}/rehearsal"))
    assert "holds a line break" in page
    assert "a@reader.example" not in str(found.stored())


def test_a_rehearsal_of_what_was_changed_begins_anew(lone_rooms: Rooms) -> None:
    people(lone_rooms, "a")
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    rehearse(desk, digest_id, 0)
    lone_rooms.office.app.database.write(life.write, digest_id, "en", "Other", "Words")

    assert "changed since this rehearsal" in seen(desk.get(f"/digests/{digest_id}/rehearsal"))
    desk.post(f"/digests/{digest_id}/rehearsal", {"deed": "on"})

    assert (report(lone_rooms, digest_id).looked_at, report(lone_rooms, digest_id).is_done) == (
        0,
        False,
    )


def test_only_editors_rehearse_and_only_what_has_not_gone(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    empty = draft(lone_rooms, introduction="")
    path = f"/digests/{digest_id}/rehearsal"

    assert lone_rooms.as_(Role.VIEWER).post(path, {"deed": "begin"}).status_code == 403
    refused = desk.post(f"/digests/{empty}/rehearsal", {"deed": "begin"})
    assert refused.status_code == 409
    assert "give it items or an introduction" in seen(refused)
    lone_rooms.office.app.database.write(life.cancel, digest_id, now=lone_rooms.office.clock.now())
    assert desk.post(path, {"deed": "begin"}).status_code == 409
