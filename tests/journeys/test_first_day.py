"""From the first start to a digest in the archive, in the browser and by letters, and nowhere else.

An owner comes in by the printed link, makes a list on which a second person must read, pastes a
report from Word with a large photo, and asks the head of office, who approves at a phone by the
link in a letter. The digest goes out, a reader gets it, and the archive has it.
"""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE, Visitor
from tests.journeys.serving import serving_nobody
from tests.smtp_server import SmtpServer
from tests.web.rooms.test_items_journey import WORD, large_photo, paste

PASSWORD = "seven harbours in fog"
HEAD = "head@office.example"
KIM = "kim@reader.example"
UNDO_AND_MORE = 150
"""Seconds in which a digest that goes now has gone: the first minute it can be undone."""


@pytest.mark.gate
@pytest.mark.timeout(400)
def test_from_the_first_start_to_the_archive(
    tmp_path: Path, copied_database_url: str, browser: Visitor
) -> None:
    with (
        SmtpServer() as server,
        serving_nobody(tmp_path, copied_database_url, server.port) as (home, link),
    ):
        page = browser.page()
        begin(page, link)
        make_list(page, home)
        join(page, home, server)
        write_item(page, home)
        draft(page, home)
        approve(browser.page(width=PHONE), page, server)
        queue(page)

        server.wait_for(4, seconds=UNDO_AND_MORE)
        digest = letter_to(server, KIM, 2)
        assert digest["Subject"] == "What was decided in Brussels"
        html = digest.get_body(("html",))
        assert html is not None
        assert "Laboratories meet every year." in html.get_content()
        assert 'alt="Delegates in the hall."' in html.get_content()
        page.goto(f"{home}/l/meetings/archive")
        page.get_by_role("link", name="What was decided in Brussels").click()
        expect(page.get_by_alt_text("Delegates in the hall.")).to_be_visible()
        expect(page.get_by_text("Laboratories meet every year.")).to_be_visible()


def begin(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill("Noor Haddad")
    page.get_by_label("Your email").fill("noor@office.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile(r"/rooms/welcome"))


def make_list(page: Page, home: str) -> None:
    page.goto(f"{home}/rooms/lists/_new")
    page.get_by_label("What readers call it").fill("Meeting news")
    page.get_by_label("Its word in web addresses").fill("meetings")
    page.get_by_label("Mail comes from").fill("news@office.example")
    page.get_by_label("Postal address").fill("1 Quay Street")
    page.get_by_label("Languages").fill("en")
    page.get_by_label("Clock").fill("Europe/Brussels")
    page.get_by_label("A digest goes out only when a second person has read it").check()
    page.get_by_role("button", name="Make the list").click()
    page.wait_for_url(re.compile(r"/rooms/lists/meetings"))


def join(page: Page, home: str, server: SmtpServer) -> None:
    """Subscribe as a reader would, by the box and the link in the letter."""
    page.goto(f"{home}/l/meetings")
    page.get_by_label("Your email").fill(KIM)
    page.get_by_role("button", name="Subscribe", exact=True).click()
    server.wait_for(1, seconds=60)
    page.goto(link_in(letter_to(server, KIM, 0), "/c/"))
    page.get_by_role("button", name="Confirm").click()
    server.wait_for(2, seconds=60)  # the welcome


def write_item(page: Page, home: str) -> None:
    page.goto(f"{home}/rooms/items/new")
    page.get_by_label("Title").fill("Regional entities meet in Brussels")
    page.get_by_label("Place").fill("Brussels")
    paste(page, WORD.read_text(encoding="utf-8"))
    file = {"name": "IMG_0042.jpg", "mimeType": "image/jpeg", "buffer": large_photo()}
    with page.expect_navigation():
        page.locator("#photo-file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_label("What is to be seen").fill("Delegates in the hall.")
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.wait_for_url(re.compile(r"/rooms/items/\d+"))


def draft(page: Page, home: str) -> None:
    page.goto(f"{home}/rooms/digests/new")
    page.get_by_label("Subject").fill("What was decided in Brussels")
    page.get_by_role("button", name="Begin the digest").click()
    page.wait_for_url(re.compile(r"/rooms/digests/\d+"))


def approve(head: Page, page: Page, server: SmtpServer) -> None:
    """Let the head of office approve, who has no account and a phone."""
    page.get_by_role("link", name="Approval", exact=True).click()
    page.get_by_label("Email of whoever is to read it").fill(HEAD)
    page.get_by_role("button", name="Ask for approval").click()
    server.wait_for(3, seconds=60)
    head.goto(link_in(letter_to(server, HEAD, 0), "/rooms/approval/"))
    head.get_by_role("button", name="Approve it").click()
    expect(head.get_by_text("You approved this digest.")).to_be_visible()


def queue(page: Page) -> None:
    page.get_by_role("link", name="Check and queue").first.click()
    why = page.get_by_label("Why it may go all the same")
    if why.count():
        why.fill("The head of office has read it.")
    page.get_by_role("button", name="Queue now").click()


def letter_to(server: SmtpServer, address: str, number: int) -> EmailMessage:
    """Give the letter of this number, from 0 on, that an address got."""
    theirs = [one for one in server.messages if one.recipient == address]
    found = message_from_bytes(theirs[number].content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def link_in(letter: EmailMessage, part: str) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    found = re.search(rf"http://127\.0\.0\.1:\d+{part}[\w-]+", body.get_content())
    assert found is not None
    return found[0]
