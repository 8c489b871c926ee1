"""Layouts of digests: what each shows, and whose language each of its words is in."""

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.rendering import (
    DigestContent,
    House,
    Prepared,
    Section,
    Templates,
    layouts,
    render_digest,
)
from tests.rendering.sample import DIGEST, GLOBAL_MEETING, LIST, SENDER, TRAINING, VALUES, templates
from tests.rendering.scripts import MIXED

OURS = templates()
LAYOUTS = layouts(OURS)


def page(content: DigestContent, layout: str, ours: Templates = OURS) -> LexborHTMLParser:
    return LexborHTMLParser(render_digest(ours, replace(content, layout=layout)).html)


def text(content: DigestContent, layout: str) -> str:
    edition = render_digest(OURS, replace(content, layout=layout))
    return Prepared.of(edition, OURS.languages.of(edition.language)).fill(VALUES).text


def language_at(node: LexborNode | None) -> tuple[str | None, str | None]:
    """Give language and direction of a node, as its nearest ancestor says them."""
    while node is not None:
        if "lang" in node.attributes:
            return node.attributes["lang"], node.attributes.get("dir")
        node = node.parent
    return None, None


def holder(tree: LexborHTMLParser, words: str) -> LexborNode:
    """Give the innermost element of the body that holds these words."""
    assert tree.body is not None
    found = [node for node in tree.body.css("*") if words in node.text()]
    return min(found, key=lambda node: len(node.text()))


# ---------------------------------------------------------------------- the letterhead


def test_a_digest_on_a_letterhead_reads_as_a_letter() -> None:
    content = replace(DIGEST, sections=(Section("Capacity building", (GLOBAL_MEETING, TRAINING)),))

    said = text(content, "letterhead")

    in_order = [
        "ROCB Asia/Pacific\n",
        "24 February 2023\n\nDear Kim Lee,\n\nThe regional offices met",
        "<https://office.example.org/reports/global-meeting-17>\n20–21 February 2023 · Brussels",
        "Heads of training centres agree",
        "With kind regards,\n\nROCB Asia/Pacific\n",
        "You get this because kim.lee@example.net",
        "Number 12 · Read on the web",
        "1 Harbour Road, Bangkok 10110",
    ]
    places = [said.index(words) for words in in_order]
    assert places == sorted(places)


def test_a_letterhead_has_no_furniture_of_a_newspaper() -> None:
    said = text(DIGEST, "letterhead")

    assert len(DIGEST.items) > 4
    for furniture in ("In this issue", "Coming up", "Enforcement\n---"):
        assert furniture in text(DIGEST, "digest")
        assert furniture not in said


def test_an_office_that_has_its_lists_name_is_named_once() -> None:
    alone = replace(DIGEST, house=House(""), sender=replace(SENDER, name=LIST.name))

    assert text(alone, "letterhead").startswith("Meeting News\n============\n\n24 February 2023")


def test_an_announcement_without_items_is_a_letter_too() -> None:
    said = text(replace(DIGEST, sections=(), coming_up=()), "letterhead")

    assert "two dates to note.\n\nWith kind regards," in said


# ---------------------------------------------------------------------- whose language


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_postal_address_may_be_in_another_direction_than_the_page(layout: str) -> None:
    hebrew = replace(SENDER, postal_address="רחוב הנמל 1\nתל אביב")

    said = text(replace(DIGEST, sender=hebrew), layout)

    assert "Sent by ROCB Asia/Pacific\n\u200eרחוב הנמל 1\n\u200eתל אביב\n" in said


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("number, spoken", [(2, ("th", "ltr")), (4, ("he", "rtl"))])
def test_an_item_is_in_its_own_language_and_its_dates_in_the_digests(
    layout: str, number: int, spoken: tuple[str, str]
) -> None:
    (block,) = page(MIXED, layout).css(f"#item-{number}")
    (dates,) = block.css("time")

    assert language_at(block) == spoken
    assert language_at(dates) == ("en", "ltr")
    assert dates.text() == "20–21 February 2023"


def test_titles_and_places_are_marked_wherever_they_stand() -> None:
    tree = page(MIXED, "digest")

    contents = [language_at(node.css_first("bdi")) for node in tree.css(".contents li")]
    coming = [language_at(node.css_first("a")) for node in tree.css(".calendar tbody tr")]
    headings = [language_at(node) for node in tree.css("h2.topic")][1:-1]
    spoken = [("en", "ltr"), ("th", "ltr"), ("ko", "ltr"), ("he", "rtl"), ("ar", "rtl")]
    assert contents == spoken
    assert coming == spoken[1:]
    assert headings == spoken


@pytest.mark.parametrize("layout", LAYOUTS)
def test_words_that_nobody_translated_are_marked_as_what_they_are(layout: str) -> None:
    content = replace(
        DIGEST, language="fr", words_in="en", mailing_list=replace(LIST, language="en")
    )

    tree = page(content, layout)

    assert language_at(holder(tree, LIST.name)) == ("en", "ltr")
    assert language_at(holder(tree, "two dates to note")) == ("en", "ltr")
    assert language_at(holder(tree, "24 février 2023")) == ("fr", "ltr")
    assert language_at(holder(tree, "Me désabonner")) == ("fr", "ltr")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_words_of_ours_are_english_where_there_is_no_catalogue(layout: str) -> None:
    thai = replace(DIGEST, language="th", mailing_list=replace(LIST, language="th"))

    tree = page(thai, layout)

    assert language_at(holder(tree, "Leave this list")) == ("en", "ltr")
    assert language_at(holder(tree, "กุมภาพันธ์")) == ("th", "ltr")


@pytest.mark.parametrize("code", ["th", "fa", "ja", "he"])
def test_the_year_is_that_of_the_common_calendar(code: str) -> None:
    assert "2023" in OURS.languages.of(code).format_date(DIGEST.dated_on)
