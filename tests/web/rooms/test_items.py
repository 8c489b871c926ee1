"""The items' room: pieces of meeting news are looked for, written, translated, retired."""

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser

from mailer.accounts import unsaved
from mailer.db.schema import Role
from mailer.digests import items, life
from mailer.history import SYSTEM
from tests.photos import photo, scene
from tests.web.rooms.conftest import Desk, Rooms, seen

BRUSSELS = {
    "title": "Regional entities meet in Brussels",
    "body": "Two *days*.",
    "starts": "2026-12-02",
    "ends": "2026-12-03",
    "place": "Brussels, Belgium",
    "topic": "Capacity building",
    "language": "en",
}
XSS = "<script>alert(1)</script>"


def add(desk: Desk, **fields: str) -> int:
    answer = desk.post("/items/new", {**BRUSSELS, **fields})
    assert answer.status_code == 303, seen(answer)
    return int(answer.headers["location"].split("/")[3].partition("?")[0])


def titles(answer: Response) -> list[str]:
    found = LexborHTMLParser(answer.text).css("table.items tbody th a")
    return [one.text() for one in found]


def links(answer: Response) -> list[str | None]:
    found = LexborHTMLParser(answer.text).css("th[scope=row] a")
    return [one.attributes["href"] for one in found]


def following(answer: Response, rel: str) -> str | None:
    link = LexborHTMLParser(answer.text).css_first(f".pager a[rel={rel}]")
    return link.attributes["href"] if link else None


# ------------------------------------------------------------------------- writing


def test_an_item_is_written_changed_and_keeps_who_wrote_what(rooms: Rooms) -> None:
    noor, kim = rooms.as_(Role.EDITOR, name="Noor Haddad"), rooms.as_(Role.EDITOR, name="Kim Lee")

    item_id = add(noor)
    path = f"/items/{item_id}"
    changed = kim.post(f"{path}/edit", {**BRUSSELS, "title": "They met", "base": "1"})

    assert changed.headers["location"] == f"/rooms/items/{item_id}?said=saved"
    page = kim.get(path)
    assert "They met" in seen(page)
    assert "2–3 December 2026" in seen(page)
    assert "<em>days</em>" in page.text
    assert "Noor Haddad" in seen(page)
    assert "Kim Lee" in seen(page)
    old = seen(kim.get(f"{path}/versions/1"))
    assert "Regional entities meet in Brussels" in old
    assert "Version 1 of 2" in old
    [added] = rooms.office.events("item.added")
    assert added.actor_id == str(noor.seat.editor_id)
    assert [one.actor_id for one in rooms.office.events("item.changed")] == [kim.seat.by.id]


def test_what_is_not_changed_makes_no_version(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    item_id = add(noor, body="One\nTwo")

    again = noor.post(f"/items/{item_id}/edit", {**BRUSSELS, "body": "One\r\nTwo", "base": "1"})

    assert again.headers["location"].endswith("?said=same")
    assert lone_rooms.office.events("item.changed") == []


@pytest.mark.parametrize(
    "wrong, field",
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"body": "a\x00b"}, "body"),
        ({"body": "x" * 300_000}, "body"),
        ({"starts": "2026-02-30"}, "starts"),
        ({"starts": "", "ends": "2026-12-03"}, "starts"),
        ({"ends": "2026-12-01"}, "ends"),
        ({"starts_time": "09:00"}, "timezone"),
        ({"starts_time": "09:00", "timezone": "Europe/Brussels"}, "ends"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"language": "klingon?"}, "language"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"picture": f"{'0' * 64} {'1' * 64}", "picture_alt": "A hall."}, "picture"),
        ({"paper_title": "Agenda", "paper_kind": "PDF", "paper_hash": "0" * 64}, "papers"),
        ({"paper_title": "Agenda", "paper_link": "javascript:alert(1)"}, "papers"),
        ({"paper_title": "", "paper_link": "https://office.example/a.pdf"}, "papers"),
        ({"translates": "999"}, ""),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    lone_rooms: Rooms, wrong: dict[str, str], field: str
) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/new", {**BRUSSELS, "organiser": "The office", **wrong})

    if not field:
        assert answer.status_code == 404
        return
    assert answer.status_code == 400
    page = LexborHTMLParser(answer.text)
    assert page.css_first(f".notice.stop a[href='#{field}']") is not None
    assert page.css_first(f"[id='{field}']") is not None
    organiser = page.css_first("#organiser")
    assert organiser is not None
    assert organiser.attributes["value"] == "The office"
    assert lone_rooms.office.events("item.added") == []


