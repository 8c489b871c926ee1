"""Imports in their room: a file is understood, tried, taken, gone on with and taken back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailer import retention, subscribers
from mailer.db.schema import Actor, DeliveryKind, Role, Visibility
from mailer.errors import NotFound
from mailer.subscribers import uploads
from mailer.subscribers.uploads import Stage
from tests.web.rooms.conftest import Desk, Rooms, seen

NEW = "/subscribers/imports/new"
CSV = (
    "Work mail;Name;Unit\n"
    "ana@a.example;Ana <Costa>;=1+1\n"
    "not an address;Ben;x\n"
    "chen@a.example;Chen;y\n"
)
MAP = {"map-address": "Work mail", "how": "basis", "basis": "signed up in May"}


@pytest.fixture
def desk(lone_rooms: Rooms) -> Desk:
    return lone_rooms.as_(Role.EDITOR)


def bring(desk: Desk, content: str = CSV, name: str = "people.csv", **more: Any) -> Any:
    files = {"file": (name, content.encode())}
    return desk.post(NEW, {"list": "meetings", **more}, files=files)


def brought(desk: Desk, *given: str) -> str:
    """Bring a file; give the path of its page."""
    answer = bring(desk, *given)
    assert answer.status_code == 303, seen(answer)
    return str(answer.headers["location"]).removeprefix("/rooms")


def kept(rooms: Rooms) -> list[Path]:
    return list((rooms.office.app.config.state / "imports").glob("*"))


def test_a_file_is_mapped_tried_imported_and_taken_back(rooms: Rooms) -> None:
    office, desk = rooms.office, rooms.as_(Role.EDITOR)
    path = brought(desk)
    page = seen(desk.get(path))
    assert "Work mail" in page
    assert "CSV" in page or "UTF-8" in page

    assert desk.post(path, {"deed": "try", **MAP}).status_code == 303
    tried = seen(desk.get(path))
    assert "What would come of it" in tried
    assert "come on the list 2" in tried
    assert "not an address" in tried
    assert office.events("subscription.confirmed") == []

    desk.post(path, {"deed": "take"})
    assert "What came of it" in seen(desk.get(path))
    assert office.state("ana@a.example") == "confirmed"
    assert {one.actor_id for one in office.events("subscription.confirmed")} == {
        str(desk.seat.editor_id)
    }
    [folder] = kept(rooms)
    assert not (folder / "people").exists()

    errors = desk.get(f"{path}/errors")
    assert "attachment" in errors.headers["content-disposition"]
    assert "not an address" in errors.text

    assert "people.csv" in seen(desk.get("/subscribers/imports"))
    batch = desk.get("/subscribers/imports/1")
    assert "Up to 2 subscriptions" in seen(batch)
    answer = desk.post("/subscribers/imports/1", {"deed": "undo"})
    assert "taken back" in seen(desk.get(answer.headers["location"].removeprefix("/rooms")))
    [undone] = office.events("import.undone")
    assert (undone.actor, undone.actor_id) == (Actor.EDITOR, str(desk.seat.editor_id))
    assert desk.post("/subscribers/imports/1", {"deed": "undo"}).status_code == 409
    assert desk.get("/subscribers?q=ana").text.count("ana@a.example") == 0


def test_pasted_lines_are_asked_by_letters(lone_rooms: Rooms, desk: Desk) -> None:
    pasted = "Ana Costa <ana@a.example>; ben@b.example"
    answer = desk.post(NEW, {"list": "meetings", "pasted": pasted})
    path = answer.headers["location"].removeprefix("/rooms")

    desk.post(path, {"deed": "try", "how": "ask"})
    desk.post(path, {"deed": "take"})

    assert lone_rooms.office.state("ana@a.example") == "pending"
    assert len(lone_rooms.office.letters("ben@b.example", DeliveryKind.CONFIRMATION)) == 1


def test_nobody_is_imported_without_a_basis(lone_rooms: Rooms, desk: Desk) -> None:
    path = brought(desk)

    for deed in ("try", "take"):
        answer = desk.post(path, {"deed": deed, **MAP, "basis": " "})
        assert answer.status_code == 400
        assert "Say how they agreed" in seen(answer)
    assert lone_rooms.office.app.database.read(subscribers.every_batch) == []


@pytest.mark.parametrize(
    "columns", [{}, {"map-address": "Unit"}, {"map-address": "nowhere"}, {"map-name": "Name"}]
)
def test_columns_that_are_not_understood_are_said(desk: Desk, columns: dict[str, str]) -> None:
    path = brought(desk)
    form = {"how": "basis", "basis": "x", **columns}

    answer = desk.post(path, {"deed": "try", **form})

    if "map-address" in columns and columns["map-address"] == "Unit":
        assert "come on the list" not in seen(desk.get(path))  # all rows are bad
    else:
        assert answer.status_code == 400


@pytest.mark.parametrize("content", ["", "%PDF-1.4 none of ours"])
def test_what_is_no_table_is_not_kept(lone_rooms: Rooms, desk: Desk, content: str) -> None:
    assert bring(desk, content).status_code == 400
    assert kept(lone_rooms) == []


def test_a_form_without_a_file_says_so(desk: Desk) -> None:
    assert desk.post(NEW, {"list": "meetings"}).status_code == 400


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "a\x00b.csv", "<script>alert(1)</script>.csv"]
)
def test_a_file_s_name_is_no_path_and_no_markup(lone_rooms: Rooms, desk: Desk, name: str) -> None:
    before = set(lone_rooms.office.app.config.folder.rglob("*"))
    files = {"file": (name, CSV.encode())}
    answer = desk.post(NEW, {"list": "meetings"}, files=files)

    page = desk.get(answer.headers["location"].removeprefix("/rooms"))
    assert "<script>alert" not in page.text
    [folder] = kept(lone_rooms)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    fresh = set(lone_rooms.office.app.config.folder.rglob("*")) - before
    assert {path.name for path in fresh if path.is_file()} <= {"people", "settled.json", "lock"}


@pytest.mark.parametrize("key", ["x", "../imports", "%2e%2e%2fsettled.json"])
def test_a_key_that_is_made_up_finds_nothing(desk: Desk, key: str) -> None:
    assert desk.get(f"/subscribers/imports/files/{key}").status_code == 404


def test_an_import_that_was_broken_off_goes_on_in_its_batch(lone_rooms: Rooms, desk: Desk) -> None:
    office = lone_rooms.office
    path = brought(desk)
    desk.post(path, {"deed": "try", **MAP})
    state, key = office.app.config.state, path.rpartition("/")[2]
    # What a process leaves that is killed: the stage, and no lock.
    with uploads._held(state, key):
        assert "Being imported" not in seen(desk.get(path))
        uploads._write(state, replace(uploads.find(state, key), stage=Stage.TAKING))
        assert "Being imported" in seen(desk.get(path))
        assert desk.post(path, {"deed": "take"}).status_code == 409

    assert "broken off" in seen(desk.get(path))
    desk.post(path, {"deed": "take"})

    assert office.state("chen@a.example") == "confirmed"
    assert len(office.app.database.read(subscribers.every_batch)) == 1


def test_files_are_taken_away_by_hand_and_with_time(lone_rooms: Rooms, desk: Desk) -> None:
    office = lone_rooms.office
    first, second = brought(desk), brought(desk)
    assert desk.post(first, {"deed": "drop"}).status_code == 303
    assert len(kept(lone_rooms)) == 1

    office.clock.move(uploads.KEPT + timedelta(hours=1))
    retention.forget(office.app)

    with pytest.raises(NotFound):
        uploads.find(office.app.config.state, second.rpartition("/")[2])
    assert kept(lone_rooms) == []


def test_an_editor_of_one_list_imports_there_only(lone_rooms: Rooms, desk: Desk) -> None:
    lone_rooms.office.add_list("secret", "Secret News", visibility=Visibility.UNLISTED)
    answer = bring(desk, list="secret")
    path = answer.headers["location"].removeprefix("/rooms")
    desk.post(path, {"deed": "try", **MAP})
    desk.post(path, {"deed": "take"})
    other = lone_rooms.as_(Role.EDITOR, list_id=1)

    assert bring(other, list="secret").status_code == 404
    assert other.get(path).status_code == 404
    assert other.get(f"{path}/errors").status_code == 404
    assert other.post(path, {"deed": "drop"}).status_code == 404
    assert other.get("/subscribers/imports/1").status_code == 404
    assert other.post("/subscribers/imports/1", {"deed": "undo"}).status_code == 404
    page = other.get("/subscribers/imports").text
    assert "people.csv" not in page
    assert "Secret News" not in page
