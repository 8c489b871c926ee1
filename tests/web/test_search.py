"""The archive is looked through by year, topic and words, alike on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mailer import folding
from mailer.db.schema import Visibility
from mailer.web import browsing
from tests.web.conftest import Office, seen

ARCHIVE = "/l/meetings/archive"
MOST_QUERIES = 10


def titles(office: Office, asked: str = "") -> list[str]:
    """Give the subjects of the numbers that a page of the archive names."""
    page = LexborHTMLParser(office.get(f"{ARCHIVE}?{asked}").text)
    return [node.text() for node in page.css(".entries .title")]


@pytest.fixture
def busy(office: Office) -> Office:
    """Give an office that sent three digests in two years, in English and Japanese."""
    lab = office.add_item(
        "Réunion of laboratories", "topic: Customs", "place: Suva", body="They *measured* 50% more."
    )
    office.add_item("検査機関の会議", "topic: 税関", "language: ja", translates=lab)
    roof = office.add_item("A new roof", "topic: Buildings", "organiser: Harbour Works")
    office.send_digest(
        1, "Laboratories", items=[lab], on=date(2025, 3, 1), en="In March.", ja="三月"
    )
    office.send_digest(1, "Roofs", items=[roof], on=date(2026, 2, 1), en="Hard_hats on.")
    office.send_digest(1, "Both", items=[lab, roof], on=date(2026, 5, 1), en="Once more.")
    return office


@pytest.mark.parametrize(
    "words, found",
    [
        ("reunion", ["Both", "Laboratories"]),
        ("SUVA", ["Both", "Laboratories"]),
        ("会議", ["Both", "Laboratories"]),
        ("検査", ["Both", "Laboratories"]),
        ("harbour+roof", ["Both", "Roofs"]),
        ("roof+suva", []),
        ("hard_hats", ["Roofs"]),
        ("hard%25hats", []),
        ("hardxhats", []),
        ("50%25", ["Both", "Laboratories"]),
        ("5_%25", []),
        ("march", ["Laboratories"]),
        ("buildings", ["Both", "Roofs"]),
        ("%27+OR+1%3D1+--", []),
    ],
)
def test_all_words_are_found_where_they_are_and_nowhere_else(
    busy: Office, words: str, found: list[str]
) -> None:
    assert titles(busy, f"q={words}") == found


def test_what_is_found_names_the_items_in_it_in_the_pages_language(busy: Office) -> None:
    english = busy.get(f"{ARCHIVE}?q=suva").text
    japanese = busy.get(f"{ARCHIVE}?topic=Customs&lang=ja").text

    assert 'href="/l/meetings/item/1"' in english
    assert "A new roof" not in english
    assert "2 issues found." in english
    assert 'href="/l/meetings/item/1?lang=ja"' in japanese


def test_years_are_links_that_keep_what_is_looked_for(busy: Office) -> None:
    page = LexborHTMLParser(busy.get(f"{ARCHIVE}?q=suva").text)
    links = [node.attributes["href"] or "" for node in page.css(".years a")]

    assert links == [f"{ARCHIVE}?year=2026&q=suva", f"{ARCHIVE}?year=2025&q=suva"]
    assert titles(busy, "year=2025") == ["Laboratories"]
    assert titles(busy, "year=2026&q=suva") == ["Both"]
    assert titles(busy, "year=1999") == []


def test_topics_are_those_of_the_pages_language(busy: Office) -> None:
    def offered(language: str) -> list[str]:
        page = LexborHTMLParser(busy.get(f"{ARCHIVE}?lang={language}").text)
        return [node.attributes["value"] or "" for node in page.css("#topic option")]

    assert offered("en") == ["", "Buildings", "Customs"]
    assert offered("ja") == ["", "Buildings", "税関"]
    assert titles(busy, "topic=Customs") == ["Both", "Laboratories"]
    assert titles(busy, "topic=Customs&q=roof") == []


def test_who_finds_nothing_is_told_what_to_do(busy: Office) -> None:
    page = busy.get(f"{ARCHIVE}?q=nowhere")

    assert "Nothing was found" in seen(page)
    assert "Try fewer words" in seen(page)
    assert f'href="{ARCHIVE}">Show all issues' in page.text
    assert 'value="nowhere"' in page.text


def test_what_was_not_mailed_or_not_for_everybody_is_not_found(office: Office) -> None:
    secret = office.add_item("The secret meeting")
    office.add_list("board", "Board", visibility=Visibility.PRIVATE)
    office.send_digest(2, "For the board", items=[secret], en="Secret.")
    office.add_item("A secret nobody sent")
    office.send_digest(1, "For everybody", en="Hello.")

    assert titles(office, "q=secret") == []
    assert office.get("/l/board/archive?q=secret").status_code == 404
    assert office.get("/l/board/item/1").status_code == 404
    assert office.get("/l/meetings/item/1").status_code == 404


def test_words_in_a_language_that_went_to_nobody_are_not_found(office: Office) -> None:
    office.send_digest(1, "Hello", en="Hello.", de="Geheimnis")

    assert titles(office, "q=geheimnis") == []


def test_hostile_and_endless_queries_do_no_harm(busy: Office) -> None:
    for asked in (
        "q=%00", "q=%ff%fe", "q=" + "x" * 5_000, "q=" + "+".join(map(str, range(100))),
        "topic=%00", "topic=" + "t" * 5_000, "year=0000", "year=99999", "year=%D9%A1%D9%A2",
        "before=b", "before=b99", "before=-1", "q=%3Cscript%3Ealert(1)%3C/script%3E",
    ):  # fmt: skip
        page = busy.get(f"{ARCHIVE}?{asked}")
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "x" * (folding.LONGEST_QUERY + 1) not in page.text


def test_an_archive_of_many_numbers_goes_on_without_losing_one(office: Office) -> None:
    for number in range(1, 5):
        office.send_digest(1, f"Meeting {number}", on=date(2026, 11, 1), en="Hello.")
    limit, browsing.ON_ONE_PAGE = browsing.ON_ONE_PAGE, 3
    try:
        page = LexborHTMLParser(office.get(f"{ARCHIVE}?q=meeting").text)
        further = page.css_first("a[rel=next]")
        assert further is not None
        rest = LexborHTMLParser(office.get(further.attributes["href"] or "").text)
    finally:
        browsing.ON_ONE_PAGE = limit

    names = [node.text() for tree in (page, rest) for node in tree.css(".entries .title")]
    assert names == [f"Meeting {number}" for number in (4, 3, 2, 1)]
    assert rest.css_first("a[rel=next]") is None


@contextmanager
def counted() -> Iterator[list[str]]:
    """Write down every statement that any database is asked."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_a_page_takes_the_same_few_queries_however_much_there_is(office: Office) -> None:
    item = office.add_item("Laboratories", "topic: Customs")
    office.send_digest(1, "First", items=[item], en="Hello.")
    with counted() as few:
        office.get(f"{ARCHIVE}?q=lab")
    for number in range(10):
        office.clock.move(timedelta(days=1))
        office.send_digest(1, f"Number {number}", items=[item], en="Hello.")

    with counted() as many:
        office.get(f"{ARCHIVE}?q=lab")

    assert len(many) == len(few) <= MOST_QUERIES
