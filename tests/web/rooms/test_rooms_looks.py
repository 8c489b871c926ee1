"""Every room at a real browser: fit for everybody, at every width, light and dark.

`$MAILER_TEST_PICTURES` says where screenshots of all rooms are kept; without it none are taken.
"""

import os
from pathlib import Path

import pytest

from mailer.web.rooms.table import ROOMS
from tests.browser import DESKTOP, PHONE, SCHEMES, Scheme, Visitor, axe, is_too_wide, screenshots
from tests.web.rooms.conftest import RoomsStreet
from tests.web.rooms.furnishing import FRAMED, furnish, path_of

DOORS = ("/sign-in", "/forgotten", "/set-up/none", "/password/none")
LARGEST_PAGE = 250_000
"""Bytes of a room with all that it loads."""


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_every_room_is_fit_for_everybody(
    rooms_street: RoomsStreet, browser: Visitor, width: int, scheme: Scheme, pictures: Path
) -> None:
    furnish(rooms_street.office)
    page = browser.page(width=width, scheme=scheme)
    rooms_street.enter(page)
    wrong = {}
    for room in ROOMS:
        if room.get and room.path not in FRAMED:  # there no script runs, a checker's neither
            page.goto(f"{rooms_street.address}/rooms{path_of(room)}")
            found = axe(page)
            if found or is_too_wide(page):
                wrong[room.path] = found or "too wide"
            if os.environ.get("MAILER_TEST_PICTURES") and width == DESKTOP and scheme == "light":
                name = (
                    room.path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
                    or "home"
                )
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
