"""An office brings in what it has, sees whom it reached, and takes a mistake back."""

import csv
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from tests.journeys.office import Office
from tests.sheets.read import zipped
from tests.smtp_server import SmtpServer

MAILCHIMP = Path(__file__).parents[1] / "samples" / "imports" / "mailchimp"
BASIS = ("--confirmed", "--basis", "signed up at the meeting in Suva")
NEWS = "---\ntitle: The laboratories meet\n---\nTwo days of exchange.\n"


@pytest.mark.gate
@pytest.mark.timeout(480)
def test_what_an_office_has_comes_in_and_a_mistake_is_taken_back(
    tmp_path: Path, database_url: str
) -> None:
    # Given an office with a Japanese workbook, a German table, and a zip of Mailchimp
    office = _office(tmp_path, database_url)
    workbook, table, zip_ = _workbook(office), _table(office), _zip(office)

    # When the workbook is tried without changing anything, and then taken
    dry = office.json("subscriber", "import", "meetings", workbook, *BASIS, "--dry-run")
    wet = office.json("subscriber", "import", "meetings", workbook, *BASIS)

    # Then both say the same
    assert dry == {**wet, "batch": None}
    assert dry["first"][0]["name"] == "山田 太郎"

    # When the table has a row that stays out, then it is in the file of errors, to be mended
    errors = office.folder / "stayed-out.csv"
    german = office.json("subscriber", "import", "meetings", table, *BASIS, "--errors", errors)
    assert (german["confirmed"], german["bad"]) == (1, 1)
    [row] = csv.DictReader(errors.read_text(encoding="utf-8-sig").splitlines())
    assert (row["Name"], row["line"]) == ("Zoë Öztürk", "3")
    mended = errors.read_text(encoding="utf-8").replace("zoe(at)", "zoe@")
    errors.write_text(mended, encoding="utf-8")
    assert office.json("subscriber", "import", "meetings", errors, *BASIS)["confirmed"] == 1

    # When a line out of Outlook and all of Mailchimp's people come too
    line = "Lee, Kim <kim@example.org>; yamada@customs.example"
    pasted = office.json("subscriber", "import", "meetings", "--paste", line, *BASIS)
    moved = office.json("subscriber", "import", "meetings", zip_, *BASIS)

    # Then nobody is there twice, and who left or bounced there is not on the list
    assert (pasted["confirmed"], pasted["already"]) == (1, 1)
    assert (moved["confirmed"], moved["left"], moved["suppressed"]) == (2, 1, 1)

    # When the German table was a mistake, then it alone is taken back
    batches = office.json("subscriber", "batches")
    assert [one["name"] for one in reversed(batches)] == [
        "会員.xlsx",
        "leute.csv",
        "stayed-out.csv",
        "what was pasted",
        "audience.zip",
    ]
    assert office.json("subscriber", "undo", german["batch"])["removed"] == 1
    there = {one["email"]: one["state"] for one in office.json("subscriber", "export", "meetings")}
    assert "mueller@example.org" not in there
    assert there["ben@example.org"] == "unsubscribed"
    assert sum(state == "confirmed" for state in there.values()) == 6


@pytest.mark.gate
@pytest.mark.timeout(480)
def test_an_office_sees_at_which_organisations_its_news_arrived(
    tmp_path: Path, database_url: str
) -> None:
    with SmtpServer() as server:
        # Given people of two organisations, one of them at a mailbox that is gone
        office = _office(tmp_path, database_url, server.port)
        people = "email,organisation,country\nana@one.example,Customs,Fiji\nben@two.example,Port,\n"
        office.run("subscriber", "import", "meetings", office.file("p.csv", people), *BASIS)
        office.run("subscriber", "import", "meetings", "--paste", "gone@lab.one.example", *BASIS)
        office.run("organisation", "domain", "one.example", "Customs")
        office.run("organisation", "add", "Harbour Laboratory")
        server.answer("rcpt", "550 5.1.1 no such user", recipient="gone@lab.one.example")

        # When a digest goes
        office.run("item", "add", office.file("news.md", NEWS))
        office.run("digest", "draft", "meetings", "--subject", "News", "--item", 1)
        office.run("digest", "queue", 1)
        office.run("worker", "--once")

        # Then it is told where somebody was reached, and where nobody is subscribed
        found = office.json("digest", "reach", 1)
    by_name = {one["organisation"]: one for one in found["organisations"]}
    assert (by_name["Customs"]["reached"], by_name["Customs"]["refused"]) == (1, 1)
    assert (by_name["Port"]["reached"], by_name["Port"]["recipients"]) == (1, 1)
    assert [one["organisation"] for one in found["nobody"]] == ["Harbour Laboratory"]
    assert found["total"]["recipients"] == 3


