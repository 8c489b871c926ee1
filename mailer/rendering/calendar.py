"""A meeting as a file for calendars: iCalendar (RFC 5545), published (RFC 5546, 3.2.1).

Opened once more after the meeting was moved, it changes the entry that is there: the UID stays,
the sequence grows. Hours are in UTC, which every calendar reads alike and shows by the reader's
own clock; days are days, wherever the reader is.
"""

from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event, vCalAddress

from mailer.language import Language
from mailer.rendering import markdown, plaintext
from mailer.rendering.content import Happening, ItemCard, SenderCard
from mailer.rendering.wrapping import shortened

PRODUCT = "-//Communiqué//Meeting news//EN"

LONGEST_DESCRIPTION = 1000
"""Columns of the text in the entry; the report is behind the link."""


def calendar_file(item: ItemCard, happening: Happening, language: Language) -> bytes:
    """Give an item that has a date as an iCalendar file of one event."""
    assert item.starts is not None
    event = Event()
    event.add("UID", str(happening.uid))
    event.add("SEQUENCE", happening.sequence)
    event.add("DTSTAMP", happening.changed_at)
    event.add("CREATED", happening.created_at)
    event.add("LAST-MODIFIED", happening.changed_at)
    event.add("DTSTART", _in_utc(item.starts))
    if (ends := _end(item.starts, item.ends)) is not None:
        event.add("DTEND", ends)
    if not isinstance(item.starts, datetime):
        # A day that is only news must not make its reader busy.
        event.add("TRANSP", "TRANSPARENT")
    event.add("SUMMARY", item.title)
    event.add("DESCRIPTION", _description(item, language))
    if item.place:
        event.add("LOCATION", item.place)
    if item.link:
        event.add("URL", item.link)
    event.add("ORGANIZER", _publisher(happening.publisher))
    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _in_utc(moment: date | datetime) -> date | datetime:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def _end(starts: date | datetime, ends: date | datetime | None) -> date | datetime | None:
    """Give the moment it has ended, which for whole days is the day after (RFC 5545, 3.6.1)."""
    if not isinstance(starts, datetime):
        return (ends or starts) + timedelta(days=1)
    return _in_utc(ends) if ends is not None and ends > starts else None


def _description(item: ItemCard, language: Language) -> str:
    assert item.starts is not None
    words = shortened(plaintext.words(markdown.to_html(item.body)), LONGEST_DESCRIPTION)
    when = language.format_span(item.starts, item.ends, item.timezone)
    return "\n\n".join(filter(None, (when, item.organiser, words, item.link)))


def _publisher(sender: SenderCard) -> vCalAddress:
    address = vCalAddress(f"mailto:{sender.address}")
    # Within a parameter a quotation mark is not allowed, and its newer spelling not known.
    address.params["CN"] = sender.name.replace('"', "'")
    return address
