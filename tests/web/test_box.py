"""The box: what it asks for, what it keeps, and how alike its answers are."""

from datetime import date, time, timedelta

import pytest

from mailer import address, lists, subscribers
from mailer.db.schema import AskAction, DeliveryKind, SuppressionReason, Visibility
from mailer.digests.cadence import Cadence, Every
from mailer.web.visit import LONGEST_AGENT
from tests.web.conftest import Office, Open, seen

KIM = "kim@reader.example"


# ------------------------------------------------------------------------- the page


def test_a_lists_page_has_its_words_the_box_and_the_way_to_the_archive(office: Office) -> None:
    page = office.get("/l/meetings")

    assert page.status_code == 200
    for words in ("Meeting News", "once a month", "Your email", "Subscribe", "Unsubscribe"):
        assert words in seen(page)
    assert 'href="/l/meetings/archive"' in page.text
    assert "write to us at" in page.text
    assert "World Customs Organization" in page.text


def test_a_page_speaks_the_language_that_is_asked_for_or_preferred(office: Office) -> None:
    asked = office.get("/l/meetings?lang=ja", headers={"accept-language": "en"})
    preferred = office.get("/l/meetings", headers={"accept-language": "ja-JP, en;q=0.5"})
    unknown = office.get("/l/meetings?lang=xx", headers={"accept-language": "de"})

    assert "登録する" in asked.text
    assert 'href="/l/meetings/archive?lang=ja"' in asked.text
    assert "登録する" in preferred.text
    assert '<html lang="en" dir="ltr">' in unknown.text


def test_a_page_and_what_is_agreed_to_are_those_of_the_list_as_it_is_now(office: Office) -> None:
    office.get("/l/meetings?lang=ja")
    office.get("/l/meetings")
    words = lists.Words("en", name="Harbour News", description="What ships bring.")
    changes = lists.Edit(texts=(words,), sender_name="Harbour desk")
    office.app.database.write(lists.edit, "meetings", changes, now=office.clock.now())

    page = office.get("/l/meetings")
    office.press("subscribe", KIM)

    assert "Harbour News" in seen(page)
    assert "What ships bring." in seen(page)
    assert "Meeting News" not in seen(page)
    [ask] = office.asks()
    assert "Harbour News" in ask.evidence["wording"]


def test_a_lists_page_says_when_something_comes(office: Office) -> None:
    with office.app.database.writing() as session:
        rhythm = Cadence(Every.FORTNIGHT, 1, time(9), office.clock.now(), anchor=date(2026, 12, 7))
        found = lists.get(session, "meetings")
        lists.set_cadence(session, found, rhythm.stored(), now=office.clock.now())

    assert "Comes every second Monday, when there is news." in seen(office.get("/l/meetings"))
    assert "隔週の月曜日に" in seen(office.get("/l/meetings?lang=ja"))


def test_a_list_in_a_language_without_catalogue_keeps_its_words_and_their_direction(
    office: Office,
) -> None:
    office.add_list("akhbar", "أخبار الاجتماعات", language="ar", languages=("ar",))

    page = office.get("/l/akhbar", headers={"accept-language": "ar"}).text

    assert '<html lang="en" dir="ltr">' in page
    assert '<h1 lang="ar" dir="rtl">أخبار الاجتماعات</h1>' in page
    assert 'name="lang" value="ar"' in page


def test_a_former_slug_leads_to_the_list(office: Office) -> None:
    office.app.database.write(
        lists.edit, "meetings", lists.Edit(slug="news"), now=office.clock.now()
    )

    page = office.get("/l/meetings")

    assert page.status_code == 200
    assert '<link rel="canonical" href="http://127.0.0.1:8080/l/news">' in page.text
    assert office.press("subscribe", KIM).status_code == 200
    assert office.answer() == 1


@pytest.mark.parametrize("slug", ["none", "None", "%00", "..%2f..", "a" * 500, "☃"])
def test_there_is_no_page_for_what_is_no_list(office: Office, slug: str) -> None:
    assert office.get(f"/l/{slug}").status_code == 404


def test_a_private_list_has_no_page_and_an_unlisted_one_is_not_named(office: Office) -> None:
    office.add_list("inner", "Inner circle", visibility=Visibility.PRIVATE)
    office.add_list("quiet", "Quiet news", visibility=Visibility.UNLISTED)

    front = office.get("/").text

    assert "Meeting News" in front
    assert "Inner circle" not in front
    assert "Quiet news" not in front
    assert office.get("/l/quiet").status_code == 200
    for path in ("/l/inner", "/l/inner/box", "/l/inner/archive", "/l/inner/1"):
        assert office.get(path).status_code == 404
    assert office.post("/l/inner", {"address": KIM, "action": "subscribe"}).status_code == 404


