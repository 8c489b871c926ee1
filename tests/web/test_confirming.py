"""The link of a confirmation letter, and *not me, never write again*."""

from datetime import timedelta

import pytest

from mailer.db.schema import DeliveryKind, Visibility
from tests.web.conftest import Office, seen

KIM = "kim@reader.example"


def test_the_link_shows_a_button_and_names_the_masked_address(office: Office) -> None:
    page = office.get(office.ask(KIM))

    assert page.status_code == 200
    assert "k…@reader.example" in page.text
    assert KIM not in page.text
    assert "Meeting News" in seen(page)
    assert page.text.count("<button") == 1
    assert office.state(KIM) == "pending"


def test_the_button_comes_before_everything_else_there_is_to_press(office: Office) -> None:
    page = office.get(office.ask(KIM)).text

    main = page.partition("<main>")[2]
    assert main.index("<button") < main.index("<a ")


def test_pressing_it_confirms_and_keeps_how(office: Office) -> None:
    page = office.post(office.ask(KIM), headers={"user-agent": "Browser/1.0"})

    assert (page.status_code, office.state(KIM)) == (200, "confirmed")
    assert "You are subscribed" in seen(page)
    [event] = office.events("subscription.confirmed")
    assert event.details["via"] == "link"
    assert event.details["page"] == "http://127.0.0.1:8080/c/…"
    assert event.details["remote"] == "198.51.100.7"
    assert event.details["agent"] == "Browser/1.0"
    assert len(office.letters(KIM, DeliveryKind.WELCOME)) == 1


def test_opened_again_it_says_that_one_is_subscribed(office: Office) -> None:
    link = office.ask(KIM)
    office.post(link)

    for page in (office.get(link), office.post(link)):
        assert page.status_code == 200
        assert "You are subscribed" in seen(page)
    assert len(office.events("subscription.confirmed")) == 1


def test_expired_and_confirmed_it_says_that_one_is_subscribed(office: Office) -> None:
    link = office.ask(KIM)
    office.post(link)
    office.clock.move(timedelta(days=400))

    page = office.get(link)

    assert page.status_code == 200
    assert "You are subscribed" in seen(page)


def test_expired_and_unused_it_offers_a_new_letter(office: Office) -> None:
    link = office.ask(KIM)
    office.clock.move(timedelta(days=7))

    shown, pressed = office.get(link), office.post(link)
    assert (shown.status_code, pressed.status_code) == (410, 410)
    assert "Mail me a new link" in seen(shown)
    assert office.state(KIM) == "pending"
    answer = office.post(f"{link}/again")
    office.answer()

    assert "Check your inbox" in seen(answer)
    assert office.post(office.confirm_path(KIM)).status_code == 200
    assert office.state(KIM) == "confirmed"


def test_a_new_letter_is_asked_for_within_the_boxs_limits(office: Office) -> None:
    link = office.ask(KIM)
    office.clock.move(timedelta(days=7))

    for _ in range(10):
        office.post(f"{link}/again")
        office.answer()
        office.clock.move(timedelta(minutes=11))

    assert len(office.letters(KIM)) == 1 + 3


def test_no_new_letter_is_for_a_link_that_works(office: Office) -> None:
    link = office.ask(KIM)

    page = office.post(f"{link}/again")

    assert "Please confirm" in seen(page)
    assert office.asks() == []


def test_the_link_of_an_earlier_opt_in_confirms_nothing(office: Office) -> None:
    first = office.ask(KIM)
    office.post(first)
    office.post(office.leave_path(KIM))
    office.clock.move(timedelta(minutes=30))
    second = office.ask(KIM)

    page = office.post(first)

    assert page.status_code == 410
    assert "newer letter" in seen(page)
    assert office.state(KIM) == "pending"
    office.post(second)
    assert office.state(KIM) == "confirmed"


def test_after_leaving_it_says_so_and_offers_the_box(office: Office) -> None:
    link = office.ask(KIM)
    office.post(link)
    office.post(office.leave_path(KIM))

    for page in (office.get(link), office.post(link)):
        assert page.status_code == 200
        assert "You have left Meeting News" in seen(page)
        assert 'action="/l/meetings"' in page.text
    assert office.state(KIM) == "unsubscribed"


