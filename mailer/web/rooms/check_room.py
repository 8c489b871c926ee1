"""What `mailer check` finds, from a button: looked for in the background, and kept for a while."""

import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from starlette.responses import Response

from mailer import check, facts
from mailer.accounts import Seat
from mailer.check import DNS, Finding, Part, State, Wish
from mailer.clock import Clock
from mailer.db import Database
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)

FACT, BEGUN = "check.found", "check.begun"
AT_MOST = timedelta(minutes=2)
"""How long a look may take; after it another may begin, whatever became of the first."""

PARTS = {
    "all": (),
    "here": (Part.CONFIG, Part.DATABASE, Part.DISK, Part.WORK),
    "relay": (Part.RELAY,),
    "dns": DNS,
}
CHOICES = {
    "all": translatable("everything, within a minute"),
    "here": translatable("this installation"),
    "relay": translatable("the relays"),
    "dns": translatable("DNS of your domains"),
}
HEADS = {
    State.FAIL: translatable("Must be mended"),
    State.WARN: translatable("Worth a look"),
    State.UNKNOWN: translatable("Could not be checked"),
    State.OK: translatable("As it should be"),
}
KINDS = {State.FAIL: "stop", State.WARN: "care", State.UNKNOWN: "quiet", State.OK: "good"}


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what was found last, the worst first, and whether somebody is looking now."""
    found = desk.app.database.read(facts.get, FACT)
    begun = desk.app.database.read(facts.get, BEGUN)
    looks = begun is not None and not begun.value.get("done") and desk.now() < begun.at + AT_MOST
    rows = found.value.get("findings", []) if found else []
    return frame.page(
        desk,
        visit,
        seat,
        "check.html",
        looks=looks,
        found_at=found.at if found else None,
        groups=[
            (HEADS[state], KINDS[state], some)
            for state in HEADS
            if (some := [row for row in rows if row.get("state") == state.value])
        ],
        choices=CHOICES,
        can_look=desk.app.config.path is not None,
    )


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Begin to look, unless somebody does."""
    del seat
    path = desk.app.config.path
    parts = PARTS.get(visit.form.get("part", ""), ())
    begins = desk.app.database.write(
        facts.take_turn, BEGUN, every=timedelta(seconds=5), now=desk.now()
    )
    if path is not None and begins:
        desk.app.database.write(facts.note, BEGUN, {"done": False}, now=desk.now())
        looking = threading.Thread(
            target=_look,
            args=(desk.app.database, desk.app.clock, path, Wish(parts)),
            name="check",
            daemon=True,
        )
        looking.start()
    return frame.go(desk, "settings", "check")


def _look(database: Database, clock: Clock, path: Path, wish: Wish) -> None:
    """Look, and note what was found; whatever breaks, somebody is told."""
    try:
        found = [_kept(one) for one in check.check(path, wish, clock=clock)]
    except Exception as error:
        log.exception("check.broke")
        state = State.UNKNOWN.value
        found = [{"part": "", "subject": "", "state": state, "says": str(error), "todo": ""}]
    database.write(facts.note, FACT, {"findings": found}, now=clock.now())
    database.write(facts.note, BEGUN, {"done": True}, now=clock.now())


def _kept(one: Finding) -> dict[str, Any]:
    return {**asdict(one), "part": one.part.value, "state": one.state.value}
