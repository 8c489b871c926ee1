"""Every public page at a real browser: fit for every reader and every width, with nothing foreign.

`$MAILER_TEST_PICTURES` says where screenshots of all pages are kept; without it none are taken.
"""

import gettext
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mailer import accent, lists
from mailer.db.schema import DeliveryKind, Visibility
from mailer.language import Language, Languages
from tests.browser import DESKTOP, PHONE, Scheme, Visitor, axe, is_too_wide, screenshots
from tests.web.conftest import Office, Street

if TYPE_CHECKING:
    from playwright.sync_api import Page

LARGEST_PAGE = 50_000
"""Bytes of a page with all that it loads."""

NARROWEST = 320
"""Pixels across: a phone of 360 with a scroll bar, or 1280 at a zoom of 400 % (WCAG 1.4.10)."""

TOUCH = 44
"""Pixels that a finger meets."""

JAPANESE = lists.Words(
    "ja",
    name="会議ニュース",
    description="アジア太平洋地域で開かれた会議の報告を、月に一度お届けします。",
)
ARABIC = lists.Words(
    "ar",
    name="أخبار الاجتماعات",
    description="تقارير عن اجتماعات المنطقة: ما قيل فيها وما تقرر، مرة كل شهر.",
)
LONG = lists.Words(
    "en",
    name="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    description="会議報告" * 40,
)
REPORT = """Delegates of six regions met for two days.

### What was decided

The next meeting is in **Brussels**. See ![the hall](https://pictures.example/hall.jpg).
"""
KIM = "kim@reader.example"
COLOUR = "node => getComputedStyle(node).color"


@dataclass
class Furnished:
    """A street with something on every page, and where each kind of page is."""

    office: Office
    address: str
    pages: dict[str, str]

    def url(self, path: str, language: str = "en") -> str:
        asked = "" if "?" in path else f"?lang={language}"
        return f"{self.address}{path}{asked}"


@pytest.fixture
def street(empty_street: Street) -> Furnished:
    furnish(empty_street.office)
    return Furnished(empty_street.office, empty_street.address, pages(empty_street.office))


def furnish(office: Office) -> None:
    meetings = office.add_list(texts=(JAPANESE,))
    office.add_list("customs", "Customs Training", description="Courses and seminars, each Friday.")
    arabic = office.add_list(
        "akhbar", "أخبار الاجتماعات", language="ar", languages=("ar", "en"), texts=(ARABIC,)
    )
    office.add_list("long", "Long", languages=("en",), texts=(LONG,))
    office.add_list("quiet", "Quiet", visibility=Visibility.UNLISTED)
    office.add_list("ended", "The Conference of 2025", visibility=Visibility.UNLISTED)
    office.retire("ended")
    for title in ("The 18th global meeting", "Heads of training centres meet in Tokyo"):
        office.send_digest(meetings, title, en=REPORT, ja=REPORT)
    office.send_digest(arabic, "الاجتماع السنوي", ar="التقى المندوبون **يومين**.", en="Two days.")


def pages(office: Office) -> dict[str, str]:
    """Give every page that a GET shows, by name."""
    joined = office.join("joined@reader.example")
    done = office.confirm_path("joined@reader.example")
    left = office.join("left@reader.example")
    gone = office.confirm_path("left@reader.example")
    undo = office.undo_path(office.post(left).text)
    stale = office.ask("stale@reader.example")
    long_ago = office.join("ago@reader.example")
    too_late = office.undo_path(office.post(long_ago).text)
    office.clock.move(timedelta(days=8))
    asked = office.ask("asked@reader.example")
    office.erase("ago@reader.example")
    person = _fresh(office, "joined@reader.example")
    office.post(f"{person}/move", {"address": "moved@reader.example"})
    move = office.link_in(office.letters("moved@reader.example")[-1], "/move/")
    return {
        "front": "/",
        "list": "/l/meetings",
        "list-long": "/l/long",
        "list-arabic": "/l/akhbar?lang=ar",
        "list-ended": "/l/ended",
        "snippet": "/l/meetings/box",
        "archive": "/l/meetings/archive",
        "archive-empty": "/l/quiet/archive",
        "digest": "/l/meetings/2",
        "digest-arabic": "/l/akhbar/1?lang=ar",
        "confirm": asked,
        "subscribed": done,
        "rejoin": gone,
        "stale": stale,
        "leave": joined,
        "left": left,
        "undo": undo,
        "nobody": long_ago,
        "gone": too_late,
        "refuse": office.refuse_path("asked@reader.example"),
        "preferences": office.preferences_path("joined@reader.example"),
        "you": "/l/meetings/you",
        "person": person,
        "forget": f"{person}/forget",
        "move": move,
        "privacy": "/privacy",
        "administrators": "/administrators",
        "problem": "/nothing/here",
    }


