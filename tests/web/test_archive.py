"""The archive: what went out, as pages with nobody's links in them."""

from datetime import timedelta

from selectolax.lexbor import LexborHTMLParser
from sqlmodel import col, select

from mailer.db.schema import Digest, DigestState
from tests.web.conftest import Office, seen

KIM = "kim@reader.example"


def set_state(office: Office, number: int, state: str, resume_to: str | None = None) -> None:
    with office.app.database.writing() as session:
        digest = session.exec(select(Digest).where(col(Digest.number) == number)).one()
        digest.state = DigestState(state)
        digest.resume_to = DigestState(resume_to) if resume_to else None
        session.add(digest)


def test_what_went_out_is_listed_newest_first(office: Office) -> None:
    office.send_digest(1, "The first meeting", en="Hello.")
    office.send_digest(1, "The second meeting", en="Hello.")

    words = seen(office.get("/l/meetings/archive"))

    assert words.index("The second meeting") < words.index("The first meeting")
    assert "Number 2 · 2 November 2026" in words


def test_a_long_archive_goes_on_on_further_pages(office: Office) -> None:
    for number in range(1, 12):
        office.send_digest(1, f"Meeting {number}.", en="Hello.")

    first = office.get("/l/meetings/archive?before=4&lang=en")
    broken = office.get("/l/meetings/archive?before=x")

    assert "Meeting 3." in first.text
    assert "Meeting 4." not in first.text
    assert "Meeting 11." in broken.text


def test_only_what_was_mailed_is_shown(office: Office) -> None:
    office.send_digest(1, "The first meeting", en="Hello.")
    for state in ("draft", "scheduled", "queued", "cancelled"):
        set_state(office, 1, state)
        assert office.get("/l/meetings/1").status_code == 404
        assert "The first meeting" not in office.get("/l/meetings/archive").text

    set_state(office, 1, "sending")
    assert office.get("/l/meetings/1").status_code == 200
    set_state(office, 1, "paused", "sending")
    assert office.get("/l/meetings/1").status_code == 200


def test_a_digests_page_has_nobodys_links_and_says_where_it_lives(office: Office) -> None:
    office.join(KIM)
    office.send_digest(1, "The first meeting", en="It took **two days**.")

    page = office.get("/l/meetings/1")

    assert "<strong" in page.text
    assert "two days" in page.text
    assert '<link rel="canonical" href="http://127.0.0.1:8080/l/meetings/1">' in page.text
    assert 'href="/l/meetings"' in page.text
    assert "Read on the web" not in page.text
    for trace in ("hole-", "/u/", "/c/", "/n/", "reader.example", "<form"):
        assert trace not in page.text


def test_a_digest_brings_its_styles_but_no_pictures_from_elsewhere(office: Office) -> None:
    picture = "![the hall](https://pictures.example/hall.jpg)"
    office.send_digest(1, "Pictures", en=f"{picture} [{picture}](https://hall.example/)")

    page = office.get("/l/meetings/1")

    assert (
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
        in (page.headers["content-security-policy"])
    )
    assert "<img" not in page.text
    assert 'href="https://pictures.example/hall.jpg"' in page.text
    assert ">the hall</a>" in page.text
    assert page.text.count("https://pictures.example") == 1


def test_each_language_of_a_digest_is_a_page(office: Office) -> None:
    office.send_digest(1, "The first meeting", en="It took two days.", ja="二日間でした。")

    english = office.get("/l/meetings/1")
    japanese = office.get("/l/meetings/1?lang=ja")

    assert "It took two days." in english.text
    assert 'href="?lang=ja"' in english.text
    assert '<html lang="ja"' in japanese.text
    assert "二日間でした。" in japanese.text
    assert "The first meeting (ja)" in office.get("/l/meetings/archive?lang=ja").text


def test_each_item_of_a_digest_leads_to_its_lasting_page(office: Office) -> None:
    # Given two topics that take turns, so that the page has another order than the editor
    one, other, third = (
        office.add_item(title, f"topic: {topic}", "link: https://office.example/report")
        for title, topic in (
            ("Dogs", "Training"),
            ("Powder", "Laboratories"),
            ("Courses", "Training"),
        )
    )
    japanese = office.add_item("探知犬", "language: ja", "topic: 研修", translates=one)
    number = office.send_digest(1, "News", items=[one, other, third], en="Hello.", ja="報告です。")

    def leads_to(page: str) -> list[tuple[str, str]]:
        places = LexborHTMLParser(page).css("[id^='item-']")
        return [
            (" ".join((place.css_first("a[href*='report']") or place).text().split()), links[-1])
            for place in places
            if (links := [link.attributes["href"] or "" for link in place.css("a")])
        ]

    english = leads_to(office.get(f"/l/meetings/{number}").text)
    assert english == [
        ("Dogs", f"/l/meetings/item/{one}"),
        ("Courses", f"/l/meetings/item/{third}"),
        ("Powder", f"/l/meetings/item/{other}"),
    ]
    translated = office.get(f"/l/meetings/{number}?lang=ja")
    assert "この記事のページ" in translated.text
    assert f"/l/meetings/item/{japanese}?lang=ja" in [path for _, path in leads_to(translated.text)]
    for _, path in english:
        assert office.get(path).status_code == 200


def test_neighbours_lead_to_each_other(office: Office) -> None:
    for number in range(1, 4):
        office.send_digest(1, f"Meeting {number}", en="Hello.")

    page = office.get("/l/meetings/2").text

    assert 'rel="prev" href="/l/meetings/1"' in page
    assert 'rel="next" href="/l/meetings/3"' in page


def test_numbers_that_are_none_lead_nowhere(lone_office: Office) -> None:
    lone_office.send_digest(1, "The first meeting", en="Hello.")

    for number in ("0", "2", "-1", "01x", "9" * 40, "١"):
        assert lone_office.get(f"/l/meetings/{number}").status_code == 404


def test_another_lists_digest_is_not_shown(office: Office) -> None:
    office.add_list("customs", "Customs Training")
    office.send_digest(1, "The first meeting", en="Hello.")

    assert office.get("/l/customs/1").status_code == 404


def test_the_page_stays_as_it_went_out(office: Office) -> None:
    office.send_digest(1, "The first meeting", en="Hello.")
    before = office.get("/l/meetings/1").text
    office.clock.move(timedelta(days=400))

    assert office.get("/l/meetings/1").text == before


def test_a_digests_page_shows_the_pictures_that_we_host(office: Office) -> None:
    known = "5" * 64
    moved = f"https://former.example/news/m/{known}.jpg"
    office.send_digest(1, "Pictures", en=f"![the hall]({moved}) ![x]({moved}?x)")

    page = office.get("/l/meetings/1")

    assert f'src="/m/{known}.jpg"' in page.text
    assert page.text.count("<img") == 1
