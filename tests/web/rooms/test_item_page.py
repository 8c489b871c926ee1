"""A page of the web fills a new item, and nothing within our own networks does."""

from collections.abc import Iterator

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailer.db.schema import Role
from mailer.web.rooms import item_page
from tests.photos import photo, scene
from tests.rendering.test_report import SAMPLE
from tests.test_fetching import Site, send, served
from tests.web.rooms.conftest import Rooms, seen


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give a server on loopback that may be fetched from, for this test."""
    with served() as one:
        monkeypatch.setattr(item_page, "ALLOWED", one.allowed)
        yield one


def test_a_report_fills_a_new_item(lone_rooms: Rooms, site: Site) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    site.answers["/18"] = send(SAMPLE.read_bytes())
    site.answers["/media/group.jpg"] = send(photo(scene(800, 600)), "image/jpeg")

    answer = noor.post("/items/page", {"address": site.url("/18")})

    assert answer.status_code == 200
    page = LexborHTMLParser(answer.text)
    said = {
        str(one.attributes["name"]): one.attributes.get("value") or ""
        for one in page.css("#item input[name]")
    }
    assert said["title"] == "ROCB A/P attended the 18th Global Meeting of the Regional Entities"
    assert (said["starts"], said["ends"]) == ("2023-02-20", "2023-02-21")
    assert (said["place"], said["link"]) == ("Brussels, Belgium", site.url("/18"))
    assert said["picture_alt"] == "Delegates on the steps"
    assert len(said["picture"].split()) == 2
    assert "Mr. Kuramoto chaired." in answer.text
    assert "track()" not in answer.text
    assert "You had not saved this" in seen(noor.get("/items/new"))
    assert "fetching a page takes its place" in seen(noor.get("/items/page"))


def test_a_page_whose_picture_is_none_fills_the_rest(lone_rooms: Rooms, site: Site) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    site.answers["/18"] = send(SAMPLE.read_bytes())
    site.answers["/media/group.jpg"] = send(b"no picture", "image/jpeg")

    answer = noor.post("/items/page", {"address": site.url("/18")})

    assert "Its picture could not be taken." in seen(answer)


def test_what_a_page_says_runs_nowhere(lone_rooms: Rooms, site: Site) -> None:
    noor = lone_rooms.as_(Role.EDITOR)
    evil = '"><script>alert(1)</script>'
    site.answers["/"] = send(
        f"<html lang='en\"><script>alert(1)</script>'><title>{evil}</title><main><h1>&lt;script&gt;"
        f"alert(1)&lt;/script&gt;</h1><p>{'words ' * 20}<a href='javascript:alert(1)'>x</a>"
        f"<img src=x onerror=alert(1)></p></main>".encode()
    )

    answer = noor.post("/items/page", {"address": site.url("/")})

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "javascript:alert" not in answer.text
    assert "onerror=" not in answer.text


@pytest.mark.parametrize(
    "address, why",
    [
        ("", "begins with https://"),
        ("file:///etc/passwd", "begins with https://"),
        ("http://127.0.0.1/", "network of our own"),
        ("http://169.254.169.254/latest/meta-data/", "network of our own"),
        ("http://[::1]/", "network of our own"),
        ("http://127.0.0.1:8080/", "begins with https://"),
    ],
)
def test_an_address_that_may_not_be_fetched_is_told_at_its_field(
    lone_rooms: Rooms, address: str, why: str
) -> None:
    answer = lone_rooms.as_(Role.EDITOR).post("/items/page", {"address": address})

    assert answer.status_code == 400
    assert why in seen(answer)
    assert f'value="{address}"' in answer.text


def test_a_page_without_words_is_refused(lone_rooms: Rooms, site: Site) -> None:
    site.answers["/"] = send(b"<html></html>")

    answer = lone_rooms.as_(Role.EDITOR).post("/items/page", {"address": site.url("/")})

    assert "no text on this page" in seen(answer)
