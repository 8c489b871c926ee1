"""Who may enter which room: each of them with each role, and with forms that are not theirs."""

import pytest

from mailer.accounts import ROLES
from mailer.accounts.seats import rank
from mailer.db.schema import Role
from mailer.web.rooms.table import ROOMS
from tests.web.rooms.conftest import Rooms
from tests.web.rooms.furnishing import FRAMED, furnish, path_of

ROLES_AND_NONE = (None, *ROLES)


@pytest.fixture(autouse=True)
def furnished(lone_rooms: Rooms) -> None:
    furnish(lone_rooms.office)


def may(role: Role | None, needed: Role) -> bool:
    return role is not None and rank(role) >= rank(needed)


@pytest.mark.parametrize("role", ROLES_AND_NONE)
def test_each_room_is_seen_by_those_who_may(lone_rooms: Rooms, role: Role | None) -> None:
    desk = lone_rooms.as_(role)
    before = lone_rooms.office.everything()

    refused = {
        room.path: desk.get(path_of(room)).status_code
        for room in ROOMS
        if room.get and not may(role, room.sees)
    }

    assert all(status in {403, 404} for status in refused.values()), refused
    assert lone_rooms.office.everything() == before


@pytest.mark.parametrize("role", ROLES_AND_NONE)
def test_each_room_does_for_those_who_may_only(lone_rooms: Rooms, role: Role | None) -> None:
    desk = lone_rooms.as_(role)
    before = lone_rooms.office.everything()

    refused = {
        room.path: desk.post(path_of(room)).status_code
        for room in ROOMS
        if room.post and not may(role, room.acts)
    }

    assert all(status in {403, 404} for status in refused.values()), refused
    assert lone_rooms.office.everything() == before


def test_a_stranger_is_led_to_the_door_from_every_room(lone_rooms: Rooms) -> None:
    client, before = lone_rooms.stranger(), lone_rooms.office.everything()

    for room in ROOMS:
        path = f"/rooms{path_of(room)}"
        for answer in ([client.get(path)] if room.get else []) + (
            [client.post(path, data={"guard": "x"})] if room.post else []
        ):
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/rooms/sign-in"), path

    assert lone_rooms.office.everything() == before


@pytest.mark.parametrize(
    "guard, headers",
    [
        ("", {}),
        ("0" * 32, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_form_that_is_not_theirs_changes_nothing_in_any_room(
    lone_rooms: Rooms, guard: str | None, headers: dict[str, str]
) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    before = lone_rooms.office.everything()

    for room in ROOMS:
        if room.post:
            fields = {"guard": desk.seat.guard if guard is None else guard}
            answer = desk.client.post(f"/rooms{path_of(room)}", data=fields, headers=headers)
            assert answer.status_code in {403, 404}, room.path

    assert lone_rooms.office.everything() == before


def test_every_room_keeps_to_itself_what_it_shows(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)

    for room in ROOMS:
        if room.get and room.path not in FRAMED:
            headers = desk.get(path_of(room)).headers
            assert headers["cache-control"] == "no-store", room.path
            assert "script-src 'self';" in headers["content-security-policy"], room.path
            assert "frame-ancestors" in headers["content-security-policy"], room.path
            assert "unsafe" not in headers["content-security-policy"], room.path


def test_readers_pages_know_of_no_cookie(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)

    assert "set-cookie" not in desk.client.get("/l/meetings").headers
    assert desk.get("/nowhere/at/all").status_code == 404
    assert lone_rooms.stranger().get("/rooms/nowhere").status_code == 303
