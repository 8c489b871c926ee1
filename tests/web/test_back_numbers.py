"""Numbers from before our time: among the others by date, found by their words, and harmless."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import lists
from mailer.db.schema import Visibility
from mailer.digests import back_numbers, papers
from mailer.digests.back_numbers import Heading
from tests import old_numbers
from tests.web.conftest import Office, seen

ARCHIVE = "/l/meetings/archive"
PAGE = "/l/meetings/back/1"


OLD = Heading("Old news", date(2019, 3, 1), "en")


def put_in(
    office: Office,
    file: Path,
    content: bytes | str,
    heading: Heading = OLD,
    *,
    slug: str = "meetings",
) -> int:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    paper = papers.read(file)
    with office.app.database.writing() as session:
        found = lists.get(session, slug)
        return back_numbers.add(session, found, heading, paper, now=office.clock.now())


def test_a_pdf_is_shown_as_it_is_under_its_name(office: Office, tmp_path: Path) -> None:
    content = old_numbers.pdf("Harbour laboratories")
    put_in(office, tmp_path / "Ausgabe “3” – März.pdf", content)

    page = office.get(PAGE)

    assert page.content == content
    assert page.headers["content-type"] == "application/pdf"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-disposition"].startswith("inline; filename=")
    assert (
        "filename*=UTF-8''Ausgabe%20%E2%80%9C3%E2%80%9D%20%E2%80%93%20M%C3%A4rz.pdf"
        in (page.headers["content-disposition"])
    )
    assert page.headers["content-security-policy"].endswith("; sandbox")
    assert office.get(PAGE, {"If-None-Match": page.headers["etag"]}).status_code == 304


def test_a_page_of_old_keeps_its_words_and_looks_and_nothing_that_acts(
    office: Office, tmp_path: Path
) -> None:
    put_in(office, tmp_path / "old.html", old_numbers.page(words="The harbour <b>opened</b>."))

    answer = office.get(PAGE)

    paper = LexborHTMLParser(answer.text).css_first(".facsimile")
    assert paper is not None
    html = paper.html or ""
    assert "The harbour <b>opened</b>." in html
    assert "color:#b00020" in html.replace(" ", "")
    assert 'href="#paper-top"' in html
    assert 'id="paper-top"' in html
    assert 'href="https://wco.example/"' in html
    assert 'href="https://pictures.example/hall.jpg"' in html
    for harm in (
        "alert", "javascript:", "onload", "margin", "position", "url(", "<form", "<input",
        "<iframe", "<script", "<style", "page2.html", "src=", "evil.example",
    ):  # fmt: skip
        assert harm not in html, harm
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_back_numbers_stand_among_the_others_by_date(office: Office, tmp_path: Path) -> None:
    put_in(office, tmp_path / "a.pdf", old_numbers.pdf("Harbour"), replace(OLD, number="7"))
    older = Heading("Older", date(2018, 1, 1), "en")
    put_in(office, tmp_path / "b.html", old_numbers.page(), older)
    office.send_digest(1, "The oldest", on=date(2017, 1, 1), en="Hello.")
    office.send_digest(1, "The newest", on=date(2026, 1, 1), en="Hello.")

    page = LexborHTMLParser(office.get(ARCHIVE).text)

    assert [node.text() for node in page.css(".entries .title")] == [
        "The newest", "Old news", "Older", "The oldest",
    ]  # fmt: skip
    words = seen(office.get(ARCHIVE))
    assert "Number 7 · 1 March 2019 · PDF, 1 kB" in words
    assert [node.text() for node in page.css(".years a")] == ["2026", "2019", "2018", "2017"]
    assert "Older" not in seen(office.get(f"{ARCHIVE}?before=b2"))
    assert "The oldest" in seen(office.get(f"{ARCHIVE}?before=b2"))


def test_their_words_and_titles_are_found(office: Office, tmp_path: Path) -> None:
    put_in(office, tmp_path / "a.pdf", old_numbers.pdf("Harbour laboratories"))
    summer = replace(OLD, title="Été")
    put_in(office, tmp_path / "b.html", old_numbers.page(words="地域事務所の会議"), summer)

    def found(words: str) -> list[str]:
        page = LexborHTMLParser(office.get(f"{ARCHIVE}?q={words}").text)
        return [node.text() for node in page.css(".entries .title")]

    assert found("LABORATORIES+harbour") == ["Old news"]
    assert found("ete") == ["Été"]
    assert found("会議") == ["Été"]
    assert found("news+laboratories") == ["Old news"]
    assert office.get(f"{ARCHIVE}?topic=Customs").text.count('class="title"') == 1  # the notice's


def test_one_that_was_taken_out_is_gone(office: Office, tmp_path: Path) -> None:
    made = put_in(office, tmp_path / "a.pdf", old_numbers.pdf("Harbour"))
    office.app.database.write(back_numbers.remove, made, now=office.clock.now())

    assert office.get(PAGE).status_code == 404
    assert "Old news" not in office.get(ARCHIVE).text


def test_it_is_on_the_pages_of_its_list_alone(office: Office, tmp_path: Path) -> None:
    office.add_list("customs", "Customs Training")
    office.add_list("board", "Board", visibility=Visibility.PRIVATE)
    put_in(office, tmp_path / "a.pdf", old_numbers.pdf("Harbour"))
    put_in(office, tmp_path / "b.pdf", old_numbers.pdf("Secret"), slug="board")

    assert office.get("/l/customs/back/1").status_code == 404
    assert office.get("/l/meetings/back/2").status_code == 404
    assert office.get("/l/board/back/2").status_code == 404


@pytest.mark.parametrize("name", ["0", "99", "x", "-1", "9" * 40])
def test_numbers_that_are_none_lead_nowhere(lone_office: Office, name: str) -> None:
    assert lone_office.get(f"/l/meetings/back/{name}").status_code == 404
