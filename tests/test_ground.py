"""The ground that every other test stands on: databases, browser, programs from outside."""

import asyncio
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page

from mailer.clock import FrozenClock
from mailer.db import Database
from tests import outside
from tests.browser import Visitor, aside, axe, is_too_wide, screenshots
from tests.postgres import Postgres

GOOD = '<!doctype html><html lang="en"><title>A page</title><main><h1>News</h1></main></html>'
BAD = '<!doctype html><html><title>A page</title><input><img src="data:,"></html>'

# ------------------------------------------------------------------------- databases


def tables(url: str) -> list[str]:
    engine = sa.create_engine(url)
    try:
        return sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_a_fresh_database_is_empty(database_url: str) -> None:
    assert tables(database_url) == []


def test_a_database_given_to_a_test_is_its_own(database_url: str) -> None:
    engine = sa.create_engine(database_url)

    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE mine (id integer)"))
    engine.dispose()

    assert tables(database_url) == ["mine"]


def test_a_migrated_database_has_our_tables(migrated_database_url: str) -> None:
    assert {"lists", "subscribers", "deliveries"} <= set(tables(migrated_database_url))


def test_an_opened_database_answers(database: Database) -> None:
    assert database.read(lambda session: session.scalar(sa.text("SELECT 42"))) == 42


def test_the_server_ends_with_the_tests_that_started_it(postgresql: Postgres) -> None:
    # Given a test process that started a server of its own
    story = (
        "import sys, time; from pathlib import Path; from tests import postgres\n"
        "with postgres.running(Path(sys.argv[1])) as server:\n"
        "    print(server.port, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", story, str(postgresql.binaries)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())

        # When it is killed
        process.kill()

    # Then nobody listens any more
    assert eventually(lambda: not listens(port))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


# ------------------------------------------------------------------------- browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve a folder of pages on loopback."""
    pages = {
        "good": GOOD,
        "bad": BAD,
        "foreign": GOOD.replace("</main>", '<img alt="" src="http://198.51.100.1/dot.gif"></main>'),
        "loud": GOOD.replace("</main>", "</main><script>console.log('hello')</script>"),
        "wide": GOOD.replace("<main>", '<main style="width: 3000px">'),
    }
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text)
    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep the test's output for the test."""

    def do_GET(self) -> None:
        """Answer the icon that every browser asks for, and the pages."""
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


def test_a_good_page_has_no_violations(site: str, page: Page) -> None:
    page.goto(f"{site}/good.html")

    assert axe(page) == []
    assert not is_too_wide(page)


async def test_an_asynchronous_test_may_stand_between_browser_tests() -> None:
    await asyncio.sleep(0)

    assert asyncio.get_running_loop().is_running()


def test_a_bad_page_has_violations(site: str, page: Page) -> None:
    page.goto(f"{site}/bad.html")

    assert {"html-has-lang", "image-alt", "label"} <= {found.rule for found in axe(page)}


def test_a_wide_page_is_noticed(site: str, page: Page) -> None:
    page.goto(f"{site}/wide.html")

    assert is_too_wide(page)


def test_a_browser_reaches_this_machine_only(site: str, browser: Visitor) -> None:
    browser.page().goto(f"{site}/foreign.html")

    assert browser.foreign == ["http://198.51.100.1/dot.gif"]
    assert len(browser.console) == 1
    browser.foreign.clear()
    browser.console.clear()


def test_what_a_page_writes_to_the_console_is_kept(site: str, browser: Visitor) -> None:
    browser.page().goto(f"{site}/loud.html")

    assert browser.console == ["log: hello"]
    browser.console.clear()


def test_a_page_without_scripts_runs_none(site: str, browser: Visitor) -> None:
    browser.page(scripts=False).goto(f"{site}/loud.html")

    assert browser.console == []


def test_a_browser_test_may_run_asynchronous_code_aside(site: str, page: Page) -> None:
    page.goto(f"{site}/good.html")

    with aside():
        answer = asyncio.run(asyncio.sleep(0, result=42))

    assert answer == 42
    assert page.title() == "A page"


def test_screenshots_show_each_width_in_light_and_dark(
    site: str, page: Page, pictures: Path
) -> None:
    page.goto(f"{site}/good.html")

    files = screenshots(page, pictures, "good")

    assert [file.name for file in files] == [
        "good-390-light.png",
        "good-390-dark.png",
        "good-768-light.png",
        "good-768-dark.png",
        "good-1440-light.png",
        "good-1440-dark.png",
    ]
    assert all(file.stat().st_size > 0 for file in files)


# ------------------------------------------------------------------------- outside


def test_a_missing_program_skips_a_developers_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"no-such-program .*Debian: nothing"):
        outside.require("no-such-program", package="nothing")


def test_a_missing_program_fails_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        outside.require("no-such-program")


def test_a_frozen_clock_stands_still(clock: FrozenClock) -> None:
    assert clock.now() == clock.now()
