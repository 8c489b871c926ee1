"""A mail scanner that opens every link, runs every script and presses nothing."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailer import delivery
from mailer.db.schema import DeliveryKind
from tests.browser import Visitor
from tests.web.conftest import Office, Street

if TYPE_CHECKING:
    from playwright.sync_api import Page

TIMES = 3
KIM, LEE = "kim@reader.example", "lee@reader.example"


@pytest.fixture
def mails(empty_street: Street) -> list[str]:
    """Give a confirmation letter to Kim, and a digest and a letter to leave to Lee, as HTML."""
    office = empty_street.office
    office.add_list()
    office.join(LEE)
    office.clock.move(timedelta(minutes=30))
    office.send_digest(1, "The 18th global meeting", en="It took two days.", ja="二日間でした。")
    office.ask(KIM)
    office.press("unsubscribe", LEE)
    office.answer()
    [confirmation] = office.letters(KIM, DeliveryKind.CONFIRMATION)
    [leave] = office.letters(LEE, DeliveryKind.LEAVE)
    digest = office.app.database.read(
        delivery.preview, office.app.press, 1, LEE, now=office.clock.now()
    )
    texts = [office.read(letter).html for letter in (confirmation, leave)]
    return [*texts, digest.html]


def links(html: str, address: str) -> list[str]:
    return sorted(set(re.findall(rf'href="({address}/[^"]*)"', html)))


def test_no_scanner_confirms_and_none_leaves(
    empty_street: Street, mails: list[str], browser: Visitor
) -> None:
    office, address = empty_street.office, empty_street.address
    before = [office.everything(), state(office)]
    page = browser.page()

    for mail in mails:
        found = links(mail, address)
        assert any("/u/" in link or "/c/" in link for link in found)
        for link in found * TIMES:
            follow(page, link)

    assert [office.everything(), state(office)] == before
    assert state(office) == ("pending", "confirmed")


def state(office: Office) -> tuple[str, str]:
    return office.state(KIM), office.state(LEE)


def follow(page: "Page", link: str) -> None:
    """Open a link, and whatever the page that comes leads to."""
    answer = page.goto(link, wait_until="load")
    assert answer is not None
    assert answer.status == 200
    onward = page.locator("a[href]").evaluate_all("links => links.map(link => link.href)")
    for further in {one for one in onward if one.startswith("http://127.0.0.1")}:
        page.goto(further, wait_until="load")
