"""How mails and pages look: our templates, the owner's in their place, and what differs. To read.

The owner's are files in a folder of theirs, and are changed there.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response

from mailer.accounts import Seat
from mailer.errors import NotFound
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

SHOWN = {".html", ".txt"}
ROOMS = "web/rooms/"
"""The editors' own pages, which nobody needs to have otherwise."""

MOST = 1000
"""Templates that are listed."""

LARGEST = 200_000
"""Bytes of one template that is shown."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template by its name below the folder: whether it is ours, the owner's, or both."""

    name: str
    is_ours: bool
    is_theirs: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference: `kind` is added, gone, same or place."""

    kind: str
    text: str


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show all templates, or one with what the owner's does otherwise."""
    *own_folder, ours = desk.app.template_folders
    theirs = own_folder[0] if own_folder else None
    known = _known(ours, theirs)
    name = visit.query.get("name", "")
    if name and name not in known:
        raise NotFound("template", name)
    template = known.get(name)
    own = _text(ours, name) if template and template.is_ours else ""
    other = _text(theirs, name) if template and template.is_theirs and theirs else ""
    return frame.page(
        desk,
        visit,
        seat,
        "templates.html",
        templates=list(known.values()),
        template=template,
        text=own or other,
        lines=list(_difference(own, other)) if own and other else [],
        folder=str(theirs or ""),
    )


def _known(ours: Path, theirs: Path | None) -> dict[str, Template]:
    of_ours = set(_names(ours))
    of_theirs = set(_names(theirs)) if theirs else set()
    names = sorted(of_theirs | {name for name in of_ours if not name.startswith(ROOMS)})
    return {name: Template(name, name in of_ours, name in of_theirs) for name in names[:MOST]}


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.suffix in SHOWN and path.is_file() and path.stat().st_size <= LARGEST:
            yield path.relative_to(folder).as_posix()


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return error.strerror or ""


def _difference(ours: str, theirs: str) -> Iterator[Line]:
    kinds = {"+": "added", "-": "gone", "@": "place"}
    found = difflib.unified_diff(ours.splitlines(), theirs.splitlines(), lineterm="")
    for number, line in enumerate(found):
        if number > 1:  # after the names of the two
            yield Line(kinds.get(line[:1], "same"), line)
