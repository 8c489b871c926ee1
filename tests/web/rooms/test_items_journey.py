"""An editor writes an item at a real browser: a report from Word, a photo, a look, and saves."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from mailer.db.schema import Role
from mailer.digests import items
from tests.browser import Visitor
from tests.photos import photo
from tests.web.rooms.conftest import RoomsStreet

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORD = Path(__file__).parents[2] / "samples" / "pasted" / "word.html"
PASTE = """([selector, html]) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  data.setData("text/plain", "words");
  const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
  document.querySelector(selector).dispatchEvent(event);
}"""


def paste(page: "Page", html: str) -> None:
    page.locator("#rich-words").click()
    page.evaluate(PASTE, ["#rich-words", html])
    page.locator("#rich-words h3").first.wait_for()


def large_photo() -> bytes:
    """Give a picture of twelve million pixels and some eight megabytes, as a phone takes them."""
    noise = Image.effect_noise((1500, 2000), 90).convert("RGB").resize((3000, 4000))
    return photo(noise, orientation=6, quality=94)


def test_an_editor_writes_an_item_from_a_report_in_word(
    rooms_street: RoomsStreet, browser: Visitor
) -> None:
    page = browser.page()
    rooms_street.enter(page, "/items", role=Role.EDITOR)

    # Begin by the key, and paste a report
    page.keyboard.press("n")
    page.wait_for_url("**/items/new")
    page.get_by_label("Title").fill("Regional entities meet")
    page.get_by_label("First day").fill("2026-12-02")
    paste(page, WORD.read_text(encoding="utf-8"))
    page.locator("#kept", has_text="Kept for you").wait_for()
    assert page.locator("#looks table").count() == 1
    assert page.locator("#looks li li").inner_text() == "by the end of June"

    # A closed tab loses nothing
    page.goto(f"{rooms_street.address}/rooms/items/new")
    assert page.locator("h1").inner_text() == "You had not saved this"
    page.get_by_role("link", name="Go on with it").click()
    assert page.get_by_label("Title", exact=False).first.input_value() == "Regional entities meet"

    # Mark a word by the bar, with the keyboard
    page.locator("#rich-words li").last.click()
    page.keyboard.press("End")
    page.keyboard.type(" Soon.")

    # A large photo is taken in and asked about
    file = {"name": "IMG_0042.jpg", "mimeType": "image/jpeg", "buffer": large_photo()}
    with page.expect_navigation():
        page.locator("#photo-file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("What is to be seen").fill("Delegates in the hall.")

    # The Markdown can be seen, and saved by the keyboard
    page.get_by_role("button", name="Show the Markdown").click()
    page.locator("#body").wait_for()
    assert "- Laboratories meet every year." in page.locator("#body").input_value()
    with page.expect_navigation():
        page.keyboard.press("Control+s")
    assert page.locator(".item-card img").get_attribute("alt") == "Delegates in the hall."
    assert page.locator(".notice.good").inner_text().startswith("The item is kept.")

    # It is found in the list
    page.goto(f"{rooms_street.address}/rooms/items?q=laboratories")
    assert page.locator("table.items tbody tr").count() == 1
    picture = rooms_street.office.app.database.read(items.get, 1).version.picture
    assert picture is not None
    assert (picture["large"]["width"], picture["large"]["height"]) == (1200, 1600)


def test_the_bar_says_how_words_look(rooms_street: RoomsStreet, browser: Visitor) -> None:
    page = browser.page()
    rooms_street.enter(page, "/items/new", role=Role.EDITOR)
    page.locator("#rich-words").click()
    assert page.locator("#kept").inner_text() == ""  # nothing was typed yet

    page.keyboard.type("What was decided")
    page.get_by_role("button", name="Heading", exact=True).click()
    page.keyboard.press("Enter")
    page.keyboard.type("It is ")
    page.keyboard.press("Control+b")
    page.keyboard.type("final")
    page.keyboard.press("Control+b")
    page.keyboard.type(".")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="List with points").click()
    page.keyboard.type("one")
    for _ in range(2):
        page.keyboard.press("Enter")
    page.keyboard.type("here")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Control+k")
    page.get_by_label("Where it leads").fill("office.example/x")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Table").click()
    page.keyboard.type("Seats")
    page.get_by_role("button", name="Bold").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.do") == "redo"

    page.get_by_role("button", name="Show the Markdown").click()
    page.locator("#body").wait_for()
    assert page.locator("#body").input_value() == (
        "# What was decided\n\nIt is **final**.\n\n- one\n\n[here](https://office.example/x)\n\n"
        "| Seats |  |  |\n| --- | --- | --- |"
    )
    page.locator("#body").fill("> quoted")
    page.get_by_role("button", name="Show it as it looks").click()
    page.locator("#rich-words blockquote").wait_for()


def test_two_editors_at_one_item(rooms_street: RoomsStreet, browser: Visitor) -> None:
    item_id = rooms_street.office.add_item("As it was", "place: Brussels")
    noor, kim = browser.page(), browser.page()
    rooms_street.enter(noor, f"/items/{item_id}/edit", role=Role.EDITOR)
    rooms_street.enter(kim, f"/items/{item_id}/edit", role=Role.EDITOR, name="Kim Lee")

    noor.get_by_label("Place").fill("Suva")
    noor.get_by_role("button", name="Save", exact=True).click()
    noor.wait_for_url("**said=saved")
    kim.get_by_label("Title").fill("As Kim has it")
    with kim.expect_navigation():
        kim.get_by_role("button", name="Save", exact=True).click()
    browser.console.clear()  # a conflict is answered with 409, which Chromium notes

    assert "Noor Haddad saved version 2" in kim.locator(".notice.care").inner_text()
    kim.get_by_role("button", name="Save what I chose").click()
    kim.wait_for_url("**said=saved")
    saved = rooms_street.office.app.database.read(items.get, item_id).version
    assert (saved.title, saved.place) == ("As Kim has it", "Suva")


def test_the_form_works_without_script(rooms_street: RoomsStreet, browser: Visitor) -> None:
    page = browser.page(scripts=False)
    rooms_street.enter(page, "/items/new", role=Role.EDITOR)

    page.get_by_label("Title").fill("By hand")
    page.locator("#body").fill("# Head\n\nWords.")
    picture = io.BytesIO()
    Image.new("RGB", (20, 20)).save(picture, "PNG")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    page.locator("#photo-file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Look again").click()
    assert page.locator(".item-card h3").inner_text() == "Head"
    page.get_by_label("What is to be seen").fill("Nothing at all.")
    page.get_by_role("button", name="Save", exact=True).click()

    assert page.locator("h1").inner_text() == "By hand"
