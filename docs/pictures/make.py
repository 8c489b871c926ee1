# ruff: noqa: INP001  (a script beside its picture, in no package)
"""The picture in the README, taken of the real demo: `python -m docs.pictures.make`.

A list's page for readers, and beside it a digest of that list in the inbox. Needs what the browser
tests need: Playwright and a Chromium.
"""

import base64
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from tests import outside
from tests.browser import PROGRAMS
from tests.demo.process import Demo, demo

PICTURE = Path(__file__).with_name("demo.png")
LARGEST = 250_000
"""Bytes that a reader of the README should wait for."""

READER = "ines.fernandez@example.org"
CANVAS = (1400, 930)
LIST_PAGE = (420, 850)
INBOX = (860, 850)

COMPOSED = """
<style>
  body { display: flex; gap: 40px; margin: 0; padding: 40px; background: #d9d2c7; }
  img { border-radius: 8px; box-shadow: 0 8px 32px #23201c33; }
</style>
<img src="data:image/png;base64,LIST">
<img src="data:image/png;base64,INBOX">
"""


def main() -> int:
    """Take the picture anew; give an exit code."""
    with TemporaryDirectory() as folder, demo(Path(folder) / "tmp", "--port", "0") as running:
        running.wait()
        with _chromium() as chromium:
            PICTURE.write_bytes(_taken(chromium, running))
        running.stop()
    size = PICTURE.stat().st_size
    sys.stdout.write(f"{PICTURE}: {size:,} bytes\n")
    return int(size > LARGEST)


def _taken(chromium: Browser, running: Demo) -> bytes:
    page = _page(chromium, LIST_PAGE)
    page.goto(f"{running.base}l/meetings")
    list_page = page.screenshot()

    page = _page(chromium, INBOX)
    page.goto(f"{running.inbox}?q={READER}")
    page.locator(".messages a").first.click()
    page.frame_locator("iframe").get_by_role("heading", name="Meeting news").wait_for()
    inbox = page.screenshot()

    page = _page(chromium, CANVAS)
    page.set_content(COMPOSED.replace("INBOX", _text(inbox)).replace("LIST", _text(list_page)))
    return page.screenshot()


def _page(chromium: Browser, size: tuple[int, int]) -> Page:
    width, height = size
    return chromium.new_page(viewport={"width": width, "height": height}, color_scheme="light")


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@contextmanager
def _chromium() -> Iterator[Browser]:
    program = outside.find(os.environ.get("MAILER_TEST_BROWSER", ""), *PROGRAMS)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=["--disable-gpu"])
        yield chromium
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
