"""What we ship to run the program elsewhere: units that systemd accepts, a container's recipe."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mailer import files
from tests import outside

DEPLOY = files.CHECKOUT / "deploy"
UNITS = ["communique.service", "communique-worker.service"]
SAFE = 20
"""Tenths of systemd's own measure of exposure, which ends at 10: below 2 is “ok”, and rare."""


@pytest.mark.gate
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_a_unit_and_finds_it_well_shut_in(name: str, tmp_path: Path) -> None:
    analyze = outside.require("systemd-analyze", package="systemd")
    program = Path(sys.executable).with_name("mailer")
    shipped = (DEPLOY / name).read_text(encoding="utf-8")
    unit = tmp_path / name
    unit.write_text(shipped.replace("/opt/communique/bin/mailer", str(program)), encoding="utf-8")

    accepted = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    measured = subprocess.run(
        [analyze, "security", "--offline=true", f"--threshold={SAFE}", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert measured.returncode == 0, measured.stdout


def test_a_unit_waits_longer_than_a_worker_may_take_to_end() -> None:
    from mailer.config import Delivery
    from mailer.worker import LEAVE_SECONDS

    for name in UNITS:
        [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", (DEPLOY / name).read_text(), re.MULTILINE)
        assert int(seconds) > Delivery().grace_seconds + LEAVE_SECONDS


def test_a_container_is_made_from_what_is_there() -> None:
    # No engine runs where these tests do: what can be seen without one is looked at.
    recipe = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    words = [shlex.split(line, comments=True) for line in recipe.splitlines()]
    copied = [word for line in words if line[:1] == ["COPY"] for word in line[1:-1]]

    sources = [name for name in copied if not name.startswith(("--from", "/"))]

    assert {"mailer", "templates", "pyproject.toml"} <= set(sources)
    assert all((files.CHECKOUT / name).exists() for name in sources)
    assert ["USER", "communique"] in words


@pytest.mark.gate
@pytest.mark.timeout(600)
def test_a_bundle_installs_without_a_network(tmp_path: Path) -> None:
    # Given the bundle that `make bundle` makes
    made = subprocess.run(
        [DEPLOY / "bundle.sh", sys.executable, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    archive = Path(made.stdout.strip().splitlines()[-1])
    subprocess.run(["tar", "-C", tmp_path, "-xzf", archive], check=True)
    [folder] = [each for each in tmp_path.iterdir() if each.is_dir()]

    # When its script installs it, with a registry that cannot be reached
    nowhere = {"PY": sys.executable, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_COMPILE": "1"}
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    subprocess.run(
        ["sh", folder / "install.sh", tmp_path / "opt"],
        env={"PATH": "/usr/bin:/bin", **nowhere},
        capture_output=True,
        check=True,
    )

    # Then an installation can be made with it
    mailer = tmp_path / "opt" / "bin" / "mailer"
    subprocess.run([mailer, "init", tmp_path / "news"], capture_output=True, check=True)
    assert (tmp_path / "news" / "config.toml").exists()
