"""A file that was damaged, cut off or made to do harm is refused before anything is touched."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailer.backups import archive
from mailer.backups.archive import Manifest
from mailer.errors import FileInvalid, Refused

MOMENT = "2026-12-01T08:00:00+00:00"


def packed(path: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Make an archive; `change` has its manifest, to make it lie."""
    with archive.writing(path) as writer:
        writer.table("lists", iter([b'["id"]\n', b"[1]\n", b"[2]\n"]))
        writer.file("config.toml", "settings", b"[web]\n")
        manifest = Manifest(1, "0.1.0", "0003", MOMENT, "sqlite", members=tuple(writer.members))
        writer.manifest(manifest)
    if change:
        rewrite(path, change)
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    with zipfile.ZipFile(path) as before:
        members = {name: before.read(name) for name in before.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(manifest)
    members |= manifest.pop("put in", {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, content in members.items():
            after.writestr(name, content)
        after.writestr("manifest.json", json.dumps(manifest))


def refusal(path: Path) -> str:
    with pytest.raises(FileInvalid) as refused, archive.reading(path) as reader:
        reader.verify()
    return str(refused.value)


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip")

    with archive.reading(path) as reader:
        reader.verify()
        assert list(reader.lines(reader.manifest.tables["lists"])) == [b'["id"]', b"[1]", b"[2]"]
        assert reader.content(reader.manifest.files[0]) == b"[web]\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_is_written_over_and_no_half_one_is_left(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip")
    whole = path.read_bytes()

    with pytest.raises(Refused, match="already"):
        packed(path)
    with pytest.raises(OSError, match="full"), archive.writing(tmp_path / "b.zip"):
        raise OSError("the disk is full")

    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def put_in(name: str, content: bytes, **more: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        found = hashlib.sha256(content).hexdigest()
        member = {"name": name, "size": len(content), "sha256": found, "rows": 0, "path": ""}
        manifest["members"].append({**member, "role": "", **more})
        manifest["put in"] = {name: content}

    return change


def set_to(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest.update(values)


@pytest.mark.parametrize(
    "change, words",
    [
        (put_in("files/0001", b"x", path="../../etc/cron.d/x"), "it would write to"),
        (put_in("files/0001", b"x", path="/etc/passwd"), "it would write to"),
        (put_in("files/0001", b"x", path="a\\..\\b"), "it would write to"),
        (put_in("../evil", b"x"), "which no backup of ours has"),
        (put_in("tables/a.jsonl", b"x", size=5), "not as large as its manifest says"),
        (put_in("tables/a.jsonl", b"x", sha256="0" * 64), "is not what was packed"),
        (set_to(format=99), "newer version of this program"),
        (set_to(members=[]), "not what its manifest says"),
        (set_to(members="?"), "its manifest cannot be read"),
        (set_to(made_at=None, members=[]), "not what its manifest says"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_an_archive_made_to_do_harm_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    assert words in refusal(packed(tmp_path / "a.zip", change))


def test_an_archive_that_would_swell_beyond_measure_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_SWELLING", 2)

    assert "unpack to far more" in refusal(
        packed(tmp_path / "a.zip", put_in("tables/a.jsonl", b"0" * 3_000_000))
    )


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path, part: float) -> None:
    path = packed(tmp_path / "a.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])

    assert "damaged or cut off" in refusal(path)


def test_a_single_bit_that_turned_is_found(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip")
    turned = bytearray(path.read_bytes())
    turned[72] ^= 1  # in the first member's content
    path.write_bytes(bytes(turned))

    assert refusal(path)


def test_a_zip_of_somebody_else_s_is_no_backup(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as other:
        other.writestr("letter.txt", "hello")

    assert "not a backup of ours" in refusal(tmp_path / "a.zip")
