"""One subscriber's room: what is shown, each deed and its undoing, and who may do what."""

from typing import Any

import pytest

from mailer.db.schema import Actor, DeliveryKind, Role, Visibility
from tests.web.rooms.conftest import Desk, Rooms, seen

KIM = "kim@reader.example"
PATH = "/subscribers/1"


@pytest.fixture
def desk(lone_rooms: Rooms) -> Desk:
    """Give an owner, in rooms where Kim is the first subscriber."""
    lone_rooms.office.join(KIM)
    return lone_rooms.as_(Role.OWNER)


def do(desk: Desk, deed: str, **fields: Any) -> Any:
    return desk.post(PATH, {"deed": deed, **fields})


def onward(desk: Desk, answer: Any) -> str:
    """Give the page that a deed leads to."""
    assert answer.status_code == 303, seen(answer)
    return seen(desk.get(answer.headers["location"].removeprefix("/rooms")))


def test_a_page_tells_all_that_is_known(rooms: Rooms) -> None:
    rooms.office.join(KIM)

    page = seen(rooms.as_(Role.EDITOR).get(PATH))

    assert KIM in page
    assert "on the list" in page
    assert "Subscription confirmed" in page
    assert "198.51.100.7" in page  # from where
    assert "By pressing “Subscribe” you agree" in page  # what was shown
    assert "Letter: please confirm" in page


def test_somebody_is_unsubscribed_and_that_is_undone(lone_rooms: Rooms, desk: Desk) -> None:
    answer = do(desk, "leave", list=1)

    assert "They have left the list." in onward(desk, answer)
    assert lone_rooms.office.state(KIM) == "unsubscribed"
    [left] = lone_rooms.office.events("subscription.left")
    assert (left.actor, left.actor_id) == (Actor.EDITOR, str(desk.seat.editor_id))
    assert "Undo" in seen(desk.get(answer.headers["location"].removeprefix("/rooms")))

    back = do(desk, "undo-leave", list=1, event=left.id)
    assert "as before" in onward(desk, back)
    assert lone_rooms.office.state(KIM) == "confirmed"
    assert do(desk, "undo-leave", list=1, event=left.id).status_code == 409


def test_who_left_comes_back_by_a_letter_only(lone_rooms: Rooms, desk: Desk) -> None:
    do(desk, "leave", list=1)

    assert do(desk, "put", list=1, basis="they said so").status_code == 409
    assert "A letter asks them" in onward(desk, do(desk, "ask", list=1))
    assert lone_rooms.office.state(KIM) == "pending"


def test_somebody_is_put_on_a_list_on_a_stated_basis(lone_rooms: Rooms, desk: Desk) -> None:
    other = lone_rooms.office.add_list("other", "Other News")

    missing = do(desk, "put", list=other, basis=" ")
    assert missing.status_code == 400
    assert "Say how they agreed" in seen(missing)
    page = onward(desk, do(desk, "put", list=other, basis="signed up in <b>May</b>"))

    assert "signed up in <b>May</b>" in page
    assert lone_rooms.office.state(KIM, other) == "confirmed"
    assert len(lone_rooms.office.letters(KIM, DeliveryKind.CONFIRMATION)) == 1


def test_an_address_is_kept_from_mail_and_let_back(lone_rooms: Rooms, desk: Desk) -> None:
    page = onward(desk, do(desk, "bar", list=1, note="asked by <i>phone</i>"))

    assert "Nothing is mailed to this address" in page
    assert "asked by <i>phone</i>" in page
    assert do(desk, "ask", list=1).status_code == 409
    assert "may be mailed again" in onward(desk, do(desk, "let-back", list=0))
    assert do(desk, "let-back", list=0).status_code == 409
    kinds = [one.kind for one in lone_rooms.office.events("subscriber.barred")]
    assert kinds == ["subscriber.barred"]


def test_one_list_keeps_somebody_from_its_own_mail(lone_rooms: Rooms, desk: Desk) -> None:
    assert "Nothing is mailed" in onward(desk, do(desk, "bar-here", list=1))
    assert "may be mailed again" in onward(desk, do(desk, "let-back-here", list=1))


def test_name_language_and_organisation_are_corrected(lone_rooms: Rooms, desk: Desk) -> None:
    said = {"name": "Kim <Park>", "language": "fr", "organisation": "Port", "country": "Fiji"}

    page = onward(desk, do(desk, "correct", **said))

    assert "Kim <Park>" in page
    assert "Port, Fiji" in page
    assert do(desk, "correct", **{**said, "language": "no language"}).status_code == 400
    assert do(desk, "correct", **{**said, "name": "x" * 300}).status_code == 400
    before = len(lone_rooms.office.everything())
    do(desk, "correct", **said)
    assert len(lone_rooms.office.everything()) == before  # nothing changed: no line of history


@pytest.mark.parametrize("last", ["", "soon", "2026-11-01", "2029-01-01"])
def test_a_pause_needs_a_day_to_come(desk: Desk, last: str) -> None:
    assert do(desk, "pause", last=last).status_code == 400


def test_a_pause_begins_and_ends(desk: Desk) -> None:
    assert "no digest before" in onward(desk, do(desk, "pause", last="2026-12-24"))
    assert "The pause is over." in onward(desk, do(desk, "end-pause"))


def test_a_person_is_forgotten_by_who_types_the_address(lone_rooms: Rooms, desk: Desk) -> None:
    assert do(desk, "erase", address="lee@reader.example").status_code == 400
    assert lone_rooms.office.state(KIM) == "confirmed"

    page = onward(desk, do(desk, "erase", address=f" {KIM.upper()} "))

    assert "forgotten" in page
    assert desk.get(PATH).status_code == 404
    assert KIM not in str(lone_rooms.office.everything())


def test_all_that_is_held_is_taken_out_as_a_file(desk: Desk) -> None:
    answer = desk.get(f"{PATH}/data")

    assert answer.json()["address"] == KIM
    assert "attachment" in answer.headers["content-disposition"]


def test_an_editor_of_one_list_has_that_part_of_a_person(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    office.join(KIM)
    secret = office.add_list("secret", "Secret News", visibility=Visibility.UNLISTED)
    office.join(KIM, path="/l/secret")
    office.join("lee@reader.example", path="/l/secret")
    desk = lone_rooms.as_(Role.EDITOR, list_id=1)

    page = desk.get(PATH)

    assert "Secret News" not in page.text
    assert "Forget this person" not in page.text
    assert desk.get("/subscribers/2").status_code == 404
    assert desk.get(f"{PATH}/data").status_code == 403
    before = office.everything()
    deeds = {"erase": KIM, "bar": "", "correct": "", "pause": "", "let-back": "", "end-pause": ""}
    for deed, typed in deeds.items():
        assert do(desk, deed, address=typed, last="2026-12-24").status_code == 403, deed
    for deed in ("leave", "put", "ask", "bar-here", "let-back-here", "undo-leave"):
        assert do(desk, deed, list=secret, basis="x", event="1").status_code == 404, deed
    assert office.everything() == before
    assert "left the list" in onward(desk, do(desk, "leave", list=1))
    assert office.state(KIM, secret) == "confirmed"


@pytest.mark.parametrize("path", ["/subscribers/99", "/subscribers/x", "/subscribers/1e3"])
def test_nobody_is_shown_who_is_not_there(lone_rooms: Rooms, path: str) -> None:
    assert lone_rooms.as_(Role.OWNER).get(path).status_code == 404
