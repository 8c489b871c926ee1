"""Lines that mail programs copy are read as people, and tables are not taken for such lines."""

from pathlib import Path

import pytest

from mailer import sheets
from mailer.errors import FileInvalid, Refused
from mailer.sheets import Wanted
from tests.sheets.read import cells, limits, lines, opened

ANA = ("ana@example.org", "Ana")
KIM = ("kim@example.org", "Kim Lee")


@pytest.mark.parametrize(
    "text",
    [
        "Ana <ana@example.org>; Kim Lee <kim@example.org>",
        "Ana <ana@example.org>; Lee, Kim <kim@example.org>;",
        'Ana <ana@example.org>, "Lee, Kim" <kim@example.org>',
        "Ana <ana@example.org>, Lee, Kim <kim@example.org>",
        "'Ana' <ana@example.org>;\r\n'Kim Lee' <mailto:kim@example.org>",
        "Ana <ana@example.org>\nKim Lee <kim@example.org>\n",
    ],
    ids=["semicolons", "Outlook", "commas", "family names first", "lines", "Mailman"],
)
def test_people_are_parted_however_they_were_copied(text: str) -> None:
    found = sheets.pasted(text, Wanted(), name="pasted")

    assert found.head == ("address", "name")
    assert cells(found) == [ANA, KIM]


@pytest.mark.parametrize(
    "text, address, name",
    [
        ("kim@example.org", "kim@example.org", ""),
        ("<kim@example.org>", "kim@example.org", ""),
        ('"Kim \\"K\\" Lee" <kim@example.org>', "kim@example.org", 'Kim "K" Lee'),
        ('"Harbour; Customs" <kim@example.org>', "kim@example.org", "Harbour; Customs"),
        ("Harbour, Ltd. <kim@example.org>", "kim@example.org", "Harbour, Ltd."),
        ("山田　太郎 <yamada@example.org>", "yamada@example.org", "山田　太郎"),
        ("nobody", "nobody", ""),
    ],
)
def test_one_of_them_is_read(text: str, address: str, name: str) -> None:
    assert cells(sheets.pasted(text, Wanted(), name="pasted")) == [(address, name)]


def test_each_has_the_number_of_its_line() -> None:
    found = sheets.pasted("a@example.org; b@example.org\n\nc@example.org", Wanted(), name="pasted")

    assert [line.number for line in lines(found)] == [1, 1, 3]


def test_such_a_line_is_known_in_a_file_too(tmp_path: Path) -> None:
    found = opened(
        tmp_path / "line.txt", "Müller, Zoë <z@example.org>; k@example.org".encode("cp1252")
    )

    assert found.taken_for == "a pasted line"
    assert cells(found) == [("z@example.org", "Zoë Müller"), ("k@example.org", "")]


@pytest.mark.parametrize(
    "text",
    [
        "name,email\nKim,kim@example.org\n",
        "Kim;kim@example.org;Fiji\n",
        "name\temail\nKim\t<kim@example.org>\n",
        "kim@example.org\njo@example.org\n",
    ],
)
def test_a_table_is_not_taken_for_such_a_line(tmp_path: Path, text: str) -> None:
    assert opened(tmp_path / "table.csv", text).taken_for.startswith("UTF-8, by")


def test_nothing_and_too_much_are_told() -> None:
    with pytest.raises(FileInvalid, match="pasted: holds nobody"):
        sheets.pasted("  \n", Wanted(), name="pasted")
    with pytest.raises(Refused, match="more than 20 characters"):
        sheets.pasted("x" * 21, Wanted(**limits(pasted_characters=20)), name="pasted")


def test_a_long_hostile_line_is_read_in_no_time() -> None:
    for text in ('"' * 100_000, "<" * 100_000, "," * 100_000, '"a' * 50_000, "a@" * 100_000):
        assert len(lines(sheets.pasted(text, Wanted(), name="pasted"))) <= len(text)
