"""The lists' room: made, changed, worded, coloured, dated, retired; and who may do which of it."""

from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer import history, lists
from mailer.db.schema import Event, Role
from mailer.lists import Card
from tests.web.rooms.conftest import Desk, Rooms, seen

NEW = {
    "name": "Trade News",
    "slug": "trade",
    "description": "What was agreed on trade.",
    "sender": "trade@office.example",
    "sender_name": "",
    "reply_to": "",
    "postal_address": "1 Quay Street",
    "route": "smtp",
    "languages": "en, fr",
    "zone": "Europe/Brussels",
    "visibility": "public",
    "opt_in": "double",
    "layout": "digest",
}
SCRIPT = "<script>alert(1)</script>"


def card(rooms: Rooms, slug: str = "meetings") -> Card:
    with rooms.office.app.database.reading() as session:
        return lists.card_of(session, lists.get(session, slug))


def last_event(rooms: Rooms, kind: str, slug: str) -> Event:
    with rooms.office.app.database.reading() as session:
        about = history.About(list_id=lists.get(session, slug).id)
        found = history.last(session, kind, about)
        assert found is not None
        return found


def typed(desk: Desk, path: str) -> dict[str, str]:
    """Give what the main form of a page holds, as a browser would send it."""
    page = LexborHTMLParser(desk.get(path).text)
    form = page.css_first("main form")
    assert form is not None
    found: dict[str, str] = {}
    for field in form.css("input, textarea, select"):
        name, kind = field.attributes.get("name"), field.attributes.get("type")
        if not name or (kind == "checkbox" and "checked" not in field.attributes):
            continue
        if field.tag == "select":
            option = field.css_first("option[selected]") or field.css_first("option")
            assert option is not None
            found[name] = option.attributes.get("value") or option.text()
        else:
            found[name] = field.attributes.get("value") or field.text().removeprefix("\n")
    return found


# ------------------------------------------------------------------------- all lists


def test_an_editor_sees_the_lists_with_what_one_decides_by(rooms: Rooms) -> None:
    rooms.office.join("kim@reader.example")

    page = seen(rooms.as_(Role.VIEWER).get("/lists"))

    assert "Meeting News" in page
    assert "public" in page
    assert "news@office.example" in page
    assert " 1 " in page
    assert "by hand" in page


def test_a_role_on_one_list_shows_no_other(lone_rooms: Rooms) -> None:
    other = lone_rooms.office.add_list("secret", "Secret plans")
    desk = lone_rooms.as_(Role.EDITOR, list_id=other)

    assert "Secret plans" in seen(desk.get("/lists"))
    assert "Meeting News" not in desk.get("/lists").text
    for part in ("", "/box", "/texts", "/cadence", "/colour", "/settings"):
        assert desk.get(f"/lists/meetings{part}").status_code == 404
    for part in ("/texts", "/cadence", "/colour", "/settings"):
        assert desk.post(f"/lists/meetings{part}", {"deed": "retire"}).status_code == 404
    assert desk.post("/lists/secret/settings", {"deed": "retire"}).status_code == 403
    assert desk.get("/lists/_new").status_code == 403


# ------------------------------------------------------------------------- making


def test_an_owner_makes_a_list(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)

    answer = desk.post("/lists/_new", {**NEW, "needs_approval": "yes", "layout": "letterhead"})

    assert answer.headers["location"] == "/rooms/lists/trade?said=made"
    made = card(rooms, "trade")
    assert made.words.name == made.sender.name == "Trade News"
    assert made.list.languages == ["en", "fr"]
    assert made.list.timezone == "Europe/Brussels"
    assert made.list.layout == "letterhead"
    assert made.list.needs_approval
    assert last_event(rooms, "list.created", "trade").actor_id == str(desk.seat.editor_id)
    assert "The list stands" in seen(desk.get("/lists/trade?said=made"))


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("name", "", "A name has 1 to 120"),
        ("name", "two\nlines", "A name has 1 to 120"),
        ("slug", "Not A Slug", "Use small letters"),
        ("slug", "_new", "Use small letters"),
        ("slug", "meetings", "There is a list of this name"),
        ("sender", "", "This is needed"),
        ("sender", "nobody", "This is not an address"),
        ("sender", "a@b.example\r\nBcc: c@d.example", "This is not an address"),
        ("reply_to", "nobody", "This is not an address"),
        ("zone", "Mars/Olympus", "There is no such time zone"),
        ("zone", "../../etc/passwd", "There is no such time zone"),
        ("languages", "klingon!", "Write codes such as"),
        ("languages", "", "Write codes such as"),
        ("visibility", "all", "Choose one of these"),
        ("opt_in", "none", "Choose one of these"),
        ("route", "carrier-pigeon", "Choose one of these"),
        ("layout", "../secret", "Choose one of these"),
        ("postal_address", "x" * 10_001, "At most 10,000 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    lone_rooms: Rooms, field: str, value: str, said: str
) -> None:
    before = lone_rooms.office.everything()
    desk = lone_rooms.as_(Role.OWNER)
    before = lone_rooms.office.everything()

    answer = desk.post("/lists/_new", {**NEW, "description": "Kept words", field: value})

    assert answer.status_code == 400
    page = LexborHTMLParser(answer.text)
    at_field = page.css_first(f"#{field}-error")
    assert at_field is not None
    assert said in at_field.text()
    assert page.css_first(f'.notice a[href="#{field}"]') is not None
    if field != "description":
        assert "Kept words" in answer.text
    assert lone_rooms.office.everything() == before


