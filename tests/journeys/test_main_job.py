"""The main job, whole: subscribe, confirm, queue a digest, get it, leave, and get no more."""

import re
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.journeys.office import Office
from tests.journeys.serving import serving
from tests.smtp_server import SmtpServer

START_SECONDS = 30
NEWS = "---\ntitle: {title}\nstarts: 2027-03-01\nplace: Suva\n---\nTwo days of exchange.\n"


@pytest.mark.timeout(300)
def test_a_reader_joins_gets_a_digest_and_leaves(tmp_path: Path, database_url: str) -> None:
    # Given an office that serves its pages below a path
    with SmtpServer() as server, serving(tmp_path, database_url, server.port) as (office, web):
        # When a reader asks by the box, and follows the letter's link
        page = _press(web, "/news/l/meetings", "subscribe", "kim@example.org")
        server.wait_for(1, seconds=10)
        letter = _mail(server, 0)
        confirm = _link(letter, "/c/")
        assert letter["Subject"] in page
        web.get(confirm)
        assert _standing(office) == "pending"  # to look is not to press the button
        web.post(confirm)

        # Then the reader is on the list, has been welcomed, and gets the next digest
        assert _standing(office) == "confirmed"
        server.wait_for(2, seconds=10)
        _send_digest(office, "The laboratories meet")
        server.wait_for(3, seconds=10)
        digest = _mail(server, 2)
        assert "The laboratories meet" in digest.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

        # When their mailbox provider presses the button that it shows
        [leave] = re.findall(r"<(http[^>]+)>", digest["List-Unsubscribe"])
        gone = web.post(leave, data={"List-Unsubscribe": "One-Click"})

        # Then that is all it takes: no further digest comes, and every recipient is accounted for
        assert gone.status_code == 200
        assert not gone.history
        assert "set-cookie" not in gone.headers
        assert _standing(office) == "unsubscribed"
        _send_digest(office, "The training centres meet")
        assert office.json("digest", "status", "2")["recipients"] == 0
        assert len(server.messages) == 3


def _press(web: httpx2.Client, path: str, button: str, address: str) -> str:
    """Fill in the box of a page as a browser would, and press one of its buttons."""
    form = LexborHTMLParser(web.get(path).text).css_first("form")
    assert form is not None
    fields = {
        str(field.attributes["name"]): field.attributes.get("value") or ""
        for field in form.css("input[name]")
    }
    assert button in [one.attributes.get("value") for one in form.css("button[name=action]")]
    fields |= {"address": address, "action": button}
    answer = web.post(form.attributes["action"] or path, data=fields)
    assert answer.status_code == 200
    return answer.text


def _send_digest(office: Office, title: str) -> None:
    item = office.run("item", "add", office.file("news.md", NEWS.format(title=title))).strip()
    made = office.run("digest", "draft", "meetings", "--subject", title, "--item", item).strip()
    office.run("digest", "queue", made)
    until = time.monotonic() + START_SECONDS
    while office.json("digest", "status", made)["state"] != "sent":
        assert time.monotonic() < until
        time.sleep(0.3)


def _standing(office: Office) -> str:
    [subscription] = office.json("subscriber", "show", "kim@example.org")["subscriptions"]
    return str(subscription["state"])


def _mail(server: SmtpServer, number: int) -> EmailMessage:
    found = message_from_bytes(server.messages[number].content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def _link(mail: EmailMessage, part: str) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    found = re.search(rf"http://\S+{part}[\w-]+", body.get_content())
    assert found is not None
    return found.group()
