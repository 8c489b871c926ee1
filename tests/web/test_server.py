"""The pages on a real socket: started, served, stopped, and not held up by anybody."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from mailer import web
from mailer.errors import ConfigError
from mailer.web import server as serving_module
from mailer.web.desk import Desk
from mailer.web.stream import MOST, Said, Stream
from tests.web.conftest import Office, serving

KIM = "kim@reader.example"


@pytest.fixture
def address(lone_office: Office) -> Iterator[tuple[str, int]]:
    with serving(lone_office.app) as url:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


def ask(address: tuple[str, int], raw: bytes) -> bytes:
    """Send bytes, and give all that comes back until the server hangs up."""
    with closing(socket.create_connection(address, timeout=10)) as line:
        line.sendall(raw)
        return b"".join(iter(lambda: line.recv(65536), b""))


def test_port_0_takes_a_free_one() -> None:
    with (
        closing(web.listen("127.0.0.1", 0)) as first,
        closing(web.listen("127.0.0.1", 0)) as second,
    ):
        assert web.port_of(first) != web.port_of(second) != 0


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with closing(web.listen("127.0.0.1", 0)) as taken:
        port = web.port_of(taken)
        with pytest.raises(ConfigError, match=f"port {port}: another program .* web.port"):
            web.listen("127.0.0.1", port)


def test_an_answer_has_a_date_and_says_nothing_of_who_serves(address: tuple[str, int]) -> None:
    head, _, _ = ask(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").partition(
        b"\r\n\r\n"
    )

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ndate: " in head.lower()
    assert b"\r\nserver:" not in head.lower()


def test_head_has_the_length_and_no_body(address: tuple[str, int]) -> None:
    answer = ask(address, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: " in head.lower()
    assert body == b""


def test_what_a_proxy_says_of_scheme_and_host_is_not_believed(address: tuple[str, int]) -> None:
    answer = ask(
        address,
        b"GET /l/meetings HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n",
    )

    assert b"evil.example" not in answer
    assert b"strict-transport-security" not in answer


def test_one_click_with_a_body_larger_than_anybody_reads_is_answered(
    lone_office: Office, address: tuple[str, int]
) -> None:
    path = lone_office.join(KIM)
    line = http.client.HTTPConnection(*address, timeout=10)

    line.request("POST", path, body=b"x" * 800_000)
    answer = line.getresponse()

    assert answer.status == 200
    assert lone_office.state(KIM) == "unsubscribed"
    line.close()


def test_a_body_that_does_not_come_to_an_end_is_waited_for_in_vain(
    lone_office: Office, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.web.visit.BODY_SECONDS", 0.2)
    path = lone_office.join(KIM).encode()
    head = b" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nConnection: close\r\n"
    form = b"Content-Type: application/x-www-form-urlencoded\r\n\r\nList"

    box = ask(address, b"POST /l/meetings" + head + form)
    one_click = ask(address, b"POST " + path + head + form)

    assert box.startswith(b"HTTP/1.1 408 ")
    assert one_click.startswith(b"HTTP/1.1 200 ")
    assert lone_office.state(KIM) == "unsubscribed"


def test_who_does_not_finish_asking_is_hung_up_on(
    lone_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "REQUEST_SECONDS", 0.5)
    with serving(lone_office.app) as url:
        parts = urlsplit(url)
        with closing(socket.create_connection((parts.hostname, parts.port), timeout=10)) as line:
            line.sendall(b"GET / HTTP/1.1\r\n")
            began = time.monotonic()
            while time.monotonic() - began < 5:
                try:
                    line.sendall(b"X-Slow: 1\r\n")
                    time.sleep(0.1)
                except OSError:
                    break

    assert time.monotonic() - began < 3


def test_stopping_lets_a_request_come_to_its_end(lone_office: Office) -> None:
    # Given a request whose form is still on its way
    sock = web.listen("127.0.0.1", 0)
    started = threading.Event()
    server = web.Server(web.create(lone_office.app), sock, grace_seconds=10, on_started=started.set)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(10)
    line = socket.create_connection(sock.getsockname(), timeout=10)
    line.sendall(b"POST /l/meetings HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\naddr")
    time.sleep(0.2)

    # When the server is told to stop, and the rest of the form comes in
    server.stop()
    time.sleep(0.5)
    line.sendall(b"ess=x")

    # Then it is answered, and the server has gone
    assert line.recv(100).startswith(b"HTTP/1.1 200 ")
    line.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_stream_does_not_hold_up_the_stop(lone_office: Office) -> None:
    desk = Desk(lone_office.app)
    stream = Stream(lambda: Said("look", "still"), desk.streams, desk.limiter, {})
    sock, started = web.listen("127.0.0.1", 0), threading.Event()
    server = web.Server(stream, sock, grace_seconds=600, on_started=started.set)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(10)
    with closing(socket.create_connection(("127.0.0.1", web.port_of(sock)), timeout=10)) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while b"data: still" not in said:
            said += line.recv(65536)

        server.stop()
        rest = b"".join(iter(lambda: line.recv(65536), b""))

    thread.join(20)
    assert not thread.is_alive()
    assert rest.endswith(b"0\r\n\r\n")  # ended in order, not broken off
    assert desk.streams.left == MOST


def test_streams_beyond_the_limit_are_told_not_to_come_back(lone_office: Office) -> None:
    desk = Desk(lone_office.app)
    desk.streams.left = 0
    stream = Stream(lambda: Said("look", "", is_last=True), desk.streams, desk.limiter, {})

    full = TestClient(stream).get("/")
    desk.streams.left = 1
    answers = [TestClient(stream).get("/").status_code for _ in range(2)]

    assert full.status_code == 204
    assert answers == [200, 200]


def test_a_stream_that_breaks_ends_and_head_has_no_body(lone_office: Office) -> None:
    desk = Desk(lone_office.app)

    def broken() -> Said:
        raise RuntimeError("the database is away")

    stream = Stream(broken, desk.streams, desk.limiter, {"Cache-Control": "no-store"})

    assert TestClient(stream).get("/").text == "retry: 3000\n\n"
    head = TestClient(stream).head("/")
    assert (head.text, head.headers["cache-control"]) == ("", "no-store")
    assert desk.streams.left == MOST