# ------------------------------------------------------------------------- changing


def test_saving_what_is_shown_changes_nothing(rooms: Rooms) -> None:
    desk, before = rooms.as_(Role.OWNER), card(rooms)

    answer = desk.post("/lists/meetings/settings", typed(desk, "/lists/meetings/settings"))

    after = card(rooms)
    assert answer.status_code == 303
    assert after.list.model_dump() == before.list.model_dump()
    assert after.sender.model_dump() == before.sender.model_dump()


def test_an_owner_changes_what_a_list_is(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)
    form = typed(desk, "/lists/meetings/settings")
    changes = {
        "slug": "gatherings",
        "sender": "desk@office.example",
        "sender_name": "The desk",
        "reply_to": "answers@office.example",
        "postal_address": "2 Quay Street\nBrussels",
        "zone": "Asia/Tokyo",
        "languages": "ja, en",
        "visibility": "unlisted",
        "opt_in": "single",
        "needs_approval": "yes",
    }

    answer = desk.post("/lists/meetings/settings", {**form, **changes})

    assert answer.headers["location"] == "/rooms/lists/gatherings?said=saved"
    after = card(rooms, "gatherings")
    assert after.list.language == "ja"
    assert after.list.needs_approval
    assert after.sender.reply_to == "answers@office.example"
    assert after.sender.postal_address == "2 Quay Street\nBrussels"
    assert desk.get("/lists/meetings").status_code == 200, "the former word leads on"

    form = typed(desk, "/lists/gatherings/settings")
    desk.post("/lists/gatherings/settings", {**form, "reply_to": ""})
    assert card(rooms, "gatherings").sender.reply_to is None


def test_a_list_is_retired_and_taken_back(rooms: Rooms) -> None:
    desk = rooms.as_(Role.OWNER)

    desk.post("/lists/meetings/settings", {"deed": "retire"})
    assert card(rooms).list.retired_at is not None
    assert "Retired" in seen(desk.get("/lists"))
    assert "There is no box" in seen(desk.get("/lists/meetings/box"))

    desk.post("/lists/meetings/settings", {"deed": "back"})
    assert card(rooms).list.retired_at is None
    assert last_event(rooms, "list.taken_back", "meetings").actor_id == str(desk.seat.editor_id)


# ------------------------------------------------------------------------- words


def test_an_editor_of_a_list_words_it_in_each_language(rooms: Rooms) -> None:
    desk = rooms.as_(Role.EDITOR, list_id=card(rooms).id)
    words = {"name": "会議ニュース", "description": "月に一度。", "welcome": "ようこそ。"}

    answer = desk.post("/lists/meetings/texts?in=ja", {**words, "consent": "同意します。"})

    assert answer.headers["location"] == "/rooms/lists/meetings/texts?in=ja&said=saved"
    with rooms.office.app.database.reading() as session:
        texts = lists.texts_of(session, card(rooms).id)
    assert texts["ja"].consent == "同意します。"
    assert texts["en"].name == "Meeting News"
    assert "同意します。" in rooms.office.get("/l/meetings?lang=ja").text


def test_words_in_a_language_that_a_list_has_not_are_nowhere(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)

    assert desk.get("/lists/meetings/texts?in=xx").status_code == 404
    assert desk.post("/lists/meetings/texts?in=xx", {"name": "Nothing"}).status_code == 404


def test_words_without_a_name_are_shown_again(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.EDITOR)

    answer = desk.post("/lists/meetings/texts", {"name": " ", "description": "Kept words"})

    assert answer.status_code == 400
    assert "Kept words" in answer.text
    assert card(lone_rooms).words.name == "Meeting News"


def test_nothing_that_is_typed_becomes_markup(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.OWNER)
    words = dict.fromkeys(("name", "description", "welcome", "consent"), SCRIPT)
    desk.post("/lists/meetings/texts", words)
    form = typed(desk, "/lists/meetings/settings")
    hostile = {"sender_name": SCRIPT, "postal_address": SCRIPT}
    assert desk.post("/lists/meetings/settings", {**form, **hostile}).status_code == 303

    pages = [f"/lists{part}" for part in ("", "/meetings", "/meetings/box", "/meetings/texts")]
    pages += ["/meetings/settings"]
    for path in (*pages[:4], "/lists/meetings/settings", "/lists/meetings/cadence"):
        assert SCRIPT not in desk.get(path).text, path
    for path in ("/lists/_new", "/lists/meetings/settings"):
        fields = dict.fromkeys(NEW, SCRIPT)
        assert SCRIPT not in desk.post(path, fields).text, path
    tried = {"deed": "try", "every": "week", "weekday": SCRIPT, "hour": SCRIPT, "subject": SCRIPT}
    assert SCRIPT not in desk.post("/lists/meetings/cadence", tried).text
    assert SCRIPT not in desk.post("/lists/meetings/colour", {"colour": SCRIPT}).text


