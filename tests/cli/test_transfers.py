"""`mailer subscriber import` and `export` at the command line."""

import csv
import io
from pathlib import Path

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