def test_hours_are_of_a_place(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    item_id = add(noor, starts_time="09:00", ends_time="17:30", timezone="Europe/Brussels")

    version = lone_rooms.office.app.database.read(items.get, item_id).version
    assert (version.starts, version.ends) == ("2026-12-02T09:00", "2026-12-03T17:30")
    assert 'value="09:00"' in noor.get(f"/items/{item_id}/edit").text


@pytest.mark.parametrize("field", ["title", "body", "place", "topic", "organiser"])
def test_nothing_typed_runs_on_a_page(lone_rooms: Rooms, field: str) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    item_id = add(noor, **{field: f"\"'{XSS}"})
    noor.post(f"/items/{item_id}/edit", {**BRUSSELS, "base": "1"})

    pages = [
        noor.get("/items"),
        noor.get(f"/items/{item_id}"),
        noor.get(f"/items/{item_id}/edit"),
        noor.get(f"/items/{item_id}/versions/1"),
        noor.post("/items/new", {**BRUSSELS, field: XSS, "link": "wrong"}),
        noor.post(f"/items/{item_id}/edit", {**BRUSSELS, field: XSS, "base": "1"}),
    ]

    assert not any("<script>alert" in page.text for page in pages)


def test_a_translation_takes_over_all_but_the_words(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    original = add(noor)

    form = noor.get(f"/items/new?translates={original}")
    field = LexborHTMLParser(form.text).css_first("#language option[selected]")
    answer = noor.post(
        "/items/new",
        {**BRUSSELS, "title": "地域機関の会合", "language": "ja", "translates": str(original)},
    )

    assert field is not None
    assert field.attributes["value"] == "ja"
    assert 'value="2026-12-02"' in form.text
    assert "日本語" in seen(noor.get(f"/items/{original}"))
    made = answer.headers["location"].partition("?")[0].removeprefix("/rooms")
    assert "English" in seen(noor.get(made))
    again = noor.post("/items/new", {**BRUSSELS, "translates": str(original)})
    assert again.status_code == 400
    assert "has its words in" in seen(again)


def test_a_translation_is_used_where_its_original_is(lone_rooms: Rooms) -> None:
    noor, office = lone_rooms.as_(Role.EDITOR), lone_rooms.office
    original = add(noor)
    words = {**BRUSSELS, "title": "地域機関の会合", "language": "ja"}
    noor.post("/items/new", {**words, "translates": str(original)})
    assert len(titles(noor.get("/items?state=new"))) == 2

    wish = life.Wish("meetings", "What was decided", "", (original,))
    office.app.database.write(life.draft, wish, now=office.clock.now())

    assert titles(noor.get("/items?state=new")) == []
    assert "地域機関の会合" in titles(noor.get("/items?state=used"))
    assert seen(noor.get("/items")).count("meetings 1") == 2


# ------------------------------------------------------------------------- looking


def test_items_are_found_by_words_topic_language_and_state(rooms: Rooms) -> None:
    noor = rooms.as_(Role.EDITOR)
    office, now = rooms.office, rooms.office.clock.now()
    used = add(noor, title="Réunion à Bruxelles", language="fr", topic="Customs")
    add(noor, title="Suva seminar", body="On Fiji.")
    retired = add(noor, title="Old news")
    noor.post(f"/items/{retired}", {"deed": "retire"})
    wish = life.Wish("meetings", "What was decided", "", (used,))
    office.app.database.write(life.draft, wish, now=now)

    assert titles(noor.get("/items?q=REUNION bruxelles")) == ["Réunion à Bruxelles"]
    assert titles(noor.get("/items?q=100%25")) == []
    assert titles(noor.get("/items?topic=Customs")) == ["Réunion à Bruxelles"]
    assert titles(noor.get("/items?language=fr")) == ["Réunion à Bruxelles"]
    assert titles(noor.get("/items?state=new")) == ["Suva seminar"]
    assert titles(noor.get("/items?state=used")) == ["Réunion à Bruxelles"]
    assert titles(noor.get("/items?state=retired")) == ["Old news"]
    assert titles(noor.get("/items?sort=title")) == ["Réunion à Bruxelles", "Suva seminar"]
    assert "meetings 1" in seen(noor.get("/items"))


@pytest.mark.parametrize(
    "query", ["state=x", "sort=x", "after=x", "after=999999", "before=%00", "q=%ff", "language=%00"]
)
def test_an_address_that_says_nothing_is_no_fault(lone_rooms: Rooms, query: str) -> None:
    assert lone_rooms.as_(Role.VIEWER).get(f"/items?{query}").status_code == 200


@pytest.mark.parametrize("order", ["changed", "title", "date"])
def test_every_item_is_on_one_page_and_the_way_back_is_the_same(rooms: Rooms, order: str) -> None:
    for at in range(103):
        same = at // 3  # several of one title and day
        rooms.office.add_item(f"Item {same:03}", f"starts: 2026-11-{same % 28 + 1:02}")
    viewer = rooms.as_(Role.VIEWER)

    answers = [viewer.get(f"/items?sort={order}")]
    while onward := following(answers[-1], "next"):
        answers.append(viewer.get(f"/items{onward}"))
    back = viewer.get(f"/items{following(answers[-1], 'prev')}")

    assert [len(links(answer)) for answer in answers] == [50, 50, 3]
    assert len({link for answer in answers for link in links(answer)}) == 103
    assert links(back) == links(answers[1])


def test_digests_of_other_lists_are_not_told_of(rooms: Rooms) -> None:
    office, now = rooms.office, rooms.office.clock.now()
    other = office.add_list("secret", "Secret talks")
    item_id = office.add_item("A shared item")
    office.app.database.write(life.draft, life.Wish("secret", "Talks", "", (item_id,)), now=now)
    here = rooms.as_(Role.EDITOR, list_id=1)
    there = rooms.as_(Role.EDITOR, list_id=other)

    assert "secret" not in here.get("/items").text
    assert "secret" not in here.get(f"/items/{item_id}").text
    assert titles(here.get("/items?state=used")) == []
    assert titles(there.get("/items?state=used")) == ["A shared item"]


# ------------------------------------------------------------------------- retiring


def test_an_item_is_retired_and_taken_back(rooms: Rooms) -> None:
    noor = rooms.as_(Role.EDITOR)
    item_id = add(noor)

    retired = noor.post(f"/items/{item_id}", {"deed": "retire"})
    page = noor.get(retired.headers["location"].removeprefix("/rooms"))
    noor.post(f"/items/{item_id}", {"deed": "take-back"})

    assert "Undo" in seen(page)
    assert "Retired. It is offered to no further digest." in seen(page)
    assert titles(noor.get("/items")) == ["Regional entities meet in Brussels"]
    assert len(rooms.office.events("item.retired")) == 1
    assert len(rooms.office.events("item.taken_back")) == 1


def test_whoever_only_looks_has_no_buttons(lone_rooms: Rooms) -> None:
    item_id = add(lone_rooms.as_(Role.EDITOR))
    viewer = lone_rooms.as_(Role.VIEWER)

    assert "Write an item" not in seen(viewer.get("/items"))
    assert "Retire" not in seen(viewer.get(f"/items/{item_id}"))
    assert viewer.post(f"/items/{item_id}", {"deed": "retire"}).status_code == 403


# ------------------------------------------------------------------------- two editors


def test_two_editors_of_one_item_overwrite_nothing(rooms: Rooms) -> None:
    noor, kim = rooms.as_(Role.EDITOR, name="Noor"), rooms.as_(Role.EDITOR, name="Kim")
    item_id = add(noor)
    path = f"/items/{item_id}/edit"
    noor.post(path, {**BRUSSELS, "title": "Noor’s title", "place": "Suva", "base": "1"})

    both = kim.post(path, {**BRUSSELS, "title": "Kim’s title", "base": "1"})

    assert both.status_code == 409
    page = LexborHTMLParser(both.text)
    assert "Noor saved version 2" in seen(both)
    sides = [one.text(separator="") for one in page.css(".both-words")]
    assert sides == ["Kim’s title", "Noor’s title", "Brussels, Belgium", "Suva"]
    checked = {
        str(one.attributes["name"]): str(one.attributes["value"])
        for one in page.css("input[type=radio][checked]")
    }
    # Only Noor has changed the place, so hers is proposed.
    assert checked == {"take_title": "mine", "take_place": "theirs"}
    assert rooms.office.app.database.read(items.get, item_id).version.number == 2

    chosen = {**BRUSSELS, "title": "Kim’s title", "base": "2", "deed": "choose", **checked}
    assert kim.post(path, chosen).status_code == 303
    saved = rooms.office.app.database.read(items.get, item_id).version
    assert (saved.number, saved.title, saved.place) == (3, "Kim’s title", "Suva")


def test_a_picture_is_chosen_with_its_words(lone_rooms: Rooms) -> None:
    noor, kim = lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.EDITOR)
    item_id = add(noor)
    path, files = f"/items/{item_id}/edit", {"photo": ("a.jpg", photo(scene()), "image/jpeg")}
    form = {**BRUSSELS, "base": "1", "picture_alt": "A scene."}
    noor.post(path, form, files=files)

    both = kim.post(path, {**BRUSSELS, "title": "Kim’s", "base": "1"})
    page = LexborHTMLParser(both.text)

    assert len(page.css(".both")) == 2
    assert len(page.css(".both-words img")) == 1
    assert "A scene." in seen(both)
    chosen = {**BRUSSELS, "title": "Kim’s", "base": "2", "deed": "choose"}
    assert kim.post(path, {**chosen, "take_picture": "theirs"}).status_code == 303
    saved = lone_rooms.office.app.database.read(items.get, item_id).version
    assert saved.picture is not None
    assert (saved.title, saved.picture["alt"]) == ("Kim’s", "A scene.")


def test_whoever_chooses_is_told_of_a_third_who_saved_meanwhile(lone_rooms: Rooms) -> None:
    noor, kim = lone_rooms.as_(Role.EDITOR), lone_rooms.as_(Role.EDITOR)
    item_id = add(noor)
    path = f"/items/{item_id}/edit"
    for base, title in (("1", "Second"), ("2", "Third")):
        noor.post(path, {**BRUSSELS, "title": title, "base": base})

    assert kim.post(path, {**BRUSSELS, "title": "Mine", "base": "2"}).status_code == 409
    assert kim.post(path, {**BRUSSELS, "title": "Mine", "base": "3"}).status_code == 303


# ------------------------------------------------------------------------- what was not saved


def test_what_was_typed_and_not_saved_is_offered(rooms: Rooms) -> None:
    noor, kim = rooms.as_(Role.EDITOR), rooms.as_(Role.EDITOR)
    database, now = rooms.office.app.database, rooms.office.clock.now()
    item_id = add(noor)
    path = f"/items/{item_id}/edit"
    fields = {**BRUSSELS, "title": "Half a title"}
    database.write(unsaved.keep, noor.seat.editor_id, f"item/{item_id}", fields, base=1, now=now)

    offer = noor.get(path)

    assert "You had not saved this" in seen(offer)
    assert "Half a title" in seen(offer)
    assert 'value="Half a title"' in noor.get(f"{path}?typed=on").text
    assert "You had not saved this" not in seen(kim.get(path))
    noor.post(path, {"deed": "drop-typed"})
    assert "You had not saved this" not in seen(noor.get(path))


def test_saving_forgets_what_was_kept_on_the_way(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    database, now = lone_rooms.office.app.database, lone_rooms.office.clock.now()
    database.write(unsaved.keep, noor.seat.editor_id, "item/new", BRUSSELS, base=0, now=now)

    assert "You had not saved this" in seen(noor.get("/items/new"))
    add(noor)

    assert database.read(unsaved.every, noor.seat.editor_id) == []


# ------------------------------------------------------------------------- pictures and documents


def test_a_picture_asks_for_words_and_outlives_what_else_is_wrong(rooms: Rooms) -> None:
    noor = rooms.as_(Role.EDITOR)
    files = {"photo": ("IMG_1.jpg", photo(scene(800, 600)), "image/jpeg")}

    wrong = noor.post("/items/new", {**BRUSSELS, "title": ""}, files=files)
    page = LexborHTMLParser(wrong.text)
    held = page.css_first("input[name=picture]")
    assert held is not None
    picture = str(held.attributes["value"])
    without = noor.post("/items/new", {**BRUSSELS, "picture": picture})
    item_id = add(noor, picture=picture, picture_alt="A scene.", picture_credit="Kim Lee")

    assert wrong.status_code == without.status_code == 400
    assert "Say in a sentence" in seen(without)
    shown = noor.get(f"/items/{item_id}").text
    assert 'alt="A scene."' in shown
    assert "Kim Lee" in shown
    assert picture.split(maxsplit=1)[0] in shown
    gone = noor.post(
        f"/items/{item_id}/edit",
        {**BRUSSELS, "picture": picture, "picture_alt": "A scene.", "deed": "drop-picture"},
    )
    assert "Remove the picture" not in seen(gone)


@pytest.mark.parametrize(
    "name, content", [("a.jpg", b"no picture at all"), ("a.svg", b"<svg onload='alert(1)'/>")]
)
def test_what_is_no_picture_is_refused_and_nothing_typed_is_lost(
    lone_rooms: Rooms, name: str, content: bytes
) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/new", BRUSSELS, files={"photo": (name, content, "image/jpeg")})

    assert answer.status_code == 400
    assert name in seen(answer)
    assert "Regional entities meet in Brussels" in answer.text
    assert lone_rooms.office.events("item.added") == []


def test_documents_are_added_named_ordered_and_removed(rooms: Rooms) -> None:
    noor = rooms.as_(Role.EDITOR)
    files = [
        ("paper", ("First_draft.txt", b"one", "text/plain")),
        ("paper", ("Second.csv", b"two", "text/csv")),
    ]

    added = noor.post("/items/new", {**BRUSSELS, "deed": "add"}, files=files)
    fields = papers(added)
    turned = noor.post("/items/new", {**BRUSSELS, **fields, "deed": "up-1"})
    less = noor.post("/items/new", {**BRUSSELS, **papers(turned), "deed": "drop-1"})
    answer = noor.post("/items/new", {**BRUSSELS, **papers(turned)})

    assert added.status_code == 200
    assert fields["paper_title"] == ["First draft", "Second"]
    assert papers(turned)["paper_title"] == ["Second", "First draft"]
    assert papers(less)["paper_title"] == ["Second"]
    page = noor.get(answer.headers["location"].removeprefix("/rooms"))
    names = [one.text() for one in LexborHTMLParser(page.text).css(".item-papers a")]
    assert names == ["Second", "First draft"]


@pytest.mark.parametrize("name", ["agenda.pdf", "run.exe", "page.html"])
def test_a_document_that_is_none_is_refused(lone_rooms: Rooms, name: str) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/new", BRUSSELS, files={"paper": (name, b"MZ", "application/pdf")})

    assert answer.status_code == 400
    assert name in seen(answer)


def test_a_link_to_a_document_stays(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    paper = {"paper_title": "Agenda", "paper_link": "https://office.example/a.pdf"}
    item_id = add(noor, **paper, paper_kind="PDF")

    form = papers(noor.get(f"/items/{item_id}/edit"))

    assert form["paper_link"] == ["https://office.example/a.pdf"]


def papers(answer: Response) -> dict[str, list[str]]:
    page = LexborHTMLParser(answer.text)
    return {
        name: [str(one.attributes["value"]) for one in page.css(f"input[name={name}]")]
        for name in ("paper_title", "paper_kind", "paper_link", "paper_hash")
    }


def test_a_retired_editor_is_still_named(lone_rooms: Rooms) -> None:
    from mailer.accounts import editors

    lone_rooms.as_(Role.OWNER)
    noor = lone_rooms.as_(Role.EDITOR, name="Noor Haddad")
    item_id = add(noor)
    now = lone_rooms.office.clock.now()
    lone_rooms.office.app.database.write(editors.retire, noor.seat.editor_id, now=now, by=SYSTEM)

    assert "Noor Haddad" in seen(lone_rooms.as_(Role.VIEWER).get(f"/items/{item_id}"))


# ------------------------------------------------------------------------- while it is written


def test_what_is_typed_is_kept_and_shown_as_it_will_stand(rooms: Rooms) -> None:
    noor = rooms.as_(Role.EDITOR)

    shown = noor.post("/items/typing", {**BRUSSELS, "item": "new", "base": "0"})

    assert "Kept for you" in shown.text
    assert "<em>days</em>" in shown.text
    assert "2–3 December 2026" in shown.text
    assert "<html" not in shown.text
    assert "Regional entities meet" in seen(noor.get("/items/new"))


def test_what_is_typed_back_to_what_was_is_kept_no_longer(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    item_id = add(noor)
    here = {"item": str(item_id), "base": "1"}
    database, editor_id = lone_rooms.office.app.database, noor.seat.editor_id

    noor.post("/items/typing", {**BRUSSELS, "title": "Half", **here})
    assert [one.place for one in database.read(unsaved.every, editor_id)] == [f"item/{item_id}"]
    noor.post("/items/typing", {**BRUSSELS, **here})

    assert database.read(unsaved.every, editor_id) == []


@pytest.mark.parametrize("item", ["", "x", "-1", "999", "9" * 30, "²"])
def test_what_is_typed_into_no_form_is_refused(lone_rooms: Rooms, item: str) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/typing", {**BRUSSELS, "item": item, "base": "²"})

    assert answer.status_code in {400, 404}


def test_what_is_too_large_to_be_kept_is_said(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/typing", {**BRUSSELS, "item": "new", "body": "x" * 500_000})

    assert answer.status_code == 413


def test_rich_text_is_kept_as_markdown(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    html = "<h3>Head</h3><p>A <b>bold</b> word<script>alert(1)</script></p>"

    item_id = add(noor, rich="yes", body_html=html)

    version = lone_rooms.office.app.database.read(items.get, item_id).version
    assert version.body == "# Head\n\nA **bold** word"


@pytest.mark.parametrize(
    "deed, words, made",
    [
        ("paste", "<p onclick='x'>a<script>x</script> <b>b</b></p>", "<p>a <strong>b</strong></p>"),
        ("paste", "<h1>Head</h1>", "<h3>Head</h3>"),
        ("markdown", "<h3>Head</h3><p><i>a</i></p>", "# Head\n\n_a_"),
        ("html", "# Head\n\n<script>", "<h3>Head</h3>\n<p>&lt;script&gt;</p>"),
    ],
)  # fmt: skip
def test_words_are_put_otherwise(lone_rooms: Rooms, deed: str, words: str, made: str) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    answer = noor.post("/items/words", {"deed": deed, "words": words})

    assert answer.text.strip() == made
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_there_is_an_end_to_what_can_be_pasted(lone_rooms: Rooms) -> None:
    noor = lone_rooms.as_(Role.EDITOR)

    assert noor.post("/items/words", {"deed": "none"}).status_code == 400
    assert noor.post("/items/words", {"words": "x" * 5_000_000}).status_code == 413


def test_media_of_a_form_that_is_not_saved_stay(lone_rooms: Rooms) -> None:
    from datetime import timedelta

    from mailer.digests import unused

    noor = lone_rooms.as_(Role.EDITOR)
    files = {"photo": ("a.jpg", photo(scene(1600, 1200)), "image/jpeg")}
    noor.post("/items/new", {**BRUSSELS, "deed": "add"}, files=files)
    later = lone_rooms.office.clock.now() + timedelta(days=40)
    database = lone_rooms.office.app.database

    assert database.read(unused.unused, before=later) == []
    noor.post("/items/new", {"deed": "drop-typed"})
    assert len(database.read(unused.unused, before=later)) == 2
