"""An editor comes in, watches a digest, stops it, and reads why somebody did not get it."""

import re

from playwright.sync_api import expect

from mailer.db.schema import DeliveryState
from tests.browser import Visitor
from tests.web.rooms.conftest import RoomsStreet
from tests.web.rooms.furnishing import furnish
from tests.web.rooms.test_progress import settle


def test_an_editor_watches_and_stops_a_digest(rooms_street: RoomsStreet, browser: Visitor) -> None:
    furnish(rooms_street.office)
    page = browser.page()
    rooms_street.enter(page)

    # From home, the digest on its way is one link away; what changes shows without a press.
    page.get_by_role("link", name="Watch it go").click()
    expect(page.locator("small", has_text="15 of 19 done")).to_be_visible()
    settle(rooms_street.office, 2, DeliveryState.QUEUED, DeliveryState.SENT)
    expect(page.locator("small", has_text="19 of 19 done")).to_be_visible(timeout=10_000)

    # It is paused by keyboard alone, with a reason.
    page.get_by_text("Pause", exact=True).first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Why").fill("A date is wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It stands still")).to_be_visible()
    expect(page.get_by_text("A date is wrong")).to_be_visible()

    # The report of the one before leads to who did not get it, and why.
    page.goto(f"{rooms_street.address}/rooms/digests/3/report")
    page.get_by_role("link", name="Who got it").click()
    page.get_by_label("How it stands").select_option("failed")
    page.get_by_role("button", name="Find").click()
    page.wait_for_url(re.compile("state=failed"))
    page.get_by_role("link", name=re.compile("@")).first.click()
    expect(page.get_by_text("It was returned. There is no such mailbox")).to_be_visible()


def test_without_scripts_all_of_it_can_be_done(rooms_street: RoomsStreet, browser: Visitor) -> None:
    furnish(rooms_street.office)
    page = browser.page(scripts=False)
    rooms_street.enter(page, "/digests/2/progress")

    expect(page.get_by_role("link", name="Look again")).to_be_visible()
    page.get_by_text("Cancel", exact=True).first.click()
    expect(page.get_by_text("4 people will not get it")).to_be_visible()
    page.get_by_role("button", name="Cancel the digest").click()

    expect(page.get_by_text("It was cancelled")).to_be_visible()
