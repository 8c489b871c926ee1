"""The rooms of digests: the list of them, a draft's words and items, its preview, a test letter."""

import json
import re

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser

from mailer import lists
from mailer.db.schema import DeliveryKind, DigestState, Role
from mailer.digests import arranging, life, order
from tests.web.rooms.conftest import Desk, Rooms, seen

HOSTILE = '"><script>alert(1)</script>'


def draft(rooms: Rooms, *items: int, slug: str = "meetings", introduction: str = "Hello") -> int:
    wish = life.Wish(slug, "What was decided", introduction, items)
    return rooms.office.app.database.write(life.draft, wish, now=rooms.office.clock.now())


def hidden(answer: Response, name: str, form: str = "form") -> str:
    field = LexborHTMLParser(answer.text).css_first(f"{form} input[name={name}]")
    assert field is not None
    return field.attributes["value"] or ""


def words(desk: Desk, digest_id: int, subject: str, **more: str) -> dict[str, str]:
    """Give the fields of the form of words as a browser would send them."""
    path = f"/digests/{digest_id}?language={more.get('language', 'en')}"
    base = hidden(desk.get(path), "base", "#words-form")
    return {"deed": "words", "language": "en", "base": base, "subject": subject, **more}


def ids(rooms: Rooms, digest_id: int) -> list[int]:
    placed = rooms.office.app.database.read(arranging.order_of, digest_id)
    return [one.item_id for one in placed]


# ------------------------------------------------------------------------- the list


def test_a_digest_is_begun_with_all_that_is_new(rooms: Rooms) -> None:
    rooms.office.add_item("Regional entities meet")
    desk = rooms.as_(Role.EDITOR)
    assert "No digest yet" in seen(desk.get("/digests"))

    answer = desk.post("/digests/new", {"list": "meetings", "subject": "News", "begin": "new"})

    assert answer.headers["location"] == "/rooms/digests/1?said=new"
    assert "Regional entities meet" in seen(desk.get("/digests/1?said=new"))
    assert "News Meeting News Draft 1" in seen(desk.get("/digests"))
    again = desk.post("/digests/new", {"list": "meetings", "subject": "News", "begin": "new"})
    assert again.status_code == 400
    assert "nothing new since the last digest" in seen(again)