def test_a_slip_of_the_finger_is_asked_about_once_and_never_forbidden(office: Office) -> None:
    doubted = office.press("subscribe", "kim@gmial.com")

    assert "Did you mean kim@gmail.com" in seen(doubted)
    assert 'value="kim@gmial.com"' in doubted.text
    assert office.asks() == []

    office.press("subscribe", "kim@gmial.com", sure="kim@gmial.com")
    assert [ask.address for ask in office.asks()] == ["kim@gmial.com"]


# ------------------------------------------------------------------------- what is kept


def test_pressing_subscribe_keeps_one_ask_with_its_evidence(office: Office) -> None:
    form = office.form("/l/meetings?lang=ja")
    office.clock.move(timedelta(seconds=5))

    office.post(
        "/l/meetings",
        {**form, "address": " Kim@Reader.Example ", "action": "subscribe"},
        headers={"user-agent": "Browser/1.0 " + "x" * 400, "origin": "https://other.example"},
    )

    [ask] = office.asks()
    assert (ask.action, ask.address, ask.language) == (
        AskAction.SUBSCRIBE,
        "Kim@reader.example",
        "ja",
    )
    assert (ask.network, ask.trapped) == ("198.51.100.7", False)
    assert ask.evidence["page"] == "http://127.0.0.1:8080/l/meetings"
    assert ask.evidence["origin"] == "https://other.example"
    assert ask.evidence["remote"] == "198.51.100.7"
    assert ask.evidence["via"] == "box"
    assert ask.evidence["language"] == "ja"
    assert len(ask.evidence["agent"]) == LONGEST_AGENT
    shown = office.get("/l/meetings?lang=ja").text
    assert all(line in shown for line in ask.evidence["wording"].splitlines())


def test_the_wordings_version_follows_the_words(office: Office) -> None:
    office.press("subscribe", KIM)
    office.press("subscribe", KIM)
    office.press("subscribe", KIM, path="/l/meetings?lang=ja")

    first, same, other = (ask.evidence["wording_version"] for ask in office.asks())

    assert first == same != other


def test_pressing_unsubscribe_is_kept_as_such(office: Office) -> None:
    answer = office.press("unsubscribe", KIM)

    assert [ask.action for ask in office.asks()] == [AskAction.UNSUBSCRIBE]
    assert "To leave Meeting News" in seen(answer)


def test_a_filled_trap_gets_the_same_answer_and_is_marked(office: Office) -> None:
    honest = office.press("subscribe", KIM)

    trapped = office.press("subscribe", KIM, subject="Cheap watches")

    assert trapped.content == honest.content
    assert [ask.trapped for ask in office.asks()] == [False, True]


def test_the_page_after_the_box_names_sender_and_subject_of_the_letter_to_come(
    office: Office,
) -> None:
    answer = seen(office.press("subscribe", KIM))
    office.answer()

    [letter] = office.letters(KIM, DeliveryKind.CONFIRMATION)
    assert "Meeting desk" in answer
    assert "news@office.example" in answer
    assert office.read(letter).subject in answer
    assert KIM not in answer


# ------------------------------------------------------------------------- what is not


def test_a_box_on_another_site_leads_to_our_page_with_the_address_filled_in(
    office: Office,
) -> None:
    before = office.everything()

    page = office.post("/l/meetings", {"address": KIM, "action": "unsubscribe"})

    assert page.status_code == 200
    assert f'value="{KIM}"' in page.text
    assert 'value="unsubscribe" autofocus' in page.text
    assert "Nothing has been sent yet" in seen(page)
    assert office.everything() == before


@pytest.mark.parametrize(
    "wait, shown",
    [
        pytest.param(timedelta(seconds=1), None, id="too young"),
        pytest.param(timedelta(hours=25), None, id="too old"),
        pytest.param(timedelta(seconds=5), "", id="without a moment"),
        pytest.param(timedelta(seconds=5), "FakDAYCgv9gGjjpp9LU-rBqxtgCu-yFt6g", id="forged"),
        pytest.param(timedelta(seconds=5), "☃" * 200, id="not even that"),
    ],
)
def test_a_form_without_a_timely_moment_is_shown_once_more(
    office: Office, wait: timedelta, shown: str | None
) -> None:
    form = office.form()
    office.clock.move(wait)

    page = office.post(
        "/l/meetings",
        {**form, "shown": form["shown"] if shown is None else shown}
        | {"address": KIM, "action": "subscribe"},
    )

    assert page.status_code == 200
    assert f'value="{KIM}"' in page.text
    assert office.asks() == []


def test_a_moment_of_one_list_is_none_for_another(office: Office) -> None:
    office.add_list("customs", "Customs Training")
    form = office.form("/l/customs")
    office.clock.move(timedelta(seconds=5))

    office.post("/l/meetings", {**form, "address": KIM, "action": "subscribe"})

    assert office.asks() == []


