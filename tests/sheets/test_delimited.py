"""Tables of text are read as people write them; what is wrong is told with its line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.errors import FileInvalid, Refused
from mailer.sheets import Sheet
from tests.sheets.read import cells, limits, lines, opened

PLAIN = "email,name\nkim@example.org,Kim\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


@pytest.mark.parametrize(
    "content, form",
    [
        (PLAIN, "UTF-8, by comma"),
        (PLAIN.replace(",", ";"), "UTF-8, by semicolon"),
        (PLAIN.replace(",", "\t"), "UTF-8, by tab"),
        (PLAIN.replace(",", "|"), "UTF-8, by bar"),
        (PLAIN.replace("\n", "\r\n"), "UTF-8, by comma"),
        (PLAIN.replace("\n", "\r"), "UTF-8, by comma"),
        ("\ufeff" + PLAIN, "UTF-8, by comma"),
        (PLAIN.removesuffix("\n"), "UTF-8, by comma"),
        ('"email","name"\n"kim@example.org","Kim"\n', "UTF-8, by comma"),
        ("sep=;\n" + PLAIN.replace(",", ";"), "UTF-8, by semicolon"),
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "bar",
        "Windows",
        "old Mac",
        "byte-order mark",
        "no last line end",
        "quoted",
        "Excel's own first line",
    ],
)
def test_a_table_may_be_written_in_many_ways(path: Path, content: str, form: str) -> None:
    found = opened(path, content)

    assert cells(found) == [("email", "name"), ("kim@example.org", "Kim")]
    assert found.taken_for == form


def test_what_parts_the_cells_is_what_most_lines_agree_upon(path: Path) -> None:
    found = opened(
        path, "email;name\nkim@example.org;Lee, Kim\njo@example.org;Jo, the other, one\n"
    )

    assert cells(found)[1] == ("kim@example.org", "Lee, Kim")


def test_lines_are_those_of_the_file(path: Path) -> None:
    found = opened(path, 'email,name\n\n"kim@example.org","Kim\nLee"\n , \njo@example.org,Jo\n')

    assert [(line.number, line.cells[1]) for line in lines(found)] == [
        (1, "name"),
        (3, "Kim\nLee"),
        (6, "Jo"),
    ]


def test_a_table_can_be_read_again_and_again(path: Path) -> None:
    found = opened(path, PLAIN)

    assert cells(found) == cells(found)


# ------------------------------------------------------------------------- encodings

TABLES = {
    "UTF-16": ("utf-16", "氏名,メール\n山田太郎,yamada@example.org\n"),
    "UTF-16-LE": ("utf-16-le", "name,email\nZoë,zoe@example.org\nKim,kim@example.org\n"),
    "UTF-16-BE": ("utf-16-be", "name,email\nZoë,zoe@example.org\nKim,kim@example.org\n"),
    "Windows-1252": (
        "cp1252",
        "Name;E-Mail\nJürgen Müller;j@example.org\nZoë – “Z”;z@example.org\n",
    ),
    "Shift-JIS": ("cp932", "氏名,メールアドレス\n山田太郎,yamada@example.org\n"),
    "GB18030": ("gb18030", "姓名,电子邮件,单位\n王伟,wang@example.org,海关学院\n"),
    "cp874": ("cp874", "ชื่อ,อีเมล\nสมชาย ใจดี,somchai@example.org\n"),
    "EUC-KR": ("cp949", "이름,이메일,기관\n김민수,kim@example.org,관세청\n"),
    "Big5": ("big5", "姓名,電子郵件,單位\n陳大文,chan@example.org,關務署\n"),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_encoding_is_found_out_and_said(path: Path, name: str) -> None:
    encoding, text = TABLES[name]

    found = opened(path, text.encode(encoding))

    assert found.taken_for.split(",")[0] == name
    assert [",".join(row) for row in cells(found)] == text.replace(";", ",").splitlines()


def test_a_letter_far_down_is_seen_too(path: Path) -> None:
    text = PLAIN + "a@example.org,A\n" * 20_000 + "z@example.org,Zoë Müller\n"

    assert cells(opened(path, text.encode("cp1252")))[-1] == ("z@example.org", "Zoë Müller")


def test_somebody_may_say_what_it_is_in(path: Path) -> None:
    path.write_bytes("email,name\nz@example.org,é\n".encode("cp1252"))

    assert cells(opened(path, encoding="Windows-1252"))[1][1] == "é"
    with pytest.raises(FileInvalid, match=r"people\.csv:2: not UTF-8 text; try another --encoding"):
        opened(path, encoding="utf-8")


def test_a_file_in_no_encoding_is_told_with_its_line(path: Path) -> None:
    with pytest.raises(FileInvalid, match=r"people\.csv:3: not UTF-8 text, nor in any encoding"):
        opened(path, b"email\na@example.org\n" + bytes(range(0x80, 0x100)) + b"\xff\xff\n")


# ------------------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    "row, why",
    [
        ('"a"b@example.org,A', "not CSV: "),
        ("a@example.org,A\0B", "holds a zero byte, which is no text"),
        ("a@example.org," + "y" * 1_000_000, "a cell of more than 10,000 characters"),
        ("a@example.org" + ",x" * 300, "more than 200 cells in one row"),
    ],
)
def test_a_hostile_row_costs_no_other(path: Path, row: str, why: str) -> None:
    found = opened(path, f"email,name\nfirst@example.org,A\n{row}\nlast@example.org,Z\n")

    first, last = lines(found)[1], lines(found)[3]
    bad = lines(found)[2]
    assert (first.cells[1], last.cells[1], last.number) == ("A", "Z", 4)
    assert (bad.number, bad.why[: len(why)]) == (3, why)


@pytest.mark.parametrize(
    "content, line, why",
    [
        (PLAIN + "x" * 10_000_000, 3, "a line of more than 4,000,000 characters"),
        (PLAIN + 'a@example.org,"never ends\nb@example.org,B\n', 3, "a quotation mark opens"),
        (
            'email,name\na@example.org,"A\n' + "x@example.org,X\n" * 30 + '"\n',
            2,
            "a quotation mark opens in this row and never ends",
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_told_with_its_line(
    path: Path, content: str, line: int, why: str
) -> None:
    with pytest.raises(FileInvalid) as caught:
        lines(opened(path, content))

    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert why in str(caught.value)


def test_a_file_of_too_many_rows_is_told(path: Path) -> None:
    with pytest.raises(FileInvalid, match=r":3: more than 2 rows"):
        lines(opened(path, "email\n" + "a@example.org\n" * 5, **limits(rows=2)))


def test_a_file_that_is_too_large_is_not_opened(path: Path) -> None:
    with pytest.raises(Refused, match="larger than 10 bytes"):
        opened(path, PLAIN, **limits(file_bytes=10))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=r"none\.csv: there is no such file"):
        opened(tmp_path / "none.csv")
    with pytest.raises(FileInvalid, match=f"{tmp_path}: "):
        opened(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_a_file_holds_is_read_or_refused(path: Path, content: bytes) -> None:
    def read() -> Sheet | None:
        try:
            return opened(path, b"email\n" + content)
        except FileInvalid:
            return None

    found = read()
    if found:
        try:
            assert all(line.number >= 1 for line in lines(found))
        except FileInvalid as error:
            assert error.line  # noqa: PT017  (either is well: it is read, or told with its line)
