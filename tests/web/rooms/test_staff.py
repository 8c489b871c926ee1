"""Editors are invited, given roles, helped in again and retired; and what was done is told."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import files, history, lists
from mailer.accounts import editors
from mailer.db.schema import DeliveryKind, Role
from mailer.history import About, record
from mailer.web import told
from mailer.web.rooms import deeds
from tests.web.rooms.conftest import Desk, Rooms, seen

NEW = {"address": "ann@office.example", "name": "Ann Ito", "role": "editor", "list": ""}
SCRIPT = "<script>alert(1)</script>"


def invite(desk: Desk, **changes: str) -> str:
    """Invite somebody; give the link that is shown."""
    answer = desk.post("/settings/editors/new", {**NEW, **changes})
    assert answer.status_code == 200, seen(answer)
    found = LexborHTMLParser(answer.text).css_first("textarea#link")
    assert found is not None
    return found.text().strip()


def ann(rooms: Rooms) -> int:
    with rooms.office.app.database.reading() as session:
        found = editors.by_key(session, "ann@office.example")
        assert found is not None
        return editors.id_of(found)


def grants(rooms: Rooms, editor_id: int) -> dict[int, Role]:
    return rooms.office.app.database.read(editors.grants, editor_id)


# ------------------------------------------------------------------------- inviting


def test_an_invitation_is_mailed_and_its_link_shown_once(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)

    link = invite(desk, list="meetings")

    assert rooms.office.letters("ann@office.example", DeliveryKind.PASSWORD)
    path = "/rooms" + link.partition("/rooms")[2]
    assert "Ann Ito" in rooms.stranger().get(path).text
    assert link not in desk.get("/settings/editors").text
    page = seen(desk.get("/settings/editors"))
    assert "ann@office.example" in page
    assert "invited" in page
    assert "Meeting News" in page


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"address": "nobody"}, "address"),
        ({"address": ""}, "address"),
        ({"name": " "}, "name"),
        ({"role": "king"}, "role"),
        ({"list": "nowhere"}, "list"),
        ({"role": "owner", "list": "meetings"}, "list"),
        ({"language": "xx"}, "language"),
        ({"address": "owner0@office.example"}, "address"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said_at_its_field(
    lone_rooms: Rooms, changes: dict[str, str], field: str
) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    before = lone_rooms.office.everything()

    answer = desk.post("/settings/editors/new", {**NEW, **changes})

    assert answer.status_code == 400
    assert LexborHTMLParser(answer.text).css_first(f"#{field}-error") is not None
    assert lone_rooms.office.everything() == before


# ------------------------------------------------------------------------- roles


def test_roles_are_given_by_list_and_everywhere(rooms: Rooms) -> None:
    desk, list_id = rooms.as_(Role.OWNER), rooms.office.add_list("trade", "Trade")
    invite(desk)

    desk.post(
        f"/settings/editors/{ann(rooms)}",
        {"deed": "roles", "role_0": "none", f"role_{list_id}": "approver"},
    )

    assert grants(rooms, ann(rooms)) == {list_id: Role.APPROVER}


def test_an_installation_is_never_left_without_an_owner(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)
    own = f"/settings/editors/{desk.seat.editor_id}"

    for form in ({"deed": "roles", "role_0": "viewer"}, {"deed": "retired"}):
        answer = desk.post(own, form)
        assert answer.status_code == 400
        assert "Nobody would be left who owns the installation" in seen(answer)

    assert grants(rooms, desk.seat.editor_id) == {0: Role.OWNER}


def test_an_owner_of_one_list_there_is_not(lone_rooms: Rooms) -> None:
    desk, list_id = lone_rooms.as_(Role.OWNER), lone_rooms.office.add_list("trade", "Trade")
    invite(desk)

    form = {"deed": "roles", f"role_{list_id}": "owner"}
    desk.post(f"/settings/editors/{ann(lone_rooms)}", form)

    assert grants(lone_rooms, ann(lone_rooms)) == {0: Role.EDITOR}


# ------------------------------------------------------------------------- helped, retired


def test_a_link_to_a_new_password_is_mailed_and_shown(rooms: Rooms) -> None:
    owner = rooms.as_(Role.OWNER)
    editor_id = rooms.employ("lee@office.example", "Lee", Role.EDITOR)

    answer = owner.post(f"/settings/editors/{editor_id}", {"deed": "link"})

    assert "/rooms/password/" in answer.text
    letter = rooms.office.letters("lee@office.example", DeliveryKind.PASSWORD)[-1]
    assert letter.context["headline"] == "Set a new password"


def test_somebodys_sign_ins_are_ended_and_a_lost_phones_code_taken_away(rooms: Rooms) -> None:
    owner, other = rooms.as_(Role.OWNER), rooms.as_(Role.EDITOR)
    path = f"/settings/editors/{other.seat.editor_id}"
    assert other.get().status_code == 200

    owner.post(path, {"deed": "ended"})
    assert other.get().status_code == 303

    with rooms.office.app.database.writing() as session:
        found = editors.get(session, other.seat.editor_id)
        found.second = b"kept"
        session.add(found)
    owner.post(path, {"deed": "no-code"})
    assert rooms.office.app.database.read(editors.get, other.seat.editor_id).second is None


def test_a_retired_editor_is_signed_out_and_named_in_the_trail(rooms: Rooms) -> None:
    owner, other = rooms.as_(Role.OWNER), rooms.as_(Role.EDITOR, name="Lee Kim")

    owner.post(f"/settings/editors/{other.seat.editor_id}", {"deed": "retired"})

    assert other.get().status_code == 303
    assert "Lee Kim" not in seen(owner.get("/settings/editors"))
    assert owner.get(f"/settings/editors/{other.seat.editor_id}").status_code == 404
    page = seen(owner.get("/settings/trail"))
    assert "Editor retired" in page
    assert "Lee Kim" in page


def test_only_owners_of_everything_come_here(lone_rooms: Rooms) -> None:
    list_id = lone_rooms.office.add_list("trade", "Trade")
    for desk in (lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.EDITOR, list_id=list_id)):
        for path in ("", "/editors", "/editors/new", "/editors/1", "/trail"):
            assert desk.get(f"/settings{path}").status_code == 403


def test_no_name_becomes_markup(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    invite(desk, name=SCRIPT)
    at = f"/settings/editors/{ann(lone_rooms)}"

    for path in ("/settings/editors", at, "/settings/trail"):
        assert SCRIPT not in desk.get(path).text, path
    assert SCRIPT not in desk.post("/settings/editors/new", dict.fromkeys(NEW, SCRIPT)).text
    assert SCRIPT not in desk.get(f"/settings/trail?by={SCRIPT}&day={SCRIPT}&before=x").text


# ------------------------------------------------------------------------- the trail


def test_the_trail_is_read_by_pages_by_editor_and_by_day(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)
    other = rooms.as_(Role.EDITOR, name="Lee Kim")
    database, clock = rooms.office.app.database, rooms.office.clock
    for number in range(60):
        by = (desk.seat if number % 2 else other.seat).by
        with database.writing() as session:
            about = About(list_id=lists.get(session, "meetings").id)
            record(session, "list.changed", by, about, at=clock.now())
        clock.move(timedelta(hours=1))

    first = LexborHTMLParser(desk.get("/settings/trail").text)
    after = first.css_first("a[rel=next]")
    assert after is not None
    assert len(first.css("main tbody tr")) == 50
    second = desk.get((after.attributes["href"] or "").removeprefix("/rooms"))
    assert len(LexborHTMLParser(second.text).css("main tbody tr")) == 10

    lee = f"/settings/trail?by={other.seat.editor_id}"
    assert len(LexborHTMLParser(desk.get(lee).text).css("main tbody tr")) == 30
    day = (clock.now() - timedelta(days=1)).date().isoformat()
    assert len(LexborHTMLParser(desk.get(f"/settings/trail?day={day}").text).css("tbody tr")) == 24


def test_readers_and_commands_are_not_in_the_trail(lone_rooms: Rooms) -> None:
    lone_rooms.office.join("kim@reader.example")
    desk = lone_rooms.as_(Role.OWNER)

    assert "Nothing here" in seen(desk.get("/settings/trail"))


def test_every_kind_of_line_that_an_editor_may_cause_has_its_sentence() -> None:
    kinds = {kind for path in files.PACKAGE.rglob("*.py") for kind in _recorded(path)}

    assert "list.changed" in kinds
    assert "editor.invited" in kinds
    missing = kinds - set(deeds.DEEDS) - set(told.EVENTS) - NOT_BY_EDITORS
    assert not missing, "a sentence for each belongs into mailer/web/rooms/deeds.py"
    assert kinds >= set(deeds.DEEDS), "nothing records what is told there"


NOT_BY_EDITORS = {
    "ask.failed",
    "ask.refused",
    "ask.trapped",
    "cadence.kept",
    "digest.missed",
    "erasure.hashing",
    "group.stopped",
    "installation.restored",
    "medium.removed",
    "rooms.refused",
    "route.paused",
    "subscriber.erased",
}
"""What the system and readers cause alone, or what a log tells in the same words."""

KIND = re.compile(r"[a-z]+\.[a-z_]+")


def _recorded(path: Path) -> set[str]:
    """Give the kinds that a module writes into history: it takes `record` from there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    takes = any(
        isinstance(node, ast.ImportFrom)
        and node.module == history.__name__
        and any(name.name.startswith("record") for name in node.names)
        for node in ast.walk(tree)
    )
    if not takes:
        return set()
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and KIND.fullmatch(node.value)
        and node.value.partition(".")[2] not in {"html", "txt", "css", "log", "json"}
        and "gmail" not in node.value
        and not re.search(r"\.(com|de|fr|jp|cn|net|ru|co|at|ch|uk|id|it|me|au|ca)$", node.value)
    }


def test_an_unknown_kind_is_told_as_it_is(lone_rooms: Rooms) -> None:
    spoken = lone_rooms.office.app.languages["ja"]

    assert deeds.in_words(spoken, "list.changed") != "List changed"
    assert deeds.in_words(spoken, "later.kind") == "later.kind"
