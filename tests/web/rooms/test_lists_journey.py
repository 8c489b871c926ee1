"""An owner makes a list at a real browser, gives it dates that are shown first, and a colour."""

from playwright.sync_api import expect

from tests.browser import Visitor
from tests.web.rooms.conftest import RoomsStreet


def test_an_owner_makes_a_list_and_says_when_it_is_due(
    rooms_street: RoomsStreet, browser: Visitor
) -> None:
    page = browser.page()
    rooms_street.enter(page, "/lists")

    page.get_by_role("link", name="New list").click()
    page.get_by_label("What readers call it").fill("Trade News")
    page.get_by_label("Its word in web addresses").fill("trade")
    page.get_by_label("Mail comes from").fill("trade@office.example")
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_contain_text("The list stands")

    page.get_by_role("link", name="Dates", exact=True).click()
    page.get_by_label("How often").select_option("week")
    page.get_by_label("On which day of the week").select_option("5")
    # The dates come by themselves, before anything is saved.
    expect(page.locator("#ahead")).to_contain_text("Every Friday at 09:00")
    expect(page.locator("#ahead li")).to_have_count(5)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")

    page.get_by_role("link", name="Texts", exact=True).click()
    page.get_by_label("What comes").fill("What was agreed on trade.")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("status")).to_contain_text("Saved.")

    page.get_by_role("link", name="Box", exact=True).click()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    page.goto(f"{rooms_street.address}/l/trade")
    expect(page.locator("main")).to_contain_text("What was agreed on trade.")
