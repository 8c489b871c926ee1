"""`mailer editor` at the command line: who works in the rooms, and the way in."""

from urllib.parse import urlsplit

import pytest

from mailer.app import App
from mailer.tokens import Purpose
from tests.cli.conftest import Office
from tests.conftest import MOMENT

KIM = "kim@office.example"


def invite(office: Office, *more: str) -> str:
    return office.ok("editor", "invite", KIM, "--name", "Kim Lee", *more).out.strip()


def editors(office: Office) -> list[dict[str, object]]:
    found = office.ok("editor", "list", "--json").json
    assert isinstance(found, list)
    return found


def test_an_editor_is_invited_by_a_letter_and_a_link(office: Office) -> None:
    office.ok("list", "add", "meetings", "--name", "Meetings", "--from", "news@office.example")

    url = invite(office, "--role", "approver", "--list", "meetings")

    assert url.startswith("https://news.example.org/rooms/password/")
    with App.at_rest(office.config) as app:
        token = urlsplit(url).path.rpartition("/")[2]
        assert app.keys.verify(token, Purpose.PASSWORD, now=MOMENT) == (1, 0)
    [kim] = editors(office)
    assert kim["address"] == KIM
    assert kim["roles"] == {"meetings": "approver"}
    assert kim["password"] is False
    [letter] = office.dump()["deliveries"]
    assert KIM in letter
    assert "'password'" in letter
    assert office.run("editor", "invite", KIM, "--name", "Kim").code == 4


def test_roles_are_given_and_taken_and_an_owner_stays(office: Office) -> None:
    office.ok("list", "add", "meetings", "--name", "Meetings", "--from", "news@office.example")
    invite(office, "--role", "owner")

    refused = office.run("editor", "role", KIM, "--role", "viewer")
    assert refused.code == 4
    assert "nobody would be left" in refused.error
    assert office.run("editor", "retire", KIM).code == 4
    assert office.run("editor", "role", KIM, "--role", "owner", "--list", "meetings").code == 2

    office.ok("editor", "invite", "noor@office.example", "--name", "Noor", "--role", "owner")
    office.ok("editor", "role", KIM, "--role", "viewer")
    office.ok("editor", "role", KIM, "--role", "editor", "--list", "meetings")
    shown = {one["address"]: one["roles"] for one in editors(office)}
    assert shown[KIM] == {"every list": "viewer", "meetings": "editor"}
    office.ok("editor", "role", KIM)
    assert {one["address"]: one["roles"] for one in editors(office)}[KIM] == {"meetings": "editor"}

    office.ok("editor", "retire", KIM)
    assert [one["address"] for one in editors(office)] == ["noor@office.example"]


def test_whoever_is_locked_out_gets_a_link(office: Office) -> None:
    invite(office)

    url = office.ok("editor", "link", KIM, "--no-code").out.strip()

    assert "/rooms/password/" in url


@pytest.mark.parametrize("command", ["link", "retire", "role"])
def test_nobody_is_named_who_is_no_editor(office: Office, command: str) -> None:
    ended = office.run("editor", command, "nobody@office.example")

    assert ended.code == 3
    assert "mailer editor list" in ended.error