def test_the_box_offered_there_works(office: Office) -> None:
    link = office.ask(KIM)
    office.post(office.leave_path(KIM))
    form = office.form(link)
    office.clock.move(timedelta(minutes=30))

    office.post("/l/meetings", {**form, "address": KIM, "action": "subscribe"})
    office.answer()

    assert office.post(office.confirm_path(KIM)).status_code == 200
    assert office.state(KIM) == "confirmed"


def test_a_private_lists_link_confirms_too_but_shows_no_box(office: Office) -> None:
    link = office.ask(KIM)
    office.hide("meetings")

    assert "You are subscribed" in seen(office.post(link))
    office.post(office.leave_path(KIM))
    assert "<form" not in office.get(link).text


def test_the_page_speaks_the_language_that_was_asked_in(office: Office) -> None:
    link = office.ask(KIM, path="/l/meetings?lang=ja")

    assert "登録を確認する" in office.get(link, headers={"accept-language": "en"}).text
    assert "Confirm the subscription" in office.get(f"{link}?lang=en").text


# ------------------------------------------------------------------------- not me


def test_not_me_shows_a_button_and_does_nothing(office: Office) -> None:
    office.ask(KIM)
    before = office.everything()

    page = office.get(office.refuse_path(KIM))

    assert "k…@reader.example" in page.text
    assert page.text.count("<button") == 1
    assert office.everything() == before


def test_pressing_it_ends_all_mail_until_a_fresh_opt_in(office: Office) -> None:
    office.add_list("customs", "Customs Training")
    office.join(KIM)
    office.clock.move(timedelta(minutes=30))
    office.ask(KIM, path="/l/customs")

    page = office.post(office.refuse_path(KIM))

    assert "We will not write to you again" in seen(page)
    assert (office.state(KIM, 1), office.state(KIM, 2)) == ("unsubscribed", "unsubscribed")
    office.clock.move(timedelta(days=2))
    assert office.post(office.ask(KIM)).status_code == 200
    assert office.state(KIM) == "confirmed"


def test_pressing_it_twice_is_pressing_it_once(office: Office) -> None:
    office.ask(KIM)
    refuse = office.refuse_path(KIM)

    assert office.post(refuse).status_code == office.post(refuse).status_code == 200
    assert len(office.events("subscriber.refused")) == 1


def test_one_who_refused_all_mail_cannot_undo_a_leaving_of_before(office: Office) -> None:
    undo = office.undo_path(office.post(office.join(KIM)).text)
    office.clock.move(timedelta(minutes=1))
    office.post(office.refuse_path(KIM))

    assert office.post(undo).status_code == 410
    assert office.state(KIM) == "unsubscribed"


# ------------------------------------------------------------------------- bad links


@pytest.mark.parametrize("first", ["c", "u", "n", "back"])
@pytest.mark.parametrize(
    "token", ["x", "A" * 34, "A" * 5000, "%00", "☃", "FakDAYCgv9gGjjpp9LU-rBqxtgCu-yFt6g"]
)
def test_a_link_that_is_not_ours_says_what_to_do(
    lone_office: Office, first: str, token: str
) -> None:
    path = f"/{first}/{token}"
    for page in (lone_office.get(path), lone_office.post(path)):
        assert page.status_code == 404
        assert "does not work" in seen(page)


def test_a_link_is_good_for_its_own_purpose_only(office: Office) -> None:
    leave = office.join(KIM).removeprefix("/u/")

    for first in ("c", "n", "back"):
        assert office.post(f"/{first}/{leave}").status_code == 404
    assert office.state(KIM) == "confirmed"


def test_a_link_of_somebody_erased_says_that_nothing_is_sent(office: Office) -> None:
    confirm = office.ask(KIM)
    links = [confirm, office.refuse_path(KIM)]
    links.append(office.undo_path(office.post(office.leave_path(KIM)).text))
    office.erase(KIM)

    for link in links:
        for page in (office.get(link), office.post(link)):
            assert page.status_code == 404
            assert "Nothing is sent to you" in seen(page)


def test_a_private_list_is_what_it_is_called() -> None:
    assert Visibility.PRIVATE.value == "private"  # the templates ask for the word