@pytest.mark.parametrize(
    "fields, why",
    [
        ({"list": "nowhere", "subject": "S"}, "Choose the list"),
        ({"list": "meetings", "subject": "  "}, "A subject has 1 to 200 characters"),
        ({"list": "meetings", "subject": "x" * 201}, "A subject has 1 to 200 characters"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    lone_rooms: Rooms, fields: dict[str, str], why: str
) -> None:
    desk = lone_rooms.as_(Role.EDITOR)

    answer = desk.post("/digests/new", fields)

    assert answer.status_code == 400
    assert why in seen(answer)
    assert lone_rooms.office.app.database.read(life.every) == []


def test_another_lists_digests_are_not_there(lone_rooms: Rooms) -> None:
    other = lone_rooms.office.add_list("other", "Other News")
    mine, theirs = draft(lone_rooms), draft(lone_rooms, slug="other")
    desk = lone_rooms.as_(Role.EDITOR, list_id=1)

    listed = seen(desk.get("/digests"))
    assert "Meeting News" in listed
    assert "Other News" not in listed
    assert "Other News" not in seen(desk.get("/digests?list=other"))
    assert "Other News" not in seen(desk.get("/digests/new"))
    made = desk.post("/digests/new", {"list": "other", "subject": "S"})
    assert made.status_code == 400
    for path in ("", "/items", "/preview", "/frame"):
        assert desk.get(f"/digests/{theirs}{path}").status_code == 404
        assert desk.get(f"/digests/{mine}{path}").status_code == 200
    assert desk.post(f"/digests/{theirs}", {"deed": "cancel"}).status_code == 404
    assert lone_rooms.as_(Role.VIEWER, list_id=other).get(f"/digests/{mine}").status_code == 404


def test_the_list_is_filtered_and_leafed_through(lone_rooms: Rooms) -> None:
    database, now = lone_rooms.office.app.database, lone_rooms.office.clock.now()
    for _ in range(30):
        draft(lone_rooms)
    database.write(life.cancel, 7, now=now)
    desk = lone_rooms.as_(Role.VIEWER)

    def numbers(path: str) -> list[int]:
        cells = LexborHTMLParser(desk.get(path).text).css("tbody td.number:first-child")
        return [int(cell.text()) for cell in cells]

    first = desk.get("/digests")
    [further] = re.findall(r'rel="next" href="/rooms([^"]+)"', first.text)
    assert numbers("/digests") == list(range(30, 5, -1))
    assert numbers(further) == [5, 4, 3, 2, 1]
    [back] = re.findall(r'rel="prev" href="/rooms([^"]+)"', desk.get(further).text)
    assert numbers(back) == list(range(30, 5, -1))
    assert numbers("/digests?state=cancelled") == [7]
    assert "No digest is like that" in seen(desk.get("/digests?state=paused"))
    assert desk.get("/digests?before=nonsense").status_code == 404


# ------------------------------------------------------------------------- words


def test_words_are_saved_in_each_language(rooms: Rooms) -> None:
    digest_id, desk = draft(rooms), rooms.as_(Role.EDITOR)

    english = words(desk, digest_id, "Better", preheader="In two days", introduction="Two\r\ndays.")
    desk.post(f"/digests/{digest_id}", english)
    japanese = words(desk, digest_id, "お知らせ", language="ja")
    answer = desk.post(f"/digests/{digest_id}", japanese)

    assert answer.status_code == 303
    texts = rooms.office.app.database.read(life.texts, digest_id)
    assert (texts["en"].subject, texts["en"].preheader) == ("Better", "In two days")
    assert texts["en"].introduction == "Two\ndays."
    assert texts["ja"].subject == "お知らせ"
    assert "In two days" in desk.get(f"/digests/{digest_id}/frame").text
    foreign = desk.post(f"/digests/{digest_id}", {**japanese, "language": "fr"})
    assert foreign.status_code == 404


def test_whoever_saves_second_overwrites_nothing_and_sees_both(lone_rooms: Rooms) -> None:
    digest_id = draft(lone_rooms)
    noor, kim = lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.EDITOR)
    mine = words(kim, digest_id, "Of Kim", introduction="Kim wrote this")
    noor.post(f"/digests/{digest_id}", words(noor, digest_id, "Of Noor"))

    answer = kim.post(f"/digests/{digest_id}", mine)

    assert answer.status_code == 409
    assert "Of Noor" in seen(answer)
    assert 'value="Of Kim"' in answer.text
    assert "Kim wrote this" in answer.text
    texts = lone_rooms.office.app.database.read(life.texts, digest_id)
    assert texts["en"].subject == "Of Noor"
    # who has seen both may decide
    decided = {**mine, "base": hidden(answer, "base", "#words-form")}
    assert kim.post(f"/digests/{digest_id}", decided).status_code == 303


def test_what_is_typed_is_kept_for_its_editor_only(lone_rooms: Rooms) -> None:
    digest_id = draft(lone_rooms)
    noor, kim = lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.EDITOR)
    typed = {**words(noor, digest_id, "Half a th"), "deed": "keep"}

    assert noor.post(f"/digests/{digest_id}", typed).status_code == 204

    shown = noor.get(f"/digests/{digest_id}")
    assert 'value="Half a th"' in shown.text
    assert "did not save it yet" in seen(shown)
    assert "Half a th" not in kim.get(f"/digests/{digest_id}").text
    # what was begun before somebody else saved does not overwrite that either
    kim.post(f"/digests/{digest_id}", words(kim, digest_id, "Of Kim"))
    late = words(noor, digest_id, "Half a thought")
    assert noor.post(f"/digests/{digest_id}", late).status_code == 409
    noor.post(f"/digests/{digest_id}", {"deed": "drop", "language": "en"})
    assert 'value="Of Kim"' in noor.get(f"/digests/{digest_id}").text


def test_wrong_words_are_said_at_their_field_and_kept(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)

    long = desk.post(f"/digests/{digest_id}", words(desk, digest_id, "x" * 201))
    unseen = desk.post(f"/digests/{digest_id}", words(desk, digest_id, "A\u202eB"))

    assert (long.status_code, unseen.status_code) == (400, 400)
    assert 'id="subject-error"' in long.text
    assert "x" * 201 in long.text


