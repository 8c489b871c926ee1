"""What a table's columns are is found out, and each row is a person or says why not."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import sheets, subscribers
from mailer.errors import FileInvalid, UsageError
from mailer.sheets import Line, Sheet, Wanted
from mailer.subscribers import Reading, people
from mailer.subscribers.people import Left, Row, guarded, unguarded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def read(path: Path, text: str, **said: Any) -> Reading:
    path.write_text(text, encoding="utf-8")
    return subscribers.understand(path.name, sheets.opened(path, Wanted()), said=said)


def first(reading: Reading) -> Row:
    row = next(reading.rows())
    assert isinstance(row, Row)
    return row


def left(reading: Reading) -> list[tuple[int, str]]:
    return [(row.line, row.why) for row in reading.rows() if isinstance(row, Left)]


# ------------------------------------------------------------------------- columns


@pytest.mark.parametrize(
    "head",
    [
        "email,name,organisation,country",
        "E-Mail,Name,Organization,Country/Region",
        "E-mail Address,Full Name,Company,Country",
        "Courriel,Nom complet,Société,Pays",
        "Adresse électronique,Nom et prénom,Organisme,PAYS",
        "E-Mail-Adresse,Name,Firma,Land",
        "Correo electrónico,Nombre completo,Empresa,País",
        "メールアドレス,氏名,所属,国名",
        "电子邮件,姓名,单位,国家",
        "電子郵件,姓名,單位,國家",
        "อีเมล,ชื่อ-นามสกุล,หน่วยงาน,ประเทศ",
        "이메일,이름,기관,국가",
        "Ｅ－ｍａｉｌ,名前,会社名,国",
        "Address,Name,Agency,Country",
    ],
)
def test_columns_are_known_by_their_names_in_many_languages(path: Path, head: str) -> None:
    row = first(read(path, f"{head}\nkim@example.org,Kim Lee,Customs,Fiji\n"))

    assert (row.to.mailbox, row.name, row.organisation, row.country) == (
        "kim@example.org", "Kim Lee", "Customs", "Fiji",
    )  # fmt: skip


@pytest.mark.parametrize(
    "head, one, other, name",
    [
        ("First Name,Last Name", "Kim", "Lee", "Kim Lee"),
        ("Vorname,Nachname", "Kim", "Lee", "Kim Lee"),
        ("Nom,Prénom", "Lee", "Kim", "Kim Lee"),
        ("Nombre,Apellidos", "Kim", "Lee", "Kim Lee"),
        ("First name,Name", "Kim", "Lee", "Kim Lee"),
        ("姓,名", "山田", "太郎", "山田 太郎"),
        ("Nom,Ville", "Lee", "Suva", "Lee"),
    ],
)
def test_a_first_and_a_last_name_are_put_together(
    path: Path, head: str, one: str, other: str, name: str
) -> None:
    assert first(read(path, f"{head},email\n{one},{other},kim@example.org\n")).name == name


def test_a_street_is_no_address_where_an_email_is_there(path: Path) -> None:
    reading = read(path, "Address,Email\n1 Harbour Road,kim@example.org\n")

    assert first(reading).to.mailbox == "kim@example.org"
    assert reading.left_aside == ("Address",)


def test_a_column_can_be_said_by_name_or_number_or_left_aside(path: Path) -> None:
    text = "Work mail,who,organisation\nkim@example.org,Kim,Customs\n"

    reading = read(path, text, address="work MAIL", name="2", organisation="")

    row = first(reading)
    assert (row.name, row.organisation) == ("Kim", "")
    assert reading.columns[0].understood == {"address": "Work mail", "name": "who"}


def test_a_column_that_is_not_there_is_told_with_those_that_are(path: Path) -> None:
    with pytest.raises(UsageError, match=r"“Post” is not in .*; there are: “Work mail”, “who”"):
        read(path, "Work mail,who\nkim@example.org,Kim\n", address="Post")


def test_without_an_address_the_columns_are_named_and_the_way_out(path: Path) -> None:
    with pytest.raises(FileInvalid) as caught:
        read(path, "Work mail,who\nkim@example.org,Kim\n")

    assert "there are: “Work mail”, “who”" in str(caught.value)
    assert '--map address="Work mail"' in str(caught.value)


@pytest.mark.parametrize(
    "text, names",
    [
        ("kim@example.org\njo@example.org\n", ["", ""]),
        ("Kim,kim@example.org\nJo,jo@example.org\n", ["Kim", "Jo"]),
        ("kim@example.org;Kim\njo@example.org;Jo\n", ["Kim", "Jo"]),
        ("Kim,kim@example.org,Fiji\nJo,jo@example.org,Fiji\n", ["", ""]),
    ],
)
def test_a_table_need_not_name_its_columns(path: Path, text: str, names: list[str]) -> None:
    reading = read(path, text)

    people = [row for row in reading.rows() if isinstance(row, Row)]
    assert [row.to.key for row in people] == ["kim@example.org", "jo@example.org"]
    assert [row.name for row in people] == names
    assert reading.count() == 2


def test_a_nameless_column_can_be_said_by_its_number(path: Path) -> None:
    row = first(read(path, "Kim,kim@example.org,Fiji\n", name="1", country="3"))

    assert (row.name, row.country) == ("Kim", "Fiji")


# ------------------------------------------------------------------------- rows


def test_an_address_may_stand_as_mail_programs_show_it(path: Path) -> None:
    row = first(read(path, 'email,country\n"""Kim Lee"" <kim@example.org>",Fiji\n'))

    assert (row.to.mailbox, row.name, row.country) == ("kim@example.org", "Kim Lee", "Fiji")


