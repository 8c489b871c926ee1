"""An editor's afternoon: ten thousand people come by a file, one is looked after, all go again."""

from pathlib import Path

import pytest

from mailer import subscribers
from mailer.errors import NotFound
from tests.browser import PHONE, Visitor, is_too_wide
from tests.web.rooms.conftest import RoomsStreet

ROWS = 10_000
BAD = 40


@pytest.mark.timeout(180)
def test_ten_thousand_come_one_is_looked_after_and_all_go_again(  # noqa: PLR0915  (one story)
    rooms_street: RoomsStreet, browser: Visitor, tmp_path: Path
) -> None:
    office = rooms_street.office
    file = tmp_path / "members.csv"
    file.write_text(people(), encoding="cp1252")
    page = browser.page(locale="en-GB")
    rooms_street.enter(page, "/subscribers/imports")

    # the file is brought, and a column is said
    page.get_by_role("link", name="Import people").click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("Windows-1252, by semicolon").wait_for()
    page.get_by_label("Address", exact=True).select_option(label="Office mail")
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("Zoë 1", exact=True).wait_for()

    # a dry run, with the basis that it takes
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("Say how they agreed").first.wait_for()
    browser.console.clear()  # a form that is not right is answered with 400, which Chromium notes
    page.get_by_label("Basis", exact=True).fill("signed up at the annual meeting")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="What would come of it").wait_for(timeout=60_000)
    page.get_by_text("9,960", exact=True).wait_for()
    assert "nobody at all" in page.locator("main").inner_text()
    assert office.events("subscription.confirmed") == []

    # the import, which goes on by itself
    page.get_by_role("button", name="Import them").click()
    page.get_by_role("heading", name="What came of it").wait_for(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows that stay out").click()
    stayed_out = download.value.path().read_text(encoding="utf-8-sig")
    assert stayed_out.count("nobody at all") == BAD
    size = subscribers.size
    assert office.app.database.read(size, 1) == ROWS - BAD

    # one of them is found, on a phone too, and leaves
    page.set_viewport_size({"width": PHONE, "height": 800})
    page.get_by_role("link", name="See this import").click()
    page.get_by_role("link", name="Show its people").click()
    page.get_by_text("More than 1,000").wait_for()
    assert not is_too_wide(page)
    page.keyboard.press("/")
    page.keyboard.type("reader77")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="reader7711@office.example").click()
    page.get_by_text("signed up at the annual meeting").first.wait_for()
    assert not is_too_wide(page)
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_text("They have left the list.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("on the list again").wait_for()
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_text("They have left the list.").wait_for()

    # the import is taken back
    page.goto(f"{rooms_street.address}/rooms/subscribers/imports/1")
    page.get_by_role("button", name="Take this import back").click()
    page.get_by_text("taken back").first.wait_for()
    for _ in range(100):
        if page.get_by_text("being taken back", exact=True).count() == 0:
            break
        page.wait_for_timeout(300)
        page.reload()
    with pytest.raises(NotFound):
        office.standing("reader42@office.example")
    assert office.app.database.read(size, 1) == 0


def people() -> str:
    """Write a table whose addresses nobody would know by their column's name."""
    rows = ["Office mail;Full name;Remark"]
    for number in range(1, ROWS + 1):
        is_bad = number % (ROWS // BAD) == 0
        address = "nobody at all" if is_bad else f"reader{number}@office.example"
        rows.append(f"{address};Zoë {number};x")
    return "\n".join(rows) + "\n"