def test_what_editors_write_is_never_markup(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    lone_rooms.office.add_item(f"'{HOSTILE}'")
    desk.post(f"/digests/{digest_id}/items", {"item": "1"})
    rename = {"deed": "rename", "section": "", "name": HOSTILE}
    assert desk.post(f"/digests/{digest_id}", rename).status_code == 303
    hostile = words(desk, digest_id, HOSTILE, preheader=HOSTILE, introduction=HOSTILE)
    assert desk.post(f"/digests/{digest_id}", hostile).status_code == 303

    for path in ("", f"/{digest_id}", f"/{digest_id}/items?q={HOSTILE}", f"/{digest_id}/preview"):
        page = desk.get(f"/digests{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert "<script" not in desk.get(f"/digests/{digest_id}/frame").text
    text = desk.get(f"/digests/{digest_id}/frame?part=text").text
    assert "<script" not in text


# ------------------------------------------------------------------------- items


def test_items_are_put_in_moved_and_taken_out(rooms: Rooms) -> None:
    office = rooms.office
    one, two, three = (
        office.add_item(title, f"topic: {topic}")
        for title, topic in (("A", "Lab"), ("B", "Lab"), ("C", "Dogs"))
    )
    digest_id, desk = draft(rooms, one), rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}"

    assert desk.post(f"{path}/items", {"item": str(two)}).status_code == 303
    assert desk.post(f"{path}/items", {"deed": "all"}).status_code == 303
    assert ids(rooms, digest_id) == [one, two, three]
    moved = desk.post(path, {"deed": "up", "item": str(two)})
    assert ids(rooms, digest_id) == [two, one, three]
    # at the edge the button that was pressed is gone: the other one has the focus
    assert moved.headers["location"].endswith(f"#down-{two}")
    desk.post(path, {"deed": "section-up", "section": "Dogs"})
    assert ids(rooms, digest_id) == [three, two, one]
    desk.post(path, {"deed": "rename", "section": "Dogs", "name": "  Four   legs "})
    assert "Four legs" in seen(desk.get(path))
    desk.post(path, {"deed": "remove", "item": str(one)})
    assert ids(rooms, digest_id) == [three, two]
    assert desk.post(f"{path}/items", {"item": "999"}).status_code == 404
    assert desk.post(f"{path}/items", {"item": str(two)}).status_code == 409


def test_a_dragged_order_is_taken_whole_or_not_at_all(lone_rooms: Rooms) -> None:
    one, two = lone_rooms.office.add_item("A"), lone_rooms.office.add_item("B")
    digest_id, desk = draft(lone_rooms, one, two), lone_rooms.as_(Role.EDITOR)
    path, placed = f"/digests/{digest_id}", [[two, ""], [one, ""]]
    before = lone_rooms.office.app.database.read(arranging.order_of, digest_id)
    form = {"deed": "order", "base": order.of(before), "order": json.dumps(placed)}

    for wrong in ("", "[", "[[1]]", json.dumps([[two, ""]]), json.dumps([*placed, [1, ""]])):
        assert desk.post(path, {**form, "order": wrong}).status_code == 400
    assert desk.post(path, {**form, "base": "stale"}).status_code == 400
    assert ids(lone_rooms, digest_id) == [one, two]
    assert desk.post(path, form).status_code == 303
    assert ids(lone_rooms, digest_id) == [two, one]


def test_items_are_sought_and_shown_a_page_at_a_time(lone_rooms: Rooms) -> None:
    for at in range(30):
        lone_rooms.office.add_item(f"Meeting {at:02}")
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/items"

    first = desk.get(path)
    [further] = re.findall(r'rel="next" href="/rooms([^"]+)"', first.text)

    assert "Meeting 29" in seen(first)
    assert "Meeting 04" not in seen(first)
    assert "Meeting 04" in seen(desk.get(further.replace("&amp;", "&")))
    sought = seen(desk.get(f"{path}?q=MEETING+07"))
    assert "Meeting 07" in sought
    assert "Meeting 08" not in sought
    assert "No item has these words" in seen(desk.get(f"{path}?q=nothing"))


# ------------------------------------------------------------------------- its life


def test_date_and_layout_are_settled(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}"

    right = {"deed": "settle", "date": "2026-12-24", "layout": "letterhead"}
    assert desk.post(path, right).status_code == 303
    for wrong in ({"date": "24.12."}, {"date": "0001-01-01"}, {"layout": "../../etc"}):
        assert desk.post(path, {**right, **wrong}).status_code == 400

    digest = lone_rooms.office.app.database.read(life.get, digest_id)
    assert (digest.dated_on.isoformat(), digest.layout) == ("2026-12-24", "letterhead")


def test_a_cancelled_digest_is_shown_and_changes_no_more(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}"
    form = words(desk, digest_id, "Too late")

    assert (
        desk.post(path, {"deed": "cancel"}).headers["location"] == "/rooms/digests?said=cancelled"
    )

    assert "Cancelled" in seen(desk.get(path))
    assert desk.post(path, form).status_code == 409
    assert desk.post(path, {"deed": "cancel"}).status_code == 409
    assert lone_rooms.office.app.database.read(life.get, digest_id).state is DigestState.CANCELLED


# ------------------------------------------------------------------------- the preview


def test_the_frame_can_do_nothing_but_be_looked_at(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.VIEWER)
    path = f"/digests/{digest_id}/frame"

    policy = desk.get(path).headers["content-security-policy"]
    without = desk.get(f"{path}?pictures=off").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "frame-ancestors 'self'" in policy
    assert policy.endswith("; sandbox")
    assert "img-src 'none'" in without
    assert desk.get(path).headers["cache-control"] == "no-store"


def test_the_frame_is_light_or_dark_as_it_was_asked_for(lone_rooms: Rooms) -> None:
    digest_id, desk = draft(lone_rooms), lone_rooms.as_(Role.VIEWER)

    dark = desk.get(f"/digests/{digest_id}/frame?scheme=dark").text
    light = desk.get(f"/digests/{digest_id}/frame").text

    assert "prefers-color-scheme" not in dark + light
    assert "min-width:0" in dark
    assert "min-width:0" not in light
    assert "max-width:0" in light
    assert 'name="color-scheme" content="dark"' in dark


def test_a_digest_is_seen_in_its_language_as_text_and_as_a_subscriber(rooms: Rooms) -> None:
    digest_id, desk = draft(rooms), rooms.as_(Role.EDITOR)
    named = lists.Edit(texts=(lists.Words("ja", "会合ニュース"),))
    office = rooms.office
    office.app.database.write(lists.edit, "meetings", named, now=office.clock.now())
    rooms.office.join("kim@reader.example")
    path = f"/digests/{digest_id}/frame"

    assert "会合ニュース" in desk.get(f"{path}?language=ja").text
    assert "Hello" in desk.get(f"{path}?part=text").text
    assert "kim@reader.example" in desk.get(f"{path}?as=kim@reader.example").text
    assert desk.get(f"{path}?language=xx").status_code == 200
    assert "there is no language" in desk.get(f"{path}?language=xx").text.casefold()


def test_only_editors_look_as_a_subscriber_and_only_of_the_list(lone_rooms: Rooms) -> None:
    lone_rooms.office.add_list("other", "Other News")
    lone_rooms.office.join("kim@reader.example", path="/l/other")
    lone_rooms.office.join("jo@reader.example")
    digest_id = draft(lone_rooms)
    path = f"/digests/{digest_id}"
    editor, viewer = lone_rooms.as_(Role.EDITOR, list_id=1), lone_rooms.as_(Role.VIEWER)

    for address in ("kim@reader.example", "nobody@reader.example", "nonsense"):
        shown = editor.get(f"{path}/frame?as={address}").text
        assert "Nobody with this address is on the list" in shown
        assert "Nobody with this address" in seen(editor.get(f"{path}/preview?as={address}"))
    assert "jo@reader.example" not in viewer.get(f"{path}/frame?as=jo@reader.example").text
    assert "jo@reader.example" in editor.get(f"{path}/frame?as=jo@reader.example").text


def test_an_empty_digest_says_so_in_the_frame(lone_rooms: Rooms) -> None:
    digest_id = draft(lone_rooms, introduction="")

    frame = lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/frame")

    assert frame.status_code == 200
    assert "give it items or an introduction" in frame.text
    assert "frame-ancestors 'self'" in frame.headers["content-security-policy"]


def test_a_test_letter_goes_to_an_address(rooms: Rooms) -> None:
    digest_id, desk = draft(rooms), rooms.as_(Role.EDITOR)
    path = f"/digests/{digest_id}/preview"

    assert f'value="{desk.seat.address}"' in desk.get(path).text
    answer = desk.post(path, {"address": "kim@reader.example", "language": "en"})
    wrong = desk.post(path, {"address": "kim@"})

    assert answer.status_code == 303
    assert len(rooms.office.letters("kim@reader.example", DeliveryKind.TEST)) == 1
    assert wrong.status_code == 400
    assert rooms.as_(Role.VIEWER).post(path, {"address": "a@b.example"}).status_code == 403
