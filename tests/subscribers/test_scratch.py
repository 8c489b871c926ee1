"""What an import keeps for a moment is gone afterwards, whatever became of it."""

import os
import tempfile
from pathlib import Path

import pytest

from mailer.subscribers import scratch

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_behind(place: Path, name: str) -> Path:
    path = place / f"{scratch.PREFIX}{name}"
    path.mkdir()
    (path / "0.db").write_bytes(b"kim@example.org")
    (path / scratch.LOCK).touch()
    return path


def test_a_folder_is_ones_own_and_goes(place: Path) -> None:
    with scratch.folder() as folder:
        (folder / "0.db").write_bytes(b"kim@example.org")
        assert folder.stat().st_mode & 0o077 == 0

    assert list(place.iterdir()) == []


def test_what_a_killed_import_left_is_removed_by_the_next(place: Path) -> None:
    old = left_behind(place, "old")
    os.utime(old / scratch.LOCK, LONG_AGO)

    with scratch.folder() as folder:
        assert list(place.iterdir()) == [folder]


def test_what_is_in_use_or_has_just_begun_stays(place: Path) -> None:
    young = left_behind(place, "young")

    with scratch.folder() as first:
        os.utime(first / scratch.LOCK, LONG_AGO)
        with scratch.folder() as second:
            assert {*place.iterdir()} == {young, first, second}


def test_what_only_looks_like_ours_stays(place: Path) -> None:
    elsewhere = left_behind(place, "old").rename(place / "elsewhere")
    os.utime(elsewhere / scratch.LOCK, LONG_AGO)
    link = place / f"{scratch.PREFIX}link"
    link.symlink_to(elsewhere)
    (place / f"{scratch.PREFIX}file").touch()

    with scratch.folder():
        pass

    assert (elsewhere / "0.db").exists()
    assert link.is_symlink()
