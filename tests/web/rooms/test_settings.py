"""The settings' rooms: routes tried for real, keys made, what a check found, all settings shown."""

import time
from collections.abc import Iterator

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import check, config, dkim, facts
from mailer.check import Part, State
from mailer.config import Auth, Route, Security
from mailer.db.schema import Delivery, DeliveryKind, DeliveryState, Role
from mailer.delivery import Step
from mailer.delivery import routes as standings
from mailer.delivery.routes import pause
from mailer.web.rooms import check_room
from tests.smtp_server import SmtpServer
from tests.web.rooms.conftest import Rooms, seen

SCRIPT = "<script>alert(1)</script>"
SECRET = "a secret of the relay"


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer(users={"office": SECRET}) as server:
        yield server


def use(rooms: Rooms, server: SmtpServer, **more: object) -> None:
    """Let the office's mail leave by a server of this machine."""
    values = {
        "host": server.host,
        "port": server.port,
        "security": Security.NONE,
        "auth": Auth.PLAIN,
        "username": "office",
        "password": SECRET,
        **more,
    }
    app = rooms.office.app
    changed = {"smtp": Route.model_validate(values)}
    app.config.settings = app.settings.model_copy(update=changed)
    app.__dict__.pop("routes", None)
    app.__dict__.pop("press", None)


# ------------------------------------------------------------------------- routes


def test_a_route_is_tried_step_by_step_and_a_letter_posted(rooms: Rooms, relay: SmtpServer) -> None:
    use(rooms, relay)
    desk = rooms.as_(Role.OWNER)

    page = desk.post("/settings/routes/smtp")

    assert page.status_code == 200
    steps = LexborHTMLParser(page.text).css("#tried .state")
    assert [step.text() for step in steps] == [
        "Reach the relay",
        "Be greeted",
        "Say who we are",
        "Sign in",
        "Be allowed as the sender",
        "Be allowed to write to you",
    ]
    assert all("good" in (step.attributes["class"] or "") for step in steps)
    [letter] = rooms.office.letters(desk.seat.address, DeliveryKind.NOTICE)
    assert letter.route == "smtp"
    assert "waits to be sent" in seen(desk.get("/settings/routes/smtp"))
    assert not relay.messages, "the session itself sends nothing"


@pytest.mark.parametrize(
    "script, step, advice",
    [
        (("greeting", "554 5.3.2 go away"), "Be greeted", "Is this the right port?"),
        (("auth", "535 5.7.8 no"), "Sign in", "Look at username, password and auth."),
        (("mail", "550 5.7.1 not you"), "Be allowed as the sender", "allow this sender"),
        (("rcpt", "550 5.1.1 nobody"), "Be allowed to write to you", "Ask who runs it"),
    ],
)
def test_what_a_relay_refuses_is_said_with_what_to_do(
    lone_rooms: Rooms, relay: SmtpServer, script: tuple[str, str], step: str, advice: str
) -> None:
    use(lone_rooms, relay)
    relay.answer(*script)
    desk = lone_rooms.as_(Role.OWNER)

    page = desk.post("/settings/routes/smtp")

    last = LexborHTMLParser(page.text).css("#tried .state")[-1]
    assert last.text() == step
    assert "stop" in (last.attributes["class"] or "")
    assert advice in seen(page)
    assert script[1].split()[-1] in seen(page)
    assert not lone_rooms.office.letters(desk.seat.address, DeliveryKind.NOTICE)


def test_a_relay_that_is_not_there_is_said_so(lone_rooms: Rooms, relay: SmtpServer) -> None:
    use(lone_rooms, relay, port=1)

    page = lone_rooms.as_(Role.OWNER).post("/settings/routes/smtp")

    assert "Many providers close port 25" in seen(page)


