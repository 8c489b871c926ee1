"""An item's lasting page: what went out last, for as long as anybody has its address."""

from datetime import date

from mailer import lists
from mailer.db.schema import Visibility
from mailer.digests import front_matter, items
from tests.web.conftest import Office, seen

PAGE = "/l/meetings/item/1"


def edit(office: Office, item_id: int, text: str) -> None:
    draft = front_matter.parse(text, "item.md")
    office.app.database.write(items.edit, item_id, draft, now=office.clock.now())


def test_an_items_page_says_all_that_went_out(office: Office) -> None:
    item = office.add_item(
        "Heads of laboratories meet",
        "starts: 2026-12-07T09:30",
        "ends: 2026-12-07T17:00",
        "timezone: Asia/Tokyo",
        "place: Tokyo, Japan",
        "organiser: The Office",
        "topic: Customs",
        "link: https://office.example/18",
        body="It took **two days**.\n\n# Decided\n\n![hall](https://pictures.example/hall.jpg)",
    )
    office.send_digest(1, "The laboratories", items=[item], en="Hello.")

    page = office.get(PAGE)

    words = seen(page)
    assert "7 December 2026, 09:30 – 17:00 (Tokyo time)" in words
    assert "00:30 – 08:00 UTC" in words
    for said in ("Tokyo, Japan", "The Office", "Customs", "two days", "Add to calendar"):
        assert said in words
    assert "<strong>two days</strong>" in page.text
    assert 'href="https://office.example/18"' in page.text
    assert 'href="/l/meetings/archive?topic=Customs"' in page.text
    assert 'href="/l/meetings/1">The laboratories' in page.text
    assert f'<link rel="canonical" href="http://127.0.0.1:8080{PAGE}">' in page.text
    assert "<img" not in page.text
    assert 'href="https://pictures.example/hall.jpg"' in page.text


def test_only_words_that_were_sent_are_shown(office: Office) -> None:
    item = office.add_item("Before")
    assert office.get(PAGE).status_code == 404
    office.send_digest(1, "First", items=[item], en="Hello.")
    edit(office, item, "---\ntitle: After\n---\n")

    assert "Before" in office.get(PAGE).text
    assert "After" not in office.get(PAGE).text

    office.send_digest(1, "Second", items=[item], en="Hello.")
    page = office.get(PAGE).text
    assert "After" in page
    assert "Before" not in page
    assert page.index("Second") < page.index("First")


def test_the_address_lasts_when_the_list_is_called_otherwise(office: Office) -> None:
    office.send_digest(1, "First", items=[office.add_item("News")], en="Hello.")
    change = lists.Edit(slug="gatherings")
    office.app.database.write(lists.edit, "meetings", change, now=office.clock.now())

    page = office.get(PAGE)

    assert page.status_code == 200
    assert 'rel="canonical" href="http://127.0.0.1:8080/l/gatherings/item/1"' in page.text


def test_translations_lead_to_each_other(office: Office) -> None:
    item = office.add_item("The meeting")
    other = office.add_item("会議", "language: ja", translates=item)
    office.send_digest(1, "First", items=[item], en="Hello.", ja="こんにちは。")

    english, japanese = office.get(PAGE).text, office.get(f"/l/meetings/item/{other}").text

    for page in (english, japanese):
        assert 'hreflang="ja" href="http://127.0.0.1:8080/l/meetings/item/2"' in page
        assert 'hreflang="en" href="http://127.0.0.1:8080/l/meetings/item/1"' in page
    assert '<h1 lang="ja" dir="ltr">会議</h1>' in japanese


def test_an_item_is_on_the_pages_of_no_list_that_never_had_it(office: Office) -> None:
    office.add_list("customs", "Customs Training")
    office.add_list("quiet", "Quiet", visibility=Visibility.UNLISTED)
    office.add_list("board", "Board", visibility=Visibility.PRIVATE)
    item = office.add_item("News")
    for list_id, name in ((2, "Customs"), (3, "Quiet"), (4, "Board")):
        office.send_digest(list_id, f"{name} number", items=[item], on=date(2026, 1, 1), en="Hi.")

    assert office.get(PAGE).status_code == 404
    open_ = office.get("/l/customs/item/1").text
    assert "Quiet number" not in open_
    assert "Board number" not in open_
    hidden = office.get("/l/quiet/item/1").text
    assert "Quiet number" in hidden
    assert "Customs number" in hidden
    assert "Board number" not in hidden


def test_items_that_are_none_lead_nowhere(lone_office: Office) -> None:
    for name in ("0", "99", "x", "-1", "9" * 40, "١"):
        assert lone_office.get(f"/l/meetings/item/{name}").status_code == 404
