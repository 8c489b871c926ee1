"""`mailer archive` at the command line."""

from tests import old_numbers
from tests.cli.conftest import Office

DATED = ("--title", "Old news", "--dated-on", "2019-03-01")


def test_a_back_number_is_put_in_shown_and_taken_out(meetings: Office) -> None:
    file = meetings.folder / "old.pdf"
    file.write_bytes(old_numbers.pdf("Harbour laboratories"))

    put = meetings.ok("archive", "add", "meetings", file, *DATED, "--number", "2019/3")

    assert put.lines == ["1"]
    assert put.err == ""
    [found] = meetings.ok("archive", "list", "--list", "meetings", "--json").json
    assert found == meetings.ok("archive", "show", 1, "--json").json
    assert found["kind"] == "PDF"
    assert found["number"] == "2019/3"
    assert found["date"] == "2019-03-01"
    assert found["language"] == "en"
    assert found["page"] == "https://news.example.org/l/meetings/back/1"
    assert "Old news" in meetings.ok("archive", "list").out
    assert "2019/3" in meetings.ok("archive", "show", 1).out

    meetings.ok("archive", "remove", 1)

    assert meetings.ok("archive", "list", "--json").json == []


def test_a_pdf_without_words_is_put_in_and_said_so(meetings: Office) -> None:
    file = meetings.folder / "old.pdf"
    file.write_bytes(old_numbers.locked_pdf(reader="secret"))

    put = meetings.ok("archive", "add", "meetings", file, *DATED, "--json")

    assert put.json["id"] == 1
    assert put.json["words_read"] is False
    assert "it is locked with a password" in put.err


def test_a_private_list_has_no_page_for_it(meetings: Office) -> None:
    meetings.ok("list", "edit", "meetings", "--visibility", "private")
    file = meetings.file("old.html", old_numbers.page())

    put = meetings.ok("archive", "add", "meetings", file, *DATED)

    assert "“meetings” is private: nobody sees its archive" in put.err
    assert meetings.ok("archive", "show", 1, "--json").json["page"] == ""


def test_the_same_file_is_put_in_once(meetings: Office) -> None:
    file = meetings.file("old.html", old_numbers.page())
    meetings.ok("archive", "add", "meetings", file, *DATED)
    before = meetings.dump()

    again = meetings.run("archive", "add", "meetings", file, *DATED)

    assert again.code == 4
    assert again.error == "old.html is in the archive of “meetings” already, as 1"
    assert meetings.dump() == before


def test_what_is_wrong_is_said_and_changes_nothing(meetings: Office) -> None:
    page, text = meetings.file("old.html", old_numbers.page()), meetings.file("old.txt", "Hello.")
    before = meetings.dump()

    for code, said, arguments in (
        (2, f"{text}: is neither a PDF nor an HTML file", ["meetings", text, *DATED]),
        (2, "there is no such file", ["meetings", "nowhere.pdf", *DATED]),
        (3, "there is no list “nowhere”", ["nowhere", page, *DATED]),
        (2, "--dated-on: “March”", ["meetings", page, "--title", "x", "--dated-on", "March"]),
        (2, "it lies ahead", ["meetings", page, "--title", "x", "--dated-on", "2999-01-01"]),
        (2, "or before 1800", ["meetings", page, "--title", "x", "--dated-on", "0019-03-01"]),
        (2, "needs a title", ["meetings", page, "--title", " ", "--dated-on", "2019-03-01"]),
        (2, "a title has 200", ["meetings", page, "--title", "x" * 201, *DATED[2:]]),
        (2, "--title: holds a line break", ["meetings", page, "--title", "a\nb", *DATED[2:]]),
        (2, "a number has 40", ["meetings", page, *DATED, "--number", "9" * 41]),
        (2, "--language: “xx”", ["meetings", page, *DATED, "--language", "xx"]),
    ):
        ended = meetings.run("archive", "add", *arguments)
        assert ended.code == code, arguments
        assert said in ended.error
    for verb in ("show", "remove"):
        ended = meetings.run("archive", verb, 9)
        assert ended.code == 3
        assert "“mailer archive list” shows them all" in ended.error
    assert meetings.dump() == before
