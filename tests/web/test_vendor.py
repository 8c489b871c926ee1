"""What others wrote and our pages load: as it was taken, with its licence, and nothing unknown."""

import hashlib
import tomllib

import pytest

from mailer.web.assets import VENDOR

FILES = tomllib.loads((VENDOR / "vendor.toml").read_text(encoding="utf-8"))["file"]


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["name"])
def test_a_file_is_the_one_that_was_taken(entry: dict[str, str]) -> None:
    [path] = VENDOR.glob(f"*/{entry['name']}")

    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    assert path.parent.name.endswith(f"-{entry['version']}")
    assert (path.parent / "LICENSE").read_text(encoding="utf-8").strip()
    assert b"sourceMappingURL" not in path.read_bytes()


def test_every_file_is_named() -> None:
    served = {path.name for path in VENDOR.glob("*/*") if path.suffix in {".js", ".css"}}

    assert served == {entry["name"] for entry in FILES}
