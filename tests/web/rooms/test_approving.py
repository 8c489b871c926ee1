"""A second person: asked by letter, reads without an account, and answers for one form only."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from mailer import history, lists
from mailer.db.schema import DeliveryKind, DigestState, Role
from mailer.digests import approvals, life
from mailer.lists import Edit
from tests.web.rooms.conftest import Desk, Rooms, seen
from tests.web.rooms.test_digests import HOSTILE, draft, hidden
from tests.web.rooms.test_queueing import form, state

ANNA = "anna@board.example"


def strict(rooms: Rooms) -> Rooms:
    """Let the list take a second person, and have one language only."""
    edit = Edit(needs_approval=True, languages=("en",))
    rooms.office.app.database.write(lists.edit, "meetings", edit, now=rooms.office.clock.now())
    return rooms


def ask(rooms: Rooms, desk: Desk, digest_id: int, to: str = ANNA, message: str = "") -> str:
    """Ask somebody; give the path of the link in the letter."""
    fields = {"deed": "ask", "address": to, "message": message}
    answer = desk.post(f"/digests/{digest_id}/approval", fields)
    assert answer.status_code == 303, seen(answer)
    letter = rooms.office.letters(to, DeliveryKind.APPROVAL)[-1]
    return rooms.office.link_in(letter, "/rooms/approval/")


def press(client: TestClient, path: str, deed: str = "approve", remark: str = "") -> int:
    return client.post(path, data={"deed": deed, "remark": remark}).status_code


def queue(desk: Desk, digest_id: int) -> int:
    return desk.post(f"/digests/{digest_id}/queue", form(desk, digest_id)).status_code


def test_a_digest_goes_once_a_second_person_approved_it(rooms: Rooms) -> None:
    strict(rooms)
    digest_id, desk, anna = draft(rooms), rooms.as_(Role.EDITOR), rooms.stranger()
    assert queue(desk, digest_id) == 409

    path = ask(rooms, desk, digest_id, message="By noon,\nplease.")
    letter = rooms.office.read(rooms.office.letters(ANNA, DeliveryKind.APPROVAL)[-1])
    assert "By noon," in letter.text
    assert "What was decided" in letter.subject
    before = rooms.office.everything()
    page = anna.get(path)
    assert "Hello" in anna.get(f"{path}/frame").text
    assert rooms.office.everything() == before  # a scanner that follows links answers nothing
    assert "asks whether this digest may go out" in seen(page)
    assert queue(desk, digest_id) == 409

    assert press(anna, path) == 303

    assert "You approved this digest" in seen(anna.get(path))
    assert "approved" in seen(desk.get(f"/digests/{digest_id}/queue"))
    assert queue(desk, digest_id) == 303
    assert state(rooms, digest_id).state is DigestState.SCHEDULED
    kinds = [one.kind for one in rooms.office.app.database.read(history.of_digest, digest_id)]
    assert {"digest.approval_asked", "digest.approved"} <= set(kinds)


def test_any_edit_voids_an_approval(rooms: Rooms) -> None:
    strict(rooms)
    digest_id, desk, anna = draft(rooms), rooms.as_(Role.EDITOR), rooms.stranger()
    approved, open_ = ask(rooms, desk, digest_id), ask(rooms, desk, digest_id, "bo@board.example")
    press(anna, approved)
    rooms.office.app.database.write(life.write, digest_id, "en", "What was decided", "Hello, all")

    assert queue(desk, digest_id) == 409
    assert "It was changed since you were asked" in seen(anna.get(open_))
    assert "Hello, all" not in anna.get(f"{open_}/frame").text
    assert press(anna, open_) == 409
    assert "of an earlier form" in seen(desk.get(f"/digests/{digest_id}/approval"))
    # put back as it was, it is what was approved
    rooms.office.app.database.write(life.write, digest_id, "en", "What was decided", "Hello")
    assert queue(desk, digest_id) == 303


def test_nobody_approves_what_they_queue_themselves(lone_rooms: Rooms) -> None:
    strict(lone_rooms)
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/approval"
    own = {"deed": "approve", "fingerprint": hidden(desk.get(path), "fingerprint")}

    assert desk.post(path, own).status_code == 303
    assert press(lone_rooms.stranger(), ask(lone_rooms, desk, digest_id, desk.seat.address)) == 303
    assert queue(desk, digest_id) == 409
    assert queue(lone_rooms.as_(Role.EDITOR), digest_id) == 303


def test_an_approver_answers_in_the_rooms_and_asks_nobody(lone_rooms: Rooms) -> None:
    strict(lone_rooms)
    digest_id, editor = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    approver = lone_rooms.as_(Role.APPROVER)
    path = f"/digests/{digest_id}/approval"
    known = {"fingerprint": hidden(approver.get(path), "fingerprint")}

    assert approver.post(path, {"deed": "ask", "address": ANNA}).status_code == 403
    assert lone_rooms.as_(Role.VIEWER).post(path, {"deed": "approve", **known}).status_code == 403
    assert approver.post(path, {"deed": "decline", **known}).status_code == 400
    assert approver.post(path, {"deed": "approve", "fingerprint": "other"}).status_code == 400
    decline = {"deed": "decline", "remark": HOSTILE, **known}
    assert approver.post(path, decline).status_code == 303

    assert "<script>alert" not in editor.get(path).text
    assert "declined" in seen(editor.get(path))
    assert queue(editor, digest_id) == 409


def test_a_decline_says_why_and_the_first_answer_counts(lone_rooms: Rooms) -> None:
    strict(lone_rooms)
    digest_id, desk, anna = draft(lone_rooms), lone_rooms.as_(Role.EDITOR), lone_rooms.stranger()
    path = ask(lone_rooms, desk, digest_id)

    assert press(anna, path, "decline") == 400
    assert press(anna, path, "nonsense") == 400
    assert press(anna, path, "decline", "x" * 2001) == 400
    assert press(anna, path, "decline", "The date is wrong") == 303
    assert press(anna, path, "approve") == 409

    assert "The date is wrong" in seen(desk.get(f"/digests/{digest_id}/approval"))
    assert queue(desk, digest_id) == 409


def test_a_link_opens_one_question_and_grows_old(lone_rooms: Rooms) -> None:
    digest_id, desk, anna = draft(lone_rooms), lone_rooms.as_(Role.EDITOR), lone_rooms.stranger()
    path = ask(lone_rooms, desk, digest_id)
    other = "/rooms/approval/nonsense"

    assert anna.get(other).status_code == 410
    assert anna.get(f"{other}/frame").status_code == 410
    foreign = anna.post(path, data={"deed": "approve"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 400
    policy = anna.get(f"{path}/frame").headers["content-security-policy"]
    assert policy.endswith("; sandbox")
    assert "frame-ancestors 'self'" in policy
    assert anna.get(f"/rooms/digests/{digest_id}").status_code == 303  # and nothing else
    lone_rooms.office.clock.move(approvals.LASTS + timedelta(days=1))
    assert anna.get(path).status_code == 410
    assert press(anna, path) == 410


@pytest.mark.parametrize(
    "fields",
    [{"address": "nonsense"}, {"message": "x" * 2001}, {"message": "a\x07b"}],
)
def test_what_cannot_be_asked_is_said(lone_rooms: Rooms, fields: dict[str, str]) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)

    answer = desk.post(f"/digests/{digest_id}/approval", {"deed": "ask", "address": ANNA, **fields})

    assert answer.status_code == 400
    assert lone_rooms.office.letters(ANNA) == []


def test_a_digest_on_its_way_is_answered_no_more(lone_rooms: Rooms) -> None:
    digest_id, desk, anna = draft(lone_rooms), lone_rooms.as_(Role.EDITOR), lone_rooms.stranger()
    path = ask(lone_rooms, desk, digest_id)
    lone_rooms.office.app.database.write(life.cancel, digest_id, now=lone_rooms.office.clock.now())

    assert "nothing left to answer" in seen(anna.get(path))
    assert press(anna, path) == 409
