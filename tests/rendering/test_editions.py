"""Content becomes an edition: rendered once, whole in both parts, known by its hash."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import files
from mailer.db.schema import DeliveryKind
from mailer.errors import (
    HeaderInvalid,
    MomentInvalid,
    NotFound,
    TemplateInvalid,
    TooLarge,
    UsageError,
)
from mailer.rendering import (
    DigestContent,
    Edition,
    ItemCard,
    Kind,
    Partner,
    Prepared,
    Section,
    SenderCard,
    Templates,
    holes,
    layouts,
    render_digest,
    render_letter,
)
from mailer.rendering.editions import encoded_size
from tests.rendering.sample import (
    ARABIC,
    DIGEST,
    GLOBAL_MEETING,
    HOUSE,
    ILLUSTRATED,
    JAPANESE,
    LIST,
    PICTURE,
    SENDER,
    VALUES,
    letter,
    templates,
)

LETTERS = [kind for kind in Kind if not kind.is_digest]


@pytest.fixture(scope="module")
def ours() -> Templates:
    return templates()


def filled_text(edition: Edition, ours: Templates) -> str:
    return Prepared.of(edition, ours.languages.of(edition.language)).fill(VALUES).text


# ---------------------------------------------------------------------- both parts


@pytest.mark.parametrize(
    "content", [DIGEST, JAPANESE, ARABIC, ILLUSTRATED], ids=["en", "ja", "ar", "illustrated"]
)
def test_the_text_of_a_digest_has_every_word_and_link_of_its_html(
    ours: Templates, content: DigestContent
) -> None:
    edition = render_digest(ours, content)

    assert_same_words_and_links(edition)


@pytest.mark.parametrize("kind", LETTERS)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_text_of_a_letter_has_every_word_and_link_of_its_html(
    ours: Templates, kind: Kind, language: str
) -> None:
    assert_same_words_and_links(render_letter(ours, letter(kind, language)))


def assert_same_words_and_links(edition: Edition) -> None:
    page = LexborHTMLParser(edition.html)
    for node in page.css(".preview, head"):
        node.decompose()
    assert page.body is not None
    text = re.sub(r"\s+", "", edition.text)
    for word in page.body.text(separator=" ").split():
        assert word in text
    for link in page.css("a[href]"):
        target = link.attributes["href"] or ""
        assert target.startswith("#") or target.removeprefix("mailto:") in text


def test_no_line_of_the_text_is_too_wide_unless_a_link_makes_it_so(ours: Templates) -> None:
    for line in filled_text(render_digest(ours, DIGEST), ours).split("\n"):
        assert len(line) <= 78 or re.fullmatch(r" *<?https://\S+", line)


def test_the_preview_for_inboxes_is_the_beginning_of_the_introduction(ours: Templates) -> None:
    edition = render_digest(ours, DIGEST)

    first = LexborHTMLParser(edition.html).css_first(".preview")
    assert first is not None
    assert DIGEST.introduction.startswith(first.text().strip().rstrip("…"))
    assert 40 <= len(first.text().strip()) <= 110
    assert edition.text.startswith("Meeting News\n")


def test_a_preheader_is_what_inboxes_show_as_it_was_written(ours: Templates) -> None:
    edition = render_digest(ours, replace(DIGEST, preheader="Two days & a <decision>"))

    first = LexborHTMLParser(edition.html).css_first(".preview")
    assert first is not None
    assert first.text().strip() == "Two days & a <decision>"
    assert "decision" not in edition.text


def test_a_digest_without_introduction_is_previewed_by_its_titles(ours: Templates) -> None:
    edition = render_digest(ours, replace(DIGEST, introduction=""))

    first = LexborHTMLParser(edition.html).css_first(".preview")
    assert first is not None
    assert first.text().strip().startswith(GLOBAL_MEETING.title)


# ---------------------------------------------------------------------- the page


@pytest.mark.parametrize(
    "content, code, direction",
    [(DIGEST, "en", "ltr"), (JAPANESE, "ja", "ltr"), (ARABIC, "ar", "rtl")],
)
def test_a_page_tells_its_language_and_direction(
    ours: Templates, content: DigestContent, code: str, direction: str
) -> None:
    page = LexborHTMLParser(render_digest(ours, content).html)

    for selector in ("html", "div[role=article]"):
        node = page.css_first(selector)
        assert node is not None
        assert (node.attributes["lang"], node.attributes["dir"]) == (code, direction)


def test_headings_have_one_beginning_and_no_gap(ours: Templates) -> None:
    for content in (DIGEST, replace(DIGEST, sections=(Section("", DIGEST.items),))):
        page = LexborHTMLParser(render_digest(ours, content).html)
        levels = [int((node.tag or "h9")[1]) for node in page.css("h1, h2, h3, h4, h5, h6")]

        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_tables_are_layout_or_have_headings_for_their_columns(ours: Templates) -> None:
    page = LexborHTMLParser(render_digest(ours, DIGEST).html)

    for table in page.css("table"):
        assert table.attributes.get("role") == "presentation" or table.css("th")


def test_a_mail_program_finds_dark_colours_and_no_more_styles_than_gmail_reads(
    ours: Templates,
) -> None:
    html = render_digest(ours, DIGEST).html

    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert all(len(style) < 8192 for style in styles)


def test_nothing_is_fetched_when_a_mail_is_opened(ours: Templates) -> None:
    html = render_digest(ours, DIGEST).html

    assert not re.search(r"<(img|link|script|iframe|video)\b|@import|url\(", html)


def test_four_items_need_no_contents_and_five_do(ours: Templates) -> None:
    items = tuple(replace(GLOBAL_MEETING, title=f"Item {number}") for number in range(5))

    for count in (4, 5):
        content = replace(DIGEST, sections=(Section("News", items[:count]),))
        assert ("In this issue" in render_digest(ours, content).text) == (count == 5)


def test_an_item_shows_what_it_knows_and_no_more(ours: Templates) -> None:
    bare = ItemCard(title="Only a title")
    content = replace(DIGEST, sections=(Section("", (bare,)),), coming_up=(), introduction="")

    text = render_digest(ours, content).text

    assert "Only a title\n------------\n\nYou get this because" in text


def test_a_picture_is_shown_with_its_words_and_leads_to_the_report(ours: Templates) -> None:
    edition = render_digest(ours, ILLUSTRATED)

    wide, tall, small = LexborHTMLParser(edition.html).css("img")
    assert (wide.attributes["width"], wide.attributes["height"]) == ("536", "357")
    assert (tall.attributes["width"], tall.attributes["height"]) == ("402", "536")
    assert (small.attributes["width"], small.attributes["height"]) == ("300", "120")
    assert wide.attributes["src"] == PICTURE.url
    assert wide.attributes["alt"] == PICTURE.alt
    assert wide.parent is not None
    assert wide.parent.attributes["href"] == GLOBAL_MEETING.link
    assert "The seventeenth Global Meeting · Photo by Kim Lee" in edition.text
    assert f"[{PICTURE.alt}]\n" in edition.text
    assert edition.text.count(GLOBAL_MEETING.link) == 1


def test_a_picture_of_an_item_without_a_link_leads_to_the_large_one(ours: Templates) -> None:
    item = ItemCard(title="A meeting", picture=PICTURE)

    edition = render_digest(ours, replace(DIGEST, sections=(Section("", (item,)),)))

    assert f'<a href="{PICTURE.large_url}"' in edition.html
    assert f"<{PICTURE.large_url}>" in edition.text


def test_a_document_says_what_it_is_and_how_large(ours: Templates) -> None:
    english = render_digest(ours, ILLUSTRATED).text
    french = render_digest(ours, replace(ILLUSTRATED, language="fr")).text

    agenda, papers, recording = ILLUSTRATED.items[0].documents
    assert f"- Agenda\n  <{agenda.url}>\n  (PDF, 340 kB)" in english
    assert f"- Papers of the meeting <{papers.url}>\n" in english
    assert f"- Recording <{recording.url}> (MP4)" in english
    assert "(PDF, 340 ko)" in " ".join(french.split())


def test_what_lies_ahead_is_told_in_utc_too_and_can_be_put_into_a_calendar(
    ours: Templates,
) -> None:
    text = render_digest(ours, ILLUSTRATED).text

    said = " ".join(text.split())
    assert (
        "15 March 2023, 12:00 – 13:30 (Bangkok time) · 05:00 – 06:30 UTC · Online "
        "Add to calendar <https://office.example.org/news/e/1AbCdEf.ics>"
    ) in said
    assert said.count("UTC") == 2  # and once more in the table below


def test_a_digest_without_items_is_an_announcement(ours: Templates) -> None:
    text = render_digest(ours, replace(DIGEST, sections=(), coming_up=())).text

    assert "The regional offices met" in text
    assert "Coming up" not in text


def test_the_foot_says_why_who_and_where(ours: Templates) -> None:
    text = filled_text(render_digest(ours, DIGEST), ours)

    assert "because kim.lee@example.net is subscribed to Meeting\nNews." in text
    assert f"Leave this list\n<{VALUES.leave_url}>" in text
    assert SENDER.postal_address in text
    assert "write to us at desk@office.example.org" in text
    assert "World Customs Organization <https://www.wcoomd.example.org/>" in text


def test_a_house_without_partners_and_contact_has_no_empty_lines_for_them(
    ours: Templates,
) -> None:
    text = render_digest(ours, replace(DIGEST, house=replace(HOUSE, partners=(), contact=""))).text

    assert "Partners" not in text
    assert "write to us" not in text


def test_a_confirmation_says_who_what_and_how_not_to(ours: Templates) -> None:
    text = filled_text(render_letter(ours, letter(Kind.CONFIRMATION)), ours)

    assert "Meeting News to be sent to\nkim.lee@example.net" in text
    assert text.count(VALUES.confirm_url) == 2
    assert "The link works for 7 days." in text
    assert "Not you? Do nothing" in text
    assert f"Never write to this address again\n<{VALUES.refuse_url}>" in text


def test_a_welcome_holds_the_lists_own_words(ours: Templates) -> None:
    edition = render_letter(ours, letter(Kind.WELCOME, note="We write on *Fridays*."))

    assert "We write on Fridays." in edition.text
    assert "<em>Fridays</em>" in edition.html


def test_a_notice_keeps_the_lines_of_a_command(ours: Templates) -> None:
    assert "then run:\nmailer route resume smtp" in render_letter(ours, letter(Kind.NOTICE)).text


def test_a_test_says_so_in_its_subject_and_is_else_the_same(ours: Templates) -> None:
    digest, test = (render_digest(ours, DIGEST, kind=kind) for kind in (Kind.DIGEST, Kind.TEST))

    assert test.subject == f"Test: {digest.subject}"
    assert test.text.replace(test.nonce, "") == digest.text.replace(digest.nonce, "")


# ---------------------------------------------------------------------- the hash


def test_the_same_input_has_the_same_hash_and_the_same_edition(ours: Templates) -> None:
    assert render_digest(ours, DIGEST) == render_digest(templates(), replace(DIGEST))


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Another"},
        {"number": 13},
        {"language": "en-GB"},
        {"dated_on": date(2023, 2, 25)},
        {"house": replace(HOUSE, contact="other@office.example.org")},
        {"coming_up": ()},
    ],
    ids=str,
)
def test_other_content_has_another_hash(ours: Templates, change: dict[str, Any]) -> None:
    assert render_digest(ours, replace(DIGEST, **change)).hash != render_digest(ours, DIGEST).hash


def test_another_template_has_another_hash_be_it_only_a_part(
    ours: Templates, tmp_path: Path
) -> None:
    part = tmp_path / "mail" / "parts" / "styles.css"
    part.parent.mkdir(parents=True)
    part.write_text('{% include "original/mail/parts/styles.css" %} p { margin: 0 }')

    assert render_digest(templates(tmp_path), DIGEST).hash != render_digest(ours, DIGEST).hash


def test_an_edition_comes_back_from_plain_strings(ours: Templates) -> None:
    edition = render_digest(ours, DIGEST)

    assert Edition.load({**edition.stored(), "id": "7"}) == edition
    assert all(isinstance(value, str) for value in edition.stored().values())


def test_content_cannot_hold_a_marker_for_the_marker_depends_on_it(ours: Templates) -> None:
    first = render_digest(ours, DIGEST)
    forged = f"hole-{first.nonce}-leave_url-hole"

    second = render_digest(ours, replace(DIGEST, subject=forged))

    assert second.nonce != first.nonce
    assert Prepared.of(second, ours.languages["en"]).fill(VALUES).subject == forged


# ---------------------------------------------------------------------- sizes and warnings


def test_a_page_over_the_limit_is_refused_and_one_near_it_warned_about(ours: Templates) -> None:
    paragraph = "Words that fill the page, one after the other. " * 20 + "\n\n"

    def long(count: int) -> DigestContent:
        item = replace(GLOBAL_MEETING, body=paragraph * count)
        return replace(DIGEST, sections=(Section("News", (item,)),))

    near = render_digest(ours, long(75))
    assert "from 102,400 on it is refused" in near.warnings[0]
    assert 81_920 <= encoded_size(near.html) < 102_400
    with pytest.raises(TooLarge, match="102,400 is the limit"):
        render_digest(ours, long(105))


def test_the_size_is_that_of_the_encoded_part(ours: Templates) -> None:
    assert encoded_size("税関" * 300) > 600 * 3
    assert encoded_size("a" * 600) < 650


def test_a_long_subject_is_warned_about_and_a_very_long_one_refused(ours: Templates) -> None:
    assert (
        "inboxes will cut it" in render_digest(ours, replace(DIGEST, subject="x " * 45)).warnings[0]
    )
    with pytest.raises(HeaderInvalid, match="longer than 200"):
        render_digest(ours, replace(DIGEST, subject="x" * 201))


def test_a_sender_without_postal_address_is_warned_about(ours: Templates) -> None:
    content = replace(DIGEST, sender=replace(SENDER, postal_address=""))

    assert "no postal address" in render_digest(ours, content).warnings[0]


# ---------------------------------------------------------------------- an owner's templates


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "mail" / "digest"
    folder.mkdir(parents=True)
    return folder


BARE = "<p>{{ recipient.leave_url }} {{ sender.postal_address }}</p>"


def test_a_page_of_the_owners_is_used_before_ours(own: Path, tmp_path: Path) -> None:
    (own / "body.html").write_text(f"<h1>Mine</h1>{BARE}")

    edition = render_digest(templates(tmp_path), DIGEST)

    assert edition.text.startswith("Mine\n====\n")
    assert edition.subject == DIGEST.subject


def test_a_text_of_the_owners_goes_before_the_one_made_from_the_page(
    own: Path, tmp_path: Path
) -> None:
    (own / "body.txt").write_text(
        "Own & plain: {{ recipient.leave_url }}\n{{ sender.postal_address }}"
    )

    assert render_digest(templates(tmp_path), DIGEST).text.startswith("Own & plain: hole-")


def test_a_further_layout_is_a_further_folder(own: Path, tmp_path: Path) -> None:
    short = own.parent / "short"
    short.mkdir()
    (short / "subject.txt").write_text("In short: {{ digest.subject }}")
    (short / "body.html").write_text(BARE)

    found = templates(tmp_path)

    assert layouts(found) == ["digest", "letterhead", "short"]
    edition = render_digest(found, replace(DIGEST, layout="short"))
    assert (edition.layout, edition.subject[:9]) == ("short", "In short:")


def test_a_layout_that_is_not_there_names_those_that_are(ours: Templates) -> None:
    with pytest.raises(NotFound, match="no layout “nice”; there are digest, letterhead"):
        render_digest(ours, replace(DIGEST, layout="nice"))


@pytest.mark.parametrize(
    "page, said",
    [
        ("<p>{{ sender.postal_address }}</p>", "does not show {{ recipient.leave_url }}"),
        ("<p>{{ recipient.leave_url }}</p>", "does not show {{ sender.postal_address }}"),
        (BARE + "{{ recipient.name|e|upper }}", "changes a value of the recipient by a filter"),
    ],
)
def test_a_layout_without_what_every_digest_needs_is_refused(
    own: Path, tmp_path: Path, page: str, said: str
) -> None:
    (own / "body.html").write_text(page)

    with pytest.raises(TemplateInvalid, match=re.escape(said)):
        render_digest(templates(tmp_path), DIGEST)


def test_a_confirmation_cannot_show_what_a_stranger_called_themselves(tmp_path: Path) -> None:
    folder = tmp_path / "mail" / "confirmation"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("{{ recipient.name }}, please confirm")

    with pytest.raises(TemplateInvalid, match=r"subject\.txt:1: a confirmation message has no"):
        render_letter(templates(tmp_path), letter(Kind.CONFIRMATION))


# ---------------------------------------------------------------------- content


@pytest.mark.parametrize("name", ["title", "place", "topic", "organiser"])
@pytest.mark.parametrize(
    "bad", ["a\nb", "a\rb", "a\0b", "a\x7fb", "a\u2028b", "a\u202eb", "a\u2066b"]
)
def test_an_item_with_unseen_characters_is_refused_where_it_is_made(name: str, bad: str) -> None:
    fields: dict[str, Any] = {"title": "Title", name: bad}

    with pytest.raises(HeaderInvalid, match=name):
        ItemCard(**fields)


def test_a_link_that_is_none_is_refused_where_it_is_made() -> None:
    for link in (
        "javascript:alert(1)",
        "example.org",
        "https://example.org/a b",
        "https:",
        "http://[",
    ):
        with pytest.raises(UsageError):
            ItemCard(title="Title", link=link)
    with pytest.raises(UsageError):
        Partner("Name", "ftp://example.org")


def test_dates_that_cannot_be_are_refused_where_they_are_made() -> None:
    with pytest.raises(MomentInvalid, match="no time zone"):
        ItemCard(title="Title", starts=datetime(2023, 2, 20, 9, 0))  # noqa: DTZ001 - the mistake
    with pytest.raises(MomentInvalid):
        ItemCard(title="Title", starts=datetime(2023, 2, 20, tzinfo=UTC), ends=date(2023, 2, 21))


def test_a_sender_must_be_reachable_by_every_server() -> None:
    with pytest.raises(HeaderInvalid, match="must be ASCII before the @"):
        SenderCard("Büro", "büro@example.org")
    SenderCard("Büro", "buero@bücher.example.org")


@pytest.mark.parametrize("identifier", ["", "a b.example.org", "<a.example.org>", "ä.example.org"])
def test_a_list_has_an_identifier_that_may_stand_in_its_header(identifier: str) -> None:
    with pytest.raises(HeaderInvalid, match="identifier"):
        replace(LIST, identifier=identifier)


# ---------------------------------------------------------------------- what is written about it


def test_the_example_in_the_book_works(tmp_path: Path) -> None:
    book = (files.CHECKOUT / "docs" / "templates.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```jinja\n(.*?)```", book, re.DOTALL)
    (tmp_path / "mail" / "welcome").mkdir(parents=True)
    (tmp_path / "mail" / "welcome" / "body.html").write_text(example, encoding="utf-8")

    text = render_letter(templates(tmp_path), letter(Kind.WELCOME)).text

    assert "Questions? Ring +66 2 000 0000.\n\nYou get this because" in text


def test_the_book_names_every_hole() -> None:
    book = (files.CHECKOUT / "docs" / "templates.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `recipient\.(\w+)`", book, re.MULTILINE)) == set().union(
        *holes.NAMES.values()
    )


def test_every_kind_of_delivery_can_be_rendered() -> None:
    assert {kind.value for kind in DeliveryKind} <= {kind.value for kind in Kind}
