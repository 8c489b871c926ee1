"""Pages that report of meetings: what can be told of them without being told how."""

from datetime import date
from pathlib import Path

import pytest

from mailer.rendering import report

SAMPLE = Path(__file__).parent.parent / "samples" / "pages" / "report.html"
URL = "https://office.example/news/18/"


def test_a_report_is_read_from_its_page() -> None:
    found = report.read(SAMPLE.read_bytes(), "", URL)

    assert found.title == "ROCB A/P attended the 18th Global Meeting of the Regional Entities"
    assert (found.starts, found.ends) == (date(2023, 2, 20), date(2023, 2, 21))
    assert found.place == "Brussels, Belgium"
    assert found.language == "en"
    assert found.picture == "https://office.example/media/group.jpg"
    assert found.picture_alt == "Delegates on the steps"
    assert found.body == (
        "The 17th Global Meeting of the Regional Entities was held at the headquarters in "
        "Brussels, Belgium, in a hybrid format.\n\n"
        "Mr. Kuramoto chaired. See [the agenda](https://office.example/news/agenda).\n\n"
        "- Training centres\n- Laboratories"
    )


@pytest.mark.parametrize(
    "text, starts, ends",
    [
        ("20-21 February 2023", date(2023, 2, 20), date(2023, 2, 21)),
        ("from 20 to 21 February 2023", date(2023, 2, 20), date(2023, 2, 21)),
        ("28 February – 2 March 2023", date(2023, 2, 28), date(2023, 3, 2)),
        ("30 Dec 2022 to 2 Jan 2023", date(2022, 12, 30), date(2023, 1, 2)),
        ("February 20–21, 2023", date(2023, 2, 20), date(2023, 2, 21)),
        ("March 3rd, 2023", date(2023, 3, 3), date(2023, 3, 3)),
        ("on the 3rd of March 2023", date(2023, 3, 3), date(2023, 3, 3)),
        ("du 20 au 21 février 2023", date(2023, 2, 20), date(2023, 2, 21)),
        ("le 1er mars 2023", date(2023, 3, 1), date(2023, 3, 1)),
        ("2023年2月20日から21日", date(2023, 2, 20), date(2023, 2, 21)),
        ("2023-02-20T09:00:00Z", date(2023, 2, 20), date(2023, 2, 20)),
    ],
)
def test_days_as_people_write_them(text: str, starts: date, ends: date) -> None:
    found = report.days_in(f"It took place {text}, as it does.")

    assert found is not None
    assert (found.starts, found.ends) == (starts, ends)


@pytest.mark.parametrize("text", ["", "31 February 2023", "in 2023", "page 20 of 21", "1234567890"])
def test_what_is_no_day(text: str) -> None:
    assert report.days_in(text) is None


def test_the_largest_text_is_taken_where_nothing_says_which_it_is() -> None:
    page = (
        "<title>Seminar</title><table><tr><td><p><a href='/x'>A menu with many, many long links "
        "in it, to everything</a></p></td><td><p>The seminar in Suva went on for three days, "
        "with forty people from all of the islands.</p><img src='/p.jpg' width='640' alt='Suva'>"
        "</td></tr></table>"
    )

    found = report.read(page.encode(), "", URL)

    assert found.title == "Seminar"
    assert found.body.startswith("The seminar in Suva")
    assert "menu" not in found.body
    assert (found.picture, found.picture_alt) == ("https://office.example/p.jpg", "Suva")


@pytest.mark.parametrize(
    "content, charset",
    [
        (b"", ""),
        (b"\xff\xfe\x00", "utf-16"),
        (b"\xe9t\xe9", "no-such-charset"),
        (b"<html lang='!!'><body><article></article>", ""),
        (b"<p>" * 3000, ""),
        (b"<a href='http://[x'>x</a><img src='http://[x'>", ""),
    ],
)
def test_a_page_that_says_nothing_breaks_nothing(content: bytes, charset: str) -> None:
    assert report.read(content, charset, URL).starts is None
