"""Whose subscribers an editor may see: those of the lists on which they have the role for it.

Who may on every list sees everybody. Anybody else works on one list at a time, and of a person
sees what belongs to their lists.
"""

from sqlmodel import Session

from mailer import lists
from mailer.accounts import Seat
from mailer.db.schema import Role
from mailer.errors import NotAllowed, NotFound
from mailer.lists import Card
from mailer.web.rooms.lock import NOT_YOURS

KEEPS = Role.EDITOR
"""The role that it takes to see subscribers, and to act for them."""


def open_to(session: Session, seat: Seat, language: str | None = None) -> list[Card]:
    """Give the lists whose subscribers an editor may see."""
    return [one for one in lists.cards(session, language) if seat.may(KEEPS, one.id)]


def chosen(cards: list[Card], seat: Seat, slug: str) -> Card | None:
    """Give the list that is asked for, or None for all; an editor of some lists gets a first one.

    Raises NotFound for a list that is not theirs to see.
    """
    found = next((one for one in cards if one.list.slug == slug), None)
    if slug and found is None:
        raise NotFound("list", slug)
    if found is None and not sees_all(seat):
        if not cards:
            raise NotAllowed(NOT_YOURS)
        return cards[0]
    return found


def sees_all(seat: Seat) -> bool:
    """Tell whether an editor may see every subscriber, and act for whole persons."""
    return seat.may(KEEPS)
