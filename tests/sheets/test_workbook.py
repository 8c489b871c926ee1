"""Workbooks are read by what their cells show; a hostile one is measured before it is read."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mailer.errors import FileInvalid, Refused, UsageError
from tests.sheets.read import cells, limits, lines, opened, workbook

PEOPLE: list[list[Any]] = [["氏名", "メール"], ["山田太郎", "yamada@example.org"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.xlsx"


def test_the_first_sheet_that_can_be_seen_is_read(path: Path) -> None:
    found = opened(workbook(path, PEOPLE, [["other"]], titles=("会員", "Other")))

    assert cells(found) == [("氏名", "メール"), ("山田太郎", "yamada@example.org")]
    assert found.taken_for == "sheet “会員”"


def test_another_sheet_is_read_by_its_name(path: Path) -> None:
    workbook(path, [["nobody"]], PEOPLE, titles=("Notes", "People"))

    assert cells(opened(path, sheet="People"))[1][1] == "yamada@example.org"
    with pytest.raises(UsageError, match="has no sheet “Persons”; there are: Notes, People"):
        opened(path, sheet="Persons")


def test_numbers_dates_and_empty_rows_are_as_they_show(path: Path) -> None:
    workbook(path, [["n", "d", "b"], [None, None, None], [5, dt.date(2026, 3, 1), True]])

    found = opened(path)

    assert [(line.number, line.cells) for line in lines(found)] == [
        (1, ("n", "d", "b")),
        (3, ("5", "2026-03-01", "TRUE")),
    ]


def test_a_cell_at_the_worlds_end_is_refused_before_it_is_read(path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "email"
    book.worksheets[0]["XFD1048576"] = "far"
    book.save(path)
    book.close()

    with pytest.raises(Refused, match="more than 5,000,000 cells"):
        opened(path)


def test_a_zip_bomb_is_refused_by_what_it_says_of_itself(path: Path) -> None:
    workbook(path, PEOPLE)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/bomb.xml", b"\0" * 2_000_000)

    with pytest.raises(Refused, match="more than 1,000,000 bytes unpacked"):
        opened(path, **limits(workbook_bytes=1_000_000))


def test_a_zip_that_holds_more_than_it_says_is_damaged(path: Path) -> None:
    workbook(path, PEOPLE)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/bomb.xml", b"\0" * 2_000_000)
    # In the zip's directory, two million bytes become two hundred.
    raw = path.read_bytes()
    path.write_bytes(raw.replace((2_000_000).to_bytes(4, "little"), (200).to_bytes(4, "little")))

    with pytest.raises(FileInvalid, match="a damaged workbook"):
        opened(path, **limits(workbook_bytes=1_000_000))


@pytest.mark.parametrize("keep", [10, 200, -30])
def test_half_a_workbook_is_damaged(path: Path, keep: int) -> None:
    raw = workbook(path, PEOPLE).read_bytes()

    with pytest.raises(FileInvalid, match="damaged"):
        lines(opened(path, raw[:keep]))


@pytest.mark.parametrize(
    "content, what",
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old .xls, or a workbook with a password"),
        (b"%PDF-1.7\n", "a PDF, not a table"),
        (b"\x89PNG\r\n\x1a\n", "a picture, not a table"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(path: Path, content: bytes, what: str) -> None:
    with pytest.raises(FileInvalid, match=what):
        opened(path, content)
