"""`mailer keys` at the command line: a fresh key signs, and old links go on working."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import config, ledger
from mailer.app import App
from mailer.ledger import Journal, boot_id
from mailer.tokens import KeyRing, Purpose, id_of, new_key
from tests.cli.conftest import Office
from tests.conftest import MOMENT

OLD, OLDER = "A" * 43, "B" * 42 + "A"
"""As `new_key` writes them, and always the same, so that tests have the same names."""


def ring(office: Office) -> KeyRing:
    return config.load(office.config).settings.tokens.ring()


def test_a_fresh_key_signs_and_old_links_go_on_working(office: Office) -> None:
    before = ring(office)
    link = before.sign(Purpose.LEAVE, 7, 1)

    office.ok("keys", "rotate", "--yes")

    after = ring(office)
    assert after.keys[1:] == before.keys
    assert after.signing_id != before.signing_id
    assert after.verify(link, Purpose.LEAVE, now=MOMENT) == (7, 1)
    shown = office.ok("keys", "list", "--json").json
    assert [one["use"] for one in shown] == ["signs and verifies", "verifies"]


def test_the_keys_themselves_are_never_printed(office: Office) -> None:
    ended = [office.ok("keys", "rotate", "--yes"), office.ok("keys", "list")]

    secrets = [key.get_secret_value() for key in config.load(office.config).settings.tokens.keys]
    assert not [key for key in secrets for one in ended if key in one.out + one.err]


def test_without_yes_nothing_is_changed(office: Office) -> None:
    before = office.config.read_text()

    said = office.ok("keys", "rotate").err

    assert "--yes" in said
    assert office.config.read_text() == before


def test_no_key_is_made_while_anybody_works(office: Office) -> None:
    # Given a process at work here, and then a worker on another machine
    before, opened = office.config.read_text(), App.open(office.config)
    journal = Journal.create(opened.config.state, 77, boot=boot_id(), capacity=4)
    here = office.run("keys", "rotate", "--yes")
    journal.close(remove=True)
    now, lease = opened.clock.now(), timedelta(minutes=1)
    opened.database.write(ledger.register, host="mill", boot="b", pid=1, now=now, lease=lease)
    opened.close()

    elsewhere = office.run("keys", "rotate", "--yes")

    assert (here.code, elsewhere.code) == (4, 4)
    assert "Communiqué is at work here; stop it first" in here.error
    assert "a worker is at work on mill; stop it first" in elsewhere.error
    assert office.config.read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        f'[tokens]\nkeys = ["{OLD}"]\n',
        f'# mine\n[tokens] # secrets\n  keys = [\n  "{OLD}", # first\n]\n\n[log]\nlevel = "info"\n',
        f'[log]\nlevel = "error"\n[tokens]\nkeys=["{OLD}","{OLDER}"]',
    ],
    ids=["plain", "with comments", "at the end"],
)
def test_the_rest_of_a_file_stays_as_the_owner_wrote_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o640)
    fresh = new_key()

    config.put_first(file, fresh)

    assert file.read_text().replace(f'"{fresh}", ', "") == text
    assert tomllib.loads(file.read_text())["tokens"]["keys"][0] == fresh
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]


def test_keys_in_a_file_of_their_own_are_kept_there(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(OLD)
    settings = tmp_path / "config.toml"
    settings.write_text('[tokens]\nkeys_file = "keys"\n')
    fresh = new_key()

    assert config.put_first(settings, fresh) == tmp_path / "keys"

    found = config.load(settings).settings.tokens.ring()
    assert [key.id for key in found.keys] == [id_of(fresh), id_of(OLD)]


@pytest.mark.parametrize(
    "text",
    ["", f'tokens = {{ keys = ["{OLD}"] }}\n', f'[tokens]\nkeys = "{OLD}"\n', "[tokens]\n"],
)
def test_where_we_cannot_write_them_the_line_to_add_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)

    with pytest.raises(Exception, match="put “key” first"):
        config.put_first(file, "key")

    assert file.read_text() == text


def test_keys_in_a_variable_are_for_the_owner_to_change(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_TOKENS__KEYS", OLD)
    before = office.config.read_text()

    ended = office.run("keys", "rotate", "--yes")

    assert ended.code == 4
    assert "MAILER_TOKENS__KEYS" in ended.error
    assert office.config.read_text() == before
