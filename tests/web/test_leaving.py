"""Leaving by a digest's link, by hand and by a mailbox provider's one click; and coming back."""

from datetime import timedelta

import pytest
from httpx2 import Response

from mailer.web.leaving import LONGEST_WHY
from tests.web.conftest import Office, Open, seen

KIM = "kim@reader.example"
ONE_CLICK = b"List-Unsubscribe=One-Click"
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=seam"
PARTS = (
    b'--seam\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
    b"One-Click\r\n--seam--\r\n"
)

BODIES = [
    pytest.param(URLENCODED, ONE_CLICK, id="urlencoded"),
    pytest.param(MULTIPART, PARTS, id="multipart"),
    pytest.param(MULTIPART, PARTS[:40], id="multipart cut off"),
    pytest.param("multipart/form-data", PARTS, id="multipart without its boundary"),
    pytest.param(None, b"", id="empty"),
    pytest.param(URLENCODED, b"", id="urlencoded and empty"),
    pytest.param("text/plain", ONE_CLICK, id="plain text"),
    pytest.param("application/json", b'{"List-Unsubscribe', id="broken JSON"),
    pytest.param("garbage", bytes(range(256)) * 8, id="garbage"),
    pytest.param("\xff\xfe", ONE_CLICK, id="a type that is none"),
    pytest.param(URLENCODED, b"&" * 50_000, id="very many fields"),
    pytest.param(URLENCODED, b"x" * 500_000, id="oversized"),
    pytest.param(URLENCODED, b"x" * 3_000_000, id="very oversized"),
]


def one_click(office: Office, path: str, kind: str | None, body: bytes) -> Response:
    headers = [(b"content-type", kind.encode("latin-1"))] if kind else []
    return office.client.post(path, content=body, headers=headers, follow_redirects=False)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("kind, body", BODIES)
def test_one_click_leaves_whatever_its_body_is(
    lone_office: Office, kind: str | None, body: bytes, slash: str
) -> None:
    path = lone_office.join(KIM)

    answer = one_click(lone_office, path + slash, kind, body)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    assert lone_office.state(KIM) == "unsubscribed"


@pytest.mark.parametrize("strips", [True, False], ids=["prefix cut off", "prefix kept"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_one_click_leaves_below_a_path(open_office: Open, slash: str, strips: bool) -> None:
    office = open_office(web={"base_url": "https://office.example/news/"})
    office.add_list()
    path = office.join(KIM)
    assert path.startswith("/news/u/")

    answer = one_click(
        office, (path.removeprefix("/news") if strips else path) + slash, URLENCODED, ONE_CLICK
    )

    assert (answer.status_code, office.state(KIM)) == (200, "unsubscribed")


def test_one_click_again_changes_nothing(office: Office) -> None:
    path = office.join(KIM)
    first = one_click(office, path, URLENCODED, ONE_CLICK)
    before = office.everything()

    again = one_click(office, path, URLENCODED, ONE_CLICK)

    assert again.status_code == 200
    assert again.content == first.content
    assert office.everything() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_no_other_method_changes_anything(lone_office: Office, method: str) -> None:
    office = lone_office
    path = office.join(KIM)
    before = office.everything()

    answer = office.client.request(method, path)

    assert answer.status_code == {"GET": 200, "HEAD": 200, "OPTIONS": 204}.get(method, 405)
    assert office.everything() == before


def test_the_link_shows_a_button_and_names_the_masked_address(office: Office) -> None:
    page = office.get(office.join(KIM))

    assert "Leave Meeting News" in seen(page)
    assert "k…@reader.example" in page.text
    assert KIM not in page.text
    assert page.text.count("<button") == 1


def test_an_old_link_works_after_subscribing_again(office: Office) -> None:
    path = office.join(KIM)
    office.post(path)
    office.clock.move(timedelta(days=800))
    office.join(KIM)

    office.post(path)

    assert office.state(KIM) == "unsubscribed"


def test_how_one_left_is_kept(office: Office) -> None:
    office.post(office.join(KIM), headers={"user-agent": "Provider/1.0"})

    [event] = office.events("subscription.left")
    assert (event.details["via"], event.details["agent"]) == ("link", "Provider/1.0")


def test_one_who_asked_but_never_confirmed_leaves_too(office: Office) -> None:
    office.ask(KIM)

    assert office.post(office.leave_path(KIM)).status_code == 200
    assert office.state(KIM) == "unsubscribed"


def test_the_link_of_somebody_erased_says_that_nothing_is_sent(office: Office) -> None:
    path = office.join(KIM)
    office.erase(KIM)

    for answer in (office.get(path), one_click(office, path, URLENCODED, ONE_CLICK)):
        assert answer.status_code == 200
        assert "Nothing is sent to you" in seen(answer)


# ------------------------------------------------------------------------- undo


def test_undo_is_a_button_that_works_once(office: Office) -> None:
    left = office.post(office.join(KIM))
    undo = office.undo_path(left.text)

    assert "Stay on Meeting News" in seen(office.get(undo))
    assert office.state(KIM) == "unsubscribed"
    back = office.post(undo)
    assert ("All is as it was" in seen(back), office.state(KIM)) == (True, "confirmed")
    office.post(office.leave_path(KIM))

    assert office.post(undo).status_code == 410
    assert office.state(KIM) == "unsubscribed"


def test_undo_gives_back_a_subscription_that_still_waits(office: Office) -> None:
    office.ask(KIM)
    undo = office.undo_path(office.post(office.leave_path(KIM)).text)

    assert "once you press the button in the letter" in seen(office.post(undo))
    assert office.state(KIM) == "pending"


def test_undo_is_offered_for_a_while_after_leaving_however_one_comes(office: Office) -> None:
    path = office.join(KIM)
    undo = office.undo_path(office.post(path).text)
    office.clock.move(timedelta(days=29, hours=23))
    assert office.undo_path(office.get(path).text) == undo

    office.clock.move(timedelta(hours=2))

    assert "/back/" not in office.get(path).text
    assert office.get(undo).status_code == office.post(undo).status_code == 410
    assert office.state(KIM) == "unsubscribed"


# ------------------------------------------------------------------------- why


def test_a_reason_is_kept_once_and_undo_stays_on_the_page(office: Office) -> None:
    undo = office.undo_path(office.post(office.join(KIM)).text)

    page = office.post(f"{undo}/why", {"why": " Too\r\nmuch  mail\x00 "})
    office.post(f"{undo}/why", {"why": "And one more thing"})

    assert "Thank you" in seen(page)
    assert office.undo_path(page.text) == undo
    assert [event.details["why"] for event in office.events("subscription.left_because")] == [
        "Too much mail"
    ]


def test_a_long_reason_is_cut_and_an_empty_one_is_none(office: Office) -> None:
    undo = office.undo_path(office.post(office.join(KIM)).text)

    empty = office.post(f"{undo}/why", {"why": "  "})
    office.post(f"{undo}/why", {"why": "x" * 10_000})

    assert "Thank you" not in seen(empty)
    [event] = office.events("subscription.left_because")
    assert len(event.details["why"]) == LONGEST_WHY
