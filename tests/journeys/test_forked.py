"""A command that is forked is told from one that is started anew by nothing but its speed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys import forked
from tests.journeys.forked import Ended

ELSEWHERE = {**os.environ, "MAILER_CONFIG": "elsewhere.toml"}


def started_anew(*arguments: str, folder: Path) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "mailer", *arguments],
        env=ELSEWHERE,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def a_fork(*arguments: str, folder: Path) -> Ended:
    return forked.run("mailer", arguments, environment=ELSEWHERE, folder=folder, seconds=50)


@pytest.mark.parametrize("arguments", [("--version",), ("list", "show"), ("lists",), ("list",)])
def test_a_forked_command_says_and_ends_as_one_that_is_started_anew(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    assert a_fork(*arguments, folder=tmp_path) == started_anew(*arguments, folder=tmp_path)


def test_forked_commands_know_nothing_of_each_other(tmp_path: Path) -> None:
    a_fork("init", "office", folder=tmp_path)
    (tmp_path / "office" / "config.toml").rename(tmp_path / "elsewhere.toml")

    before = a_fork("list", "show", folder=tmp_path)
    (tmp_path / "elsewhere.toml").unlink()
    after = a_fork("list", "show", folder=tmp_path)

    assert (before.code, after.code) == (0, 1)


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    ended = forked.run("mailer", ["demo"], environment=ELSEWHERE, folder=tmp_path, seconds=0)

    assert ended.code == -signal.SIGKILL