def _office(tmp_path: Path, database_url: str, smtp_port: int = 9) -> Office:
    office = Office(tmp_path / "office")
    office.found(
        database__url=database_url,
        smtp__port=str(smtp_port),
        smtp__security="none",
        web__base_url="https://news.example.org/",
    )
    office.run("list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org")
    return office


def _workbook(office: Office) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["会員番号", "姓", "名", "メールアドレス", "所属"])
    sheet.append([1001, "山田", "太郎", "yamada@customs.example", "東京税関"])
    sheet.append([1002, "鈴木", "花子", "suzuki@customs.example", "東京税関"])
    path = office.folder / "会員.xlsx"
    book.save(path)
    book.close()
    return path


def _table(office: Office) -> Path:
    path = office.folder / "leute.csv"
    people = "Name;E-Mail\r\nJürgen Müller;mueller@example.org\r\nZoë Öztürk;zoe(at)example.org\r\n"
    path.write_bytes(people.encode("cp1252"))
    return path


def _zip(office: Office) -> Path:
    files = {one.stem + "__csv": one.read_bytes() for one in MAILCHIMP.iterdir()}
    return zipped(office.folder / "audience.zip", **files)


@pytest.mark.gate
@pytest.mark.timeout(480)
def test_an_import_killed_in_its_middle_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    # Given an export with people of every kind, and what an import in one go makes of it
    undisturbed, killed = founded(tmp_path / "undisturbed"), founded(tmp_path / "killed")
    people = killed.file("people.csv", phplist(20_000))
    whole = undisturbed.json("subscriber", "import", "meetings", people, *BASIS)

    # When the import is killed in its middle, and the same command comes again
    process = killed.start("subscriber", "import", "meetings", people, *BASIS)
    wait_for_subscribers(killed, 1_000)
    process.kill()
    process.wait()
    begun = killed.json("subscriber", "batches")[0]
    again = killed.json("subscriber", "import", "meetings", people, *BASIS)

    # Then it goes on in its batch; the sums are those of one go, and nobody is there twice
    assert begun["state"] == "unfinished"
    assert 0 < begun["confirmed"] < whole["confirmed"]
    assert again["batch"] == begun["id"]
    for name in ("rows", "confirmed", "already", "suppressed", "skipped", "bad", "stayed_out"):
        assert again[name] == whole[name], name
    assert again["suppressed"] > 0
    assert again["bad"] > 0
    undone = killed.json("subscriber", "undo", again["batch"])
    assert (undone["removed"], undone["suppressions"]) == (whole["confirmed"], whole["suppressed"])


def founded(folder: Path) -> Office:
    office = Office(folder)
    office.found()
    office.run("list", "add", "meetings", "--name", "Meetings", "--from", "news@office.example")
    return office


def phplist(count: int) -> str:
    """Give an export in which each fiftieth is blacklisted, and some are no address."""
    rows = (
        f"{'reader' if number % 97 else 'no reader'}{number * 7919 % count}@example.org,1,"
        f"{int(number % 50 == 0)},1"
        for number in range(count)
    )
    return "\n".join(["email,confirmed,blacklisted,htmlemail", *rows, ""])


def wait_for_subscribers(office: Office, count: int) -> None:
    until = time.monotonic() + 240
    with closing(sqlite3.connect(office.folder / "mailer.db")) as database:
        while database.execute("SELECT count(*) FROM subscribers").fetchone()[0] < count:
            assert time.monotonic() < until
            time.sleep(0.01)