def _fresh(office: Office, typed: str) -> str:
    """Give the path of a fresh link to somebody's own page."""
    office.press("access", typed, path="/l/meetings/you")
    office.answer()
    return office.link_in(office.letters(typed, DeliveryKind.ACCESS)[-1], "/me/")


def look(visitor: Visitor, page: "Page", name: str) -> None:
    """Look at a page as it stands: no rule broken, no width too narrow, nothing too large."""
    assert axe(page) == [], name
    wide = page.viewport_size
    assert wide is not None
    page.set_viewport_size({"width": NARROWEST, "height": 800})
    assert not is_too_wide(page), name
    page.set_viewport_size(wide)
    # A browser tells of every answer that is not 200, and some of ours mean to be none.
    told = [line for line in visitor.console if "Failed to load resource" not in line]
    assert told == [], name
    visitor.console.clear()


def press(page: "Page", words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


@pytest.mark.parametrize(
    "width, scheme, language", [(PHONE, "light", "en"), (DESKTOP, "dark", "ja")]
)
def test_every_page_is_fit_for_every_reader(
    street: Furnished,
    browser: Visitor,
    pictures: Path,
    width: int,
    scheme: Scheme,
    language: str,
) -> None:
    page = browser.page(width=width, scheme=scheme)

    for name, path in street.pages.items():
        page.goto(street.url(path, language))
        look(browser, page, name)
        _keep(page, pictures, f"{name}-{language}")
        page.set_viewport_size({"width": width, "height": 900})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_answer_to_a_button_is_fit_too(
    street: Furnished, browser: Visitor, pictures: Path, scheme: Scheme
) -> None:
    page = browser.page(width=PHONE, scheme=scheme)
    page.goto(street.url("/l/meetings"))

    page.fill("#address", "kim at reader")
    press(page, "Subscribe")
    look(browser, page, "too quick")
    _keep(page, pictures, "again-en")
    street.office.clock.move(timedelta(seconds=5))
    press(page, "Subscribe")
    look(browser, page, "wrong address")
    _keep(page, pictures, "error-en")
    page.fill("#address", "kim@gmial.com")
    press(page, "Subscribe")
    look(browser, page, "a slip")
    _keep(page, pictures, "slip-en")
    page.fill("#address", KIM)
    press(page, "Subscribe")
    look(browser, page, "asked")
    _keep(page, pictures, "asked-en")
    street.office.answer()

    links = {
        "Confirm the subscription": street.office.confirm_path(KIM),
        "Leave this list": street.office.leave_path(KIM),
        "Send this reason": None,
        "Undo, and stay subscribed": None,
        "Never write to this address again": street.office.refuse_path(KIM),
    }
    for button, path in links.items():
        if path:
            page.goto(street.url(path))
        press(page, button)
        look(browser, page, f"after {button}")
        _keep(page, pictures, f"after-{button.split()[0].strip(',').lower()}-en")


@pytest.mark.parametrize(
    "scheme, language", [("light", "en"), ("dark", "ja"), ("light", "fr"), ("dark", "ar")]
)
def test_every_answer_about_a_persons_own_data_is_fit_too(
    street: Furnished, browser: Visitor, pictures: Path, scheme: Scheme, language: str
) -> None:
    page, office = browser.page(width=PHONE, scheme=scheme), street.office
    spoken = language if language in office.app.languages else "en"

    def seen(name: str) -> None:
        assert page.locator("html").get_attribute("lang") == spoken, name
        look(browser, page, name)
        _keep(page, pictures, f"{name}-{language}")

    def opened(path: str, name: str) -> None:
        page.goto(street.url(path, language))
        seen(name)

    # Given a reader who moves, and takes it back
    office.join(KIM)
    office.clock.move(timedelta(hours=2))
    opened(_fresh(office, KIM), "person")
    page.fill("form[action*='/move'] input[name=address]", "kim at new")
    page.locator("form[action*='/move'] button").click()
    seen("person-error")
    page.fill("form[action*='/move'] input[name=address]", "kim@new.example")
    page.locator("form[action*='/move'] button").click()
    seen("move-asked")
    move = office.link_in(office.letters("kim@new.example", DeliveryKind.MOVE)[-1], "/move/")
    opened(move, "move")
    page.locator(".deed button").click()
    seen("moved")
    stay = office.link_in(office.letters(KIM, DeliveryKind.MOVED)[-1], "/stay/")
    opened(stay, "stay")
    page.locator(".deed button").click()
    seen("stayed")
    opened(move, "move-over")

    # And whose link ends, and who wants to be forgotten
    office.clock.move(timedelta(hours=2))
    person = _fresh(office, KIM)
    office.clock.move(timedelta(hours=2))
    opened(person, "person-ended")
    page.locator(".deed button").click()
    seen("person-asked")
    office.clock.move(timedelta(days=1))
    opened(f"{_fresh(office, KIM)}/forget", "forget")
    page.locator(".deed button").click()
    seen("forgotten")
    opened(stay, "stay-over")


@pytest.mark.parametrize("colour", ["#ffcc00", "#14003c"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_list_in_its_own_colour_can_be_read_as_well(
    street: Furnished, browser: Visitor, pictures: Path, scheme: Scheme, colour: str
) -> None:
    street.office.colour("meetings", colour)
    meetings = street.office.app.database.read(lists.get, "meetings").id
    assert meetings is not None
    street.office.send_digest(meetings, "In our own colour", en=REPORT, ja=REPORT)
    page = browser.page(width=DESKTOP, scheme=scheme)
    shades = accent.shades(colour)
    used = (shades.light if scheme == "light" else shades.dark).accent

    for name in ("list", "archive", "preferences", "leave"):
        page.goto(street.url(street.pages[name]))
        look(browser, page, name)
        assert _hex(page.locator(".foot a").last.evaluate(COLOUR)) == used, name
        _keep(page, pictures, f"{name}-accent-{colour[1:]}")
    page.goto(street.url("/l/meetings/3"))
    look(browser, page, "digest")
    assert _hex(page.locator(".above a").first.evaluate(COLOUR)) == used
    _keep(page, pictures, f"digest-accent-{colour[1:]}")


def test_other_pages_keep_the_colour_of_the_house(street: Furnished) -> None:
    street.office.colour("meetings", "#ffcc00")

    assert "/static/accent/ffcc00.css" in street.office.get("/l/meetings").text
    for path in ("/", "/l/customs", "/privacy", "/nothing/here"):
        assert "/static/accent/" not in street.office.get(path).text


def test_only_a_colour_has_a_style_sheet(street: Furnished) -> None:
    found = street.office.get("/static/accent/ffcc00.css")

    assert found.headers["content-type"].startswith("text/css")
    for path in ("ggg", "ffcc000", "red", "%23ffcc00%7D", ""):
        assert street.office.get(f"/static/accent/{path}.css").status_code == 404, path


def test_a_page_from_right_to_left_is_a_mirror(
    street: Furnished, browser: Visitor, pictures: Path
) -> None:
    """Stand in for an Arabic catalogue, which would be one more file, by one with English words."""
    arabic = Language("ar", "ar", gettext.NullTranslations(), "mirrored")
    street.office.app.languages = Languages({**street.office.app.languages, "ar": arabic})
    page = browser.page(width=PHONE)

    for name in (
        "list-arabic",
        "archive",
        "confirm",
        "left",
        "snippet",
        "preferences",
        "person",
        "forget",
    ):
        page.goto(street.url(street.pages[name], "ar"))
        look(browser, page, name)
        _keep(page, pictures, f"{name}-ar")

    page.goto(street.url("/l/akhbar?lang=ar"))
    first = page.get_by_role("button", name="Subscribe", exact=True).bounding_box()
    second = page.get_by_role("button", name="Unsubscribe").bounding_box()
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"]


def test_the_two_buttons_are_of_one_size_and_large_enough_for_a_finger(
    street: Furnished, browser: Visitor
) -> None:
    for width in (360, PHONE, DESKTOP):
        page = browser.page(width=width)
        for language in ("en", "ja"):
            page.goto(street.url("/l/meetings", language))
            sizes = [button.bounding_box() for button in page.locator(".pair button").all()]
            assert len(sizes) == 2
            assert len({(size["width"], size["height"]) for size in sizes if size}) == 1
            assert all(size and size["height"] >= TOUCH for size in sizes)


def test_the_next_step_is_the_first_thing_on_a_phones_screen(
    street: Furnished, browser: Visitor
) -> None:
    page = browser.page(width=PHONE)

    for name in ("list", "confirm", "leave", "undo", "stale", "refuse"):
        page.goto(street.url(street.pages[name]))
        button = page.locator("main button").first.bounding_box()
        assert button is not None, name
        assert button["y"] + button["height"] <= 600, name
    browser.console.clear()  # of the expired link's 410


def test_focus_goes_to_the_error_and_back_to_the_field(street: Furnished, browser: Visitor) -> None:
    page = browser.page(width=PHONE, scripts=False)
    page.goto(street.url("/l/meetings"))
    street.office.clock.move(timedelta(seconds=5))

    page.fill("#address", "kim")
    press(page, "Subscribe")

    expect(page.locator("[role=alert]:focus")).to_have_count(1)
    assert page.title().startswith("Error: ")
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.locator("#address:focus")).to_have_count(1)
    assert page.input_value("#address") == "kim"
    browser.console.clear()  # of the answer's 422


def test_a_page_weighs_less_than_a_picture(street: Furnished) -> None:
    office = street.office

    for name, path in street.pages.items():
        page = office.get(path).text
        loaded = [office.get(link).text for link in re.findall(r'"(/static/[^"]+)"', page)]
        assert loaded, name
        assert sum(len(part.encode()) for part in (page, *loaded)) < LARGEST_PAGE, name


def test_the_box_is_copied_by_a_press(street: Furnished, browser: Visitor) -> None:
    page = browser.page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(street.url("/l/meetings/box"))

    press(page, "Copy")

    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.input_value("#source")


def test_without_scripts_the_box_is_there_to_be_selected(
    street: Furnished, browser: Visitor
) -> None:
    page = browser.page(scripts=False)
    page.goto(street.url("/l/meetings/box"))

    assert page.get_by_role("button", name="Copy").count() == 0
    assert page.input_value("#source").startswith("<form ")


def test_a_pasted_box_leads_by_our_page_to_a_letter(
    street: Furnished, browser: Visitor, tmp_path: Path
) -> None:
    # Given a page of somebody else's with the box on it
    page = browser.page(width=PHONE)
    page.goto(street.url("/l/meetings/box"))
    elsewhere = tmp_path / "elsewhere.html"
    elsewhere.write_text(f"<!DOCTYPE html><h1>Other site</h1>{page.input_value('#source')}")
    page.route("http://localhost:1/", lambda route: route.fulfill(path=elsewhere))
    page.goto("http://localhost:1/")

    # When a reader presses there, and once more on our page
    page.fill("input[type=email]", KIM)
    press(page, "Subscribe")
    assert page.input_value("#address") == KIM
    assert street.office.asks() == []
    street.office.clock.move(timedelta(seconds=3))
    page.keyboard.press("Enter")

    # Then what they pressed was already in focus, and a letter comes
    page.get_by_role("heading", name="Check your inbox").wait_for()
    street.office.answer()
    assert len(street.office.letters(KIM)) == 1


def _keep(page: "Page", folder: Path, name: str) -> None:
    if os.environ.get("MAILER_TEST_PICTURES"):
        screenshots(page, folder, name)


def _hex(colour: str) -> str:
    """Give a colour as a browser says it, `rgb(11, 90, 99)`, as #rrggbb."""
    return "#" + "".join(f"{int(channel):02x}" for channel in re.findall(r"\d+", colour))
