"""The public address, as `mailer check` finds it: with a proxy's faults, and over https."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailer import tokens
from mailer.check import Finding, State, pages
from mailer.links import Links
from mailer.tokens import KeyRing, Purpose
from tests.smtp_server import certificate

RING = KeyRing.of([tokens.new_key()])
OTHER = KeyRing.of([tokens.new_key()])


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers as our pages do, unless a fault is planted."""

    ring = RING
    status = 200
    fields: tuple[tuple[str, str], ...] = ()
    only_get = False

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.path.rstrip("/").rpartition("/")[2]
        number, _ = RING.verify(token, Purpose.TRIAL, now=datetime.now(UTC))
        body = self.ring.sign(Purpose.TRIAL, number, 1).encode()
        status = 405 if self.only_get and self.command == "POST" else self.status
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in self.fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(*, tls: bool = False, **faults: Any) -> Iterator[str]:
    """Serve pages with a fault; give their address."""
    handler = type("Faulty", (Pages,), faults)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = certificate().context().wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def looked(base: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[Finding]:
    return pages.look(Links(base, RING), seconds=10, now=now()).findings


@pytest.mark.parametrize(
    "faults, word",
    [
        ({"status": 301, "fields": (("Location", "/"),)}, "redirected"),
        ({"status": 403}, "answered with 403"),
        ({"only_get": True}, "POST is answered with 405"),
        ({"fields": (("Set-Cookie", "a=b"),)}, "a cookie"),
        ({"ring": OTHER}, "other keys"),
        ({"status": 502}, "502"),
    ],
)
def test_what_breaks_one_click_is_named(faults: dict[str, Any], word: str) -> None:
    with served(**faults) as base:
        found = looked(base)[-1]

    assert found.state is State.FAIL
    assert word in found.says
    assert found.todo


def test_over_https_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate().authority))
    fields = (("Strict-Transport-Security", "max-age=9"),)
    with served(tls=True, fields=fields) as base:
        found = looked(base)

    # The certificate of tests lasts a day, and that is soon.
    assert [one.state for one in found] == [State.OK, State.WARN]
    assert "certificate ends on" in found[1].says


def test_a_certificate_that_nobody_vouches_for_is_a_fault() -> None:
    with served(tls=True) as base:
        [found] = looked(base)

    assert found.state is State.FAIL
    assert "cannot be trusted" in found.says


def test_pages_that_do_not_run_are_a_fault() -> None:
    with served() as base:
        pass

    found = looked(base)[-1]

    assert found.state is State.FAIL
    assert "Connection refused" in found.says


def test_an_answer_that_does_not_come_in_time_is_no_fault() -> None:
    ticks = iter(range(0, 1000, 30))
    with served() as base:
        visit = pages.look(
            Links(base, RING), seconds=10, now=datetime.now(UTC), timer=lambda: next(ticks)
        )

    assert visit.findings[-1].state is State.UNKNOWN


def test_plain_http_on_a_public_host_is_a_fault() -> None:
    found = pages.look(
        Links("http://news.example.invalid/", RING), seconds=0, now=datetime.now(UTC)
    ).findings

    assert found[0].state is State.FAIL
    assert "https" in found[0].todo


def test_a_trial_is_good_for_an_hour_so_that_clocks_may_differ() -> None:
    token = Links("https://x.example/", RING).trial(7, expires_at=datetime.now(UTC) + pages.LIFE)
    later = datetime.now(UTC) + timedelta(minutes=50)

    found = RING.verify(token.rpartition("/")[2], Purpose.TRIAL, now=later)

    assert found == (7, 0)
