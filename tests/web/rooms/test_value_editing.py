"""Settings changed in a room: checked as a whole, written whole, comments kept, secrets unseen."""

import stat
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import config, sample, tokens
from mailer.config import Config
from mailer.db.schema import Role
from mailer.errors import ConfigError, Refused
from tests.web.rooms.conftest import Desk, Rooms, seen

SECRET = "a secret of the relay"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own" / "config.toml"
    path.parent.mkdir()
    path.write_text(sample.render({"tokens": {"keys": [tokens.new_key()]}}), encoding="utf-8")
    path.chmod(0o640)
    return path


@pytest.fixture
def desk(lone_rooms: Rooms, file: Path) -> Desk:
    """Sign an owner in at an office whose settings are that file's."""
    reread(lone_rooms, file)
    return lone_rooms.as_(Role.OWNER)


def reread(rooms: Rooms, file: Path) -> None:
    """Do what beginning anew does."""
    found: Config = config.load(file)
    rooms.office.app.config.settings, rooms.office.app.config.path = found.settings, file


def typed(desk: Desk, table: str) -> dict[str, str]:
    form = LexborHTMLParser(desk.get(f"/settings/values/{table}").text).css_first("main form")
    assert form is not None
    found = {}
    for field in form.css("input:not([type=hidden]), textarea, select"):
        name = field.attributes["name"] or ""
        if field.tag == "select":
            chosen = field.css_first("option[selected]")
            found[name] = chosen.text() if chosen else ""
        else:
            found[name] = field.attributes.get("value") or field.text()
    return found


@pytest.mark.parametrize("table", ["organisation", "smtp", "subscribe"])
def test_saving_what_is_shown_writes_nothing(desk: Desk, file: Path, table: str) -> None:
    before = file.read_bytes()

    answer = desk.post(f"/settings/values/{table}", typed(desk, table))

    assert answer.headers["location"].endswith("said=same")
    assert file.read_bytes() == before


def test_what_is_changed_is_written_and_all_else_stays(
    lone_rooms: Rooms, desk: Desk, file: Path
) -> None:
    before = file.read_text(encoding="utf-8")
    changes = {
        "name": 'Harbour "Office"',
        "postal_address": "1 Quay Street\r\nHarbour Town",
        "owner": "noor@office.example",
    }

    answer = desk.post("/settings/values/organisation", typed(desk, "organisation") | changes)

    assert answer.headers["location"].endswith("said=kept")
    found = config.load(file).settings
    assert found.organisation.name == 'Harbour "Office"'
    assert found.organisation.postal_address == "1 Quay Street\nHarbour Town"
    after = file.read_text(encoding="utf-8")
    comments = [line for line in before.splitlines() if line.startswith("#")]
    assert [line for line in after.splitlines() if line.startswith("#")] == comments
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]
    assert "Settings changed" in seen(desk.get("/settings/trail"))

    reread(lone_rooms, file)
    assert typed(desk, "organisation")["owner"] == "noor@office.example"


def test_the_server_is_told_to_begin_anew(lone_rooms: Rooms, desk: Desk, file: Path) -> None:
    told: list[str] = []
    lone_rooms.office.app.begin_anew = lambda: told.append("anew")

    answer = desk.post("/settings/values/subscribe", {"confirm_days": "9"})

    assert answer.headers["location"].endswith("said=anew")
    assert told == ["anew"]
    assert config.load(file).settings.subscribe.confirm_days == 9


@pytest.mark.parametrize(
    "table, changes, field",
    [
        ("organisation", {"owner": "nobody"}, "owner"),
        ("organisation", {"privacy_url": "javascript:alert(1)"}, "privacy_url"),
        ("organisation", {"name": "two\nlines"}, "name"),
        ("smtp", {"port": "0"}, "port"),
        ("smtp", {"port": "many"}, "port"),
        ("smtp", {"security": "magic"}, "security"),
        ("smtp", {"warm_up_on": "soon"}, "warm_up_on"),
        ("subscribe", {"confirm_days": "31"}, "confirm_days"),
        ("subscribe", {"confirm_days": "٣"}, "confirm_days"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_written(
    desk: Desk, file: Path, table: str, changes: dict[str, str], field: str
) -> None:
    before = file.read_bytes()

    answer = desk.post(f"/settings/values/{table}", typed(desk, table) | changes)

    assert answer.status_code == 400
    assert LexborHTMLParser(answer.text).css_first(f"#{field}-error") is not None
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_what_only_together_is_wrong_is_said_above(desk: Desk, file: Path) -> None:
    before = file.read_bytes()
    changes = {"host": "relay.example", "auth": "plain", "username": "office"}

    answer = desk.post("/settings/values/smtp", typed(desk, "smtp") | changes)

    assert answer.status_code == 400
    assert "would send the password in the clear" in seen(answer)
    assert 'value="relay.example"' in answer.text
    assert file.read_bytes() == before


def test_a_secret_is_replaced_and_never_shown(lone_rooms: Rooms, desk: Desk, file: Path) -> None:
    desk.post("/settings/values/smtp", {"password": SECRET})
    assert config.load(file).settings.smtp.password.get_secret_value() == SECRET
    reread(lone_rooms, file)

    pages = [desk.get("/settings/values/smtp"), desk.get("/settings/values")]
    pages += [desk.post("/settings/values/smtp", {"password": "another one", "port": "x"})]
    pages += [desk.get("/settings/trail")]

    for page in pages:
        assert SECRET not in page.text
        assert "another one" not in page.text
    desk.post("/settings/values/smtp", typed(desk, "smtp"))
    assert config.load(file).settings.smtp.password.get_secret_value() == SECRET


def test_what_the_environment_sets_is_not_changed_here(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_ORGANISATION__NAME", "From outside")
    before = file.read_bytes()

    answer = desk.post("/settings/values/organisation", {"name": "From inside"})

    assert "The environment sets this" in seen(answer)
    assert file.read_bytes() == before


def test_a_secret_in_a_file_of_its_own_stays_there(file: Path) -> None:
    (file.parent / "secret").write_text("hidden", encoding="utf-8")
    text = file.read_text(encoding="utf-8").replace(
        "[smtp]\n", '[smtp]\npassword_file = "secret"\n', 1
    )
    file.write_text(text.replace('password = ""\n', "", 1), encoding="utf-8")

    with pytest.raises(ConfigError, match="a file of its own"):
        config.edit(file, "smtp", {"password": "new"})


def test_without_a_file_nothing_can_be_written() -> None:
    with pytest.raises(Refused, match="no file of settings"):
        config.edit(None, "smtp", {"port": 2525})


def test_a_file_that_is_no_file_is_said_so(lone_rooms: Rooms) -> None:
    answer = lone_rooms.as_(Role.OWNER).post("/settings/values/subscribe", {"confirm_days": "9"})

    assert answer.status_code == 400
    assert seen(answer)


def test_other_tables_are_not_here(desk: Desk) -> None:
    for table in ("tokens", "database", "web", "nonsense"):
        assert desk.get(f"/settings/values/{table}").status_code == 404
        assert desk.post(f"/settings/values/{table}", {"url": "x"}).status_code == 404


def test_nothing_typed_becomes_markup(desk: Desk) -> None:
    script = "<script>alert(1)</script>"
    hostile = dict.fromkeys(typed(desk, "smtp"), script)

    assert script not in desk.post("/settings/values/smtp", hostile).text
