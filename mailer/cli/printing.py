"""What a command prints: data on stdout, as plain aligned columns or JSON; talk on stderr.

What strangers wrote (names, subjects, replies of mail servers) is shown without its control
characters, so that it cannot play tricks on a terminal.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from mailer import unseen

GAP = "  "
NOTHING = "-"


def talk(text: str) -> None:
    """Say something to the person at the keyboard."""
    sys.stderr.write(f"{_seen(text)}\n")


def out(text: str) -> None:
    """Print a line of data."""
    sys.stdout.write(f"{text}\n")


def as_json(value: Any) -> None:
    """Print a value as JSON: moments in UTC as ISO 8601, letters of all scripts as they are."""
    out(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def table(rows: Sequence[Mapping[str, Any]], *columns: str) -> None:
    """Print rows below the names of their columns; numbers stand to the right."""
    if not rows:
        talk("none")
        return
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    heads = [column.replace("_", " ") for column in columns]
    widths = [max(map(cell_len, stack)) for stack in zip(heads, *cells, strict=True)]
    numbers = [all(_is_number(row[column]) for row in rows) for column in columns]
    _bold(_line(heads, widths, numbers))
    for row in cells:
        out(_line(row, widths, numbers))


def card(values: Mapping[str, Any]) -> None:
    """Print one thing: a name and a value on each line."""
    names = {name: name.replace("_", " ") for name in values}
    width = max(map(cell_len, names.values()))
    for name, value in values.items():
        out(_line([names[name], _cell(value)], [width, 0], [False, False]))


def line(words: str) -> None:
    """Print one line of what strangers may have a part in, just as long as it is."""
    out(_seen(words))


def heading(words: str) -> None:
    """Print the name of what follows, below an empty line."""
    out("")
    _bold(words)


def text(body: str) -> None:
    """Print a text of several lines below what was printed before."""
    if body:
        out("\n" + "\n".join(_seen(line) for line in body.splitlines()))


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar on stderr while something long goes on, at a terminal only.

    Gives a function to call with how much is done, and of how much if that is known.
    """
    hidden = quiet or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task(what, total=None)

        def moved(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield moved


def counted(count: int, one: str, many: str) -> str:
    """Say how many there are: 1 recipient, 12 recipients."""
    return f"{count} {one if count == 1 else many}"


def moment(at: datetime | None) -> str | None:
    """Give a moment as JSON has it: 2026-12-01T08:00:00Z."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON")


def _cell(value: Any) -> str:
    if value is None or value in ("", []):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return _seen(" ".join(str(value).split()))


def _seen(text: str) -> str:
    return unseen.IN_LINE.sub("\N{REPLACEMENT CHARACTER}", text)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = []
    for cell, width, is_number in zip(cells, widths, numbers, strict=True):
        room = " " * (width - cell_len(cell))
        padded.append(room + cell if is_number else cell + room)
    return GAP.join(padded).rstrip()


def _bold(line: str) -> None:
    """Print the names of columns: bold at a terminal, plain elsewhere and with NO_COLOR."""
    console = Console(soft_wrap=True, highlight=False)
    if console.is_terminal and not console.no_color:
        console.print(Text(line, style="bold"))
    else:
        out(line)
