"""`mailer subscriber` at the command line, one person at a time."""

import pytest

from tests.cli.conftest import Office

CONFIRMED = ("--confirmed", "--basis", "signed up at the meeting")


def subscription(office: Office, address: str) -> dict[str, object]:
    (one,) = office.ok("subscriber", "show", address, "--json").json["subscriptions"]
    assert isinstance(one, dict)
    return one


def test_without_a_basis_a_letter_asks_them(meetings: Office) -> None:
    ended = meetings.ok("subscriber", "add", "meetings", "kim@example.org")

    assert ended.err == "kim@example.org is asked by a letter to confirm\n"
    assert subscription(meetings, "kim@example.org")["state"] == "pending"
    assert meetings.ok("status", "--json").json["letters_waiting"] == 1


def test_on_a_stated_basis_they_are_on_the_list_at_once(meetings: Office) -> None:
    meetings.ok(
        "subscriber", "add", "meetings", "Kim@Example.org", *CONFIRMED,
        "--name", "Kim　Lee", "--language", "ja",
    )  # fmt: skip

    shown = meetings.ok("subscriber", "show", "kim@example.org", "--json").json
    assert (shown["name"], shown["language"]) == ("Kim　Lee", "ja")
    assert shown["subscriptions"][0]["basis"] == "signed up at the meeting"
    assert shown["subscriptions"][0]["state"] == "confirmed"
    assert meetings.ok("status", "--json").json["letters_waiting"] == 0


def test_the_history_says_that_an_editor_did_it_and_on_what_basis(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)

    (event,) = meetings.ok("subscriber", "show", "kim@example.org", "--json").json["history"]

    assert (event["kind"], event["by"]) == ("subscription.confirmed", "editor")
    assert event["details"] == {"via": "command", "basis": "signed up at the meeting"}


@pytest.mark.parametrize(
    "options, why",
    [
        (["--confirmed"], "--confirmed needs --basis"),
        (["--confirmed", "--basis", " "], "--confirmed needs --basis"),
        (["--basis", "said so"], "--basis goes with --confirmed"),
    ],
)
def test_confirmed_and_basis_go_together(meetings: Office, options: list[str], why: str) -> None:
    before = meetings.dump()

    ended = meetings.run("subscriber", "add", "meetings", "kim@example.org", *options)

    assert ended.code == 2
    assert why in ended.error
    assert meetings.dump() == before


@pytest.mark.parametrize("options", [(), CONFIRMED])
def test_adding_somebody_twice_changes_nothing(meetings: Office, options: tuple[str, ...]) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    before = meetings.dump()

    ended = meetings.ok("subscriber", "add", "meetings", "kim@example.org", *options)

    assert "was on the list already" in ended.err
    assert meetings.dump() == before


def test_one_who_left_is_not_put_back_on_a_basis(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    meetings.ok("subscriber", "leave", "meetings", "kim@example.org")
    before = meetings.dump()

    ended = meetings.run("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)

    assert ended.code == 4
    assert "kim@example.org left this list: only they can come back" in ended.error
    assert meetings.dump() == before


def test_one_who_left_may_be_asked_by_a_letter(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    meetings.ok("subscriber", "leave", "meetings", "kim@example.org")

    meetings.ok("subscriber", "add", "meetings", "kim@example.org")

    assert subscription(meetings, "kim@example.org")["state"] == "pending"


@pytest.mark.parametrize("reason", ["bounce", "complaint", "request", "editor"])
@pytest.mark.parametrize("options", [(), CONFIRMED])
def test_a_suppressed_address_is_refused_and_says_why(
    meetings: Office, reason: str, options: tuple[str, ...]
) -> None:
    meetings.ok("suppression", "add", "kim@example.org", "--reason", reason)
    before = meetings.dump()

    ended = meetings.run("subscriber", "add", "meetings", "kim@example.org", *options)

    assert ended.code == 4
    assert f"must not be mailed ({reason})" in ended.error
    assert meetings.dump() == before


def test_leaving_is_at_once_and_twice_is_no_error(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)

    first = meetings.ok("subscriber", "leave", "meetings", "kim@example.org")
    second = meetings.ok("subscriber", "leave", "meetings", "kim@example.org")

    assert subscription(meetings, "kim@example.org")["state"] == "unsubscribed"
    assert first.err == "kim@example.org has left “meetings”\n"
    assert second.err == "kim@example.org had left “meetings”\n"


def test_nobody_leaves_a_list_they_are_not_on(meetings: Office) -> None:
    meetings.ok("list", "add", "other", "--name", "Other", "--from", "o@example.org")
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)

    ended = meetings.run("subscriber", "leave", "other", "kim@example.org")

    assert ended.code == 3
    assert "nobody of that address is on “other”" in ended.error


def test_a_stranger_is_not_found(meetings: Office) -> None:
    ended = meetings.run("subscriber", "show", "kim@example.org")

    assert ended.code == 3
    assert ended.error == "there is no subscriber “kim@example.org”"


def test_a_subscriber_is_shown_whole_to_a_person(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    meetings.ok("suppression", "add", "kim@example.org", "--note", "asked by phone")

    shown = meetings.ok("subscriber", "show", "kim@example.org").out

    assert "meetings  confirmed" in shown
    assert "asked by phone" in shown
    assert "subscription.confirmed" in shown


def test_an_international_domain_is_found_as_it_is_written(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@bücher.example", *CONFIRMED)

    shown = meetings.ok("subscriber", "show", "kim@bücher.example", "--json").json
    assert shown["address"] == "kim@xn--bcher-kva.example"


def test_a_person_is_forgotten_only_when_it_is_meant(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED, "--name", "Kim Lee")
    before = meetings.dump()

    asked = meetings.run("subscriber", "erase", "kim@example.org")

    assert asked.code == 2
    assert "say --yes" in asked.error
    assert meetings.dump() == before
    assert meetings.ok("subscriber", "erase", "Kim@example.org", "--yes").err == (
        "K…@example.org is forgotten; no import brings it back\n"
    )
    left = repr(meetings.dump()).casefold()
    assert "kim@" not in left
    assert "kim lee" not in left
    assert meetings.run("subscriber", "show", "kim@example.org").code == 3
    again = meetings.run("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    assert "must not be mailed (request)" in again.error


def test_all_that_is_held_is_shown(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org")

    shown = meetings.ok("subscriber", "show", "kim@example.org").out
    held = meetings.ok("subscriber", "show", "kim@example.org", "--json").json

    assert "confirmation" in shown
    assert [one["kind"] for one in held["deliveries"]] == ["confirmation"]
    assert held["history"][0]["kind"] == "subscription.asked"
