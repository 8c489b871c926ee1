"""A digest watched as it goes, at a real browser: paused in mid-run, resumed, and reported on."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import Session, col

from mailer import address, lists
from mailer.accounts import editors, sign_ins
from mailer.accounts.sign_ins import Browser
from mailer.db import Database
from mailer.db.schema import Delivery, DeliveryState, Role
from mailer.web.rooms.lock import COOKIE
from tests import rows
from tests.browser import Visitor
from tests.journeys.serving import serving
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.gate, pytest.mark.timeout(240)]

READERS = 40
PATIENCE_SECONDS = 60
NEWS = "---\ntitle: The laboratories meet\n---\nTwo days of exchange.\n"


def test_a_digest_is_paused_in_mid_run_goes_on_and_is_reported(
    tmp_path: Path, browser: Visitor
) -> None:
    # Given a relay that takes its time, a list with readers, and an editor who has signed in
    url = f"sqlite:///{tmp_path / 'watched.sqlite3'}"
    with (
        SmtpServer() as server,
        serving(tmp_path, url, server.port, smtp__connections="1") as (office, web),
    ):
        server.answer("dot", delay=1)
        database = Database(url)
        token = database.write(_people, now=datetime.now(UTC))
        item = office.run("item", "add", office.file("news.md", NEWS)).strip()
        subject = ("--subject", "The laboratories meet")
        digest = office.run("digest", "draft", "meetings", *subject, "--item", item).strip()
        page = browser.page()
        where = {"domain": "127.0.0.1", "path": "/news/rooms"}
        page.context.add_cookies([{"name": COOKIE, "value": token, **where}])  # type: ignore[typeddict-item]

        # When the digest goes, and its page is looked at
        office.run("digest", "queue", digest)
        page.goto(f"{web.base_url}/news/rooms/digests/{digest}/progress")

        # Then its numbers move without a press of anything
        some_done = re.compile(rf"\b[1-9]\d* of {READERS} done")
        page.get_by_text(some_done).first.wait_for(timeout=1000 * PATIENCE_SECONDS)
        before = page.locator("#live .far").inner_text()
        _until(lambda: page.locator("#live .far").inner_text() != before, page.wait_for_timeout)

        # When the editor pauses it, then it stands
        page.locator("summary", has_text="Pause").click()
        page.get_by_label("Why").fill("A date is wrong")
        page.get_by_role("button", name="Pause").click()
        page.get_by_text("It stands still").wait_for()
        assert page.get_by_text("A date is wrong").is_visible()
        _until(lambda: database.read(_in_hand) == 0, page.wait_for_timeout)
        stood_at = len(server.messages)
        page.wait_for_timeout(1500)
        assert len(server.messages) == stood_at < READERS

        # When it is resumed, then it comes to its end before the editor's eyes
        server.behave()
        page.get_by_role("button", name="Resume").click()
        report = page.get_by_role("link", name="Read the report")
        report.wait_for(timeout=1000 * PATIENCE_SECONDS)
        report.click()

        # Then page, ledger and relay agree, and nobody got it twice
        said = page.locator("main").inner_text()
        assert f"The relay took it for {READERS} of {READERS} recipients." in said
        status = office.json("digest", "status", digest)
        assert (status["state"], status["sent"], status["recipients"]) == ("sent", READERS, READERS)
        assert len(server.taken) == READERS
        assert set(server.taken.values()) == {1}
        page.close()
        database.close()


def _people(session: Session, *, now: datetime) -> str:
    list_id = lists.get(session, "meetings").id
    rows.people(session, READERS, now=now, list_id=list_id)
    new = editors.Newcomer(address.parse("noor@office.example"), "Noor Haddad", Role.OWNER)
    editor_id = editors.id_of(editors.invite(session, new, now=now))
    return sign_ins.begin(session, editor_id, Browser("Testing/1.0", ""), passed=True, now=now)


def _in_hand(session: Session) -> int:
    claimed = select(func.count()).where(col(Delivery.state) == DeliveryState.CLAIMED)
    return int(session.execute(claimed).scalar_one())


def _until(is_so: Callable[[], bool], wait: Callable[[float], None]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        wait(100)
