"""`mailer init`: an installation in one command, and never over another."""

import shlex
from pathlib import Path

import pytest

from mailer.config import load
from tests.cli.conftest import Run


def test_a_new_installation_has_private_settings_and_a_database(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "office"

    ended = run("init", folder)

    assert ended.code == 0
    assert {path.name for path in folder.iterdir()} >= {"config.toml", "mailer.db"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "config.toml").stat().st_mode & 0o777 == 0o600
    assert (folder / "mailer.db").stat().st_mode & 0o777 == 0o600
    assert run("--config", folder / "config.toml", "status").code == 0


def test_every_installation_has_keys_of_its_own(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("init", tmp_path / name)

    one, two = (load(tmp_path / name / "config.toml").settings.tokens for name in ("one", "two"))
    assert one.ring().signing_id is not None
    assert one.keys != two.keys


def test_the_commands_that_it_names_work_as_they_stand(run: Run, tmp_path: Path) -> None:
    ended = run("init", tmp_path / "an office")

    first, second = (
        shlex.split(line)[1:] for line in ended.err.splitlines() if line.startswith("  mailer ")
    )
    assert run(*first).code == 0
    assert second[-1] == "serve"


def test_a_folder_that_is_there_may_hold_other_things(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    assert run("init", tmp_path).code == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["config.toml", "mailer.db"])
def test_nothing_is_overwritten(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")

    ended = run("init", tmp_path)

    assert ended.code == 4
    assert str(tmp_path / name) in ended.error
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_database_that_cannot_be_made_leaves_no_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_DATABASE__URL", "sqlite:////proc/nowhere/mailer.db")

    ended = run("init", tmp_path)

    assert ended.code == 1
    assert "/proc/nowhere/mailer.db" in ended.error
    assert not (tmp_path / "config.toml").exists()


def test_a_folder_that_cannot_be_made_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ended = run("init", tmp_path / "file" / "office")

    assert ended.code == 1
    assert str(tmp_path / "file") in ended.error
