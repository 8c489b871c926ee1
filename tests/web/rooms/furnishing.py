"""Something in every room: what tests that walk through all rooms find there.

`HOLES` says what stands in the holes of a room's path; each is there once an office is furnished.
"""

from datetime import time

from mailer import lists
from mailer.digests import cadence, life
from mailer.digests.cadence import Cadence, Every
from mailer.web.rooms.room import Room
from tests.web.conftest import Office

HOLES: dict[str, str] = {"slug": "meetings", "digest": "1", "item": "1", "version": "1"}


FRAMED = {"/digests/{digest}/frame"}
"""Rooms that are a mail in a frame: with its own styles, without scripts, in a sandbox."""


def furnish(office: Office) -> None:
    """Give an office that has the list “meetings” an item, a draft, and a subscriber."""
    item = office.add_item(
        "Regional entities meet in Brussels",
        "starts: 2026-12-02",
        "ends: 2026-12-03",
        "place: Brussels, Belgium",
        "topic: Capacity building",
    )
    wish = life.Wish("meetings", "What was decided in Brussels", "Two days.", (item,))
    office.app.database.write(life.draft, wish, now=office.clock.now())
    office.join("kim@reader.example")
    monthly = Cadence(Every.MONTH, cadence.LAST_DAY, time(9), office.clock.now())
    with office.app.database.writing() as session:
        listed = lists.get(session, "meetings")
        lists.set_cadence(session, listed, monthly.stored(), now=office.clock.now())
    office.colour("meetings", "#ffb000")


def path_of(room: Room) -> str:
    """Give a room's path with something that is there in each of its holes."""
    return room.path.format(**HOLES)
