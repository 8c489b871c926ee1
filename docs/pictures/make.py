# ruff: noqa: INP001  (a script beside its picture, in no package)
"""The pictures of README and docs: `python -m docs.pictures.make`.

`demo.png` is taken of the real demo: a list's page for readers, and beside it a digest of that
list in the inbox. `layouts.png` shows one digest in each layout. Needs what the browser tests
need: Playwright and a Chromium.
"""

import base64
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from mailer.rendering import Prepared, layouts, render_digest
from tests import outside
from tests.browser import PROGRAMS
from tests.demo.process import Demo, demo
from tests.rendering import sample

PICTURE = Path(__file__).with_name("demo.png")
LAYOUTS = Path(__file__).with_name("layouts.png")
LARGEST = 250_000
"""Bytes that a reader of the README should wait for."""

READER = "ines.fernandez@example.org"
CANVAS = (1400, 930)
LIST_PAGE = (420, 850)
INBOX = (860, 850)
MAIL = (640, 850)

COMPOSED = """
<style>
  body { display: flex; gap: 40px; margin: 0; padding: 40px; background: #d9d2c7; }
  img { border-radius: 8px; box-shadow: 0 8px 32px #23201c33; }
</style>
<img src="data:image/png;base64,LIST">
<img src="data:image/png;base64,INBOX">
"""


def main() -> int:
    """Take the pictures anew; give an exit code."""
    with _chromium() as chromium:
        LAYOUTS.write_bytes(_side_by_side(chromium))
    with TemporaryDirectory() as folder, demo(Path(folder) / "tmp", "--port", "0") as running:
        running.wait()
        with _chromium() as chromium:
            PICTURE.write_bytes(_taken(chromium, running))
        running.stop()
    sizes = {picture: picture.stat().st_size for picture in (PICTURE, LAYOUTS)}
    for picture, size in sizes.items():
        sys.stdout.write(f"{picture}: {size:,} bytes\n")
    return int(max(sizes.values()) > LARGEST)


def _side_by_side(chromium: Browser) -> bytes:
    templates = sample.templates()
    taken = []
    for layout in layouts(templates):
        edition = render_digest(templates, replace(sample.DIGEST, layout=layout))
        filled = Prepared.of(edition, templates.languages["en"]).fill(sample.VALUES)
        page = _page(chromium, MAIL)
        page.set_content(filled.html)
        taken.append(_text(page.screenshot()))
    page = _page(chromium, CANVAS)
    page.set_content(COMPOSED.replace("LIST", taken[0]).replace("INBOX", taken[1]))
    return page.screenshot()


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
