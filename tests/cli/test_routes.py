"""`mailer route` and `mailer status` at the command line."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from mailer import delivery, ledger
from mailer.app import App
from mailer.db.schema import Delivery, Pace, RouteState
from tests.cli.conftest import Office

AT = datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.fixture
def paused(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Give an office with two routes, of which “bulk” stands still."""
    text = '[routes.bulk]\nhost = "bulk.example.net"\nport = 587\nsecurity = "starttls"\n'
    office.config.write_text(office.config.read_text() + text)
    with App.open(office.config) as app, app.database.writing() as session:
        session.add(RouteState(name="bulk", paused_at=AT, reason="535 5.7.8 wrong password"))
    return office


def test_every_route_is_shown_and_why_one_is_paused(paused: Office) -> None:
    smtp, bulk = paused.ok("route", "list", "--json").json

    assert (smtp["name"], smtp["state"], smtp["paused_at"]) == ("smtp", "in use", None)
    assert (bulk["host"], bulk["port"], bulk["security"]) == ("bulk.example.net", 587, "starttls")
    assert (bulk["state"], bulk["reason"]) == ("paused", "535 5.7.8 wrong password")


def test_what_a_relay_said_plays_no_tricks_on_the_terminal(paused: Office) -> None:
    with App.open(paused.config) as app, app.database.writing() as session:
        session.merge(RouteState(name="bulk", paused_at=AT, reason="535 \x1b[2Jno\x07"))

    ended = paused.ok("route", "list")

    assert "\x1b" not in ended.out
    assert "\x07" not in ended.out


def test_a_resumed_route_is_in_use_again(paused: Office) -> None:
    ended = paused.ok("route", "resume", "bulk")

    assert ended.err == "route “bulk” is in use again\n"
    assert {one["state"] for one in paused.ok("route", "list", "--json").json} == {"in use"}


def test_a_route_that_is_not_paused_is_not_resumed(paused: Office) -> None:
    ended = paused.run("route", "resume", "smtp")

    assert ended.code == 4
    assert ended.error == "route “smtp” is in use"


def test_a_route_that_is_not_there_is_not_found(paused: Office) -> None:
    ended = paused.run("route", "resume", "fax")

    assert ended.code == 3
    assert ended.error == "there is no route “fax”; there are: bulk, smtp"


# ------------------------------------------------------------------------- paces


def of_group(name: str) -> Pace:
    return Pace(route="smtp", group_name=name, per_minute=30, next_at=AT, letters_at=AT, line_at=AT)


@pytest.fixture
def refused(office: Office) -> Office:
    """Give an office that one provider refuses and another asked for less."""
    with App.open(office.config) as app, app.database.writing() as session:
        google, apple = map(of_group, ("google", "apple"))
        google.stopped_at, google.reason = AT, "554 5.7.1 by policy \x1b[2J"
        apple.slowed_at, apple.per_minute = AT, 15
        session.add_all([google, apple])
    return office


def test_paces_tell_who_is_stopped_and_who_is_slowed(refused: Office) -> None:
    apple, google = refused.ok("route", "paces", "--json").json

    assert (apple["group"], apple["state"], apple["per_minute"]) == ("apple", "slowed", 15)
    assert (google["route"], google["group"], google["state"]) == ("smtp", "google", "stopped")
    assert "5.7.1" in google["reason"]
    assert "\x1b" not in refused.ok("route", "paces").out


def test_where_nobody_asked_for_less_there_are_no_paces(office: Office) -> None:
    assert office.ok("route", "paces", "--json").json == []


def test_a_group_is_resumed_alone(refused: Office) -> None:
    ended = refused.ok("route", "resume", "smtp", "--group", "google")

    assert ended.err == "“google” gets mail by route “smtp” again; 0 held messages go on\n"
    apple, google = refused.ok("route", "paces", "--json").json
    assert (apple["state"], google["state"], google["reason"]) == ("slowed", "paced", "")


def test_resumed_once_more_a_group_lets_go_what_is_held_still(meetings: Office) -> None:
    # Given a group that was resumed by a command that did not come to its end
    meetings.ok("subscriber", "add", "meetings", "kim@gmail.com")
    with App.open(meetings.config) as app, app.database.writing() as session:
        session.add(of_group("google"))
        held = {"due_at": None, "reason": delivery.stopped_reason("smtp", "google")}
        session.execute(update(Delivery).values(held))

    ended = meetings.ok("route", "resume", "smtp", "--group", "google")

    assert "1 held message goes on" in ended.err
    assert meetings.run("route", "resume", "smtp", "--group", "google").code == 4


@pytest.mark.parametrize(
    "route, group, code, why",
    [
        ("smtp", "apple", 4, "“apple” is in use on route “smtp”"),
        ("smtp", "nobody", 3, "there is no group “nobody”"),
        ("smtp", "", 3, "there is no group"),
        ("fax", "google", 3, "there is no route “fax”; there are: smtp"),
    ],
)
def test_a_group_that_does_not_stand_still_is_not_resumed(
    refused: Office, route: str, group: str, code: int, why: str
) -> None:
    ended = refused.run("route", "resume", route, "--group", group)

    assert ended.code == code
    assert why in ended.error


# ------------------------------------------------------------------------ status


def test_status_tells_the_installation_at_a_glance(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org")
    words = meetings.file("words.md", "Hello.")
    meetings.ok("digest", "draft", "meetings", "--subject", "News", "--introduction", words)
    meetings.ok("digest", "queue", 1, "--at", f"{datetime.now(UTC).year + 1}-12-01T09:00")

    found = meetings.ok("status", "--json").json

    assert list(found) == [
        "database", "schema", "redirect_all_to", "workers", "letters_waiting", "held",
        "last_backup", "asks_waiting", "lists", "digests", "routes",
    ]  # fmt: skip
    assert found["lists"] == [{"slug": "meetings", "name": "Meeting news", "confirmed": 0}]
    assert [(one["id"], one["state"]) for one in found["digests"]] == [(1, "scheduled")]
    assert (found["workers"], found["letters_waiting"]) == (0, 1)


def test_status_names_the_database_without_its_password(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_DATABASE__URL", office.url.replace("postgres@", "postgres:secret@"))

    found = office.ok("status", "--json")

    assert found.json["database"].endswith(office.url.rpartition("/")[2])
    assert "secret" not in found.out


def test_status_says_which_routes_stand_still(paused: Office) -> None:
    assert "535 5.7.8 wrong password" in paused.ok("status").out


def test_a_working_worker_is_counted(office: Office) -> None:
    with App.open(office.config) as app, app.database.writing() as session:
        now = app.clock.now()
        lease = app.pacing.lease
        ledger.register(session, host="h", boot="b", pid=1, now=now, lease=lease)

    assert office.ok("status", "--json").json["workers"] == 1
