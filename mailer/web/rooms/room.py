"""What a room is: a path, who answers, and which role it takes on which list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from sqlmodel import Session
from starlette.responses import Response

from mailer import lists
from mailer.accounts import Seat
from mailer.db.schema import Role
from mailer.digests import life
from mailer.errors import NotFound
from mailer.web.desk import Desk
from mailer.web.visit import Limits, Visit

Show = Callable[[Desk, Visit, Seat], Response]

TEXT = Limits(largest=1024 * 1024)
"""A form of words: an item may have a quarter of a million characters, escaped threefold."""

UPLOAD = Limits(largest=60 * 1024 * 1024, files=20)
"""A form with pictures and documents."""


class Scope(Enum):
    """Which lists a role must be on, where a room is about none in particular."""

    SOMEWHERE = auto()  # any list: what all lists share, such as items
    EVERYWHERE = auto()  # every list: what the installation is


Place = Callable[[Session, Mapping[str, str]], int | None]
"""Gives the list that a room is about, from the parts of its path; NotFound when there is none."""


@dataclass(frozen=True, slots=True)
class Room:
    """A page below `/rooms`. Seeing it takes one role, doing something there another.

    What is no page is for a script of ours: a part of one, or a stream.
    """

    path: str
    get: Show | None = None
    post: Show | None = None
    sees: Role = Role.VIEWER
    acts: Role = Role.EDITOR
    of: Scope | Place = Scope.SOMEWHERE
    limits: Limits = TEXT
    is_page: bool = True


def of_list(session: Session, parts: Mapping[str, str]) -> int | None:
    """Give the list that `{slug}` names."""
    return lists.get(session, parts["slug"]).id


def of_digest(session: Session, parts: Mapping[str, str]) -> int | None:
    """Give the list of the digest that `{digest}` names."""
    return life.get(session, number(parts, "digest")).list_id


def number(parts: Mapping[str, str], name: str) -> int:
    """Give a row's id in a path; NotFound for anything else."""
    text = parts[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFound(name, text)
    return int(text)
