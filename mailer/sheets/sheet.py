"""What every kind of table gives: its name, what it was taken for, and its lines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Line(NamedTuple):
    """One row: the line it begins on, its cells, and why it cannot be used, if it cannot."""

    number: int
    cells: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. `lines()` begins anew each time; `taken_for` says what it was understood as.

    `name` stands before line numbers; `part` is what it is called within a larger file.
    `head` names the columns where no line of the table does.
    """

    name: str
    taken_for: str
    lines: Callable[[], Iterator[Line]]
    part: str = ""
    head: tuple[str, ...] = ()
