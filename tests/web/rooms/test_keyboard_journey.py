"""An editor without a mouse: from the door to a queued digest, and back by undo."""

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser import Visitor
from tests.web.rooms.conftest import PASSWORD, RoomsStreet

if TYPE_CHECKING:
    from playwright.sync_api import Page

MOST_TABS = 80
"""Presses of Tab after which a thing counts as out of reach."""

IS_HERE = """name => {
  const one = document.activeElement;
  const label = one.labels?.[0]?.innerText ?? "";
  const by = document.getElementById(one.getAttribute("aria-labelledby"))?.innerText ?? "";
  const said = one.getAttribute("aria-label") ?? by;
  return [label, said, one.innerText ?? ""].some((text) => text.trim().startsWith(name));
}"""


def reach(page: "Page", name: str) -> None:
    """Press Tab until the focus is on what has this name, and see that it shows."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(IS_HERE, name):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on “{name}” cannot be seen"
            return
    raise AssertionError(f"“{name}” is not within {MOST_TABS} presses of Tab")


def test_a_digest_is_made_and_queued_without_a_mouse(
    rooms_street: RoomsStreet, browser: Visitor
) -> None:
    rooms_street.rooms.employ("noor@office.example")
    rooms_street.office.join("kim@reader.example")
    page = browser.page()
    page.goto(f"{rooms_street.address}/rooms")

    reach(page, "Your email")
    page.keyboard.type("noor@office.example")
    reach(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{rooms_street.address}/rooms")

    # By keys to the items, and to a new one
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/rooms/items")
    page.keyboard.press("n")
    page.wait_for_url("**/rooms/items/new")
    reach(page, "Title")
    page.keyboard.type("Heads of training centres meet")
    reach(page, "Text")
    page.keyboard.type("Two days in Suva.")
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    expect(page.get_by_role("status").first).to_contain_text("The item is kept.")

    # A digest of it
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/rooms/digests")
    page.keyboard.press("n")
    page.wait_for_url("**/rooms/digests/new")
    reach(page, "Subject")
    page.keyboard.type("What was decided in Suva")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/rooms/digests/\d+"))
    reach(page, "Check and queue")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/queue"))
    if page.get_by_label("Why it may go all the same").count():
        reach(page, "Why it may go all the same")
        page.keyboard.type("It is a short one.")
    reach(page, "Queue now")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    # It can be undone for a minute
    reach(page, "Undo")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_text("Draft", exact=True).first).to_be_visible()
