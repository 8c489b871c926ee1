"""What holds for every page: headers, methods, limits, paths, and what is said when all fails."""

import re
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from mailer import lists
from mailer.errors import DatabaseUnreachable, Refused, TooLarge
from mailer.web.visit import LARGEST_BODY, MOST_FIELDS
from tests.web.conftest import Office, Open, seen

KIM = "kim@reader.example"
PAGES = ["/", "/l/meetings", "/l/meetings/archive", "/l/meetings/box", "/nowhere", "/c/none"]


# ------------------------------------------------------------------------- headers


@pytest.mark.parametrize("path", [*PAGES, "/livez", "/readyz", "/robots.txt", "/favicon.ico"])
def test_every_answer_is_kept_within_bounds_and_sets_no_cookie(
    lone_office: Office, path: str
) -> None:
    headers = lone_office.get(path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; ")
    assert "form-action 'self'; frame-ancestors 'none'; base-uri 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    assert "set-cookie" not in headers
    assert "strict-transport-security" not in headers


def test_https_is_asked_for_where_it_is_spoken(open_office: Open) -> None:
    office = open_office(web={"base_url": "https://office.example/"})

    assert office.get("/").headers["strict-transport-security"] == "max-age=31536000"


def test_a_page_about_one_reader_is_kept_by_nobody(office: Office) -> None:
    confirm = office.ask(KIM)
    leave, refuse = office.leave_path(KIM), office.refuse_path(KIM)
    undo = office.undo_path(office.post(leave).text)

    for path in (confirm, leave, refuse, undo):
        headers = office.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow"


def test_a_file_keeps_its_address_for_as_long_as_it_is_the_same(lone_office: Office) -> None:
    style = re.search(r'href="(/static/site\.\w{12}\.css)"', lone_office.get("/").text)
    assert style is not None

    answer = lone_office.get(style[1])

    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    for name in ("site.css", "site.000000000000.css", "..%2fsite.py", "none"):
        assert lone_office.get(f"/static/{name}").status_code == 404


# ------------------------------------------------------------------------- methods


@pytest.mark.parametrize("path", ["/", "/l/meetings", "/l/meetings/archive", "/livez", "/readyz"])
def test_head_and_options_are_answered(lone_office: Office, path: str) -> None:
    plain = lone_office.get(path)
    head = lone_office.client.head(path)
    options = lone_office.client.options(path)

    assert head.status_code == plain.status_code
    assert head.headers["content-type"] == plain.headers["content-type"]
    assert options.status_code == 204
    assert "GET" in options.headers["allow"]


@pytest.mark.parametrize(
    "method, path", [("PUT", "/"), ("POST", "/"), ("DELETE", "/l/meetings"), ("GET", "/c/x/again")]
)
def test_an_unknown_method_is_refused_and_the_known_are_named(
    lone_office: Office, method: str, path: str
) -> None:
    answer = lone_office.client.request(method, path)

    assert answer.status_code == 405
    assert "OPTIONS" in answer.headers["allow"]
    assert "cannot be done here" in seen(answer)


def test_looking_changes_nothing(office: Office) -> None:
    confirm = office.ask(KIM)
    office.send_digest(1, "The first meeting", en="Hello.")
    links = [confirm, office.leave_path(KIM), office.refuse_path(KIM), "/l/meetings/1"]
    before = office.everything()

    for path in [*PAGES, *links]:
        for method in ("GET", "HEAD", "OPTIONS"):
            office.client.request(method, path)

    assert office.everything() == before


# ------------------------------------------------------------------------- limits


def test_a_body_that_is_too_large_is_refused_and_not_kept(lone_office: Office) -> None:
    answer = lone_office.post("/l/meetings", {"address": "x" * LARGEST_BODY})

    assert answer.status_code == 413
    assert "too long" in seen(answer)


def test_a_form_of_too_many_fields_is_refused(lone_office: Office) -> None:
    fields = {f"field{number}": "x" for number in range(MOST_FIELDS + 1)}

    assert lone_office.post("/l/meetings", fields).status_code == 400


def test_a_box_may_come_as_multipart(lone_office: Office) -> None:
    fields = {**lone_office.form(), "address": KIM, "action": "subscribe"}
    lone_office.clock.move(timedelta(seconds=5))

    answer = lone_office.client.post(
        "/l/meetings", files={name: (None, value) for name, value in fields.items()}
    )

    assert answer.status_code == 200
    assert len(lone_office.asks()) == 1


def test_a_file_in_a_form_is_refused(lone_office: Office) -> None:
    answer = lone_office.client.post("/l/meetings", files={"address": ("a.exe", b"MZ")})

    assert answer.status_code == 400


# ------------------------------------------------------------------------- who asks


def test_a_forged_header_of_a_reader_counts_for_nothing(lone_office: Office) -> None:
    form = lone_office.form()
    lone_office.press("subscribe", KIM)
    lone_office.post(
        "/l/meetings",
        {**form, "address": KIM, "action": "subscribe"},
        headers={"x-forwarded-for": "1.2.3.4", "forwarded": "for=1.2.3.4", "x-real-ip": "1.2.3.4"},
    )

    assert {ask.network for ask in lone_office.asks()} == {"198.51.100.7"}


def test_a_proxy_that_is_trusted_says_who_asks(open_office: Open) -> None:
    office = open_office(web={"trusted_proxies": ["198.51.100.0/24"]})
    office.add_list()
    form = office.form()
    office.press("subscribe", KIM)

    office.post(
        "/l/meetings",
        {**form, "address": KIM, "action": "subscribe"},
        headers={
            "x-forwarded-for": "1.2.3.4, 2001:db8:1:2:3::4",
            "x-forwarded-host": "evil.example",
        },
    )

    assert [ask.network for ask in office.asks()] == ["198.51.100.7", "2001:db8:1:2::/64"]


# ------------------------------------------------------------------------- paths


@pytest.mark.parametrize("path", ["/news/l/meetings", "/l/meetings", "/news/l/meetings///"])
def test_below_a_path_every_link_leads_there(open_office: Open, path: str) -> None:
    office = open_office(web={"base_url": "https://office.example/news/"})
    office.add_list()

    page = office.get(path)

    assert page.status_code == 200
    links = re.findall(r'(?:href|action|src)="(/[^"]*)"', page.text)
    assert links
    assert all(link.startswith("/news/") for link in links)
    assert all(office.get(link).status_code == 200 for link in links)


@pytest.mark.parametrize("path", ["/news", "/news/", "/"])
def test_the_front_page_is_where_the_path_begins(open_office: Open, path: str) -> None:
    office = open_office(web={"base_url": "https://office.example/news/"})

    assert "Our lists" in office.get(path).text


@pytest.mark.parametrize("path", ["/newspaper", "/news/news/l/meetings", "/ne/ws"])
def test_what_only_looks_like_the_path_is_not_it(open_office: Open, path: str) -> None:
    office = open_office(web={"base_url": "https://office.example/news/"})
    office.add_list()

    assert office.get(path).status_code == 404


@pytest.mark.parametrize("strips", [True, False], ids=["cut off", "kept"])
def test_a_path_may_have_the_name_of_a_page(open_office: Open, strips: bool) -> None:
    office = open_office(web={"base_url": "https://office.example/l/"})
    office.add_list()

    page = office.get("/l/meetings" if strips else "/l/l/meetings")

    assert "Meeting News" in page.text
    assert 'action="/l/l/meetings"' in page.text


# ------------------------------------------------------------------------- what went wrong


@pytest.mark.parametrize(
    "error, status, words",
    [
        (Refused("unspoken"), 409, "cannot be done here"),
        (TooLarge("unspoken"), 413, "too long"),
        (DatabaseUnreachable("unspoken"), 503, "not at work just now"),
        (RuntimeError(f"oops about {KIM}"), 500, "went wrong on our side"),
    ],
)
def test_an_error_is_a_page_that_says_what_to_do_next(
    lone_office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str
) -> None:
    # What is broken here is our own code: only a patch can break it on purpose.
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(lists, "cards", fail)
    with capture_logs() as lines:
        answer = lone_office.get("/", headers={"accept-language": "ja"})
        plain = lone_office.get("/")

    assert answer.status_code == status
    assert words in seen(plain)
    assert '<html lang="ja"' in answer.text
    assert str(error) not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert len(lines) == (2 if status >= 500 else 0)
    assert all(line["exc_info"] is error for line in lines)


def test_when_even_the_page_about_errors_is_broken_there_are_plain_words(
    open_office: Open, tmp_path: Any
) -> None:
    folder = tmp_path / "mine" / "web" / "public"
    folder.mkdir(parents=True)
    (folder / "problem.html").write_text("{{ nothing.of.the.kind }}")
    office = open_office(templates={"folder": str(tmp_path / "mine")})

    answer = office.get("/nowhere")

    assert answer.status_code == 404
    assert answer.text.startswith("There is no such page")


# ------------------------------------------------------------------------- robots


def test_robots_are_kept_off_readers_links(open_office: Open) -> None:
    office = open_office(web={"base_url": "https://office.example/news/"})

    words = office.get("/robots.txt").text.splitlines()

    assert words[0] == "User-agent: *"
    assert "Disallow: /news/u/" in words
