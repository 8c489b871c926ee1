"""A meeting as a file for calendars, read back by the rules of RFC 5545."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from icalendar import Calendar

from mailer.language import languages
from mailer.rendering import Happening, ItemCard
from mailer.rendering.calendar import calendar_file
from tests.rendering.sample import GLOBAL_MEETING, NEXT_WEBINAR, SENDER

CREATED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
HAPPENING = Happening(
    uid=UUID("0f2b2f9e-4d0c-5f9b-8a52-2f9f3b6f1a77"),
    sequence=2,
    created_at=CREATED,
    changed_at=CREATED + timedelta(days=3),
    publisher=SENDER,
)


def written(item: ItemCard, happening: Happening = HAPPENING) -> bytes:
    return calendar_file(item, happening, languages().of("en"))


def read(content: bytes) -> Any:
    """Give the only event of a file, which must have no other part."""
    calendar = Calendar.from_ical(content)
    [event] = calendar.walk("VEVENT")
    assert [part.name for part in calendar.subcomponents] == ["VEVENT"]
    assert not event.errors
    return event


def test_a_meeting_is_published_with_what_calendars_ask_for() -> None:
    content = written(NEXT_WEBINAR)

    calendar, event = Calendar.from_ical(content), read(content)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert str(calendar["PRODID"]).startswith("-//")
    assert event["UID"] == "0f2b2f9e-4d0c-5f9b-8a52-2f9f3b6f1a77"
    assert event["SEQUENCE"] == 2
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt == HAPPENING.changed_at
    assert event["CREATED"].dt == CREATED
    assert event["ORGANIZER"] == "mailto:news@office.example.org"
    assert event["ORGANIZER"].params["CN"] == "ROCB Asia/Pacific"
    assert "ATTENDEE" not in event


def test_hours_are_told_in_utc() -> None:
    content = written(NEXT_WEBINAR)

    assert b"\r\nDTSTART:20230315T050000Z\r\n" in content
    assert b"\r\nDTEND:20230315T063000Z\r\n" in content
    assert "12:00" in read(content)["DESCRIPTION"]
    assert "(Bangkok time)" in read(content)["DESCRIPTION"]


def test_whole_days_end_with_the_day_after_and_make_nobody_busy() -> None:
    event = read(written(GLOBAL_MEETING))

    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2023, 2, 20), date(2023, 2, 22))
    assert event["TRANSP"] == "TRANSPARENT"


def test_what_has_no_end_is_given_none() -> None:
    day = ItemCard(title="A day", starts=date(2026, 12, 7))
    hour = ItemCard(title="An hour", starts=datetime(2026, 12, 7, 9, 0, tzinfo=UTC))

    assert read(written(day))["DTEND"].dt == date(2026, 12, 8)
    assert "DTEND" not in read(written(hour))


def test_any_words_come_through_whole() -> None:
    title = "Comma, semicolon; back\\slash: “quoted” 会議のおしらせ " * 3
    item = replace(GLOBAL_MEETING, title=title.strip(), place="Room 5; floor 2, Suva")
    sender = replace(SENDER, name='The "news" desk; Suva, Fiji')

    content = written(item, replace(HAPPENING, publisher=sender))

    event = read(content)
    assert event["SUMMARY"] == title.strip()
    assert event["LOCATION"] == "Room 5; floor 2, Suva"
    assert event["URL"] == GLOBAL_MEETING.link
    assert event["ORGANIZER"].params["CN"] == "The 'news' desk; Suva, Fiji"
    description = str(event["DESCRIPTION"])
    assert description.startswith("20–21 February 2023\n\nWCO\n\nDelegates of the regional")
    assert description.endswith(GLOBAL_MEETING.link)


def test_lines_are_folded_and_ended_as_the_standard_has_it() -> None:
    content = written(replace(GLOBAL_MEETING, body="会議の報告。" * 200))

    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 75
    content.decode("utf-8")
    assert len(read(content)["DESCRIPTION"]) < 1200
