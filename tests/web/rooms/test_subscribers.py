"""The room of all subscribers: who is found, what is chosen, and who sees whom."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer.db.schema import Role, SubscriptionState, Visibility
from mailer.web.rooms.subscribers import found_words
from tests import rows
from tests.web.rooms.conftest import Rooms, seen


@pytest.fixture
def two_lists(lone_rooms: Rooms) -> Rooms:
    """Give rooms with a second list that nobody finds, and one person on each."""
    office = lone_rooms.office
    office.join("kim@reader.example")
    office.add_list("secret", "Secret News", visibility=Visibility.UNLISTED)
    office.join("lee@other.example", path="/l/secret")
    return lone_rooms


def test_somebody_is_found_by_the_beginning_of_the_address(rooms: Rooms) -> None:
    for typed in ("kim@reader.example", "lee@reader.example"):
        rooms.office.join(typed)
    desk = rooms.as_(Role.EDITOR)

    both, one = desk.get("/subscribers"), desk.get("/subscribers?q=kim")

    assert "2 subscribers" in seen(both)
    assert "kim@reader.example" in one.text
    assert "lee@reader.example" not in one.text
    assert "1 subscriber" in seen(one)
    assert "on the list" in seen(desk.get("/subscribers?list=meetings&state=confirmed"))


@pytest.mark.parametrize(
    "typed, means",
    [
        ("kim@re", {"address": "kim@re"}),
        ("kim", {"address": "kim"}),
        ("Kim", {"name": "Kim"}),
        ("山田", {"name": "山田"}),
        ("de la Cruz", {"name": "de la Cruz"}),
        (" @reader.example", {"domain": "reader.example"}),
        ("", {"address": ""}),
    ],
)
def test_one_field_finds_addresses_names_and_domains(typed: str, means: dict[str, str]) -> None:
    assert found_words(typed) == means


def test_an_empty_room_says_how_people_come(lone_rooms: Rooms) -> None:
    assert "Nobody is here yet" in seen(lone_rooms.as_(Role.EDITOR).get("/subscribers"))


def test_a_link_keeps_what_was_chosen(lone_rooms: Rooms) -> None:
    pending, now = SubscriptionState.PENDING, lone_rooms.office.clock.now()
    lone_rooms.office.app.database.write(rows.people, 60, now=now, list_id=1, state=pending)
    desk = lone_rooms.as_(Role.EDITOR)

    first = desk.get("/subscribers?list=meetings&state=pending&q=@example.org")
    further = LexborHTMLParser(first.text).css_first("a[rel=next]")
    assert further is not None
    href = further.attributes["href"] or ""
    second = desk.get(href.removeprefix("/rooms"))

    assert "state=pending" in href
    assert "offset" not in href
    shown = [len(LexborHTMLParser(page.text).css("tbody tr")) for page in (first, second)]
    assert shown == [50, 10]


@pytest.mark.parametrize(
    "asked", ["state=gone", "batch=x", "since=yesterday", "q=@not a domain", "after=x", "list=none"]
)
def test_what_cannot_be_asked_is_said(lone_rooms: Rooms, asked: str) -> None:
    lone_rooms.office.join("kim@reader.example")

    answer = lone_rooms.as_(Role.EDITOR).get(f"/subscribers?{asked}")

    assert answer.status_code in {400, 404}


def test_what_was_typed_is_shown_as_text(lone_rooms: Rooms) -> None:
    lone_rooms.office.join("kim@reader.example")
    nasty = "<script>alert(1)</script>"

    answer = lone_rooms.as_(Role.EDITOR).get("/subscribers", params={"q": nasty})

    assert nasty not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_an_editor_of_one_list_sees_its_people_only(two_lists: Rooms) -> None:
    desk = two_lists.as_(Role.EDITOR, list_id=1)

    for asked in ("", "?q=lee", "?q=@other.example", "?suppressed=no", "?list=meetings"):
        page = desk.get(f"/subscribers{asked}").text
        assert "lee@other.example" not in page, asked
        assert "Secret News" not in page, asked
    assert "kim@reader.example" in desk.get("/subscribers").text
    assert desk.get("/subscribers?list=secret").status_code == 404


def test_who_only_reads_is_not_let_in(two_lists: Rooms) -> None:
    for role in (Role.VIEWER, Role.APPROVER):
        assert two_lists.as_(role).get("/subscribers").status_code == 403
