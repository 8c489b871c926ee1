"""The first start: a link at the terminal, a relay that is tried, a first list, a second editor."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Visitor
from tests.journeys.office import Office
from tests.journeys.serving import free_port
from tests.smtp_server import SmtpServer

LINK = re.compile(r"http://127\.0\.0\.1:\d+/rooms/set-up/\S+")
PASSWORD_LINK = re.compile(r"http://127\.0\.0\.1:\d+/rooms/password/[\w.~-]+")
PASSWORD = "seven harbours in fog"
PATIENCE_SECONDS = 30
PATIENCE = PATIENCE_SECONDS * 1000


@contextmanager
def first_start(folder: Path, relay: SmtpServer) -> Iterator[str]:
    """Start a fresh installation; give the link that it prints for its first owner."""
    office, port = Office(folder / "office"), free_port()
    office.found(
        smtp__port=str(relay.port),
        smtp__security="none",
        web__port=str(port),
        web__base_url=f"http://127.0.0.1:{port}/",
    )
    told = folder / "told.txt"
    process = office.start("serve", said=told)
    try:
        yield _printed_link(told)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _printed_link(told: Path) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if found := LINK.search(told.read_text(encoding="utf-8")):
            return found[0]
        time.sleep(0.1)
    pytest.fail("no link was printed")


def begin(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill("Noor Haddad")
    page.get_by_label("Your email").fill("noor@office.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First steps")


def say_who_we_are(page: Page) -> None:
    page.get_by_role("link", name="Say who you are").click()
    page.get_by_label("name", exact=True).fill("Harbour Office")
    page.get_by_label("postal_address").fill("1 Quay Street\nHarbour Town")
    page.get_by_label("owner").fill("noor@office.example")
    page.get_by_role("button", name="Save").click()
    # Everything begins anew with the settings; the page is there all the while.
    until = time.monotonic() + PATIENCE_SECONDS
    while page.locator(".house").inner_text() != "Harbour Office" and time.monotonic() < until:
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator(".house")).to_have_text("Harbour Office")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="First steps").click()
    expect(page.get_by_role("link", name="Say who you are")).to_have_count(0)


def try_relay(page: Page) -> None:
    page.get_by_role("link", name="Test the relay").click()
    page.get_by_role("button", name="Test it now").click()
    expect(page.get_by_text("Be allowed to write to you")).to_be_visible()
    # The page asks by itself until the worker beside it has sent the letter.
    expect(page.locator("#test-letter")).to_contain_text("was taken by the relay", timeout=PATIENCE)


def make_list(page: Page) -> None:
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="First steps").click()
    expect(page.get_by_text("A test letter was taken by it.")).to_be_visible()
    page.get_by_role("link", name="Make the first list").click()
    page.get_by_label("What readers call it").fill("Meeting News")
    page.get_by_label("Its word in web addresses").fill("meetings")
    page.get_by_label("Mail comes from").fill("news@office.example")
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_role("status")).to_contain_text("The list stands")


def invite(page: Page) -> None:
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("link", name="Editors").first.click()
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Address").fill("lee@office.example")
    page.get_by_label("Name", exact=True).fill("Lee Kim")
    page.get_by_label("What they may do").select_option("editor")
    page.get_by_label("On which list").select_option("meetings")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The link is on its way")


def link_in(relay: SmtpServer) -> str:
    relay.wait_for(2, seconds=PATIENCE_SECONDS)
    taken = next(one for one in relay.messages if one.recipient == "lee@office.example")
    letter = message_from_bytes(taken.content, policy=policy.default)
    body = letter.get_body(("plain",))
    assert body is not None
    found = PASSWORD_LINK.search(body.get_content())
    assert found is not None
    return found[0]


def test_from_the_first_start_to_a_list_with_a_second_editor(
    tmp_path: Path, browser: Visitor
) -> None:
    with SmtpServer() as relay, first_start(tmp_path, relay) as link:
        owner = browser.page()
        begin(owner, link)
        say_who_we_are(owner)
        try_relay(owner)
        make_list(owner)
        invite(owner)

        lee = browser.page()
        lee.goto(link_in(relay))
        lee.get_by_label("New password").fill(PASSWORD)
        lee.get_by_role("button", name="Set it and sign in").click()
        rooms = lee.get_by_role("navigation", name="Rooms")
        expect(rooms.get_by_role("link", name="Lists")).to_be_visible()
        expect(rooms.get_by_role("link", name="Settings")).to_have_count(0)
        rooms.get_by_role("link", name="Lists").click()
        lee.get_by_role("link", name="Meeting News").click()
        expect(lee.get_by_role("link", name="Texts", exact=True)).to_be_visible()
        expect(lee.get_by_role("link", name="Settings", exact=True)).to_have_count(0)

        refused = lee.goto(f"{link.partition('/rooms')[0]}/rooms/settings/editors")
        assert refused is not None
        assert refused.status == 403
        browser.console.clear()  # which Chromium notes

        owner.goto(link)
        expect(owner.get_by_role("heading", level=1)).to_have_text("This link is used or too old")
        browser.console.clear()  # used up: 410
