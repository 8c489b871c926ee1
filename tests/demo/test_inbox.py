import re
import subprocess
import sys

import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.testclient import TestClient

from mailer import web
from mailer.app import App
from mailer.demo import views
from mailer.demo.office import Office
from tests.conftest import MOMENT
from tests.demo.conftest import LEAVE, Visitor


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # No worker runs here: nothing would come of waiting for it.
    monkeypatch.setattr(views, "PATIENCE_SECONDS", 0)


def words(page: str) -> str:
    return " ".join(LexborHTMLParser(page).body.text().split())  # type: ignore[union-attr]


def subjects(page: str) -> list[str]:
    return [link.text().removeprefix("New: ") for link in LexborHTMLParser(page).css(".subject")]


# ------------------------------------------------------------------ the list


def test_an_empty_inbox_says_how_to_fill_it(visitor: Visitor) -> None:
    page = visitor.sees()

    assert "Nothing has come in yet" in words(page)
    assert "/l/meetings" in page


def test_what_came_in_is_listed_with_the_newest_first(visitor: Visitor) -> None:
    visitor.receives(subject="One")
    visitor.receives(subject="Two")

    assert subjects(visitor.sees()) == ["Two", "One"]


def test_a_message_is_new_until_it_is_opened(visitor: Visitor) -> None:
    number = visitor.receives()

    before = words(visitor.sees())
    visitor.sees(f"/inbox/{number}")

    assert "New:" in before
    assert "New:" not in words(visitor.sees())


@pytest.mark.parametrize("search", ["KIM@", "two", "digest"])
def test_a_search_finds_by_address_subject_and_kind(visitor: Visitor, search: str) -> None:
    visitor.postbox.put("a@example.org", ("lee@example.org",), b"Subject: One\r\n\r\n", at=MOMENT)
    visitor.receives(subject="Two", to="kim@example.org")

    page = visitor.sees(f"/inbox/?q={search}")

    assert subjects(page) == ["Two"]
    assert "1 of 2" in words(page)


def test_a_search_that_finds_nothing_says_so_in_its_own_words(visitor: Visitor) -> None:
    visitor.receives()

    page = visitor.sees("/inbox/?q=%3Cb%3Enobody")

    assert "Nothing here has “<b>nobody” in it" in words(page)


def test_a_long_list_goes_on_on_further_pages(visitor: Visitor) -> None:
    visitor.receives(times=views.ON_ONE_PAGE + 1)

    page = visitor.sees()
    further = LexborHTMLParser(page).css_first(".older a").attributes["href"]  # type: ignore[union-attr]

    assert len(subjects(page)) == views.ON_ONE_PAGE
    assert len(subjects(visitor.sees(further or ""))) == 1


def test_the_page_says_how_many_had_to_go(visitor: Visitor) -> None:
    visitor.postbox.room = 2
    visitor.receives(times=5)

    assert "the inbox keeps 2, and 3 older had to go" in words(visitor.sees())


# ------------------------------------------------------------------ the next digest


def test_the_button_queues_the_number_that_the_page_names(visitor: Visitor) -> None:
    page = words(visitor.sees())

    answer = visitor.presses("/inbox/queue")

    assert "Number 2, to 30 subscribers" in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox/?queued=2")
    after = words(visitor.sees("/inbox/?queued=2"))
    assert "Number 2 is waiting for its hour" in after
    assert "Number 3, to 30 subscribers" in after


# ------------------------------------------------------------------ one message


def test_a_message_shows_who_wrote_to_whom_and_its_headers(visitor: Visitor) -> None:
    number = visitor.receives(subject="会合だより")

    page = words(visitor.sees(f"/inbox/{number}"))

    assert "会合だより" in page
    assert "Coral Regional Office <news@example.org>" in page
    assert "Digest · Meeting news" in page
    assert f"<{LEAVE}>" in page