def test_cells_are_trimmed_and_wide_spaces_stay(path: Path) -> None:
    reading = read(path, "email,name\n kim@example.org , Kim  Lee \ny@example.org,山田\u3000太郎\n")

    assert [row.name for row in reading.rows() if isinstance(row, Row)] == [
        "Kim Lee",
        "山田\u3000太郎",
    ]


@pytest.mark.parametrize(
    "row, why",
    [
        (",Kim", "an email address must have an @-sign"),
        ("kim,Kim", "an email address must have an @-sign"),
        ("kim@example.org,Kim,more", "more cells than the first line has columns"),
        ("kim@example.org," + "x" * 201, "the name is longer than 200 characters"),
        ("kim@example.org,a\x07b", "the name holds a character that cannot be seen"),
        ("kim@example.org,a\u202eb", "the name holds a character that cannot be seen"),
        ('kim@example.org,"a"b', "not CSV: ',' expected after '\"'"),
    ],
)
def test_a_bad_row_says_why_and_costs_no_other(path: Path, row: str, why: str) -> None:
    reading = read(path, f"email,name\nfirst@example.org,A\n{row}\nlast@example.org,Z\n")

    assert left(reading) == [(3, why)]
    assert [row.name for row in reading.rows() if isinstance(row, Row)] == ["A", "Z"]


def test_a_language_that_is_none_is_told(path: Path) -> None:
    reading = read(path, "email,language\nkim@example.org,Klingon!\n")

    assert left(reading) == [(2, "“Klingon!” is not a language code such as en or ja")]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "Kim", "", "'tis"])
def test_no_text_goes_out_as_a_formula_and_all_come_back(text: str) -> None:
    out = guarded(text)

    assert not out.startswith(("=", "+", "-", "@", "\t"))
    assert unguarded(out) == text


NASTY = (
    " kim@example.org",
    "jo@example.org",
    "Kim <kim@example.org>",
    "<kim@example.org>",
    "kim@exämple.org",
    "no address",
    "a@localhost",
    "",
    " ",
    "Kim  Lee",
    "Kim\tLee",
    "'=1+1",
    "'Kim'",
    "=1+1",
    "x" * 201,
    "x" * 120,
    "en",
    "english",
    "\u3000",
    "\u202eKim",
    "\u00a0Kim",
    "\x7f",
    "山田",
    "太郎",
)
HEADS = (
    "email,name,organisation,country,language",
    "first name,last name,email",
    "language,email",
    "email,entered,confirmed,blacklisted,htmlemail",
)


@given(
    head=st.sampled_from(HEADS),
    table=st.lists(st.lists(st.sampled_from(NASTY), min_size=1, max_size=6), max_size=8),
)
def test_a_tidy_row_is_read_just_as_any_other(head: str, table: list[list[str]]) -> None:
    lines = [Line(1, tuple(head.split(",")))]
    lines += [Line(number, tuple(cells)) for number, cells in enumerate(table, start=2)]
    sheet = Sheet("people.csv", "a table", lambda: iter(lines))
    reading = subscribers.understand("people.csv", [sheet], said={})

    quickly = list(reading.rows())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "_is_tidy", lambda _texts: False)
        assert quickly == list(reading.rows())