# ------------------------------------------------------------------------- colour


def test_a_colour_is_tried_then_saved(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.EDITOR)

    tried = desk.post("/lists/meetings/colour", {"colour": "#FFE000", "deed": "try"})
    assert "too pale to be read in light" in seen(tried)
    assert "Not saved yet" in seen(tried)
    assert card(lone_rooms).list.accent is None

    desk.post("/lists/meetings/colour", {"colour": "#ffe000", "deed": "save"})
    assert card(lone_rooms).list.accent == "#ffe000"

    desk.post("/lists/meetings/colour", {"colour": "", "deed": "save"})
    assert card(lone_rooms).list.accent is None


def test_what_is_no_colour_is_said_so(lone_rooms: Rooms) -> None:
    answer = lone_rooms.as_(Role.EDITOR).post("/lists/meetings/colour", {"colour": "greenish"})

    assert answer.status_code == 400
    assert "This is not a colour" in seen(answer)


# ------------------------------------------------------------------------- dates

WEEKLY = {"every": "week", "weekday": "1", "hour": "9:00", "then": "queue", "subject": ""}


def test_dates_are_shown_before_they_count(rooms: Rooms) -> None:
    desk = rooms.as_(Role.EDITOR)

    tried = desk.post("/lists/meetings/cadence", {**WEEKLY, "deed": "try"})

    assert "Every Monday at 09:00 (UTC)" in seen(tried)
    assert len(LexborHTMLParser(tried.text).css("#ahead time")) == 5
    assert card(rooms).list.cadence is None


def test_a_cadence_is_saved_and_taken_away(rooms: Rooms) -> None:
    desk = rooms.as_(Role.EDITOR)

    desk.post("/lists/meetings/cadence", {**WEEKLY, "deed": "save"})

    kept = card(rooms).list.cadence
    assert kept is not None
    assert (kept["every"], kept["day"], kept["hour"], kept["then"]) == ("week", 1, "09:00", "queue")
    assert last_event(rooms, "list.cadence", "meetings").actor_id == str(desk.seat.editor_id)
    assert "Every Monday at 09:00 (UTC)" in seen(desk.get("/lists/meetings"))
    assert typed(desk, "/lists/meetings/cadence")["every"] == "week"

    desk.post("/lists/meetings/cadence", {"every": "never", "deed": "save"})
    assert card(rooms).list.cadence is None


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"every": "fortnight", "weekday": "1", "anchor": "2026-12-07"}, "Every second Monday"),
        ({"every": "month", "monthday": "31"}, "On the last day of each month"),
        ({"every": "month", "monthday": "15"}, "On day 15 of each month"),
        ({"every": "never"}, "drafted by hand"),
    ],
)
def test_every_rhythm_is_said_in_words(
    lone_rooms: Rooms, changes: dict[str, str], said: str
) -> None:
    desk = lone_rooms.as_(Role.EDITOR)

    answer = desk.post("/lists/meetings/cadence", {**WEEKLY, **changes, "deed": "try"})

    assert answer.status_code == 200
    assert said in seen(answer)


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"every": "hourly"}, "every"),
        ({"weekday": "8"}, "weekday"),
        ({"weekday": "٣"}, "weekday"),
        ({"every": "month", "monthday": "32"}, "monthday"),
        ({"every": "fortnight", "anchor": "2026-12-08"}, "anchor"),
        ({"every": "fortnight", "anchor": "tomorrow"}, "anchor"),
        ({"hour": "25:00"}, "hour"),
        ({"then": "shred"}, "then"),
        ({"subject": "{secret}"}, "subject"),
        ({"subject": "x" * 121}, "subject"),
        ({"subject": "one\nBcc: two"}, "subject"),
    ],
)
def test_what_no_cadence_can_be_is_said_at_its_field(
    lone_rooms: Rooms, changes: dict[str, Any], field: str
) -> None:
    desk = lone_rooms.as_(Role.EDITOR)
    before = lone_rooms.office.everything()

    answer = desk.post("/lists/meetings/cadence", {**WEEKLY, **changes, "deed": "save"})

    assert answer.status_code == 400
    assert LexborHTMLParser(answer.text).css_first(f"#{field}-error") is not None
    assert lone_rooms.office.everything() == before


# ------------------------------------------------------------------------- the box


def test_the_box_is_shown_as_it_is_pasted_and_as_it_looks(lone_rooms: Rooms) -> None:
    desk = lone_rooms.as_(Role.VIEWER)

    page = LexborHTMLParser(desk.get("/lists/meetings/box?in=ja").text)

    source = page.css_first("textarea#source")
    assert source is not None
    assert lone_rooms.office.app.links.list_page("meetings") in source.text()
    assert page.css_first(".pasted[inert] form") is not None
    assert page.css_first('.pasted[lang="ja"]') is not None
