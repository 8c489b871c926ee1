"""An editor's morning: a draft from what is new, put in order, read by another, queued, undone."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailer import lists
from mailer.db.schema import DeliveryKind, DigestState
from mailer.digests import arranging, life
from tests.browser import PHONE, Visitor, is_too_wide
from tests.web.rooms.conftest import RoomsStreet


@pytest.mark.timeout(120)
def test_a_digest_from_what_is_new_to_its_hour_and_back(  # noqa: PLR0915  (one story)
    rooms_street: RoomsStreet, browser: Visitor, pictures: Path
) -> None:
    office = rooms_street.office
    edit = lists.Edit(needs_approval=True, languages=("en",), zone="Europe/Brussels")
    office.app.database.write(lists.edit, "meetings", edit, now=office.clock.now())
    first = office.add_item("Regional entities meet", "starts: 2026-12-02", "topic: Capacity")
    second = office.add_item("A calendar for all", "topic: Capacity")
    office.join("kim@reader.example")
    page = browser.page(locale="en-GB")
    rooms_street.enter(page, "/digests")

    # a draft from all that is new
    page.get_by_role("main").get_by_role("link", name="Begin a digest").first.click()
    page.get_by_label("Subject").fill("What was decided in Brussels")
    page.get_by_role("button", name="Begin the digest").click()
    page.get_by_label("Introduction").fill("Two days, **one** decision.")
    page.get_by_label("Preheader").fill("Two days in Brussels")
    page.keyboard.press("Control+s")
    page.get_by_text("Saved.").wait_for()

    # put in order by the keyboard alone; the focus stays with the item
    page.get_by_role("button", name="Move “A calendar for all” up").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Moved.").wait_for()
    assert page.evaluate("document.activeElement.id") == f"down-{second}"
    order = office.app.database.read(arranging.order_of, 1)
    assert [one.item_id for one in order] == [second, first]

    # dragged back by the mouse
    page.locator(f"#item-{first}").drag_to(page.locator(f"#item-{second}"))
    page.get_by_text("Moved.").wait_for()
    page.wait_for_function(f"document.querySelector('[data-item]').dataset.item == '{first}'")

    # what is typed and not saved outlives the tab
    page.get_by_label("Subject").fill("What was decided in Brussels, at last")
    page.get_by_text("Kept, not saved yet.").wait_for()
    page.evaluate("document.querySelector('#words-form').dispatchEvent(new Event('kept'))")
    page.reload()
    assert page.get_by_label("Subject").input_value() == "What was decided in Brussels, at last"
    page.get_by_role("button", name="Save the words").click()
    page.get_by_text("Saved.").wait_for()

    # on a phone in the dark
    page.get_by_role("link", name="Preview", exact=True).click()
    page.get_by_label("On", exact=True).select_option("phone")
    page.get_by_label("In", exact=True).select_option("dark")
    page.get_by_role("button", name="Show").click()
    mail = page.frame_locator("iframe")
    mail.get_by_role("heading", name="Regional entities meet").wait_for()
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert round(box["width"]) == PHONE
    page.set_viewport_size({"width": PHONE, "height": 844})
    assert not is_too_wide(page)
    page.locator("iframe").scroll_into_view_if_needed()
    page.screenshot(path=pictures / "digest-on-a-phone-in-the-dark.png")
    page.set_viewport_size({"width": 1440, "height": 900})

    # a test letter to oneself
    page.get_by_role("button", name="Send the test").click()
    page.get_by_text("The test letter is on its way").wait_for()

    # rehearsed: it goes on by itself until it is done
    page.get_by_role("link", name="Check and queue").click()
    page.get_by_role("link", name="Rehearse it").click()
    page.get_by_role("button", name="Rehearse it").click()
    page.get_by_text("Done. Recipients looked at: 1").wait_for()

    # a second person, without an account
    page.get_by_role("link", name="Check and queue").click()
    page.get_by_text("a second person must approve it").wait_for()
    page.get_by_role("link", name="Approval", exact=True).click()
    page.get_by_label("Email of whoever is to read it").fill("anna@board.example")
    page.get_by_role("button", name="Ask for approval").click()
    page.get_by_text("The letter is on its way.").wait_for()
    [letter] = office.letters("anna@board.example", DeliveryKind.APPROVAL)
    link = office.link_in(letter, "/rooms/approval/")
    other = browser.page(width=PHONE)
    other.goto(f"{rooms_street.address}{link}")
    other.frame_locator("iframe").get_by_text("one decision").wait_for()
    other.screenshot(path=pictures / "approval-by-link.png", full_page=True)
    assert not is_too_wide(other)
    other.get_by_role("button", name="Approve it").click()
    other.get_by_text("You approved this digest.").wait_for()

    # queued for Friday, and undone
    page.get_by_role("link", name="Check and queue").click()
    page.get_by_label("Date and hour").fill("2026-12-04T09:00")
    page.get_by_role("button", name="Choose this time").click()
    if page.get_by_label("Why it may go all the same").count():
        page.get_by_label("Why it may go all the same").fill("All have seen it.")
    page.get_by_role("button", name="Queue for Friday, 4 December 2026, 09:00").click()
    page.get_by_text("It is queued.").wait_for()
    assert urlsplit(page.url).path == "/rooms/digests/1"
    assert office.app.database.read(life.get, 1).state is DigestState.SCHEDULED
    page.get_by_role("button", name="Make it a draft again").click()
    page.get_by_text("It is a draft again.").wait_for()
    assert office.app.database.read(life.get, 1).state is DigestState.DRAFT
