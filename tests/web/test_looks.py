"""Every public page at a real browser: readable by all, on every width, with nothing foreign.

Screenshots are kept where $MAILER_TEST_PICTURES says, and not taken otherwise.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mailer import lists, web
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Visibility
from tests.browser import DESKTOP, PHONE, Scheme, Visitor, axe, is_too_wide, screenshots
from tests.web.conftest import Office, office_with, serving

LARGEST_PAGE = 50_000
"""Bytes of a page with all that it loads."""

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
    description="会議報告会議報告会議報告会議報告会議報告会議報告会議報告会議報告会議報告会議報告 "
    * 3,
)
REPORT = """Delegates of six regions met for two days.

### What was decided

The next meeting is in **Brussels**. See ![the hall](https://pictures.example/hall.jpg).
"""


@dataclass
class Street:
    """An office whose pages are served for real, and the addresses of one reader's links."""

    office: Office
    address: str

    def url(self, path: str) -> str:
        return self.address + path


@pytest.fixture
def street(sqlite_template: Path, tmp_path: Path, clock: FrozenClock) -> Iterator[Street]:
    shutil.copyfile(sqlite_template, tmp_path / "mailer.sqlite3")
    database = Database(f"sqlite:///{tmp_path / 'mailer.sqlite3'}")
    sock = web.listen("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{web.port_of(sock)}/"
    office = office_with(database, clock, tmp_path, web={"base_url": base_url})
    _furnish(office)
    with serving(office.app, sock) as address:
        yield Street(office, address)
    database.close()


def _furnish(office: Office) -> None:
    meetings = office.add_list(texts=(JAPANESE,))
    office.add_list("customs", "Customs Training", description="Courses and seminars, each Friday.")
    arabic = office.add_list(
        "akhbar", "أخبار الاجتماعات", language="ar", languages=("ar", "en"), texts=(ARABIC,)
    )
    office.add_list("long", "Long", languages=("en",), texts=(LONG,))
    office.add_list("quiet", "Quiet", visibility=Visibility.UNLISTED)
    for title in ("The 18th global meeting", "Heads of training centres meet in Tokyo"):
        office.send_digest(meetings, title, en=REPORT, ja=REPORT)
    office.send_digest(arabic, "الاجتماع السنوي", ar="التقى المندوبون **يومين**.", en="Two days.")


def _pages(office: Office) -> dict[str, str]:
    """Give every page that a GET shows, by name."""
    asked = office.ask("asked@reader.example")
    joined = office.join("joined@reader.example")
    done = office.confirm_path("joined@reader.example")
    left = office.join("left@reader.example")
    gone = office.confirm_path("left@reader.example")
    undo = office.undo_path(office.post(left).text)
    refuse = office.refuse_path("asked@reader.example")
    stale = office.ask("stale@reader.example")
    return {
        "front": "/",
        "list": "/l/meetings",
        "list-long": "/l/long",
        "list-arabic": "/l/akhbar?lang=ar",
        "snippet": "/l/meetings/box",
        "archive": "/l/meetings/archive",
        "archive-empty": "/l/quiet/archive",
        "digest": "/l/meetings/2",
        "digest-arabic": "/l/akhbar/1?lang=ar",
        "confirm": asked,
        "subscribed": done,
        "rejoin": gone,
        "stale": stale.replace("/c/", "/c/"),
        "leave": joined,
        "left": left,
        "undo": undo,
        "refuse": refuse,
        "problem": "/nothing/here",
    }
