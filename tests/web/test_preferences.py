"""The page behind a digest's *preferences*: what a link that is passed on may do, and may not."""

from datetime import timedelta

from selectolax.lexbor import LexborHTMLParser

from mailer import subscribers
from mailer.db.schema import DeliveryKind, Visibility
from mailer.subscribers import Reader
from tests.web.conftest import Office, seen

KIM = "kim@reader.example"
CONFIRMATION = DeliveryKind.CONFIRMATION


def chosen(office: Office, path: str) -> dict[str, str]:
    """Give the fields of the sheet as a browser would send them unchanged."""
    form = LexborHTMLParser(office.get(path).text).css_first("form.sheet")
    assert form is not None
    fields = {
        str(one.attributes["name"]): one.attributes.get("value") or ""
        for one in form.css("input")
        if one.attributes.get("type") != "checkbox" or "checked" in one.attributes
    }
    for one in form.css("select"):
        picked = one.css_first("option[selected]")
        assert picked is not None
        fields[str(one.attributes["name"])] = picked.attributes.get("value") or ""
    return fields


def reader(office: Office, typed: str = KIM) -> Reader:
    found, _ = office.app.database.read(subscribers.by_address, typed)
    assert found.id is not None
    return office.app.database.read(subscribers.reader, found.id)


def test_a_sheet_that_is_saved_as_it_was_shown_changes_nothing(office: Office) -> None:
    office.join(KIM)
    path = office.preferences_path(KIM)
    office.post(path, chosen(office, path))
    before = office.everything()

    page = office.post(path, chosen(office, path))

    assert page.status_code == 200
    assert "Saved" in seen(page)
    assert office.everything() == before


def test_who_was_passed_the_link_learns_no_name_and_no_address(office: Office) -> None:
    office.join(KIM)
    with office.app.database.writing() as session:
        found, _ = subscribers.by_address(session, KIM)
        found.name = "Kim Wanyama"
        session.add(found)

    page = office.get(office.preferences_path(KIM))

    assert KIM not in page.text
    assert "Wanyama" not in page.text
    assert "k…@reader.example" in seen(page)
    assert page.headers["cache-control"] == "no-store"


def test_a_list_is_left_by_its_tick_and_the_link_in_old_digests_says_so(office: Office) -> None:
    leave = office.join(KIM)
    path = office.preferences_path(KIM)
    fields = chosen(office, path)
    del fields["list-1"]

    for _ in range(2):  # pressed twice, it is left once
        office.post(path, fields)

    assert office.state(KIM) == "unsubscribed"
    assert len(office.events("subscription.left")) == 1
    assert "You have left" in seen(office.get(leave))


def test_a_further_list_is_joined_by_a_letter_to_the_address_only(office: Office) -> None:
    office.join(KIM)
    other = office.add_list("customs", "Customs Training")
    office.clock.move(timedelta(hours=1))
    path = office.preferences_path(KIM)

    page = office.post(path, {**chosen(office, path), f"list-{other}": "yes"})

    assert "A letter is on its way to k…@reader.example" in seen(page)
    assert office.state(KIM, other) == "pending"
    assert [one.list_id for one in office.letters(KIM, CONFIRMATION)] == [1, other]


def test_a_list_joined_in_another_window_stays(office: Office) -> None:
    office.join(KIM)
    office.add_list("customs", "Customs Training")
    path = office.preferences_path(KIM)
    shown_before = chosen(office, path)
    office.join(KIM, path="/l/customs")

    office.post(path, shown_before)

    assert office.state(KIM, 2) == "confirmed"


def test_a_list_that_is_not_public_is_neither_shown_nor_joined(office: Office) -> None:
    office.join(KIM)
    hidden = office.add_list("board", "The Board", visibility=Visibility.PRIVATE)
    path = office.preferences_path(KIM)

    page = office.post(path, {**chosen(office, path), f"list-{hidden}": "yes"})

    assert "The Board" not in page.text
    assert hidden not in reader(office).lists


