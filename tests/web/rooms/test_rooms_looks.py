"""Every room at a real browser: fit for everybody, at every width, light and dark.

`$MAILER_TEST_PICTURES` says where screenshots of all rooms are kept; without it none are taken.
"""

import os
import re
from pathlib import Path

import pytest

from mailer.web.rooms.table import ROOMS
from tests.browser import DESKTOP, PHONE, SCHEMES, Scheme, Visitor, axe, is_too_wide, screenshots
from tests.web.rooms.conftest import RoomsStreet
from tests.web.rooms.furnishing import FRAMED, furnish, path_of

DOORS = ("/sign-in", "/forgotten", "/set-up/none", "/password/none")
LARGEST_PAGE = 250_000
"""Bytes of a room with all that it loads."""

LOADED = """
[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, one) => sum + one.encodedBodySize, 0)
"""

SHOWN = [room for room in ROOMS if room.get and room.is_page and room.path not in FRAMED]
"""Rooms that are pages of their own; in a frame no script runs, a checker's neither."""

PARTS = sorted({room.path.split("/")[1] if room.path else "" for room in SHOWN})
"""The first parts of their paths: each is a test, so that several run at once."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("width, scheme", [(PHONE, "dark"), (DESKTOP, "light")])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part or "home")
def test_every_room_is_fit_for_everybody(
    rooms_street: RoomsStreet,
    browser: Visitor,
    part: str,
    width: int,
    scheme: Scheme,
    pictures: Path,
) -> None:
    furnish(rooms_street.office)
    page = browser.page(width=width, scheme=scheme)
    rooms_street.enter(page)
    wrong: dict[str, object] = {}
    for room in SHOWN:
        if (room.path.split("/")[1] if room.path else "") != part:
            continue
        page.goto(f"{rooms_street.address}/rooms{path_of(room)}")
        if found := axe(page):
            wrong[room.path] = found
        if is_too_wide(page):
            wrong[room.path] = "must be scrolled sideways"
        if (loaded := page.evaluate(LOADED)) > LARGEST_PAGE:
            wrong[room.path] = f"loads {loaded:,} bytes"
        if os.environ.get("MAILER_TEST_PICTURES") and width == DESKTOP:
            name = re.sub(r"[{}]", "", room.path.strip("/").replace("/", "-")) or "home"
            screenshots(page, pictures, f"room-{name}")
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)

    assert not wrong


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_doors_are_fit_for_everybody(
    rooms_street: RoomsStreet, browser: Visitor, scheme: Scheme, pictures: Path
) -> None:
    page = browser.page(width=PHONE, scheme=scheme)
    for path in DOORS:
        page.goto(f"{rooms_street.address}/rooms{path}")
        assert not axe(page), path
        assert not is_too_wide(page), path
        if os.environ.get("MAILER_TEST_PICTURES") and scheme == "light":
            screenshots(page, pictures, f"door-{path.split('/')[1]}")
        browser.console.clear()  # a link that is too old is answered with 410, which Chromium notes
