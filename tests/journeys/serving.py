"""An office that serves its pages below a path, and a client of them."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.journeys.office import Office

START_SECONDS = 30


@contextmanager
def serving(
    tmp_path: Path, database_url: str, smtp_port: int, **settings: str
) -> Iterator[tuple[Office, httpx2.Client]]:
    """Serve an office with list “meetings”, pages at /news/, mail to a port of this machine."""
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    office = Office(tmp_path / "office")
    office.found(
        database__url=database_url,
        smtp__port=str(smtp_port),
        smtp__security="none",
        web__port=str(port),
        web__base_url=f"{home}/news/",
        subscribe__form_seconds="0",
        **settings,
    )
    office.run("list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org")
    process = office.start("serve")
    try:
        with httpx2.Client(base_url=home, timeout=10) as web:
            _wait_for(web)
            yield office, web
    finally:
        process.terminate()
        assert process.wait(30) == 0


@contextmanager
def serving_nobody(tmp_path: Path, database_url: str, smtp_port: int) -> Iterator[tuple[str, str]]:
    """Serve a fresh installation without lists and editors; give its home and the printed link."""
    port = free_port()
    home = f"http://127.0.0.1:{port}"
    office = Office(tmp_path / "office")
    office.found(
        database__url=database_url,
        smtp__port=str(smtp_port),
        smtp__security="none",
        web__port=str(port),
        web__base_url=f"{home}/",
        subscribe__form_seconds="0",
    )
    said = tmp_path / "said"
    process = office.start("serve", said=said)
    try:
        with httpx2.Client(base_url=home, timeout=10) as web:
            _wait_for(web)
        yield home, _link_in(said)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def _link_in(said: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if found := re.search(r"http://\S+/rooms/set-up/\S+", said.read_text()):
            return found[0]
        time.sleep(0.1)
    pytest.fail("serve did not print the link that sets it up")


def _wait_for(web: httpx2.Client) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if web.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("serve did not become ready")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
