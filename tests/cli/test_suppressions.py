"""`mailer suppression` at the command line."""

from tests.cli.conftest import Office


def scopes(office: Office) -> set[str | None]:
    return {one["list"] for one in office.ok("suppression", "list", "--json").json}


def test_an_address_is_suppressed_everywhere_or_on_one_list(meetings: Office) -> None:
    meetings.ok("suppression", "add", "Kim@example.org", "--note", "left the office")
    meetings.ok("suppression", "add", "lee@example.org", "--list", "meetings")

    found = {
        one["address"]: (one["list"], one["reason"], one["note"])
        for one in meetings.ok("suppression", "list", "--json").json
    }
    assert found == {
        "kim@example.org": (None, "editor", "left the office"),
        "lee@example.org": ("meetings", "editor", ""),
    }


def test_suppressing_twice_is_no_error(meetings: Office) -> None:
    meetings.ok("suppression", "add", "kim@example.org")

    ended = meetings.ok("suppression", "add", "kim@example.org")

    assert ended.err == "kim@example.org was already suppressed\n"


def test_those_of_one_list_are_shown_alone(meetings: Office) -> None:
    meetings.ok("suppression", "add", "kim@example.org")
    meetings.ok("suppression", "add", "lee@example.org", "--list", "meetings")

    ended = meetings.ok("suppression", "list", "--list", "meetings")

    assert "lee@example.org" in ended.out
    assert "kim@example.org" not in ended.out


def test_one_scope_is_lifted_alone(meetings: Office) -> None:
    meetings.ok("suppression", "add", "kim@example.org")
    meetings.ok("suppression", "add", "kim@example.org", "--list", "meetings")

    meetings.ok("suppression", "remove", "kim@example.org", "--list", "meetings")

    assert scopes(meetings) == {None}


def test_without_a_list_every_suppression_is_lifted(meetings: Office) -> None:
    meetings.ok("suppression", "add", "kim@example.org")
    meetings.ok("suppression", "add", "kim@example.org", "--list", "meetings")

    meetings.ok("suppression", "remove", "kim@example.org")

    assert scopes(meetings) == set()


def test_what_is_not_suppressed_is_not_found(meetings: Office) -> None:
    ended = meetings.run("suppression", "remove", "kim@example.org")

    assert ended.code == 3
    assert ended.error.startswith("there is no suppression of “kim@example.org”")


def test_a_reason_that_is_none_is_not_understood(meetings: Office) -> None:
    ended = meetings.run("suppression", "add", "kim@example.org", "--reason", "dislike")

    assert ended.code == 2
    assert "'complaint'" in ended.error
