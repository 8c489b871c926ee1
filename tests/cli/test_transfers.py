"""`mailer subscriber import` and `export` at the command line."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Office

CONFIRMED = ("--confirmed", "--basis", "asked by mail")
PEOPLE = """email;name;language;organisation;country;shoe size
kim@example.org;Kim　Lee;ja;Harbour Laboratory;Fiji;38
ines@bücher.example;Inês;;;;
nobody;Nobody;;;;
KIM@example.org;Kim again;;;;
lee@example.org;Lee;klingon!;;;
"""


def people(office: Office, text: str = PEOPLE) -> Path:
    return office.file("people.csv", text)


def states(office: Office) -> dict[str, str]:
    found = office.ok("subscriber", "export", "meetings", "--json").json
    return {one["email"]: one["state"] for one in found}


def test_every_good_row_is_taken_and_each_other_is_named_with_its_line(meetings: Office) -> None:
    file = people(meetings)

    ended = meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED)

    assert states(meetings) == {
        "kim@example.org": "confirmed",
        "ines@xn--bcher-kva.example": "confirmed",
    }
    lines = [line.removeprefix(f"{file}:") for line in ended.err.splitlines()]
    assert lines[1] == " these columns were left aside: shoe size"
    assert [line.partition(":")[0] for line in lines[2:5]] == ["4", "5", "6"]
    assert "“klingon!” is not a language code" in lines[4]
    assert lines[5] == "“mailer subscriber undo 1” takes this back"


def test_the_report_is_json_too_and_adds_up(meetings: Office) -> None:
    report = meetings.ok(
        "subscriber", "import", "meetings", people(meetings), *CONFIRMED, "--json"
    ).json

    assert (report["rows"], report["confirmed"], report["asked"], report["already"]) == (5, 2, 0, 0)
    assert (report["bad"], report["skipped"]) == (2, 1)
    assert [(one["line"], one["email"]) for one in report["stayed_out"]] == [
        (4, "nobody"),
        (5, "KIM@example.org"),
        (6, "lee@example.org"),
    ]
    assert report["ignored_columns"] == ["shoe size"]


def test_what_a_row_says_of_somebody_is_kept(meetings: Office) -> None:
    meetings.ok("subscriber", "import", "meetings", people(meetings), *CONFIRMED)

    shown = meetings.ok("subscriber", "show", "kim@example.org", "--json").json

    assert (shown["name"], shown["organisation"], shown["country"]) == (
        "Kim　Lee", "Harbour Laboratory", "Fiji",
    )  # fmt: skip
    assert shown["subscriptions"][0]["basis"] == "asked by mail"
    assert shown["subscriptions"][0]["language"] == "ja"


def test_without_a_basis_everybody_gets_a_letter(meetings: Office) -> None:
    meetings.ok("subscriber", "import", "meetings", people(meetings))

    assert set(states(meetings).values()) == {"pending"}
    assert meetings.ok("status", "--json").json["letters_waiting"] == 2


def test_a_dry_run_reports_the_same_and_changes_nothing(meetings: Office) -> None:
    file, before = people(meetings), meetings.dump()

    dry = meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED, "--dry-run", "--json")
    unchanged = meetings.dump() == before
    wet = meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED, "--json")

    assert unchanged
    assert dry.json == {**wet.json, "batch": None}
    assert "nothing was changed" in dry.err


def test_those_who_left_or_must_not_be_mailed_stay_out(meetings: Office) -> None:
    meetings.ok("subscriber", "add", "meetings", "kim@example.org", *CONFIRMED)
    meetings.ok("subscriber", "leave", "meetings", "kim@example.org")
    meetings.ok("suppression", "add", "ines@bücher.example", "--reason", "complaint")

    ended = meetings.ok("subscriber", "import", "meetings", people(meetings), *CONFIRMED)

    assert states(meetings) == {"kim@example.org": "unsubscribed"}
    assert "left the list; only they themselves can come back" in ended.err
    assert "must not be mailed: complaint" in ended.err


def test_a_second_import_changes_nobody(meetings: Office) -> None:
    file = people(meetings)
    meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED)
    before = meetings.dump()

    report = meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED, "--json").json

    assert (report["confirmed"], report["already"]) == (0, 2)
    assert meetings.dump() == before


def test_a_file_of_bad_rows_alone_has_failed(meetings: Office) -> None:
    before = meetings.dump()

    ended = meetings.run(
        "subscriber", "import", "meetings", people(meetings, "email\nnobody\nno@one\n"), *CONFIRMED
    )

    assert ended.code == 1
    assert len(ended.err.splitlines()) == 3
    assert meetings.dump() == before


@pytest.mark.parametrize(
    "content, line, why",
    [
        (b"", None, "holds no row"),
        (b"name,shoe size\nKim,38\n", 1, "no column is known to hold addresses"),
        (b"email,name,email\n", 1, "the column “email” is there twice"),
        (b'email,name\nkim@example.org,"Kim\n', 2, "a quotation mark opens in this row"),
        (b"PK\x03\x04\x00\x00", None, "a damaged zip"),
        (b"%PDF-1.7 ...", None, "a PDF, not a table"),
        (b"\xd0\xcf\x11\xe0 ...", None, "an old .xls"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_changes_nothing(
    busy: Office, content: bytes, line: int | None, why: str
) -> None:
    file = busy.folder / "wrong.csv"
    file.write_bytes(content)
    before = busy.dump()

    ended = busy.run("subscriber", "import", "meetings", file, *CONFIRMED)

    assert ended.code == 2
    assert ended.error.startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert why in ended.error
    assert busy.dump() == before


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(busy: Office, name: str) -> None:
    ended = busy.run("subscriber", "import", "meetings", busy.folder / name, *CONFIRMED)

    assert ended.code == 2
    assert ended.error.startswith(f"{busy.folder / name}: ")


def test_a_confirmed_import_needs_a_basis(busy: Office) -> None:
    ended = busy.run("subscriber", "import", "meetings", people(busy), "--confirmed")

    assert ended.code == 2
    assert ended.error == "--confirmed needs --basis TEXT: how did they agree?"


def test_what_was_exported_can_be_imported_elsewhere(meetings: Office) -> None:
    meetings.ok("subscriber", "import", "meetings", people(meetings), *CONFIRMED)
    meetings.ok("subscriber", "add", "meetings", "eve@example.org", "--name", "=1+1", *CONFIRMED)
    meetings.ok("list", "add", "other", "--name", "Other", "--from", "o@example.org")

    table = meetings.ok("subscriber", "export", "meetings").out
    file = meetings.file("out.csv", table)
    report = meetings.ok("subscriber", "import", "other", file, *CONFIRMED, "--json").json

    rows = list(csv.DictReader(io.StringIO(table)))
    assert rows[0]["organisation"] == "Harbour Laboratory"
    assert rows[-1]["name"] == "'=1+1"  # no spreadsheet takes it for a formula
    assert (report["confirmed"], report["bad"]) == (3, 0)
    assert meetings.ok("subscriber", "show", "eve@example.org", "--json").json["name"] == "=1+1"


def test_an_export_goes_to_a_new_private_file(meetings: Office) -> None:
    meetings.ok("subscriber", "import", "meetings", people(meetings), *CONFIRMED)
    target = meetings.folder / "out.csv"

    first = meetings.ok("subscriber", "export", "meetings", "--out", target)
    second = meetings.run("subscriber", "export", "meetings", "--out", target)

    assert first.out == ""
    assert len(target.read_text().splitlines()) == 3
    assert target.stat().st_mode & 0o777 == 0o600
    assert second.code == 4


def test_an_export_of_a_list_that_is_not_there_writes_no_file(meetings: Office) -> None:
    target = meetings.folder / "out.csv"

    ended = meetings.run("subscriber", "export", "none", "--out", target)

    assert ended.code == 3
    assert not target.exists()


# ------------------------------------------------------------------------- what people have


def imported(office: Office, *arguments: object, stdin: str = "") -> dict[str, Any]:
    ended = office.run(
        "subscriber", "import", "meetings", *arguments, *CONFIRMED, "--json", stdin=stdin
    )
    assert ended.code == 0, ended.err
    found: dict[str, Any] = ended.json
    return found


@pytest.mark.parametrize(
    "stdin",
    [
        "Lee, Kim <kim@example.org>; jo@example.org\n",
        "email\nkim@example.org\njo@example.org\n",
        "kim@example.org\njo@example.org",
    ],
)
def test_people_come_by_standard_input(meetings: Office, stdin: str) -> None:
    assert imported(meetings, "-", stdin=stdin)["confirmed"] == 2
    assert list(states(meetings)) == ["kim@example.org", "jo@example.org"]


def test_people_come_by_a_pasted_line(meetings: Office) -> None:
    found = imported(meetings, "--paste", "Lee, Kim <kim@example.org>; jo@example.org; nobody")

    assert (found["confirmed"], found["bad"]) == (2, 1)
    assert found["first"][0]["name"] == "Kim Lee"
    [batch] = meetings.ok("subscriber", "batches", "meetings", "--json").json
    assert (batch["name"], batch["state"], batch["confirmed"]) == ("what was pasted", "done", 2)


def test_rows_that_stay_out_are_written_mended_and_taken(meetings: Office) -> None:
    file = people(meetings, "Post;Name;=cmd\nkim@example.org;Kim;1\nnobody;=Nobody;2\n")
    errors, maps = meetings.folder / "errors.csv", ("--map", "address=Post")

    first = imported(meetings, file, *maps, "--errors", errors)
    table = errors.read_bytes().decode("utf-8")
    errors.write_text(table.replace("nobody", "no@example.org"), encoding="utf-8")
    again = imported(meetings, errors, *maps)

    assert (first["confirmed"], first["bad"]) == (1, 1)
    assert table == (
        "\ufeffPost,Name,'=cmd,line,why it stayed out\r\n"
        "nobody,'=Nobody,2,3,an email address must have an @-sign\r\n"
    )
    assert (again["confirmed"], again["bad"]) == (1, 0)
    shown = meetings.ok("subscriber", "show", "no@example.org", "--json").json
    assert shown["name"] == "=Nobody"


def test_rows_of_a_table_without_names_get_them_in_the_file_of_errors(meetings: Office) -> None:
    errors = meetings.folder / "errors.csv"
    imported(meetings, "--paste", "kim@example.org; Nobody <nobody>", "--errors", errors)

    assert errors.read_text(encoding="utf-8-sig").splitlines() == [
        "email,name,line,why it stayed out",
        "nobody,Nobody,1,an email address must have an @-sign",
    ]


def test_no_file_of_errors_is_left_when_nobody_stays_out(meetings: Office) -> None:
    errors = meetings.folder / "errors.csv"

    imported(meetings, "--paste", "kim@example.org", "--errors", errors)
    broken = people(meetings, 'email\nkim@example.org\n"never ends\n')
    meetings.run("subscriber", "import", "meetings", broken, "--errors", errors)

    assert not errors.exists()


def test_only_some_rows_are_named_on_the_screen(meetings: Office) -> None:
    file = people(meetings, "email\nkim@example.org\n" + "nobody\n" * 150)

    ended = meetings.ok("subscriber", "import", "meetings", file, *CONFIRMED, "--dry-run")

    assert sum("must have an @-sign" in line for line in ended.err.splitlines()) == 100
    assert "and 50 rows more that stay out; “--errors FILE.csv” takes all of them" in ended.err
    assert ended.lines[0].split() == ["line", "address", "name", "organisation", "country"]


def test_an_import_is_taken_back_by_its_number(meetings: Office) -> None:
    batch = imported(meetings, people(meetings))["batch"]

    dry = meetings.ok("subscriber", "undo", batch, "--dry-run", "--json").json
    wet = meetings.ok("subscriber", "undo", batch, "--json").json
    again = meetings.run("subscriber", "undo", batch)

    assert dry == wet
    assert wet["removed"] == 2
    assert states(meetings) == {}
    assert again.code == 4
    assert "was undone on" in again.error
    assert meetings.run("subscriber", "undo", 99).code == 3


def test_an_export_may_begin_as_excel_wants_it(meetings: Office) -> None:
    assert meetings.ok("subscriber", "export", "meetings", "--bom").out.startswith("\ufeffemail,")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "name one FILE"),
        (["people.csv", "--paste", "kim@example.org"], "name one FILE"),
        (["--paste", " "], "what was pasted: holds nobody"),
        (["people.csv", "--map", "shoe=size"], "“shoe=size” is not FIELD=COLUMN; fields are"),
        (["people.csv", "--map", "name=hat"], "the column “hat” is not in people.csv"),
        (["people.csv", "--from", "majordomo"], "--from: “majordomo” is not known"),
        (["people.csv", "--encoding", "ebcdic"], "“ebcdic” is not an encoding that we read"),
        (["people.csv", "--sheet", "One"], "--sheet: people.csv is no workbook"),
        (["people.csv", "--errors", "people.csv"], "there is already a people.csv"),
    ],
)
def test_what_cannot_be_asked_is_told(
    busy: Office, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    people(busy)
    monkeypatch.chdir(busy.folder)
    before = busy.dump()

    ended = busy.run("subscriber", "import", "meetings", *arguments, *CONFIRMED)

    assert ended.code in {2, 4}
    assert said in ended.error
    assert busy.dump() == before
