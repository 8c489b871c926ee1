"""What went out is found again: by words, in a feed, on a lasting page; old papers among it."""

import socket
import time
from pathlib import Path

import feedparser
import httpx2
import pytest

from tests import old_numbers
from tests.journeys.office import Office
from tests.smtp_server import SmtpServer

START_SECONDS = 30
NEWS = "---\ntitle: 検査機関の会議\nlanguage: ja\nplace: Suva\ntopic: Customs\n---\nTwo days.\n"


@pytest.mark.timeout(240)
def test_an_office_puts_its_old_numbers_beside_its_new_ones(
    tmp_path: Path, database_url: str
) -> None:
    # Given an office with a paper of 2019, and a digest that went out
    with SmtpServer() as server:
        office, port = Office(tmp_path / "office"), _free_port()
        office.found(
            database__url=database_url,
            smtp__port=str(server.port),
            smtp__security="none",
            web__port=str(port),
            web__base_url=f"http://127.0.0.1:{port}/",
        )
        office.run("list", "add", "meetings", "--name", "News", "--from", "news@example.org")
        paper = office.folder / "2019.pdf"
        paper.write_bytes(old_numbers.pdf("Harbour laboratories"))
        office.run(
            "archive", "add", "meetings", paper, "--title", "Old", "--dated-on", "2019-03-01"
        )
        item = office.run("item", "add", office.file("news.md", NEWS)).strip()
        drafted = ("digest", "draft", "meetings", "--subject", "New", "--item", item)
        office.run("digest", "queue", office.run(*drafted).strip())
        office.run("worker", "--once")

        # When readers look, then each is found where it should be
        process = office.start("serve")
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as web:
                _look(web, paper.read_bytes())
                office.run("archive", "remove", "1")
                assert web.get("/l/meetings/back/1").status_code == 404
        finally:
            process.terminate()
            assert process.wait(30) == 0


def _look(web: httpx2.Client, paper: bytes) -> None:
    _wait_for(web)
    whole = web.get("/l/meetings/archive").text
    assert whole.index(">New<") < whole.index(">Old<")
    assert ">New<" not in web.get("/l/meetings/archive?q=LABORATORIES").text
    assert web.get("/l/meetings/back/1").content == paper
    found = web.get("/l/meetings/archive?q=会議").text
    assert 'href="/l/meetings/item/1"' in found
    assert ">Old<" not in found
    assert "検査機関の会議" in web.get("/l/meetings/item/1").text
    feed = web.get("/l/meetings/feed")
    assert [entry.title for entry in feedparser.parse(feed.content).entries] == ["New"]
    again = web.get("/l/meetings/feed", headers={"If-None-Match": feed.headers["etag"]})
    assert again.status_code == 304


def _wait_for(web: httpx2.Client) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            if web.get("/livez").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("serve did not become ready")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
