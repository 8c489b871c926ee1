"""A table of people as others write it: good rows are read, others told with their line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import FileInvalid
from mailer.subscribers import spreadsheet
from mailer.subscribers.spreadsheet import Left, Row

PLAIN = "email,name\nkim@example.org,Kim\n"


def read(path: Path, content: bytes | str) -> list[Row | Left]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(rows(path))


def rows(path: Path) -> Iterator[Row | Left]:
    with spreadsheet.opened(path) as file:
        yield from spreadsheet.rows(spreadsheet.lines(file, path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def taken(found: list[Row | Left]) -> list[tuple[int, str, str]]:
    return [(row.line, row.to.mailbox, row.name) for row in found if isinstance(row, Row)]


def left(found: list[Row | Left]) -> list[tuple[int, str]]:
    return [(row.line, row.why) for row in found if isinstance(row, Left)]


# ------------------------------------------------------------------------- forms


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        PLAIN.removesuffix("\n"),
        "Name , EMAIL\nKim,kim@example.org\n",
        '"email","name"\n"kim@example.org","Kim"\n',
        "email,shoe size,name\nkim@example.org,43,Kim\n",
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "Windows",
        "old Mac",
        "BOM",
        "no last line end",
        "any order and case",
        "quoted",
        "other columns",
    ],
)
def test_a_table_may_be_written_in_many_ways(path: Path, content: str) -> None:
    assert taken(read(path, content)) == [(2, "kim@example.org", "Kim")]


def test_all_columns_are_read(path: Path) -> None:
    content = (
        "email,name,language,organisation,country\n"
        "kim@example.org, Kim  Lee ,pt-BR,Customs Academy,Brazil\n"
        "yamada@example.org,山田\u3000太郎,ja,,\n"
        "jo@example.org\n"
    )

    kim, yamada, jo = read(path, content)

    assert isinstance(kim, Row)
    assert (kim.name, kim.language) == ("Kim Lee", "pt-BR")
    assert (kim.organisation, kim.country) == ("Customs Academy", "Brazil")
    assert isinstance(yamada, Row)
    assert yamada.name.split() == ["山田", "太郎"]
    assert isinstance(jo, Row)
    assert (jo.line, jo.name, jo.language, jo.organisation) == (4, "", None, "")


def test_lines_are_those_of_the_file(path: Path) -> None:
    content = 'email,name\n\n"kim@example.org","Kim\nLee"\n , \njo@example.org,Jo\nbad,Bad\n'

    found = read(path, content)

    assert taken(found) == [(3, "kim@example.org", "Kim Lee"), (6, "jo@example.org", "Jo")]
    assert [line for line, _ in left(found)] == [7]


# ------------------------------------------------------------------------- bad rows


@pytest.mark.parametrize(
    "row, why",
    [
        ("", None),
        (",Kim", "an email address must have an @-sign"),
        ("kim,Kim", "an email address must have an @-sign"),
        ("kim@example.org,Kim,more", "more cells than the first line has columns"),
        ("kim@example.org,Kim,,", None),
        ("kim@example.org," + "x" * 201, "the name is longer than 200 characters"),
        ("kim@example.org,a\x07b", "the name holds a character that cannot be seen"),
        ("kim@example.org,a\u202eb", "the name holds a character that cannot be seen"),
    ],
)
def test_a_bad_row_says_why_and_costs_no_other(path: Path, row: str, why: str | None) -> None:
    found = read(path, f"email,name\nfirst@example.org,A\n{row}\nlast@example.org,Z\n")

    assert left(found) == ([(3, why)] if why else [])
    names = [name for _, _, name in taken(found)]
    assert (names[0], names[-1]) == ("A", "Z")


def test_a_language_that_is_none_is_told(path: Path) -> None:
    found = read(path, "email,language\nkim@example.org,Klingon!\n")

    assert left(found) == [(2, "“Klingon!” is not a language code such as en or ja")]


# ------------------------------------------------------------------------- wrong files


@pytest.mark.parametrize(
    "content, line, why",
    [
        (b"", 1, "the first line must name the columns"),
        (b"\n\n", 1, "the first line must name the columns"),
        (b"kim@example.org\njo@example.org\n", 1, "the first line must name the columns"),
        (b"name,country\nKim,BE\n", 1, "known are email, name, language, organisation, country"),
        (b"email,name,EMAIL\n", 1, "the column “email” is there twice"),
        (b"email" + b",x" * 300, 1, "more than 200 columns"),
        (b"PK\x03\x04\x14\x00\x06\x00", 1, "not a text file; save it as CSV in UTF-8"),
        (PLAIN.encode("utf-16"), 1, "not"),
        (PLAIN.encode() * 2000 + b"a@example.org,Andr\xe9\n", 4001, "not UTF-8 text"),
        (PLAIN.encode() * 2000 + b"a@example.org,A\x00\n", 4001, "not a text file"),
        (PLAIN.encode() + b"x" * 10_000_000, 3, "a line of more than 65536 characters"),
        (PLAIN.encode() + b'a@example.org,"' + b"y" * 20_000, 3, "not CSV: field larger than"),
        (PLAIN.encode() + b'a@example.org,"never ends\nb@example.org,B\n', 3, "not CSV: "),
        (b'email,name\n"a"b@example.org,A\n', 2, "not CSV: "),
        (
            b'email,name\na@example.org,"A\n' + b"x@example.org,X\n" * 30 + b'"\n',
            2,
            "a quotation mark opens in this row and never ends",
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_told_with_its_line(
    path: Path, content: bytes, line: int, why: str
) -> None:
    with pytest.raises(FileInvalid) as caught:
        read(path, content)

    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert why in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=r"none\.csv: there is no such file"):
        spreadsheet.opened(tmp_path / "none.csv")
    with pytest.raises(FileInvalid, match=f"{tmp_path}: "):
        spreadsheet.opened(tmp_path)


def test_a_file_of_too_many_rows_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MOST_ROWS", 2)

    with pytest.raises(FileInvalid, match=r":4: more than 2 rows"):
        read(path, "email\n" + "a@example.org\n" * 5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_a_file_holds_is_read_or_refused(path: Path, content: bytes) -> None:
    try:
        found = read(path, b"email\n" + content)
    except FileInvalid:
        return
    assert all(row.line >= 2 for row in found)


# ------------------------------------------------------------------------- formulas


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "Kim", "", "'tis"])
def test_no_text_goes_out_as_a_formula_and_all_come_back(text: str) -> None:
    guarded = spreadsheet.guarded(text)

    assert not guarded.startswith(("=", "+", "-", "@", "\t"))
    assert spreadsheet._unguarded(guarded) == text
