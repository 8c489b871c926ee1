"""The archive's pages at a real browser: fit for every reader, every width, and every script.

`$MAILER_TEST_PICTURES` says where screenshots are kept; without it none are taken.
"""

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailer import lists
from mailer.digests import back_numbers, front_matter, items, papers
from mailer.digests.back_numbers import Heading
from tests import old_numbers, photos
from tests.browser import DESKTOP, PHONE, Scheme, Visitor, axe, is_too_wide, screenshots
from tests.web.conftest import Office, Street

if TYPE_CHECKING:
    from playwright.sync_api import Page

NARROWEST = 320
JAPANESE = lists.Words("ja", name="会議ニュース", description="会議の報告を、月に一度。")
REPORT = """Delegates of six regions met for two days. The chair thanked the hosts, who had the
laboratories of Suva opened for everybody, and named what is to be done until spring.

# What was decided

* The next meeting is in **Brussels**, in March.
* Training material is shared, see [the page](https://office.example/training).

| region | laboratories |
|---|---|
| Pacific | 12 |
| Caribbean | 9 |

![The hall](https://pictures.example/hall.jpg)
"""
TOPICS = ("Laboratories", "Training", "Enforcement of intellectual property rights at borders")


def furnish(office: Office, folder: Path) -> None:
    """Leave three years of numbers, an item with all that an item can have, and old papers."""
    meetings = office.add_list(texts=(JAPANESE,))
    rich = _rich_item(office, folder)
    other = office.add_item(
        "検査機関の長が東京に集まり、来年の研修計画を決めました", "topic: 検査機関", "language: ja",
        "starts: 2027-03-01T09:30", "timezone: Asia/Tokyo", "place: 東京", translates=rich,
    )  # fmt: skip
    assert other
    for number in range(1, 8):
        topic = TOPICS[number % len(TOPICS)]
        plain = office.add_item(f"Region {number} reports on its year", f"topic: {topic}")
        subject = f"The {number}th regional meeting, and what came of it"
        chosen = [rich, plain] if number % 2 else [plain]
        day = date(2024 + number // 3, number, 15)
        office.send_digest(meetings, subject, items=chosen, on=day, en=REPORT, ja="報告です。")
    _put_in(office, folder / "2019.pdf", old_numbers.pdf("Harbour"), "The harbour opens")
    page = old_numbers.page("Meeting news of 2018", "The harbour was opened. " * 40)
    _put_in(office, folder / "2018.html", page.encode(), "Meeting news, spring 2018")
    _furnish_arabic(office)


def _rich_item(office: Office, folder: Path) -> int:
    (folder / "hall.jpg").write_bytes(photos.photo(photos.scene(1600, 1200)))
    (folder / "agenda.pdf").write_bytes(old_numbers.pdf("Agenda"))
    path = folder / "rich.md"
    path.write_text(
        "---\ntitle: Heads of laboratories meet in Tokyo to agree on next year’s training\n"
        "starts: 2027-03-01T09:30\nends: 2027-03-02T17:00\ntimezone: Asia/Tokyo\n"
        "place: Tokyo, Japan\norganiser: Regional Office for Capacity Building\n"
        "topic: Laboratories\nlink: https://office.example/18\n"
        "picture: hall.jpg\npicture_alt: The hall from the gallery\npicture_caption: The hall\n"
        "picture_credit: K. Lee\n"
        "documents:\n  - title: Agenda\n    file: agenda.pdf\n"
        f"---\n{REPORT}",
        encoding="utf-8",
    )
    draft = front_matter.read(path)
    return office.app.database.write(items.add, draft, now=office.clock.now())


def _put_in(office: Office, file: Path, content: bytes, title: str) -> None:
    file.write_bytes(content)
    paper = papers.read(file)
    heading = Heading(title, date(int(file.stem), 3, 1), "en", number="7")
    with office.app.database.writing() as session:
        found = lists.get(session, "meetings")
        back_numbers.add(session, found, heading, paper, now=office.clock.now())


def _furnish_arabic(office: Office) -> None:
    made = office.add_list("akhbar", "أخبار الاجتماعات", language="ar", languages=("ar", "en"))
    item = office.add_item(
        "التقى رؤساء المختبرات في طوكيو", "language: ar", "topic: المختبرات", "place: طوكيو",
        "starts: 2027-03-01T09:30", "timezone: Asia/Tokyo", body="دام الاجتماع **يومين**.",
    )  # fmt: skip
    for year in (2025, 2026):
        day = date(year, 5, 1)
        office.send_digest(made, "الاجتماع السنوي", items=[item], on=day, ar="مرحبا.", en="Two.")


PAGES = {
    "archive": "/l/meetings/archive",
    "archive-year": "/l/meetings/archive?year=2025",
    "archive-found": "/l/meetings/archive?q=tokyo",
    "archive-topic": "/l/meetings/archive?topic=Training",
    "archive-nothing": "/l/meetings/archive?q=nowhere",
    "digest-items": "/l/meetings/7",
    "item": "/l/meetings/item/1",
    "item-japanese": "/l/meetings/item/2",
    "back-number": "/l/meetings/back/2",
    "archive-arabic": "/l/akhbar/archive?q=طوكيو",
    "item-arabic": "/l/akhbar/item/10",
}


@pytest.mark.parametrize(
    "width, scheme, language", [(PHONE, "light", "en"), (DESKTOP, "dark", "ja")]
)
def test_every_page_of_the_archive_is_fit_for_every_reader(
    empty_street: Street,
    browser: Visitor,
    pictures: Path,
    tmp_path: Path,
    *,
    width: int,
    scheme: Scheme,
    language: str,
) -> None:
    furnish(empty_street.office, tmp_path)
    page = browser.page(width=width, scheme=scheme)

    for name, path in PAGES.items():
        mark = "&" if "?" in path else "?"
        asked = "ar" if "arabic" in name else language
        answer = page.goto(f"{empty_street.address}{path}{mark}lang={asked}")
        assert answer is not None
        assert answer.status == 200, name
        assert axe(page) == [], name
        _keep(page, pictures, f"{name}-{asked}")
        page.set_viewport_size({"width": NARROWEST, "height": 800})
        assert not is_too_wide(page), name
        page.set_viewport_size({"width": width, "height": 900})


def test_words_are_found_by_keyboard_without_scripts(
    empty_street: Street, browser: Visitor, tmp_path: Path
) -> None:
    furnish(empty_street.office, tmp_path)
    page = browser.page(width=PHONE, scripts=False)
    page.goto(f"{empty_street.address}/l/meetings/archive")

    page.get_by_label("Words, a name or a place").fill("tokyo")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Heads of laboratories").first.click()

    page.get_by_role("heading", level=1, name="Heads of laboratories").wait_for()
    page.get_by_role("link", name="日本語").last.click()
    page.get_by_role("heading", level=1, name="検査機関の長が東京に集まり").wait_for()


def _keep(page: "Page", folder: Path, name: str) -> None:
    if os.environ.get("MAILER_TEST_PICTURES"):
        screenshots(page, folder, name)
