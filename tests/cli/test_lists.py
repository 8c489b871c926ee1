"""`mailer list` at the command line."""

from tests.cli.conftest import Office


def test_a_new_list_is_shown_with_all_that_was_said_of_it(office: Office) -> None:
    office.ok(
        "list", "add", "meetings", "--name", "会議ニュース", "--from", "news@example.org",
        "--reply-to", "desk@example.org", "--language", "ja", "--languages", "en",
        "--timezone", "Asia/Tokyo", "--visibility", "unlisted",
    )  # fmt: skip

    shown = office.ok("list", "show", "meetings", "--json").json

    assert shown["name"] == "会議ニュース"
    assert shown["from"] == "news@example.org"
    assert shown["reply_to"] == "desk@example.org"
    assert shown["languages"] == ["ja", "en"]
    assert shown["timezone"] == "Asia/Tokyo"
    assert shown["visibility"] == "unlisted"
    assert shown["list_id"] == "meetings.example.org"
    assert shown["page"] == "https://news.example.org/l/meetings"


def test_all_lists_are_shown_in_columns(meetings: Office) -> None:
    ended = meetings.ok("list", "show")

    head, row = ended.lines
    assert head.split() == [
        "slug", "name", "from", "language", "timezone", "visibility", "confirmed",
    ]  # fmt: skip
    assert row.split() == [
        "meetings", "Meeting", "news", "news@example.org", "en", "Europe/Brussels", "public", "0",
    ]  # fmt: skip


def test_one_list_is_shown_a_line_for_each_thing(meetings: Office) -> None:
    lines = meetings.ok("list", "show", "meetings").lines

    assert "timezone        Europe/Brussels" in lines


def test_what_is_not_named_stays_as_it_is(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--timezone", "Pacific/Fiji")

    shown = meetings.ok("list", "show", "meetings", "--json").json
    assert (shown["timezone"], shown["name"]) == ("Pacific/Fiji", "Meeting news")


def test_a_list_has_words_in_each_language(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--languages", "ja")
    meetings.ok("list", "edit", "meetings", "--in", "ja", "--name", "会議", "--description", "毎週")

    texts = meetings.ok("list", "show", "meetings", "--json").json["texts"]

    assert texts["ja"] == {"name": "会議", "description": "毎週", "welcome": ""}
    assert texts["en"]["name"] == "Meeting news"


def test_a_list_whose_first_language_has_no_words_yet_shows_those_it_has(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--language", "ja")

    assert meetings.ok("list", "show", "meetings", "--json").json["name"] == "Meeting news"


def test_the_old_slug_still_leads_to_the_list(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--slug", "news")

    assert meetings.ok("list", "show", "meetings", "--json").json["slug"] == "news"


def test_an_edit_that_names_nothing_is_not_understood(meetings: Office) -> None:
    ended = meetings.run("list", "edit", "meetings")

    assert ended.code == 2
    assert "nothing to change" in ended.error


def test_a_list_that_is_not_there_is_not_found(office: Office) -> None:
    ended = office.run("list", "show", "nothing")

    assert ended.code == 3
    assert ended.error == "there is no list “nothing”; “mailer list show” names them all"


def test_a_slug_that_is_taken_is_refused(meetings: Office) -> None:
    ended = meetings.run("list", "add", "meetings", "--name", "N", "--from", "n@example.org")

    assert ended.code == 4


def test_a_layout_that_is_not_there_is_not_found(meetings: Office) -> None:
    ended = meetings.run("list", "edit", "meetings", "--layout", "shiny")

    assert ended.code == 3
    assert ended.error == "there is no layout “shiny”; there are: digest, letterhead"


def test_a_route_that_is_not_in_the_settings_is_not_found(meetings: Office) -> None:
    ended = meetings.run("list", "edit", "meetings", "--route", "bulk")

    assert ended.code == 3
    assert ended.error == "there is no route “bulk”; there are: smtp"


def test_a_list_has_a_colour_of_its_own_until_it_has_that_of_the_house_again(
    meetings: Office,
) -> None:
    changed = meetings.ok("list", "edit", "meetings", "--accent", "#FC0")

    assert meetings.ok("list", "show", "meetings", "--json").json["accent"] == "#ffcc00"
    assert changed.err == (
        "list “meetings” is changed\n"
        "#ffcc00 is too pale to be read in light pages and mails (a contrast of 1.3, where 4.5 is "
        "needed): #856a00 is used there\n"
    )

    meetings.ok("list", "edit", "meetings", "--accent", "none")
    assert meetings.ok("list", "show", "meetings", "--json").json["accent"] is None


def test_what_is_no_colour_is_not_understood(meetings: Office) -> None:
    ended = meetings.run("list", "edit", "meetings", "--accent", "url(//elsewhere)")

    assert ended.code == 2
    assert ended.error == "--accent: “url(//elsewhere)” is not a colour; write it like #0b5a63"
