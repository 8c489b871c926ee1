# ruff: noqa: INP001  (a script beside its pictures, in no package)
"""The pictures of the editors' rooms in the docs: `python -m docs.pictures.rooms`.

They are taken of the real demo, by an editor who signs in to it. Needs what the browser tests need:
Playwright and a Chromium.
"""

import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mailer.demo.office import EDITOR_ADDRESS, EDITOR_PASSWORD
from tests import outside
from tests.browser import PROGRAMS
from tests.demo.process import Demo, demo

FOLDER = Path(__file__).parent
SIZE = (1280, 860)
COLOURS = 128
LARGEST = 120_000
"""Bytes of a picture: a page of the docs has several."""

PICTURES = {
    "home": "",
    "items": "items",
    "item": "items/1/edit",
    "digest": "digests/2",
    "queue": "digests/2/queue",
    "report": "digests/1/report",
    "subscribers": "subscribers",
    "list": "lists/meetings/texts",
}
"""By name, what of the demo's rooms each shows."""


def main() -> int:
    """Take the pictures anew; give an exit code."""
    with TemporaryDirectory() as folder, demo(Path(folder) / "tmp", "--port", "0") as running:
        running.wait()
        sizes = _take(running)
        running.stop()
    for path, size in sizes.items():
        sys.stdout.write(f"{path}: {size:,} bytes\n")
    return int(max(sizes.values()) > LARGEST)


def _take(running: Demo) -> dict[Path, int]:
    program = outside.find(os.environ.get("MAILER_TEST_BROWSER", ""), *PROGRAMS)
    width, height = SIZE
    sizes = {}
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=["--disable-gpu"])
        page = chromium.new_page(
            viewport={"width": width, "height": height}, color_scheme="light", locale="en-GB"
        )
        _sign_in(page, running.base)
        for name, path in PICTURES.items():
            page.goto(f"{running.base}rooms/{path}".rstrip("/"), wait_until="networkidle")
            file = FOLDER / f"room-{name}.png"
            file.write_bytes(_small(page.screenshot(animations="disabled")))
            sizes[file] = file.stat().st_size
        chromium.close()
    return sizes


def _sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}rooms/sign-in")
    page.get_by_label("Your email").fill(EDITOR_ADDRESS)
    page.get_by_label("Password").fill(EDITOR_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}rooms")


def _small(picture: bytes) -> bytes:
    """Give a picture with few colours: pages of ours have few."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    out = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
