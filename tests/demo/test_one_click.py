from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from mailer.demo import one_click
from mailer.errors import Refused


@dataclass
class Pages:
    """A web server that keeps what it was asked, and answers as it was told."""

    status: int = 200
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def pages() -> Iterator[Pages]:
    told = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told.asked.append((self.command, self.path, body, self.headers["Content-Type"]))
            self.send_response(told.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_one_click_is_one_post_with_the_words_of_the_standard(pages: Pages) -> None:
    answer = one_click.press(f"{pages.url}u/token", base_url=pages.url)

    assert pages.asked == [
        ("POST", "/u/token", "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    ]
    assert (answer.status, answer.is_good) == (200, True)


def test_a_redirect_is_not_followed_and_is_no_good_answer(pages: Pages) -> None:
    pages.status = 302

    answer = one_click.press(f"{pages.url}u/token", base_url=pages.url)

    assert (answer.status, answer.is_good) == (302, False)
    assert len(pages.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/u/token",
        "http://example.org/u/token",
        "http://127.0.0.1:9/u/token",
        "http://127.0.0.1/u/token",
        "http://127.0.0.2:{port}/u/token",
        "http://localhost:{port}/u/token",
        "https://127.0.0.1:{port}/u/token",
        "http://127.0.0.1:{port}@example.org/u/token",
        "http://example.org@127.0.0.1:{port}/u/token",
        "http://127.0.0.1:{port}.example.org/u/token",
    ],
)
def test_nobody_is_asked_but_the_pages_of_the_demo(pages: Pages, url: str) -> None:
    port = pages.url.rstrip("/").rpartition(":")[2]

    with pytest.raises(Refused):
        one_click.press(url.format(port=port), base_url=pages.url)

    assert pages.asked == []
