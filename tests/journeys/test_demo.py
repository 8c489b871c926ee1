"""The whole round trip at a real browser: the demo's command, its pages, its inbox.

A reader subscribes by the box, confirms by the letter, gets the next digest, and leaves by it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import browser as at
from tests.browser import Visitor
from tests.demo.process import Demo, demo

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

NARROWEST = 320
PICTURES = os.environ.get("MAILER_TEST_PICTURES")
PERSON_SECONDS = 2.5
"""How long a person takes to type an address; who is quicker is asked to press again."""

PATIENCE_SECONDS = 15
SETTLED_SECONDS = 0.4

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Start the demo once for all these stories; each has a reader of its own."""
    with demo(tmp_path_factory.mktemp("demo") / "tmp", "--port", "0") as running:
        running.wait()
        yield running
        running.stop()
        assert "worker.fell" not in running.said


# ------------------------------------------------------------------ what a person does


def look_at(page: "Page", name: str) -> None:
    """See that a page is fit to be shown; keep pictures of it where somebody wants them."""
    page.wait_for_load_state()  # a page that opened by itself may still be without its style
    size = page.viewport_size or {"width": at.DESKTOP, "height": 900}
    # The readers' pages have tests of their own that look at them in the dark.
    for scheme in at.SCHEMES if "/inbox/" in page.url else at.SCHEMES[:1]:
        page.emulate_media(color_scheme=scheme)
        assert at.axe(page) == [], f"{name}, {scheme}: {page.url}"
    page.set_viewport_size({"width": NARROWEST, "height": 740})
    assert not at.is_too_wide(page), f"{name}: {page.url}"
    if PICTURES:
        take(page, Path(PICTURES), f"demo-{name}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(size)


def take(page: "Page", folder: Path, name: str) -> None:
    """Take pictures as `tests.browser.screenshots` does, at the pace of a frame within the page."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in at.WIDTHS:
        for scheme in at.SCHEMES:
            page.set_viewport_size({"width": width, "height": at.HEIGHTS[width]})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(SETTLED_SECONDS * 1000)
            file = folder / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=file, full_page=True, animations="disabled")


def subscribe(page: "Page", office: Demo, address: str) -> None:
    page.goto(f"{office.base}l/meetings")
    page.get_by_label("Your email").fill(address)
    page.wait_for_timeout(PERSON_SECONDS * 1000)
    page.get_by_role("button", name="Subscribe", exact=True).click()


def open_newest(page: "Page", office: Demo, address: str, kind: str) -> "FrameLocator":
    """Open the newest message of a kind to an address; look again until it is there."""
    row = page.locator(".messages li", has_text=address).filter(has_text=kind)
    page.goto(f"{office.inbox}?q={address}")
    for _ in range(PATIENCE_SECONDS * 2):
        if row.count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    row.first.get_by_role("link").click()
    return page.frame_locator("iframe")


def queue_next(page: "Page", office: Demo) -> None:
    page.goto(office.inbox)
    page.get_by_role("button", name="Queue the next digest").click()
    page.get_by_role("status").filter(has_text="is out").wait_for()


def count(page: "Page", office: Demo, address: str, kind: str) -> int:
    page.goto(f"{office.inbox}?q={address}")
    return page.locator(".messages li").filter(has_text=kind).count()


def join(page: "Page", office: Demo, address: str) -> None:
    subscribe(page, office, address)
    letter = open_newest(page, office, address, "Confirmation")
    with page.expect_popup() as opened:
        letter.get_by_role("link", name="Confirm").first.click()
    opened.value.get_by_role("button").click()
    opened.value.close()


# ------------------------------------------------------------------ stories


def test_a_reader_joins_gets_the_next_digest_and_leaves(office: Demo, browser: Visitor) -> None:
    address = "mika@example.org"
    page = browser.page()

    page.goto(office.base)
    look_at(page, "01-lists")
    page.get_by_role("link", name="Meeting news").click()
    look_at(page, "02-list")
    subscribe(page, office, address)
    assert "news@example.org" in page.inner_text("main")
    look_at(page, "03-asked")

    page.goto(office.inbox)
    look_at(page, "04-inbox")
    letter = open_newest(page, office, address, "Confirmation")
    look_at(page, "05-letter")
    with page.expect_popup() as opened:
        letter.get_by_role("link", name="Confirm").first.click()
    confirming = opened.value
    look_at(confirming, "06-confirm")
    confirming.get_by_role("button").click()
    assert "You are subscribed" in confirming.inner_text("h1")
    look_at(confirming, "07-subscribed")

    open_newest(page, office, address, "Welcome")
    look_at(page, "08-welcome")
    queue_next(page, office)
    look_at(page, "09-queued")
    digest = open_newest(page, office, address, "Digest")
    assert digest.get_by_role("link", name="into one catalogue").count()
    look_at(page, "10-digest")
    page.get_by_role("link", name="Phone").click()
    look_at(page, "11-digest-on-a-phone")

    with page.expect_popup() as opened:
        digest.get_by_role("link", name="Leave this list").click()
    leaving = opened.value
    look_at(leaving, "12-leave")
    leaving.get_by_role("button").click()
    look_at(leaving, "13-left")
    queue_next(page, office)

    assert count(page, office, address, "Digest") == 1


def test_the_inbox_leaves_by_one_click_as_a_mailbox_provider_does(
    office: Demo, browser: Visitor
) -> None:
    address = "noa@example.net"
    page = browser.page()
    join(page, office, address)
    queue_next(page, office)
    open_newest(page, office, address, "Digest")

    page.get_by_role("button", name="Unsubscribe").click()

    assert "200 OK. noa@example.net has left the list" in page.get_by_role("status").inner_text()
    look_at(page, "14-one-click")
    queue_next(page, office)
    assert count(page, office, address, "Digest") == 1


def test_a_digest_reads_in_japanese_as_html_text_and_source(office: Demo, browser: Visitor) -> None:
    page = browser.page()

    digest = open_newest(page, office, "hana.kimura@example.org", "Digest")
    digest.get_by_text("会合だより").first.wait_for()
    look_at(page, "15-digest-ja")
    page.get_by_role("link", name="Text", exact=True).click()
    assert "会合だより" in page.inner_text("pre")
    look_at(page, "16-text-ja")
    page.get_by_role("link", name="Source").click()
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in page.inner_text("pre")
    look_at(page, "17-source-ja")
    page.get_by_text("Headers and envelope").click()
    page.get_by_text("hana.kimura@example.org").last.wait_for()
    look_at(page, "18-headers-ja")


def test_the_archive_has_the_digest_for_everybody(office: Demo, browser: Visitor) -> None:
    page = browser.page()

    page.goto(f"{office.base}l/meetings/archive")
    look_at(page, "19-archive")
    page.get_by_role("link", name="Brussels").last.click()
    look_at(page, "20-archived-digest")

    assert "Leave this list" not in page.inner_text("body")


def test_the_inbox_works_by_keyboard_alone_and_without_scripts(
    office: Demo, browser: Visitor
) -> None:
    page = browser.page(scripts=False)
    page.goto(f"{office.inbox}?q=hana.kimura")
    messages = page.locator(".messages li")

    for _ in range(20):
        page.keyboard.press("Tab")
        if messages.first.locator("a:focus").count():
            break
    page.keyboard.press("Enter")

    page.wait_for_url("**/inbox/*")
    assert "Hana" in page.inner_text("dl") or "木村" in page.inner_text("dl")


def test_an_empty_search_and_a_message_that_is_gone_are_fit_to_be_shown(
    office: Demo, browser: Visitor
) -> None:
    page = browser.page()

    page.goto(f"{office.inbox}?q=nobody-here")
    look_at(page, "21-nothing-found")
    page.goto(f"{office.inbox}4000")
    look_at(page, "22-gone")
    browser.console.clear()  # Chromium notes the 404
