"""The order of a digest's items and the headings above them: pure steps from one to the next.

Items of one section stand together, sections in the order in which they first appear: so a digest
shows them, and so every step leaves them.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Placed:
    """An item in a digest, and the section that it stands in."""

    item_id: int
    section: str = ""


class Way(StrEnum):
    """Where something is moved to."""

    UP = "up"
    DOWN = "down"


Order = tuple[Placed, ...]


def together(placed: Sequence[Placed]) -> Order:
    """Bring items of one section together."""
    sections = list(dict.fromkeys(one.section for one in placed))
    return tuple(sorted(placed, key=lambda one: sections.index(one.section)))


def sections(order: Order) -> list[tuple[str, Order]]:
    """Give the sections in order, each with its items."""
    return [(name, tuple(some)) for name, some in groupby(order, key=lambda one: one.section)]


def moved(order: Order, item_id: int, way: Way) -> Order:
    """Move an item one step; from the edge of a section it goes into the next one."""
    at = next((at for at, one in enumerate(order) if one.item_id == item_id), None)
    if at is None:
        return order
    other = at - 1 if way is Way.UP else at + 1
    if not 0 <= other < len(order):
        return order
    rest = list(order)
    mine, neighbour = rest[at], rest[other]
    if mine.section == neighbour.section:
        rest[at], rest[other] = neighbour, mine
    else:
        rest[at] = replace(mine, section=neighbour.section)
    return together(rest)


def section_moved(order: Order, name: str, way: Way) -> Order:
    """Move a whole section one step."""
    names = list(dict.fromkeys(one.section for one in order))
    if name not in names:
        return order
    at = names.index(name)
    other = at - 1 if way is Way.UP else at + 1
    if 0 <= other < len(names):
        names[at], names[other] = names[other], names[at]
    return tuple(sorted(order, key=lambda one: names.index(one.section)))


def renamed(order: Order, old: str, new: str) -> Order:
    """Give a section another name; the name of another one joins the two."""
    return together([replace(one, section=new) if one.section == old else one for one in order])


def without(order: Order, item_id: int) -> Order:
    """Take an item out."""
    return tuple(one for one in order if one.item_id != item_id)


def added(order: Order, placed: Placed) -> Order:
    """Put an item in, at the end of its section."""
    return together([*without(order, placed.item_id), placed])


def fingerprint(*values: object) -> str:
    """Give what changes when one of some values does: what a form began with."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:24]


def of(order: Order) -> str:
    """Give the fingerprint of an order."""
    return fingerprint(*((one.item_id, one.section) for one in order))


Step = Callable[[Order], Order]
