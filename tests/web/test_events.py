"""The link in a digest that puts a meeting into a calendar."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from httpx2 import Response
from icalendar import Calendar

from mailer.digests import front_matter, items
from tests.web.conftest import Office

MEETING = """\
---
title: The laboratories meet
starts: 2026-12-07T09:00
ends: 2026-12-07T12:30
timezone: Pacific/Fiji
place: Suva
---
"""


def draft(text: str = MEETING) -> front_matter.Draft:
    return front_matter.parse(text, "item.md")


def add(office: Office, text: str = MEETING, **more: Any) -> int:
    return office.app.database.write(items.add, draft(text), now=office.clock.now(), **more)


def change(office: Office, item: int, text: str) -> None:
    office.clock.move(timedelta(days=1))
    office.app.database.write(items.edit, item, draft(text), now=office.clock.now())


def fetch(office: Office, item: int, list_id: int = 1) -> Response:
    return office.get(urlsplit(office.app.links.event(list_id, item)).path)


def event(answer: Response) -> Any:
    assert answer.status_code == 200
    return Calendar.from_ical(answer.content).walk("VEVENT")[0]


def test_a_meeting_comes_as_a_calendar_file(office: Office) -> None:
    answer = fetch(office, add(office))

    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert 'inline; filename="The-laboratories-meet.ics"' in answer.headers["content-disposition"]
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    found = event(answer)
    assert found["SUMMARY"] == "The laboratories meet"
    assert b"DTSTART:20261206T210000Z" in answer.content
    assert found["ORGANIZER"] == "mailto:news@office.example"


def test_a_meeting_that_was_moved_changes_the_entry_that_is_there(office: Office) -> None:
    item = add(office)
    before = event(fetch(office, item))

    change(office, item, MEETING.replace("12-07", "12-08"))

    after = event(fetch(office, item))
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] == before["SEQUENCE"] + 1
    assert after["DTSTAMP"].dt == before["DTSTAMP"].dt + timedelta(days=1)
    assert after["CREATED"].dt == before["CREATED"].dt
    assert after["DTSTART"].dt == before["DTSTART"].dt + timedelta(days=1)


def test_translations_are_one_meeting_and_two_items_are_two(office: Office) -> None:
    english = add(office)
    japanese = add(office, MEETING.replace("title", "language: ja\ntitle"), translates=english)
    other = add(office)
    change(office, english, MEETING.replace("Suva", "Nadi"))

    found = [event(fetch(office, one)) for one in (english, japanese, other)]

    assert found[0]["UID"] == found[1]["UID"] != found[2]["UID"]
    assert found[0]["SEQUENCE"] == found[1]["SEQUENCE"] == 2


def test_the_link_serves_a_private_list_and_nobody_can_make_one(office: Office) -> None:
    item = add(office)
    office.hide("meetings")
    path = urlsplit(office.app.links.event(1, item)).path

    assert office.get(path).status_code == 200
    for wrong in (
        path.removesuffix(".ics"),
        path.replace("/e/", "/e/A"),
        "/e/.ics",
        "/e/1.ics",
        urlsplit(office.app.links.leave(1, item)).path.replace("/u/", "/e/") + ".ics",
    ):
        assert office.get(wrong).status_code == 404, wrong


def test_an_item_without_a_date_is_in_no_calendar(office: Office) -> None:
    item = add(office, "---\ntitle: Some time\n---\n")

    assert fetch(office, item).status_code == 404
    assert fetch(office, 99).status_code == 404
