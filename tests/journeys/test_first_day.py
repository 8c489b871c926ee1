"""From the first start to the first digest that has gone, in the browser and nowhere else."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visitor
from tests.journeys.serving import serving_nobody
from tests.smtp_server import SmtpServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "seven harbours in fog"


@pytest.mark.gate
@pytest.mark.timeout(400)
def test_an_owner_sets_up_and_mails_a_first_digest(
    tmp_path: Path, copied_database_url: str, browser: Visitor
) -> None:
    # Given a program that was started for the first time, and a relay
    with (
        SmtpServer() as server,
        serving_nobody(tmp_path, copied_database_url, server.port) as (home, link),
    ):
        page = browser.page()

        # When somebody opens the printed link and becomes the owner
        page.goto(link)
        page.get_by_label("Your name").fill("Noor Haddad")
        page.get_by_label("Your email").fill("noor@office.example")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url(re.compile(r"/rooms/welcome"))

        # and makes a list, a subscriber, an item, and a digest of it
        page.goto(f"{home}/rooms/lists/_new")
        page.get_by_label("What readers call it").fill("Meeting news")
        page.get_by_label("Its word in web addresses").fill("meetings")
        page.get_by_label("Mail comes from").fill("news@office.example")
        page.get_by_label("Languages").fill("en")
        page.get_by_label("Clock").fill("Europe/Brussels")
        page.get_by_role("button", name="Make the list").click()
        page.wait_for_url(re.compile(r"/rooms/lists/meetings"))

        _join(page, home, server)

        page.goto(f"{home}/rooms/items/new")
        page.get_by_label("Title").fill("Regional entities meet in Brussels")
        page.get_by_label("Place").fill("Brussels")
        page.get_by_role("button", name="Save").first.click()
        page.wait_for_url(re.compile(r"/rooms/items/\d+"))

        page.goto(f"{home}/rooms/digests/new")
        page.get_by_label("Subject").fill("What was decided in Brussels")
        page.get_by_role("button", name="Begin the digest").click()
        page.wait_for_url(re.compile(r"/rooms/digests/\d+"))
        page.get_by_role("link", name="Check and queue").first.click()
        why = page.get_by_label("Why it may go all the same")
        if why.count():
            why.fill("The first one.")
        page.get_by_role("button", name="Queue now").click()

        # Then the digest goes out when the time to undo is over, and its pages say so
        server.wait_for(3, seconds=150)
        digest = server.messages[2]
        assert digest.recipients == ("kim@reader.example",)
        assert b"What was decided in Brussels" in digest.content
        until = time.monotonic() + 60
        while time.monotonic() < until:
            page.goto(f"{home}/rooms/digests")
            if page.get_by_text("Sent", exact=True).count():
                break
            time.sleep(1)
        assert page.get_by_text("Sent", exact=True).count()


def _join(page: "Page", home: str, server: SmtpServer) -> None:
    """Subscribe as a reader would, by the box and the link in the letter."""
    page.goto(f"{home}/l/meetings")
    page.get_by_label("Your email").fill("kim@reader.example")
    page.get_by_role("button", name="Subscribe", exact=True).click()
    server.wait_for(1, seconds=60)
    letter = server.messages[0].content.decode("ascii", "replace").replace("=\r\n", "")
    found = re.search(r"http://127\.0\.0\.1:\d+/c/[\w-]+", letter)
    assert found is not None
    page.goto(found[0])
    page.get_by_role("button", name="Confirm").click()
    server.wait_for(2, seconds=60)  # the welcome