def test_no_page_shows_a_secret(lone_rooms: Rooms, relay: SmtpServer) -> None:
    use(lone_rooms, relay)
    desk = lone_rooms.as_(Role.OWNER)

    pages = [desk.post("/settings/routes/smtp")]
    pages += [desk.get(f"/settings/{part}") for part in ("routes", "routes/smtp", "values")]

    key = lone_rooms.office.app.settings.tokens.keys
    for page in pages:
        assert page.status_code == 200
        assert SECRET not in page.text
        assert not any(one.get_secret_value() in page.text for one in key)
    assert "••••••••" in pages[-1].text


def test_a_paused_route_is_used_again(rooms: Rooms) -> None:
    database, now = rooms.office.app.database, rooms.office.clock.now()
    database.write(pause, "smtp", "The relay says no.", now=now)
    desk = rooms.as_(Role.OWNER)
    assert "The relay says no." in seen(desk.get("/settings/routes"))

    desk.post("/settings/routes", {"route": "smtp"})

    assert database.read(standings, ["smtp"])[0].paused_at is None
    assert "Route put in use again" in seen(desk.get("/settings/trail"))
    assert desk.post("/settings/routes", {"route": "nowhere"}).status_code == 404
    assert desk.get("/settings/routes/nowhere").status_code == 404
    assert desk.post("/settings/routes", {"route": "smtp", "group": "x"}).status_code == 404


def test_steps_of_a_protected_route_are_in_their_order(relay: SmtpServer) -> None:
    from mailer.delivery import Route as Way

    with SmtpServer(security="starttls") as server:
        way = Way("smtp", server.host, server.port, Security.STARTTLS, ca_file=server.ca_file)
        tried = check.try_out(way, "news@office.example", "kim@reader.example")

    assert relay.port != way.port
    assert [one.step for one in tried][:4] == [
        Step.CONNECT,
        Step.GREETING,
        Step.EHLO,
        Step.STARTTLS,
    ]
    assert all(one.is_well for one in tried)
    assert tried[3].said.startswith("TLS")


# ------------------------------------------------------------------------- signatures


def test_a_key_is_made_switched_to_and_kept_while_it_signs(rooms: Rooms) -> None:
    desk, database = rooms.as_(Role.OWNER), rooms.office.app.database

    desk.post("/settings/dkim", {"deed": "make", "domain": "office.example", "kind": "ed25519"})

    [key] = database.read(dkim.every, "office.example")
    page = desk.get("/settings/dkim")
    assert f"{key.selector}._domainkey.office.example" in page.text
    assert "v=DKIM1" in page.text
    named = {"domain": key.domain, "selector": key.selector}
    desk.post("/settings/dkim", {"deed": "make", "domain": "office.example", "kind": "rsa"})
    [rsa] = [one for one in database.read(dkim.every, "office.example") if one.id != key.id]
    ours = {"domain": rsa.domain, "selector": rsa.selector}
    desk.post("/settings/dkim", {"deed": "switch", "unseen": "yes", **ours})
    assert "signs" in seen(desk.get("/settings/dkim"))

    kept = desk.post("/settings/dkim", {"deed": "remove", **ours})
    assert kept.status_code == 400
    assert "This key signs" in seen(kept)
    assert desk.post("/settings/dkim", {"deed": "remove", **named}).status_code == 303
    assert len(database.read(dkim.every, "office.example")) == 1


@pytest.mark.parametrize(
    "form",
    [
        {"deed": "make", "domain": SCRIPT},
        {"deed": "make", "domain": ""},
        {"deed": "switch", "domain": "office.example", "selector": "nothing", "unseen": "yes"},
        {"deed": "remove", "domain": "office.example", "selector": SCRIPT},
    ],
)
def test_what_is_no_key_is_said_so(lone_rooms: Rooms, form: dict[str, str]) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    before = lone_rooms.office.everything()

    answer = desk.post("/settings/dkim", form)

    assert answer.status_code == 400
    assert SCRIPT not in answer.text
    assert lone_rooms.office.everything() == before


# ------------------------------------------------------------------------- the check


