"""A wheel of ours, built once in a run from a copy of what git tracks, which is then gone."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def built(factory: pytest.TempPathFactory) -> Path:
    """Give the wheel, made from the source archive by whichever test process comes first."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = folder / "wheel"
        if not out.exists():
            _build(folder / "sources", out)
    [wheel] = out.glob("*.whl")
    return wheel


def install(wheel: Path, python: str | None = None, *options: str) -> None:
    """Install it for a Python, ours or another one; `options` are pip's."""
    chosen = ["--python", python] if python else []
    pinned = ["-c", str(ROOT / "constraints.txt")]
    _run(sys.executable, "-m", "pip", *chosen, "install", "-q", *pinned, *options, str(wheel))


def _build(copy: Path, out: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(copy))
    shutil.rmtree(copy)


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
