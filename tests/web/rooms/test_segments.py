"""The room of segments: what was chosen is saved, shown, renamed, retired."""

from typing import Any

import pytest

from mailer.db.schema import Role
from tests.web.rooms.conftest import Desk, Rooms, seen

PATH = "/subscribers/segments"


@pytest.fixture
def desk(lone_rooms: Rooms) -> Desk:
    """Give an editor, in rooms where one subscriber is on the list."""
    lone_rooms.office.join("kim@reader.example")
    return lone_rooms.as_(Role.EDITOR)


def save(desk: Desk, name: str = "Readers", **more: Any) -> Any:
    fields = {"deed": "save", "list": "meetings", "name": name, "domain": "reader.example"}
    return desk.post(PATH, {**fields, **more})


def test_what_was_chosen_is_saved_under_a_name(desk: Desk) -> None:
    chosen = desk.get("/subscribers?list=meetings&q=@reader.example")
    assert "Save as a segment" in seen(chosen)

    assert save(desk, "<b>Readers</b>").status_code == 303
    page = seen(desk.get(PATH))

    assert "<b>Readers</b>" in page
    assert "domain is reader.example" in page
    assert "1 subscriber" in page


def test_a_segment_is_renamed_retired_and_offered_again(desk: Desk) -> None:
    save(desk)

    desk.post(PATH, {"deed": "rename", "segment": 1, "name": "Others"})
    assert "Others" in seen(desk.get(PATH))
    answer = desk.post(PATH, {"deed": "retire", "segment": 1})
    assert "Undo" in seen(desk.get(answer.headers["location"].removeprefix("/rooms")))
    desk.post(PATH, {"deed": "bring-back", "segment": 1})
    assert "Offer it again" not in seen(desk.get(PATH))


@pytest.mark.parametrize(
    "more",
    [{"name": ""}, {"domain": ""}, {"domain": "not a domain"}, {"since": "soon"}],
)
def test_what_cannot_be_a_segment_is_said(desk: Desk, more: dict[str, str]) -> None:
    assert save(desk, **more).status_code in {400, 409}
    assert "No segments yet" in seen(desk.get(PATH))


@pytest.mark.parametrize("asked", ["list=meetings&state=pending&language=en", "q=kim", ""])
def test_what_a_digest_cannot_go_to_is_not_offered(desk: Desk, asked: str) -> None:
    assert "Save as a segment" not in seen(desk.get(f"/subscribers?{asked}"))


def test_an_editor_of_one_list_has_its_segments_only(lone_rooms: Rooms, desk: Desk) -> None:
    lone_rooms.office.add_list("secret", "Secret News")
    save(desk, "Hidden", list="secret")
    other = lone_rooms.as_(Role.EDITOR, list_id=1)

    assert "Hidden" not in other.get(PATH).text
    for deed in ("rename", "retire", "bring-back"):
        assert other.post(PATH, {"deed": deed, "segment": 1, "name": "x"}).status_code == 404
    assert save(other, list="secret").status_code == 404