def test_a_messages_page_can_do_nothing_but_open_links(visitor: Visitor) -> None:
    number = visitor.receives()

    frame = LexborHTMLParser(visitor.sees(f"/inbox/{number}")).css_first("iframe")
    answer = visitor.client.get(f"/inbox/{number}/page")

    assert frame is not None
    assert frame.attributes["src"] == f"/inbox/{number}/page"
    assert frame.attributes["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith(f"sandbox {frame.attributes['sandbox']}; default-src 'none'; ")
    assert "script" not in policy
    assert "img-src 'self' data:;" in policy


@pytest.mark.parametrize(
    "path,shown",
    [("text", "Plain words"), ("source", "List-Unsubscribe-Post: List-Unsubscribe=One-Click")],
)
def test_text_and_source_are_shown_as_they_are(visitor: Visitor, path: str, shown: str) -> None:
    number = visitor.receives(subject="<script>alert(1)</script>")

    page = visitor.sees(f"/inbox/{number}/{path}")

    assert shown in page
    assert "<script" not in page


def test_a_message_can_be_kept_as_a_file(visitor: Visitor) -> None:
    number = visitor.receives()
    received = visitor.postbox.get(number)
    assert received is not None

    answer = visitor.client.get(f"/inbox/{number}/message.eml")

    assert answer.content == received.raw
    assert answer.headers["content-type"] == "message/rfc822"


def test_the_frame_can_be_as_narrow_as_a_phone(visitor: Visitor) -> None:
    number = visitor.receives()

    assert '<div class="glass phone">' in visitor.sees(f"/inbox/{number}?width=phone")
    assert '<div class="glass desktop">' in visitor.sees(f"/inbox/{number}?width=barn")


def test_a_message_that_is_gone_is_said_to_be_gone(visitor: Visitor) -> None:
    answer = visitor.client.get("/inbox/7")

    assert answer.status_code == 404
    assert "The inbox keeps the newest 500" in words(answer.text)


# ------------------------------------------------------------------ one click


def test_a_letter_without_one_click_has_no_button(visitor: Visitor) -> None:
    visitor.postbox.put("a@example.org", ("b@example.org",), b"To: b\r\n\r\nHello", at=MOMENT)

    assert "Unsubscribe" not in words(visitor.sees("/inbox/1"))
    assert visitor.presses("/inbox/1/unsubscribe").status_code == 409


def test_a_link_to_somebody_else_is_not_followed(visitor: Visitor) -> None:
    number = visitor.receives(leave="https://example.org/leave")

    answer = visitor.presses(f"/inbox/{number}/unsubscribe")

    assert answer.status_code == 409
    assert "does not lead to the pages of this demo" in words(answer.text)


def test_pages_that_do_not_answer_are_said_not_to_answer(visitor: Visitor) -> None:
    number = visitor.receives()

    answer = visitor.presses(f"/inbox/{number}/unsubscribe")

    assert answer.status_code == 303
    page = words(visitor.sees(f"/inbox/{number}"))
    assert "no answer" in page
    assert "still on the list" in page


# ------------------------------------------------------------------ what is kept away


@pytest.mark.parametrize("path", ["/inbox/queue", "/inbox/1/unsubscribe"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_button_on_another_site_does_nothing(visitor: Visitor, path: str, site: str) -> None:
    visitor.receives()

    answer = visitor.presses(path, **{"Sec-Fetch-Site": site})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/inbox/queue", "/inbox/1/unsubscribe"])
def test_getting_an_address_that_acts_does_nothing(visitor: Visitor, path: str) -> None:
    visitor.receives()

    assert visitor.client.get(path).status_code == 405


def test_a_foreign_name_for_this_machine_sees_nothing(visitor: Visitor) -> None:
    visitor.receives(subject="For you alone")

    answer = visitor.client.get("/inbox/", headers={"Host": "rebound.example:1"})

    assert answer.status_code == 400
    assert "For you alone" not in answer.text


def test_pages_load_nothing_from_elsewhere_and_run_no_script(visitor: Visitor) -> None:
    number = visitor.receives()

    for path in ("/inbox/", f"/inbox/{number}", f"/inbox/{number}/source"):
        answer = visitor.client.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "<script" not in answer.text
        assert "set-cookie" not in answer.headers
        assert not re.search(r'(?:src|href)="https?://(?!127\.0\.0\.1)', answer.text)


# ------------------------------------------------------------------ beside the readers' pages


def test_the_readers_pages_are_on_the_same_port_and_do_not_name_the_inbox(
    visitor: Visitor,
) -> None:
    for path in ("/", "/l/meetings", "/l/announcements", "/l/meetings/archive"):
        assert "inbox" not in visitor.sees(path).casefold().replace("your inbox", "")


@pytest.mark.parametrize("path", ["/inbox", "/inbox/", "/inbox/1", "/inbox/look.css"])
def test_what_serve_serves_has_no_inbox(app: App, made: Office, path: str) -> None:
    pages = TestClient(web.create(app), base_url=app.settings.web.base_url)

    assert pages.get(path).status_code == 404


def test_serve_does_not_even_load_the_demo() -> None:
    code = (
        "import sys, mailer.serve, mailer.worker; "
        "print([name for name in sys.modules if name.startswith('mailer.demo')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_an_inbox_that_begins_like_the_inbox_is_not_one(visitor: Visitor) -> None:
    assert visitor.client.get("/inboxes").status_code == 404
    assert "Inbox" not in words(visitor.client.get("/inboxes").text)
