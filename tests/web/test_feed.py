"""Feeds: valid Atom, the same to everybody, and lasting whatever a list or the site is called."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
import pytest
from sqlmodel import col, select

from mailer import lists
from mailer.db.schema import DigestText, Visibility
from mailer.web import feed
from tests.web.conftest import Office, Open

FEED = "/l/meetings/feed"
ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "</title><script>alert(1)</script> & ]]> “<b>bold</b>”"


def read(office: Office, path: str = FEED) -> Any:
    found = feedparser.parse(office.get(path).content)
    assert not found.bozo, found.get("bozo_exception")
    return found


def test_a_lists_feed_has_its_digests_newest_first(office: Office) -> None:
    item = office.add_item("Laboratories meet")
    office.send_digest(1, "First", items=[item], en="It took **two days**.")
    office.clock.move(timedelta(days=7))
    office.send_digest(1, "Second", en="Hello.")

    found = read(office)

    assert found.feed.title == "Meeting News"
    assert [entry.title for entry in found.entries] == ["Second", "First"]
    assert found.feed.updated == found.entries[0].updated == "2026-12-08T08:00:00Z"
    assert found.entries[1].link == "http://127.0.0.1:8080/l/meetings/1?lang=en"
    content = found.entries[1].content[0].value
    assert "<strong>two days</strong>" in content
    assert 'href="http://127.0.0.1:8080/l/meetings/item/1"' in content


def test_a_feed_has_all_that_the_standard_asks_for(office: Office) -> None:
    office.send_digest(1, "First", en="Hello.")

    answer = office.get(FEED)

    assert answer.headers["content-type"] == "application/atom+xml"
    assert answer.content.startswith(b"<?xml")
    root = ET.fromstring(answer.content)
    assert root.tag == f"{ATOM}feed"
    for parent in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated", "author", "link"):
            assert parent.find(f"{ATOM}{name}") is not None, (parent.tag, name)
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links["self"] == "http://127.0.0.1:8080/l/meetings/feed?lang=en"


def test_ids_stay_whatever_the_list_and_the_site_are_called(
    office: Office, open_office: Open
) -> None:
    office.send_digest(1, "First", en="Hello.")
    before = read(office), read(office, "/feed")
    change = lists.Edit(slug="gatherings")
    office.app.database.write(lists.edit, "meetings", change, now=office.clock.now())
    moved = open_office(web={"base_url": "https://elsewhere.example/news/"})

    after = read(moved, "/l/gatherings/feed"), read(moved, "/feed")

    for one, other in zip(before, after, strict=True):
        assert one.feed.id == other.feed.id
        assert [entry.id for entry in one.entries] == [entry.id for entry in other.entries]
        assert other.entries[0].link.startswith("https://elsewhere.example/news/l/gatherings/")
    assert before[0].feed.id == "tag:meetings.office.example,2026-12-01:feed/en"
    assert before[0].entries[0].id == "tag:meetings.office.example,2026-12-01:digest/1/en"


def test_each_language_has_a_feed_and_a_browser_changes_nothing(office: Office) -> None:
    office.send_digest(1, "First", en="Hello.", ja="こんにちは。")

    japanese = read(office, f"{FEED}?lang=ja")
    plain = office.get(FEED, {"Accept-Language": "ja"})

    assert japanese.entries[0].title == "First (ja)"
    assert japanese.feed.id != read(office).feed.id
    assert "First (ja)" not in plain.text
    assert "Accept-Language" not in plain.headers.get("vary", "")


def test_who_has_the_feed_already_gets_it_no_second_time(office: Office) -> None:
    office.send_digest(1, "First", en="Hello.")
    first = office.get(FEED)
    tag, changed = first.headers["etag"], first.headers["last-modified"]

    for known in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", W/{tag}'},
        {"If-Modified-Since": changed},
    ):
        again = office.get(FEED, known)
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    for unknown in (
        {"If-None-Match": '"other"', "If-Modified-Since": changed},
        {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ):
        assert office.get(FEED, unknown).status_code == 200

    office.clock.move(timedelta(days=1))
    office.send_digest(1, "Second", en="Hello.")
    assert office.get(FEED, {"If-None-Match": tag}).status_code == 200
    assert office.get(FEED, {"If-Modified-Since": changed}).status_code == 200


def test_hostile_words_stay_words(office: Office) -> None:
    office.add_list("hostile", HOSTILE, languages=("en",))
    office.send_digest(2, HOSTILE, items=[office.add_item("x <i> & ]]>")], en=HOSTILE)

    found = read(office, "/l/hostile/feed")

    assert "<script" not in found.entries[0].content[0].value
    root = ET.fromstring(office.get("/l/hostile/feed").content)
    assert root.findtext(f"{ATOM}title") == HOSTILE
    assert root.findtext(f"{ATOM}entry/{ATOM}title") == HOSTILE


def test_what_xml_cannot_say_is_left_out(office: Office) -> None:
    office.send_digest(1, "First", en="Hello.")
    with office.app.database.writing() as session:
        text = session.exec(select(DigestText).where(col(DigestText.language) == "en")).one()
        text.introduction = "Hello\x0b\x1f\ufffe there."
        session.add(text)

    assert "Hello there." in read(office).entries[0].content[0].value


def test_pictures_of_others_are_not_fetched_by_feed_readers(office: Office) -> None:
    office.send_digest(1, "First", en="![hall](https://pictures.example/hall.jpg)")

    content = read(office).entries[0].content[0].value

    assert "<img" not in content
    assert 'href="https://pictures.example/hall.jpg"' in content


def test_one_feed_has_all_public_lists_and_no_others(office: Office) -> None:
    office.add_list("customs", "Customs Training", languages=("en",))
    office.add_list("quiet", "Quiet", visibility=Visibility.UNLISTED)
    office.add_list("board", "Board", visibility=Visibility.PRIVATE)
    for list_id, name in ((1, "Meetings"), (2, "Customs"), (3, "Quiet"), (4, "Board")):
        office.send_digest(list_id, f"{name} number", en="Hello.")

    assert {entry.title for entry in read(office, "/feed").entries} == {
        "Meetings number",
        "Customs number",
    }
    assert read(office, "/l/quiet/feed").entries[0].title == "Quiet number"
    assert office.get("/l/board/feed").status_code == 404


def test_a_feed_is_bounded_and_an_empty_one_is_valid(
    office: Office, open_office: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(office).entries == []
    assert read(office, "/feed").feed.title == "Regional Office for Capacity Building"
    monkeypatch.setattr(feed, "NEWEST", 2)
    for number in range(3):
        office.send_digest(1, f"Number {number}", en="Hello.")

    assert [entry.title for entry in read(office).entries] == ["Number 2", "Number 1"]


def test_pages_say_where_their_feed_is(office: Office) -> None:
    item = office.add_item("News")
    office.send_digest(1, "First", items=[item], en="Hello.")
    kind = 'rel="alternate" type="application/atom+xml"'

    for path in ("/l/meetings", "/l/meetings/archive", "/l/meetings/item/1", "/l/meetings/1"):
        page = office.get(path).text
        assert kind in page, path
        assert f'href="{FEED}"' in page, path
    assert 'href="/feed"' in office.get("/").text
