"""Pages of others are fetched, and nothing within our own networks is ever reached by it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailer import fetching
from mailer.errors import UsageError
from mailer.fetching import Allowed

PAGE = b"<!DOCTYPE html><title>Report</title>"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A web server on loopback, and what it was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {}

    @property
    def allowed(self) -> Allowed:
        return Allowed({("127.0.0.1", self.port)})

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *args: object) -> None:
        self.site = site
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        self.site.answers.get(self.path, send())(self)

    def log_message(self, *args: object) -> None:
        pass


def send(
    content: bytes = PAGE,
    kind: str = "text/html; charset=utf-8",
    status: int = 200,
    *,
    location: str = "",
    length: str = "",
) -> Answer:
    more = {"Location": location, "Content-Length": length}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        for name, value in more.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@contextmanager
def served() -> Iterator[Site]:
    site = Site(0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site))
    server.daemon_threads = True
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as one:
        yield one


def test_a_page_is_fetched_after_redirects(site: Site) -> None:
    site.answers["/old"] = send(b"", status=301, location="/new?q=é")

    got = fetching.fetch(site.url("/old"), allowed=site.allowed)

    assert (got.content, got.media_type, got.charset) == (PAGE, "text/html", "utf-8")
    assert site.asked == ["/old", "/new?q=%C3%A9"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://127.1/",
        "http://2130706433/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.3.4/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
    ],
)
def test_an_inner_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"network of our own|nobody at this address"):
        fetching.fetch(url)


@pytest.mark.parametrize(
    "address, public",
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
        ("fe80::1%eth0", False),
        ("ff02::1", False),
        ("192.0.2.1", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_everybody_can_reach(address: str, public: bool) -> None:
    assert fetching.is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://office.example/",
        "file:///etc/passwd",
        "gopher://office.example/",
        "javascript:alert(1)",
        "//office.example/",
        "http://",
        "http://office.example:22/",
        "https://office.example:80/",
        "http://user:secret@office.example/",
        "http://office.example:99999/",
        "http://[broken/",
        f"http://office.example/{'x' * 2000}",
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="begins with https://"):
        fetching.fetch(url)


def test_a_redirect_to_an_inner_address_is_refused(site: Site) -> None:
    with served() as inner:
        site.answers["/"] = send(b"", status=302, location=inner.url("/secret"))
        site.answers["/other"] = send(b"", status=302, location="http://169.254.169.254/")
        site.answers["/file"] = send(b"", status=302, location="file:///etc/passwd")

        for path in ("/", "/other", "/file"):
            with pytest.raises(UsageError):
                fetching.fetch(site.url(path), allowed=site.allowed)

        assert inner.asked == []


def test_a_name_that_leads_within_is_refused_at_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No name server of ours is asked by the C library, so its answer stands here.
    peer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", site.port))
    outer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", site.port))
    for found in ([peer], [outer, peer]):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, answer=found, **__: answer)
        with pytest.raises(UsageError, match="network of our own"):
            fetching.fetch("http://rebound.example/")

    assert site.asked == []


@pytest.mark.parametrize(
    "answer, why",
    [
        (send(b"%PDF-1.7", "application/pdf"), "no page of text"),
        (send(b"x" * 2000), "too large"),
        (send(status=404), "cannot be seen"),
        (send(b"", status=302, location="/"), "without end"),
        (send(b"part", length="400"), "nobody|too long"),
    ],
)
def test_what_cannot_be_had_is_said(site: Site, answer: Answer, why: str) -> None:
    site.answers["/"] = answer

    with pytest.raises(UsageError, match=why):
        fetching.fetch(site.url(), largest=1000, allowed=site.allowed)


def test_a_page_that_drips_is_given_up(site: Site) -> None:
    is_over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        while not is_over.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    site.answers["/"] = drip
    try:
        with pytest.raises(UsageError, match=r"too long|nobody"):
            fetching.fetch(site.url(), seconds=0.3, largest=100_000, allowed=site.allowed)
    finally:
        is_over.set()


def test_nobody_there(site: Site) -> None:
    with served() as gone:
        url, allowed = gone.url(), gone.allowed

    with pytest.raises(UsageError, match="nobody"):
        fetching.fetch(url, allowed=allowed)
