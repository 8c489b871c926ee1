"""Style sheet, picture and script of the pages, under addresses that change with their content.

A browser may therefore keep them for a year. The owner's files (`web/static/` in the folder of
templates) go before ours, name by name.
"""

import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = Path(__file__).parent / "static"
VENDOR = OURS / "vendor"
"""What others wrote, each in a folder with its licence; `vendor.toml` says where it is from."""

SERVED = {".css", ".js", ".svg", ".png", ".webp", ".ico", ".woff2"}
HASH_LENGTH = 12
LARGEST_FILE = 1_000_000
"""Bytes of one file; they are all held in memory."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its type, and the name it has for as long as it stays the same."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """All files, by their own name and by the one with the hash in it."""

    by_plain_name: Mapping[str, Asset]
    by_name: Mapping[str, Asset]


def load(folders: Sequence[Path]) -> Assets:
    """Read the files of the owner's folders and of ours; the first of a name counts."""
    found: dict[str, Asset] = {}
    for folder in (*folders, OURS, *sorted(path for path in VENDOR.iterdir() if path.is_dir())):
        for path in sorted(folder.glob("*.*")):
            if path.suffix in SERVED and path.stat().st_size <= LARGEST_FILE:
                found.setdefault(path.name, _asset(path))
    return Assets(found, {asset.name: asset for asset in found.values()})


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
    media_type = mimetypes.guess_type(path.name, strict=False)[0] or "application/octet-stream"
    return Asset(f"{path.stem}.{digest}{path.suffix}", media_type, content)