def test_who_pressed_too_quickly_needs_no_more_than_a_second_press(office: Office) -> None:
    fields = {**office.form(), "address": KIM, "action": "subscribe"}
    hasty = office.post("/l/meetings", fields)
    assert fields["shown"] in hasty.text
    office.clock.move(timedelta(seconds=2))

    answer = office.post("/l/meetings", fields)

    assert "Check your inbox" in seen(answer)
    assert len(office.asks()) == 1


@pytest.mark.parametrize(
    "typed", ["", "   ", "kim", "kim@", "kim@reader", "a@b@c.example", "kim\x00@reader.example"]
)
def test_a_wrong_address_is_an_error_at_the_field_and_at_the_top(
    office: Office, typed: str
) -> None:
    page = office.press("subscribe", typed)

    assert page.status_code == 422
    assert page.text.count("name@example.org") == 2
    assert 'role="alert" tabindex="-1" autofocus' in page.text
    assert 'aria-invalid="true" aria-describedby="address-error"' in page.text
    assert office.asks() == []


def test_what_was_typed_is_kept_and_escaped(office: Office) -> None:
    page = office.press("subscribe", '"><script>alert(1)</script>')

    assert "<script>" not in page.text
    assert "&gt;&lt;script&gt;" in page.text


def test_a_button_that_is_not_there_does_nothing(office: Office) -> None:
    page = office.press("delete", KIM)

    assert "press the button once more" in seen(page)
    assert office.asks() == []


# ------------------------------------------------------------------------- equal answers


def test_every_address_gets_the_same_answer(office: Office) -> None:
    # Given an address of each kind
    office.ask("pending@reader.example")
    office.join("confirmed@reader.example")
    now = office.clock.now()
    key = address.parse("suppressed@reader.example").key
    office.app.database.write(subscribers.suppress, key, SuppressionReason.COMPLAINT, now=now)
    for _ in range(5):
        office.press("subscribe", "limited@reader.example")
        office.answer()
        office.clock.move(timedelta(minutes=15))

    # When each presses a button
    kinds = ("new", "pending", "confirmed", "suppressed", "limited")
    answers = {kind: office.press("subscribe", f"{kind}@reader.example") for kind in kinds}
    leaving = {kind: office.press("unsubscribe", f"{kind}@reader.example") for kind in kinds}

    # Then nobody can tell them apart
    for of_a_button in (answers, leaving):
        assert len({answer.status_code for answer in of_a_button.values()}) == 1
        assert len({str(sorted(answer.headers.items())) for answer in of_a_button.values()}) == 1
        assert len({answer.content for answer in of_a_button.values()}) == 1
    assert len(office.letters("limited@reader.example")) == 3


# ------------------------------------------------------------------------- elsewhere


def test_the_box_to_paste_is_a_plain_form_to_our_page(office: Office) -> None:
    page = office.get("/l/meetings/box?lang=ja")

    assert (
        "&lt;form action=&#34;http://127.0.0.1:8080/l/meetings&#34; method=&#34;post&#34;&gt;"
        in page.text
    )
    assert "name=&#34;lang&#34; value=&#34;ja&#34;" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_a_list_that_ended_takes_nobody_and_shows_what_it_sent(office: Office) -> None:
    form = office.form()
    office.send_digest(1, "The last meeting", en="Farewell.")
    office.retire("meetings")
    office.clock.move(timedelta(seconds=5))

    page = office.get("/l/meetings")
    answer = office.post("/l/meetings", {**form, "address": KIM, "action": "subscribe"})

    assert "This list has ended" in seen(page)
    assert "<form" not in page.text
    assert answer.status_code == 409
    assert office.get("/l/meetings/box").status_code == 409
    assert "The last meeting" in office.get("/l/meetings/archive").text
    assert office.asks() == []


def test_an_owners_template_goes_before_ours(open_office: Open, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "mine" / "web" / "public"
    folder.mkdir(parents=True)
    (folder / "front.html").write_text(
        '{% extends "web/public/base.html" %}{% block main %}<h1>Welcome</h1>{% endblock %}'
    )
    (folder.parent / "static").mkdir()
    (folder.parent / "static" / "site.css").write_text("body { color: red }")

    office = open_office(templates={"folder": str(folder.parent.parent)})

    page = office.get("/").text
    assert "<h1>Welcome</h1>" in page
    style = page.partition("static/site.")[2].partition('"')[0]
    assert office.get(f"/static/site.{style}").text == "body { color: red }"


def test_an_owners_broken_template_is_named_before_the_first_reader_comes(
    open_office: Open, tmp_path: object
) -> None:
    from pathlib import Path

    from mailer.errors import TemplateInvalid

    folder = Path(str(tmp_path)) / "mine" / "web" / "public"
    folder.mkdir(parents=True)
    (folder / "front.html").write_text("<h1>\n{% if %}\n")

    with pytest.raises(TemplateInvalid, match=r"front\.html:2: "):
        open_office(templates={"folder": str(folder.parent.parent)})