def test_a_pause_is_kept_until_its_day_and_can_be_ended(office: Office) -> None:
    office.join(KIM)
    path = office.preferences_path(KIM)

    page = office.post(path, {**chosen(office, path), "pause": "2w"})
    first = reader(office).paused_until
    office.post(path, {**chosen(office, path), "pause": "2w"})

    assert first is not None
    assert first - office.clock.now() >= timedelta(weeks=2)
    assert reader(office).paused_until == first
    assert len(office.events("subscriber.paused")) == 1
    assert "Nothing comes until" in seen(page)

    office.post(path, {**chosen(office, path), "pause": "end"})

    assert reader(office).paused_until is None
    assert len(office.events("subscriber.pause_ended")) == 1


def test_a_language_is_for_all_mail_or_for_one_list(office: Office) -> None:
    office.join(KIM)
    path = office.preferences_path(KIM)

    page = office.post(path, {**chosen(office, path), "speak": "ja"})

    assert (reader(office).language, reader(office).lists[1].language) == ("ja", None)
    assert office.standing(KIM).language == "ja"
    assert "保存しました" in page.text

    office.post(path, {**chosen(office, path), "speak-1": "en"})

    assert office.standing(KIM).language == "en"
    assert reader(office).language == "ja"


def test_hostile_fields_say_nothing(office: Office) -> None:
    office.join(KIM)
    path = office.preferences_path(KIM)
    office.post(path, chosen(office, path))
    before = office.everything()
    had = "1.99999.-4.²." + "9" * 99

    hostile = {"had": had, "list-1": "yes", "list-x": "yes", "speak": "<b>", "pause": "forever"}
    page = office.post(path, {**hostile, "speak-1": "xx", "name": "Mallory"})

    assert page.status_code == 200
    assert office.everything() == before


def test_a_link_for_another_purpose_is_none_for_this(office: Office) -> None:
    leave = office.join(KIM)
    token = leave.rpartition("/")[2]

    assert office.get(f"/p/{token}").status_code == 404
    assert office.post(f"/p/{token}", {"had": "1"}).status_code == 404
    assert office.get("/p/nonsense").status_code == 404
    assert office.state(KIM) == "confirmed"


def test_an_erased_reader_s_link_says_that_nothing_is_sent(office: Office) -> None:
    office.join(KIM)
    path = office.preferences_path(KIM)
    office.erase(KIM)

    page = office.get(path)

    assert page.status_code == 404
    assert "Nothing is sent to you" in seen(page)


def test_the_fresh_link_is_mailed_to_the_address_and_to_no_other(office: Office) -> None:
    office.join(KIM)
    office.clock.move(timedelta(hours=1))

    page = office.post(f"{office.preferences_path(KIM)}/letter")
    office.answer()

    [letter] = office.letters(KIM, DeliveryKind.ACCESS)
    assert letter.address == KIM
    assert office.read(letter).subject in page.text
    assert "/me/" in office.read(letter).text
    assert letter.not_after == office.clock.now() + timedelta(hours=1)


def test_a_known_and_an_unknown_address_get_the_same_answer(office: Office) -> None:
    office.join(KIM)
    office.clock.move(timedelta(hours=1))

    known = office.press("access", KIM, path="/l/meetings/you")
    unknown = office.press("access", "nobody@reader.example", path="/l/meetings/you")

    assert known.text == unknown.text
    office.answer()
    assert len(office.letters(KIM, DeliveryKind.ACCESS)) == 1
    assert office.letters("nobody@reader.example") == []


def test_an_address_gets_no_flood_of_fresh_links(office: Office) -> None:
    office.join(KIM)
    office.clock.move(timedelta(hours=1))

    for _ in range(5):
        office.press("access", KIM, path="/l/meetings/you")
        office.answer()

    assert len(office.letters(KIM, DeliveryKind.ACCESS)) == 1
    assert len(office.events("access.limited")) == 4


def test_a_wrong_address_is_said_at_its_field(office: Office) -> None:
    page = office.press("access", "kim at reader", path="/l/meetings/you")

    assert page.status_code == 422
    assert "The address needs another look" in seen(page)
    assert office.asks() == []
