"""The project as a whole: what it installs from, what its papers point at."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import outside, wheel

ROOT = Path(__file__).parent.parent
PAPERS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def names(paper: Path) -> str:
    return str(paper.relative_to(ROOT))


# ------------------------------------------------------------------------- dependencies


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return [each for each in map(Requirement, lines) if each.name != project["name"]]


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.partition(";")[0].strip().split("==") for line in lines)
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("requirement", wanted(), ids=lambda requirement: requirement.name)
def test_constraints_pin_every_dependency_within_its_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned()[canonicalize_name(requirement.name)])


def test_constraints_name_no_host() -> None:
    text = (ROOT / "constraints.txt").read_text()

    assert "://" not in text
    assert "@" not in text


# ------------------------------------------------------------------------- papers


@pytest.mark.parametrize("paper", PAPERS, ids=names)
def test_every_link_in_the_papers_leads_somewhere(paper: Path) -> None:
    targets = LINK.findall(paper.read_text(encoding="utf-8"))

    assert [target for target in targets if not (paper.parent / target).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


# ------------------------------------------------------------------------- make


def make(*words: str) -> subprocess.CompletedProcess[str]:
    command = [outside.require("make"), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def fake_python(tmp_path: Path, script: str) -> Path:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def test_an_old_python_is_refused_by_name(tmp_path: Path) -> None:
    old = fake_python(tmp_path, '[ "$1" = --version ] && echo Python 3.10.12 || exit 1')

    refused = make("demo", f"PY={old}", f"VENV={tmp_path / 'venv'}")

    assert refused.returncode != 0
    assert "Python 3.11 or newer is needed" in refused.stderr
    assert "Python 3.10.12" in refused.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    bare = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1;; esac')

    refused = make("demo", f"PY={bare}", f"VENV={tmp_path / 'venv'}")

    assert refused.returncode != 0
    assert "apt-get install python3-venv" in refused.stderr


def test_make_alone_says_what_there_is() -> None:
    said = make().stdout

    assert all(f"make {word} " in said for word in ("demo", "test", "lint", "bench", "help"))


# ------------------------------------------------------------------------- the wheel


@pytest.mark.gate
def test_a_wheel_carries_what_the_program_reads(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Given a wheel, built from the source archive, in a folder of its own
    wheel.install(wheel.built(tmp_path_factory), None, "--no-deps", "--target", str(tmp_path))

    # When the program looks for its files, far from the checkout
    finds = "from mailer import files; print(files.templates()); print(files.example_config())"
    found = subprocess.run(
        [sys.executable, "-c", finds],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    templates, config = map(Path, found.stdout.splitlines())

    # Then it finds its own copies
    assert templates.is_relative_to(tmp_path)
    assert contents(templates) == contents(ROOT / "templates")
    assert config.is_relative_to(tmp_path)
    assert config.read_text() == (ROOT / "config.example.toml").read_text()


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
