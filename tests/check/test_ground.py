"""What needs no network: the clock by what others say, the room on a disk, keys and settings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer import tokens
from mailer.app import App
from mailer.check import Finding, Part, State, Wish, check, clocks, ground
from mailer.clock import FrozenClock
from mailer.errors import UsageError

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
GOOD = f"""
[organisation]
name = "Office"
postal_address = "1 Harbour Road"
owner = "owner@example.org"
[tokens]
keys = ["{tokens.new_key()}"]
"""


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 01 Dec 2026 08:00:00 GMT",
        "mx.example.org ESMTP Sendmail; Tue, 1 Dec 2026 09:00:00 +0100",
        "mx Microsoft ESMTP MAIL Service ready at Tue, 1 Dec 2026 08:00:00 +0000",
    ],
)
def test_a_moment_is_found_in_what_others_say(text: str) -> None:
    assert clocks.told(text) == NOW


@pytest.mark.parametrize("text", ["", "ESMTP Postfix", "Tue, 41 Dec 2026 08:00:00 +0000", "2026"])
def test_no_moment_is_made_up(text: str) -> None:
    assert clocks.told(text) is None


@pytest.mark.parametrize(
    "seconds, state, word",
    [
        (0, State.OK, "agree"),
        (-4, State.OK, "agree"),
        (30, State.OK, "30 seconds ahead of"),
        (-90, State.WARN, "90 seconds behind"),
        (600, State.FAIL, "10 minutes ahead of"),
        (-3 * 3600, State.FAIL, "3 hours behind"),
    ],
)
def test_a_clock_is_judged_by_another(seconds: int, state: State, word: str) -> None:
    found = clocks.compare("relay", NOW, now=NOW + timedelta(seconds=seconds))

    assert found.state is state
    assert word in found.says


@pytest.mark.parametrize(
    "total, free, state",
    [
        (10**12, 10**11 * 5, State.OK),
        (10**12, 10**10, State.WARN),
        (5 * 10**9, 9 * 10**8, State.WARN),
        (10**12, 10**8, State.FAIL),
        (0, 0, State.FAIL),
    ],
)
def test_room_on_a_disk(total: int, free: int, state: State) -> None:
    assert ground.room("/", total, free, 500).state is state


def settled(folder: Path, text: str = GOOD, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def states(path: Path) -> dict[str, State]:
    with App.at_rest(path) as app:
        return {one.subject: one.state for one in ground.settings(app)}


@pytest.mark.parametrize(
    "mode, state", [(0o600, State.OK), (0o640, State.WARN), (0o644, State.FAIL)]
)
def test_who_may_read_the_settings(tmp_path: Path, mode: int, state: State) -> None:
    path = settled(tmp_path, mode=mode)

    assert states(path) == {str(path): state, "tokens.keys": State.OK}


def test_keys_that_were_typed_and_names_that_are_missing(tmp_path: Path) -> None:
    typed = settled(tmp_path, f'[tokens]\nkeys = ["{"A" * 43}"]\n')
    assert states(typed)["tokens.keys"] is State.FAIL
    none = states(settled(tmp_path, ""))

    assert none["tokens.keys"] is State.FAIL
    assert none["organisation.owner"] is State.WARN


def of(found: list[Finding], part: Part) -> list[tuple[str, State]]:
    return [(one.subject, one.state) for one in found if one.part is part]


def test_settings_that_are_wrong_are_findings_one_each(tmp_path: Path) -> None:
    path = settled(tmp_path, '[web]\nport = "x"\n[smpt]\nhost = "y"\n')

    found = check(path, Wish())

    assert {one.state for one in found} == {State.FAIL}
    assert {one.subject for one in found} == {"web.port", "smpt"}


def test_before_there_is_a_database_everything_else_is_looked_at(tmp_path: Path) -> None:
    path = settled(tmp_path)

    found = check(path, Wish((Part.CONFIG, Part.DATABASE)), clock=FrozenClock(NOW))

    assert [one.state for one in found if one.part is Part.DATABASE] == [State.WARN]
    assert not (tmp_path / "mailer.db").exists()
    assert of(found, Part.CONFIG)


@pytest.mark.parametrize(
    "url, word",
    [
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be used"),
        ("sqlite:///other.db", "not an SQLite database"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_finding(tmp_path: Path, url: str, word: str) -> None:
    (tmp_path / "other.db").write_bytes(b"not a database" * 100)
    path = settled(tmp_path, f'{GOOD}[database]\nurl = "{url}"\n')

    wish = Wish((Part.DATABASE,), slug="news")
    [found] = check(path, wish, clock=FrozenClock(NOW))

    assert found.state is State.FAIL
    assert word in found.says


def test_a_name_server_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        check(settled(tmp_path), Wish(resolver="ns.example.org"))


def test_the_hours_of_the_world_are_known() -> None:
    assert ground.zones().state is State.OK


def test_a_part_that_is_skipped_is_looked_at_when_it_is_named(tmp_path: Path) -> None:
    path = settled(tmp_path, f'{GOOD}[check]\nskip = ["disk"]\n')

    assert of(check(path, Wish((Part.CONFIG, Part.DISK))), Part.DISK)
    assert Wish().has(Part.DISK, Part.CLOCK, skip=("disk",))
    assert not Wish().has(Part.DISK, skip=("disk",))


def test_a_part_that_there_is_not_cannot_be_skipped(tmp_path: Path) -> None:
    path = settled(tmp_path, f'{GOOD}[check]\nskip = ["mailbox"]\n')

    assert states(path)["check.skip"] is State.WARN
