"""Mails in a browser: nothing runs over, nobody is kept out, the next step is on the screen."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailer import accent
from mailer.rendering import (
    DigestContent,
    ItemCard,
    Kind,
    Prepared,
    Section,
    layouts,
    render_digest,
    render_letter,
)
from tests import photos
from tests.browser import HEIGHTS, PHONE, SCHEMES, TABLET, Visitor, axe, is_too_wide, screenshots
from tests.rendering import scripts
from tests.rendering.sample import (
    ARABIC,
    DIGEST,
    GLOBAL_MEETING,
    ILLUSTRATED,
    JAPANESE,
    LIST,
    PICTURE,
    SENDER,
    SMALL_PICTURE,
    TALL_PICTURE,
    VALUES,
    WEB,
    letter,
    templates,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

OURS = templates()

NARROWEST = 320

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenversicherungsamt"
LONG_TITLE = "ながいみだしにはくぎりがなくてもつぎのぎょうへおくられなければならない" * 2
LONG_URL = "https://office.example.org/" + "reports" * 25

OVERFULL = replace(
    DIGEST,
    mailing_list=replace(LIST, name=LONG_WORD),
    introduction=f"{LONG_WORD} <{LONG_URL}>",
    sections=(
        Section(
            LONG_WORD,
            (
                replace(GLOBAL_MEETING, title=LONG_WORD, place=LONG_WORD, body=f"<{LONG_URL}>"),
                ItemCard(title=LONG_TITLE, body=LONG_TITLE, language="ja"),
            ),
        ),
    ),
    coming_up=(replace(GLOBAL_MEETING, title=LONG_WORD, place=LONG_TITLE),),
    sender=replace(SENDER, postal_address=LONG_WORD),
)
PICTURES = {
    one.url: photos.saved(photos.scene(one.width, one.height), "JPEG")
    for one in (PICTURE, TALL_PICTURE, SMALL_PICTURE)
}
EMPTY = replace(DIGEST, sections=(), coming_up=(), introduction="Only this.")

DIGESTS = {
    f"{layout}-{name}": replace(content, layout=layout)
    for layout in layouts(OURS)
    for name, content in {
        "en": DIGEST,
        "ja": JAPANESE,
        "fr": replace(DIGEST, language="fr", words_in="en"),
        **scripts.EVERY,
        "illustrated": ILLUSTRATED,
        "overfull": OVERFULL,
        "empty": EMPTY,
    }.items()
}
LETTERS = {
    f"{kind}-{language}": (kind, language)
    for kind in Kind
    if not kind.is_digest
    for language in ("en", "fr", "ja")
}


def digest_page(content: DigestContent) -> str:
    edition = render_digest(OURS, content)
    return Prepared.of(edition, OURS.languages.of(edition.language)).fill(VALUES).html


def letter_page(kind: Kind, language: str) -> str:
    edition = render_letter(OURS, letter(kind, language))
    return Prepared.of(edition, OURS.languages[language]).fill(VALUES).html


def look(browser: Visitor, html: str) -> "Page":
    """Open a mail on phone and tablet, light and dark, and see what is wrong."""
    page = browser.page(width=PHONE)
    page.route(f"{WEB}/m/**", lambda route: route.fulfill(body=PICTURES[route.request.url]))
    page.set_content(html)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert axe(page) == []
    for width in (TABLET, NARROWEST, PHONE):
        page.set_viewport_size({"width": width, "height": HEIGHTS[PHONE]})
        assert not is_too_wide(page), f"too wide at {width}"
    return page


@pytest.mark.parametrize("layout", layouts(OURS))
def test_a_digest_fits_and_keeps_nobody_out(browser: Visitor, layout: str) -> None:
    look(browser, digest_page(replace(DIGEST, layout=layout)))


@pytest.mark.parametrize("layout", layouts(OURS))
def test_pictures_and_documents_fit_and_keep_nobody_out(browser: Visitor, layout: str) -> None:
    page = look(browser, digest_page(replace(ILLUSTRATED, layout=layout)))

    boxes = [image.bounding_box() for image in page.locator("img").all()]
    ratios = [box["width"] / box["height"] for box in boxes if box]
    assert ratios == pytest.approx([600 / 400, 450 / 600, 300 / 120], rel=0.02)


def test_long_words_and_addresses_break_nothing(browser: Visitor) -> None:
    for layout in layouts(OURS):
        look(browser, digest_page(replace(OVERFULL, layout=layout)))


@pytest.mark.parametrize("colour", ["#ffcc00", "#14003c"])
@pytest.mark.parametrize("layout", layouts(OURS))
def test_a_digest_in_its_list_s_own_colour_can_be_read(
    browser: Visitor, layout: str, colour: str, pictures: Path
) -> None:
    own = replace(DIGEST, mailing_list=replace(LIST, accent=colour), layout=layout)

    page = look(browser, digest_page(own))

    shades = accent.shades(colour)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        tones = shades.light if scheme == "light" else shades.dark
        used = page.locator("#item-1 a").first.evaluate("node => getComputedStyle(node).color")
        assert used == f"rgb{tuple(bytes.fromhex(tones.accent[1:]))}"
    if os.environ.get("MAILER_TEST_PICTURES"):
        screenshots(page, pictures, f"{layout}-accent-{colour[1:]}")


def test_a_letter_has_its_button_in_the_list_s_own_colour(browser: Visitor, pictures: Path) -> None:
    content = replace(letter(Kind.CONFIRMATION), mailing_list=replace(LIST, accent="#ffcc00"))
    html = Prepared.of(render_letter(OURS, content), OURS.languages["en"]).fill(VALUES).html

    page = look(browser, html)

    shades = accent.shades("#ffcc00")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        tones = shades.light if scheme == "light" else shades.dark
        used = page.locator(".button a").evaluate("node => getComputedStyle(node).backgroundColor")
        assert used == f"rgb{tuple(bytes.fromhex(tones.accent[1:]))}"
    if os.environ.get("MAILER_TEST_PICTURES"):
        screenshots(page, pictures, "confirmation-accent-ffcc00")


def test_a_confirmation_fits_and_keeps_nobody_out(browser: Visitor) -> None:
    look(browser, letter_page(Kind.CONFIRMATION, "en"))


@pytest.mark.gate
@pytest.mark.parametrize("name", DIGESTS)
def test_a_digest_can_be_looked_at(browser: Visitor, name: str, pictures: Path) -> None:
    page = look(browser, digest_page(DIGESTS[name]))

    assert len(screenshots(page, pictures, name)) == 6


@pytest.mark.gate
@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_can_be_looked_at(browser: Visitor, name: str, pictures: Path) -> None:
    page = look(browser, letter_page(*LETTERS[name]))

    assert len(screenshots(page, pictures, name)) == 6


@pytest.mark.parametrize("language", ["en", "fr", "ja"])
def test_all_of_a_confirmation_is_on_a_phone_s_first_screen(
    browser: Visitor, language: str
) -> None:
    page = browser.page(width=PHONE)
    page.set_content(letter_page(Kind.CONFIRMATION, language))

    refuse = page.locator(f'a[href="{VALUES.refuse_url}"]').bounding_box()

    assert refuse is not None
    assert refuse["y"] + refuse["height"] < HEIGHTS[PHONE] - 120  # the program's own bars


def test_targets_on_a_phone_are_large_enough_for_a_finger(browser: Visitor) -> None:
    page = browser.page(width=PHONE)
    page.set_content(letter_page(Kind.CONFIRMATION, "en"))

    button = page.locator("td.button a").bounding_box()
    leave = page.locator("a.reach").bounding_box()

    assert button is not None
    assert leave is not None
    assert button["height"] >= 44
    assert leave["height"] >= 44


def test_a_right_to_left_page_is_mirrored(browser: Visitor) -> None:
    page = browser.page(width=TABLET)
    page.set_content(digest_page(ARABIC))

    name = page.locator("h1").evaluate("node => getComputedStyle(node.parentNode).textAlign")
    english = page.locator("#item-2").evaluate("node => getComputedStyle(node).textAlign")

    assert (name, english) == ("right", "left")
