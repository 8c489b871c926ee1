"""From rows to what is rendered: which words, items and days a language gets."""

from datetime import date
from pathlib import Path

import pytest

from mailer import lists
from mailer.db.schema import Visibility
from mailer.digests import front_matter, items, life
from mailer.errors import Refused
from mailer.rendering import DigestContent, Kind
from tests import papers, photos
from tests.conftest import MOMENT
from tests.installation import Installation


def content(office: Installation, digest: int, language: str = "en") -> DigestContent:
    with office.app.database.reading() as session:
        found = life.get(session, digest)
        return office.app.press.contents.digest(session, found, language)[0]


def test_a_meeting_is_coming_up_from_the_day_of_the_digest_on(office: Installation) -> None:
    office.item("Yesterday", "starts: 2026-11-30")
    office.item("Today", "starts: 2026-12-01")
    office.item("Next year", "starts: 2027-02-01")
    office.item("Next week", "starts: 2026-12-08")
    office.item("Some time")
    digest = office.draft(new_items=True, dated_on=date(2026, 12, 1))

    found = content(office, digest)

    assert [one.title for one in found.coming_up] == ["Today", "Next week", "Next year"]
    assert len(found.items) == 5


def test_the_day_of_a_meeting_is_that_of_its_place(office: Installation) -> None:
    """Eight in the morning in Tokyo is the day before in Greenwich."""
    office.item("Breakfast", "starts: 2026-12-01T08:00", "timezone: Asia/Tokyo")
    digest = office.draft(new_items=True, dated_on=date(2026, 12, 1))

    assert [one.title for one in content(office, digest).coming_up] == ["Breakfast"]


def test_items_stand_under_their_topics_in_the_order_of_their_coming(
    office: Installation,
) -> None:
    for title, topic in (("A", "Law"), ("B", "Trade"), ("C", "Law"), ("D", "")):
        office.item(title, f"topic: {topic}")
    digest = office.draft(new_items=True)

    found = {
        one.topic: [item.title for item in one.items] for one in content(office, digest).sections
    }

    assert found == {"Law": ["A", "C"], "Trade": ["B"], "": ["D"]}


def test_a_language_gets_its_own_words_and_translations_where_there_are_any(
    office: Installation,
) -> None:
    tax = office.a_list("tax", languages=("ja",))
    first = office.item("Laboratories", "topic: Law")
    office.item("Customs", "topic: Law")
    now = office.clock.now()
    with office.app.database.writing() as session:
        japanese = front_matter.parse(
            "---\ntitle: 研究所\ntopic: 法\nlanguage: ja\n---\n会合", "x.md"
        )
        items.add(session, japanese, now=now, translates=first)
        changed = lists.Edit(texts=(lists.Words("ja", name="税の知らせ"),))
        lists.edit(session, "tax", changed, now=now)
    digest = office.draft("News", slug="tax", new_items=True)
    office.app.database.write(life.write, digest, "ja", "お知らせ", "会合のまとめ")

    found = content(office, digest, "ja")

    assert tax
    assert (found.subject, found.introduction) == ("お知らせ", "会合のまとめ")
    assert found.mailing_list.name == "税の知らせ"
    assert [(item.title, item.language) for item in found.items] == [
        ("研究所", "ja"),
        ("Customs", "en"),
    ]
    assert [one.topic for one in found.sections] == ["法", "Law"]


def test_a_private_list_has_no_page_to_point_at(office: Installation) -> None:
    office.a_list("inner", visibility=Visibility.PRIVATE)

    found = content(office, office.draft(slug="inner"))

    assert found.view_url == ""
    assert found.mailing_list.archive_url == ""
    assert found.mailing_list.page_url == "https://news.office.example.org/"


def test_a_digest_that_says_nothing_is_refused(office: Installation) -> None:
    digest = office.app.database.write(life.draft, life.Wish("news", "Nothing"), now=MOMENT)

    with pytest.raises(Refused, match="is empty"):
        office.queue(digest)

    assert office.digest(digest).state == "draft"


def test_a_letter_is_announced_with_the_subject_it_will_have(office: Installation) -> None:
    with office.app.database.reading() as session:
        card = lists.card(session, office.list_id)
        said = office.app.press.announced(card, Kind.CONFIRMATION, "en")

    assert said == "Please confirm: The news"


def test_what_lies_ahead_of_the_digest_can_be_put_into_a_calendar(office: Installation) -> None:
    office.item("Yesterday", "starts: 2026-11-30")
    ahead = office.item("Next week", "starts: 2026-12-08")
    digest = office.draft(new_items=True, dated_on=date(2026, 12, 1))

    found = {one.title: one.calendar_url for one in content(office, digest).items}

    url = office.app.links.event(office.list_id, ahead)
    assert found == {"Yesterday": "", "Next week": url}


def test_an_item_brings_its_picture_and_documents(office: Installation, tmp_path: Path) -> None:
    (tmp_path / "hall.jpg").write_bytes(photos.photo(photos.scene(800, 600)))
    (tmp_path / "agenda.pdf").write_bytes(papers.PDF)
    file = tmp_path / "item.md"
    file.write_text(
        "---\ntitle: A meeting\npicture: hall.jpg\npicture_alt: Four colours.\ndocuments:\n"
        "- file: agenda.pdf\n  title: The agenda\n---\n",
        encoding="utf-8",
    )
    office.app.database.write(items.add, front_matter.read(file), now=MOMENT)

    [item] = content(office, office.draft(new_items=True)).items

    assert item.picture is not None
    assert item.picture.url.startswith("https://news.office.example.org/m/")
    assert (item.picture.width, item.picture.height, item.picture.alt) == (
        600,
        450,
        "Four colours.",
    )
    [document] = item.documents
    assert document.url.endswith("/The-agenda.pdf")
    assert (document.title, document.kind, document.size) == ("The agenda", "PDF", len(papers.PDF))
