"""A person's own page by the fresh link: seen, changed, taken along, forgotten; and its ends."""

import json
import re
from datetime import timedelta

import pytest

from mailer import files, subscribers
from mailer.db.schema import DeliveryKind
from mailer.web import told
from tests.web.conftest import Office, seen
from tests.web.test_preferences import chosen

KIM, NEW = "kim@reader.example", "kim@new.example"
ACCESS, MOVE, MOVED = DeliveryKind.ACCESS, DeliveryKind.MOVE, DeliveryKind.MOVED


def test_all_that_can_happen_to_a_person_has_words_for_them() -> None:
    kinds = re.compile(r'"((?:subscription|subscriber|access)\.[a-z_]+)"')
    happens = {
        kind for source in files.PACKAGE.rglob("*.py") for kind in kinds.findall(source.read_text())
    }

    # After an erasing nobody asks; a page of the rooms is called like a kind.
    assert happens - {"subscriber.erased", "subscriber.html"} == set(told.EVENTS)


@pytest.fixture
def path(office: Office) -> str:
    """Give the path of a fresh link of somebody who is on the list."""
    office.join(KIM)
    return fresh(office)


def fresh(office: Office, typed: str = KIM) -> str:
    office.clock.move(timedelta(hours=2))
    assert office.press("access", typed, path="/l/meetings/you").status_code == 200
    office.answer()
    return office.link_in(office.letters(typed, ACCESS)[-1], "/me/")


def moved(office: Office, path: str) -> str:
    """Let a person change their address; give the path of the link that takes it back."""
    office.post(f"{path}/move", {"address": NEW})
    assert office.post(office.link_in(office.letters(NEW, MOVE)[-1], "/move/")).status_code == 200
    return office.link_in(office.letters(KIM, MOVED)[-1], "/stay/")


def test_the_page_says_what_is_kept_and_the_file_has_all_of_it(office: Office, path: str) -> None:
    page = office.get(path)
    file = office.get(f"{path}/data")

    assert KIM in page.text
    assert "Subscription confirmed" in seen(page)
    assert "Meeting News: subscribed" in seen(page)
    assert page.headers["cache-control"] == "no-store"
    found = json.loads(file.text)
    assert found["address"] == KIM
    assert [one["kind"] for one in found["deliveries"]] == ["confirmation", "welcome", "access"]
    assert any("wording" in one["details"] for one in found["history"])
    assert "attachment" in file.headers["content-disposition"]


def test_the_fresh_link_joins_at_once_and_keeps_the_evidence(office: Office, path: str) -> None:
    other = office.add_list("customs", "Customs Training")

    office.post(path, {**chosen(office, path), f"list-{other}": "yes", "name": " Kim \n Lee "})

    assert office.state(KIM, other) == "confirmed"
    [event] = [one for one in office.events("subscription.confirmed") if one.list_id == other]
    assert event.details["page"].endswith("/me/…")
    assert office.letters(KIM, DeliveryKind.WELCOME)[-1].list_id == other
    found, _ = office.app.database.read(subscribers.by_address, KIM)
    assert found.name == "Kim Lee"


def test_an_ended_link_shows_nothing_and_mails_a_new_one(office: Office, path: str) -> None:
    office.clock.move(timedelta(hours=2))
    before = office.everything()

    answers = [
        office.get(path),
        office.get(f"{path}/data"),
        office.get(f"{path}/forget"),
        office.post(path, {"had": "1", "name": "Mallory"}),
        office.post(f"{path}/move", {"address": NEW}),
        office.post(f"{path}/forget"),
    ]

    assert {one.status_code for one in answers} == {410}
    assert all(KIM not in one.text for one in answers)
    assert office.everything() == before
    office.post(f"{path}/again")
    office.answer()
    assert len(office.letters(KIM, ACCESS)) == 2


def test_an_address_is_changed_by_the_new_mailbox_and_the_old_one_told(
    office: Office, path: str
) -> None:
    leave, preferences = office.leave_path(KIM), office.preferences_path(KIM)
    asked = office.post(f"{path}/move", {"address": NEW})
    yes = office.link_in(office.letters(NEW, MOVE)[-1], "/move/")

    assert "Until then, nothing changes" in seen(asked)
    assert "Press the button" in seen(office.get(yes))  # a scanner's look changes nothing
    assert office.state(KIM) == "confirmed"
    office.post(yes)
    office.post(yes)

    assert office.state(NEW) == "confirmed"
    [told] = office.letters(KIM, MOVED)
    assert "k…@new.example" in office.read(told).text
    assert office.get(path).status_code == 410  # the link in the old mailbox has ended
    assert "k…@new.example" in seen(office.get(preferences))
    office.post(leave)  # an old digest's link leaves for the new address
    assert office.state(NEW) == "unsubscribed"


def test_the_old_mailbox_brings_its_mail_back(office: Office, path: str) -> None:
    back = moved(office, path)

    assert "Bring your mail back?" in seen(office.get(back))
    assert "as before" in seen(office.post(back))
    assert "as before" in seen(office.get(back))
    assert office.state(KIM) == "confirmed"
    yes = office.link_in(office.letters(NEW, MOVE)[-1], "/move/")
    assert office.post(yes).status_code == 410


def test_links_of_a_change_end(office: Office, path: str) -> None:
    office.post(f"{path}/move", {"address": NEW})
    yes = office.link_in(office.letters(NEW, MOVE)[-1], "/move/")
    office.clock.move(timedelta(days=8))

    assert office.get(yes).status_code == 410
    assert office.post(yes).status_code == 410
    assert office.state(KIM) == "confirmed"


def test_a_wrong_address_is_said_at_its_field(office: Office, path: str) -> None:
    page = office.post(f"{path}/move", {"address": "kim at <new>"})

    assert page.status_code == 422
    assert 'value="kim at &lt;new&gt;"' in page.text
    assert office.letters(NEW) == []


def test_who_presses_forget_is_forgotten_and_every_old_link_says_so(
    office: Office, path: str
) -> None:
    old = [path, office.leave_path(KIM), office.preferences_path(KIM), office.refuse_path(KIM)]

    assert office.get(f"{path}/forget").status_code == 200
    assert office.state(KIM) == "confirmed"
    assert "You are forgotten" in seen(office.post(f"{path}/forget"))

    assert KIM not in repr(office.everything())
    for one in old:
        assert "Nothing is sent" in seen(office.get(one)), one
        assert "Nothing is sent" in seen(office.post(one, {"had": "1"})), one


def test_a_token_for_another_purpose_opens_nothing(office: Office, path: str) -> None:
    token = path.rpartition("/")[2]
    tokens = [office.preferences_path(KIM).rpartition("/")[2], token[:-1], token + "A", "x" * 300]

    for other in tokens:
        assert office.get(f"/me/{other}").status_code == 404
        assert office.post(f"/me/{other}/forget").status_code == 404
    assert office.get(f"/move/{token}").status_code == 404
    assert office.get(f"/stay/{token}").status_code == 404
    assert office.state(KIM) == "confirmed"
