"""From a phone to a reader: a photo, its documents and a date, by commands, mail and web."""

import io
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from icalendar import Calendar
from PIL import Image
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests import papers, photos
from tests.journeys.serving import serving
from tests.smtp_server import SmtpServer

ITEM = """\
---
title: The laboratories meet
starts: 2027-03-01T09:00
ends: 2027-03-01T12:30
timezone: Pacific/Fiji
place: Suva
link: https://office.example.org/reports/18
picture: hall.jpg
picture_alt: Four colours in a hall.
picture_caption: The hall
picture_credit: Kim Lee
documents:
  - file: agenda.pdf
    title: Agenda
  - link: https://office.example.org/papers
    title: All papers
---
Two days of exchange.
"""


@pytest.mark.timeout(180)
def test_a_photo_from_a_phone_is_seen_by_a_reader(tmp_path: Path, copied_database_url: str) -> None:
    # Given an office with a reader, and a phone's photo: on its side, with place and owner in it
    with (
        SmtpServer() as server,
        serving(tmp_path, copied_database_url, server.port) as (office, web),
    ):
        office.run(
            "subscriber", "add", "meetings", "kim@example.org", "--confirmed", "--basis", "x"
        )
        photo = photos.large_photo(6)
        assert len(photo) > 8_000_000
        (office.folder / "hall.jpg").write_bytes(photo)
        (office.folder / "agenda.pdf").write_bytes(papers.PDF)

        # When the item is added, drafted, previewed and queued
        item = office.run("item", "add", office.file("item.md", ITEM)).strip()
        number = office.run(
            "digest", "draft", "meetings", "--subject", "March", "--item", item
        ).strip()
        office.run("digest", "preview", number, "--out", office.folder / "preview")
        office.run("digest", "queue", number)
        server.wait_for(1, seconds=60)
        mail = _mail(server, 0)

        # Then the mail shows the photo, upright, small, and with nothing in it but what is seen
        page = LexborHTMLParser(_part(mail, "html"))
        image = _only(page, "img")
        assert image.attributes["alt"] == "Four colours in a hall."
        small = web.get(_path(image.attributes["src"]))
        large = web.get(_path(image.attributes["data-large"]))
        _is_upright_and_bare(small.content, (600, 450))
        _is_upright_and_bare(large.content, (1200, 900))
        assert small.headers["content-type"] == "image/jpeg"
        assert "immutable" in small.headers["cache-control"]
        assert len(small.content) + len(_part(mail, "html")) < 300_000

        # And the document, whole, and by its title
        agenda = _only(page, "ul.documents a[href*='/m/']")
        saved = web.get(_path(agenda.attributes["href"]))
        assert saved.content == papers.PDF
        assert saved.headers["content-disposition"].startswith('attachment; filename="Agenda.pdf"')

        # And the text says it all without pictures
        text = " ".join(_part(mail, "plain").split())
        assert "[Four colours in a hall.] The hall · Kim Lee" in text
        assert "Agenda <http" in text
        assert "(PDF, 1 kB)" in text
        assert "21:00 – 00:30 UTC (28 February)" in text.replace("\u2009", " ")

        # And the date goes into a calendar, and moves there when the meeting is moved
        link = re.search(r"http\S+/e/[\w-]+\.ics", text)
        assert link is not None
        before = _event(web, link[0])
        office.file("moved.md", ITEM.replace("2027-03-01", "2027-03-02"))
        office.run("item", "edit", item, office.folder / "moved.md")
        after = _event(web, link[0])
        assert before["UID"] == after["UID"]
        assert after["SEQUENCE"] == before["SEQUENCE"] + 1
        assert (after["DTSTART"].dt - before["DTSTART"].dt).days == 1

        # And the page in the archive shows the photo too, from this host alone
        shown = LexborHTMLParser(web.get("/news/l/meetings/1").text)
        own = _only(shown, "img")
        assert own.attributes["src"] == _path(image.attributes["src"])
        assert web.get(own.attributes["src"] or "").content == small.content


def _is_upright_and_bare(content: bytes, size: tuple[int, int]) -> None:
    shown = Image.open(io.BytesIO(content))
    assert shown.size == size
    assert photos.alike(photos.corners(shown), photos.CORNERS, within=90)
    assert not shown.getexif()
    assert not any(secret in content for secret in (b"Exif", b"Kim Lee", b"xmpmeta"))


def _event(web: httpx2.Client, url: str) -> Any:
    answer = web.get(_path(url))
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    return event


def _mail(server: SmtpServer, number: int) -> EmailMessage:
    found = message_from_bytes(server.messages[number].content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def _only(page: LexborHTMLParser, selector: str) -> LexborNode:
    [found] = page.css(selector)
    return found


def _path(url: str | None) -> str:
    return urlsplit(url or "").path
