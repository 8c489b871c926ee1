"""`mailer backup`, `restore`, `held`, `release`: what they print, and what they refuse."""

from datetime import timedelta
from pathlib import Path

import pytest

from mailer.clock import SystemClock
from tests.cli.conftest import Office


def refused(office: Office, code: int, *arguments: object) -> str:
    before = office.dump()
    ended = office.run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert office.dump() == before
    return ended.error


def test_a_backup_says_what_is_in_it(busy: Office, tmp_path: Path) -> None:
    made = busy.ok("backup", tmp_path, "--json").json
    again = busy.ok("backup", "--verify", made["file"], "--json").json

    assert made == again
    assert list(made) == [
        "file", "size", "made_at", "version", "schema", "rows", "files", "not_in_it", "tables",
    ]  # fmt: skip
    assert made["tables"]["lists"] >= 1


def test_a_backup_is_written_over_nothing_and_into_no_folder_that_is_not_there(
    busy: Office, tmp_path: Path
) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")

    assert "already" in refused(busy, 4, "backup", there)
    assert "there is no folder" in refused(busy, 4, "backup", tmp_path / "none" / "a.zip")
    assert there.read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello" * 100])
def test_what_is_no_backup_is_not_restored(busy: Office, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(content)

    assert "damaged or cut off" in refused(busy, 2, "restore", file, "--into", tmp_path / "new")
    assert "damaged or cut off" in refused(busy, 2, "backup", "--verify", file)
    assert not (tmp_path / "new").exists()


def test_a_backup_that_is_not_there_is_named(busy: Office, tmp_path: Path) -> None:
    said = refused(busy, 2, "restore", tmp_path / "none.zip", "--into", tmp_path / "new")

    assert "none.zip: there is no such file" in said


@pytest.mark.parametrize(
    "options",
    [[], ["--into", "x", "--replace"], ["--replace", "--database", "sqlite:///other.db"]],
)
def test_where_to_restore_is_said_once(busy: Office, options: list[str]) -> None:
    assert "--into" in refused(busy, 2, "restore", "a.zip", *options)


def test_a_folder_or_a_database_that_holds_something_is_not_filled(
    busy: Office, tmp_path: Path
) -> None:
    made = busy.ok("backup", tmp_path / "copy.zip", "--json").json["file"]
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")

    assert "is not empty" in refused(busy, 4, "restore", made, "--into", full)
    taken = ["--into", tmp_path / "new", "--database", busy.url]
    assert "is there already" in refused(busy, 4, "restore", made, *taken)
    assert [one.name for one in full.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()


def test_nothing_is_held_in_an_office_that_was_never_put_back(busy: Office) -> None:
    assert busy.ok("held", "--json").json == []
    assert "released: 0 messages" in busy.ok("release", "--all").err


@pytest.mark.parametrize("options", [[], ["--all", "--letters"], ["--digest", "1", "--all"]])
def test_what_to_release_is_said_once(busy: Office, options: list[str]) -> None:
    assert "say what" in refused(busy, 2, "release", *options)


def test_a_digest_that_is_not_held_is_named(busy: Office) -> None:
    assert "99" in refused(busy, 3, "release", "--digest", "99")


def test_a_scheduled_digest_that_is_held_is_told_of_though_it_has_no_messages(
    meetings: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a digest that waits for its hour, in a backup
    meetings.ok("item", "add", meetings.file("item.md", "---\ntitle: One\n---\nText.\n"))
    meetings.ok("digest", "draft", "meetings", "--subject", "News", "--item", 1)
    in_a_month = SystemClock().now() + timedelta(days=30)
    meetings.ok("digest", "queue", 1, "--at", f"{in_a_month:%Y-%m-%dT09:00}")
    made = meetings.ok("backup", tmp_path / "copy.zip", "--json").json["file"]

    # When it is restored elsewhere, and all is released
    monkeypatch.delenv("MAILER_DATABASE__URL")
    new = tmp_path / "new"
    restored = meetings.ok("restore", made, "--into", new, "--database", "sqlite:///new.db")
    released = meetings.ok("--config", new / "config.toml", "release", "--all")

    # Then both say so
    assert "held: 1 digest, 0 messages; “mailer held”" in restored.err
    assert "released: 1 digest, 0 messages" in released.err
