"""A zip of tables, as some programs export, is read table by table and within limits."""

import zipfile
from pathlib import Path

import pytest

from mailer import sheets
from mailer.errors import FileInvalid, Refused
from mailer.sheets import Limits, Wanted
from tests.sheets.read import cells, zipped

TABLE = b"Email Address\nkim@example.org\n"


def test_each_table_in_a_zip_is_one(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", a__csv=TABLE, b__csv=TABLE, read__me=b"hello")

    first, second = sheets.opened(path, Wanted())

    assert (first.part, second.part) == ("a.csv", "b.csv")
    assert first.name == f"{path}/a.csv"
    assert cells(second) == [("Email Address",), ("kim@example.org",)]


def test_a_zip_without_a_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match="a zip in which there is no CSV file"):
        sheets.opened(zipped(tmp_path / "all.zip", a__png=b"x"), Wanted())


def test_more_than_may_be_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", a__csv=b"x" * 1000, b__csv=TABLE)

    with pytest.raises(Refused, match="more than 1 tables"):
        sheets.opened(path, Wanted(limits=Limits(parts=1)))
    with pytest.raises(Refused, match="more than 500 bytes unpacked"):
        sheets.opened(path, Wanted(limits=Limits(file_bytes=500)))


def test_a_zip_that_holds_more_than_it_says_is_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", a__csv=b"x\n" * 1_000_000)
    raw = path.read_bytes()
    path.write_bytes(raw.replace((2_000_000).to_bytes(4, "little"), (200).to_bytes(4, "little")))

    with pytest.raises(FileInvalid, match="a damaged zip"):
        sheets.opened(path, Wanted())


def test_a_zip_with_a_password_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "all.zip", a__csv=TABLE)
    with zipfile.ZipFile(path) as archive:
        flags = archive.getinfo("a.csv").header_offset + 6
        start = archive.start_dir + 8
    raw = bytearray(path.read_bytes())
    raw[flags] |= 1
    raw[start] |= 1
    path.write_bytes(bytes(raw))

    with pytest.raises(FileInvalid, match="a damaged zip, or one with a password"):
        sheets.opened(path, Wanted())