def test_what_was_found_is_shown_the_worst_first(lone_rooms: Rooms) -> None:
    found = [
        check.Finding(Part.DISK, "disk", State.OK, "There is room."),
        check.Finding(Part.SPF, SCRIPT, State.FAIL, SCRIPT, SCRIPT, "v=spf1 -all"),
    ]
    kept = {"findings": [check_room._kept(one) for one in found]}
    now = lone_rooms.office.clock.now()
    lone_rooms.office.app.database.write(facts.note, check_room.FACT, kept, now=now)

    page = lone_rooms.as_(Role.OWNER).get("/settings/check")

    assert SCRIPT not in page.text
    assert page.text.index("Must be mended") < page.text.index("As it should be")
    assert "v=spf1 -all" in page.text


def test_a_check_runs_behind_the_page(lone_rooms: Rooms) -> None:
    desk, database = lone_rooms.as_(Role.OWNER), lone_rooms.office.app.database
    if lone_rooms.office.app.config.path is None:
        assert "There is no file of settings" in seen(desk.get("/settings/check"))
        return
    assert desk.post("/settings/check", {"part": "here"}).status_code == 303

    until = time.monotonic() + 30
    while time.monotonic() < until and not database.read(facts.is_noted, check_room.FACT):
        time.sleep(0.05)

    kept = database.read(facts.value, check_room.FACT)
    assert kept is not None
    assert {row["part"] for row in kept["findings"]} <= {"config", "database", "disk", "work"}


# ------------------------------------------------------------------------- values and welcome


def test_every_setting_is_shown_with_where_it_came_from(
    lone_rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_SUBSCRIBE__CONFIRM_DAYS", "9")
    assert config.origins(None)["subscribe.confirm_days"] == "environment"

    page = seen(lone_rooms.as_(Role.OWNER).get("/settings/values"))

    for table in ("[organisation]", "[smtp]", "[subscribe]", "[retention]", "[watch]"):
        assert table in page
    assert "environment" in page


def test_a_file_of_settings_says_what_it_sets(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "config.toml"
    file.write_text('[smtp]\nhost = "relay.example"\npassword_file = "secret"\n', encoding="utf-8")

    found = config.origins(file)

    assert found["smtp.host"] == found["smtp.password"] == "file"
    assert "smtp.port" not in found


def test_the_first_steps_say_what_is_done_and_lead_on(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    page = desk.get("/welcome")

    links = {link.attributes.get("href") for link in LexborHTMLParser(page.text).css("main a")}
    assert "/rooms/settings/routes/smtp" in links
    assert "/rooms/lists/meetings" in links
    for link in links:
        assert desk.get((link or "").removeprefix("/rooms")).status_code == 200, link


def test_the_first_steps_show_the_lines_that_are_missing(lone_rooms: Rooms) -> None:
    app = lone_rooms.office.app
    app.config.settings = app.settings.model_copy(update={"organisation": config.Organisation()})
    desk = lone_rooms.as_(Role.OWNER)

    page = desk.get("/welcome").text

    assert "[organisation]" in page
    assert f"owner = &#34;{desk.seat.address}&#34;" in page


def test_a_test_letter_that_was_taken_is_told(lone_rooms: Rooms, relay: SmtpServer) -> None:
    use(lone_rooms, relay)
    desk = lone_rooms.as_(Role.OWNER)
    desk.post("/settings/routes/smtp")
    with lone_rooms.office.app.database.writing() as session:
        [letter] = lone_rooms.office.letters(desk.seat.address, DeliveryKind.NOTICE)
        row = session.get(Delivery, letter.id)
        assert row is not None
        row.state, row.due_at = DeliveryState.SENT, None
        row.settled_at = lone_rooms.office.clock.now()
        session.add(row)

    assert "was taken by the relay" in seen(desk.get("/settings/routes/smtp"))
    assert "A test letter was taken by it." in seen(desk.get("/welcome"))
