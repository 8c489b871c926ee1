"""A reader at a real browser, who can reach this machine only.

    browser             opens pages: `browser.page(width=390, scheme="dark", scripts=False)`
    page                one page of a desktop, light, with scripts
    pictures            the folder for screenshots ($MAILER_TEST_PICTURES keeps them)
    axe(page)           what the accessibility checker finds, nothing in the best case
    screenshots(...)    a page on phone, tablet and desktop, light and dark
    is_too_wide(page)   tells whether one must scroll sideways
    aside()             lets a browser test run asynchronous code

When a test with `browser` or `page` ends, it fails if a page asked for anything beyond loopback or
wrote to the console. A test that means to provoke that empties `browser.foreign` or
`browser.console` after looking at it.

These are plain tests: Playwright's synchronous interface keeps an event loop of its own, which it
leaves marked as running in this thread between two calls. The fixtures lift that mark between
tests, so that asynchronous tests may stand beside; within a browser test, `with aside():` does.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest

from tests import outside

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

Scheme = Literal["light", "dark"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever slips by the gate below finds no name and no address beyond this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
]
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
INLINE = {"about", "blob", "data"}

PHONE, TABLET, DESKTOP = 390, 768, 1440
WIDTHS = (PHONE, TABLET, DESKTOP)
HEIGHTS = {PHONE: 844, TABLET: 1024, DESKTOP: 900}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
WCAG_2_2_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]


# ------------------------------------------------------------------------- fixtures


class Visitor:
    """Somebody with a browser: opens pages, and remembers what they should not have done."""

    def __init__(self, chromium: "Browser") -> None:
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self.foreign: list[str] = []
        self.console: list[str] = []

    def page(
        self,
        *,
        width: int = DESKTOP,
        scheme: Scheme = "light",
        scripts: bool = True,
        locale: str = "en-GB",
    ) -> "Page":
        """Open an empty page of a person who has never been here."""
        context = self._chromium.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme=scheme,
            java_script_enabled=scripts,
            locale=locale,
            reduced_motion="reduce",
            service_workers="block",
        )
        context.route("**/*", self._let_pass)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.console.append(f"error: {error.error}"))
        self._contexts.append(context)
        return context.new_page()

    def leave(self) -> None:
        """Close every page."""
        for context in self._contexts:
            context.unroute_all(behavior="ignoreErrors")
            context.close()

    def _let_pass(self, route: "Route") -> None:
        address = urlsplit(route.request.url)
        if address.hostname in LOOPBACK or address.scheme in INLINE:
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def _hear(self, message: "ConsoleMessage") -> None:
        self.console.append(f"{message.type}: {message.text}")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running Chromium, and the event loop that Playwright keeps for it."""

    chromium: "Browser"
    loop: asyncio.AbstractEventLoop


@pytest.fixture(scope="session")
def chromium() -> Iterator[Engine]:
    """Start the system's Chromium once in each test process."""
    program = outside.find(os.environ.get("MAILER_TEST_BROWSER", ""), *PROGRAMS)
    if program is None:
        outside.missing("a Chromium is not installed (Debian: chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        outside.missing("playwright is not installed (PyPI: playwright)")
    with _running(None):
        driver = sync_playwright().start()
        engine = Engine(
            driver.chromium.launch(executable_path=program, args=FLAGS),
            asyncio.get_running_loop(),
        )
    yield engine
    with _running(engine.loop):
        engine.chromium.close()
        driver.stop()


@pytest.fixture
def browser(chromium: Engine) -> Iterator[Visitor]:
    """Give somebody with a browser, and look afterwards at what their pages did."""
    visitor = Visitor(chromium.chromium)
    with _running(chromium.loop):
        yield visitor
        visitor.leave()
    assert not visitor.foreign, f"asked for things beyond this machine: {visitor.foreign}"
    assert not visitor.console, f"wrote to the console: {visitor.console}"


@pytest.fixture
def page(browser: Visitor) -> "Page":
    """Open a page on a desktop, light, with scripts."""
    return browser.page()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Give the folder for screenshots: `$MAILER_TEST_PICTURES`, or one that passes away."""
    folder = Path(os.environ.get("MAILER_TEST_PICTURES", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def aside() -> Iterator[None]:
    """Let a browser test run asynchronous code: `with aside(): asyncio.run(...)`."""
    with _running(None):
        yield


@contextmanager
def _running(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


# ------------------------------------------------------------------------- looking


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that keeps people out: which rule, how bad, where."""

    rule: str
    impact: str
    what: str
    where: tuple[str, ...]


def axe(page: "Page") -> list[Violation]:
    """Check a page against WCAG 2.2 AA, as far as a machine can."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # A frame in a sandbox never answers; what it shows is looked at by its own address.
    tags = {"type": "tag", "values": WCAG_2_2_AA}
    options = {"runOnly": tags, "resultTypes": ["violations"], "iframes": False}
    result = page.evaluate("options => axe.run(document, options)", options)
    return [_violation(found) for found in result["violations"]]


def _violation(found: dict[str, Any]) -> Violation:
    where = tuple(node["html"] for node in found["nodes"])
    return Violation(found["id"], found["impact"], found["help"], where)


def screenshots(page: "Page", folder: Path, name: str) -> list[Path]:
    """Take a page on phone, tablet and desktop, light and dark; give the files."""
    return [
        _screenshot(page, folder / f"{name}-{width}-{scheme}.png", width, scheme)
        for width in WIDTHS
        for scheme in SCHEMES
    ]


def _screenshot(page: "Page", file: Path, width: int, scheme: Scheme) -> Path:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.emulate_media(color_scheme=scheme)
    page.screenshot(path=file, full_page=True, animations="disabled")
    return file


def is_too_wide(page: "Page") -> bool:
    """Tell whether a reader must scroll sideways."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return wide
