"""Rows of text by comma, semicolon, tab or bar, with quotation marks as spreadsheets set them."""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import chain, islice

from mailer.errors import FileInvalid
from mailer.sheets import encoding
from mailer.sheets.encoding import Opener
from mailer.sheets.limits import Limits
from mailer.sheets.sheet import Line, Sheet

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
FIRST_LINES = 20
MARK = "\ufeff"
SEP = "sep="
"""Excel may put a first line such as “sep=;” before the table."""

NEVER_ENDS = "a quotation mark opens in this row and never ends"

Text = Callable[[], Iterator[str]]


def sheet(opener: Opener, name: str, limits: Limits, *, wanted: str | None, part: str) -> Sheet:
    """Give a file of delimited text as a sheet; FileInvalid when it cannot be text."""
    found = encoding.of(opener, name, wanted)

    def text() -> Iterator[str]:
        with opener() as raw, io.TextIOWrapper(raw, found, newline="") as file:
            yield from _physical(file.readline, name, limits)

    csv.field_size_limit(limits.line_characters)
    delimiter = _delimiter(list(islice(text(), FIRST_LINES)))
    return Sheet(
        name,
        f"{encoding.called(found)}, by {DELIMITERS[delimiter]}",
        lambda: _lines(text(), delimiter, name, limits),
        part,
    )


def _physical(readline: Callable[[int], str], name: str, limits: Limits) -> Iterator[str]:
    number = 0
    while line := readline(limits.line_characters + 1):
        number += 1
        if len(line) > limits.line_characters:
            raise FileInvalid(
                name, number, f"a line of more than {limits.line_characters:,} characters"
            )
        yield line.removeprefix(MARK) if number == 1 else line


def _delimiter(first: list[str]) -> str:
    """Give what parts the cells: what the first lines agree upon, as it stands outside quotes."""
    if first and first[0].lower().startswith(SEP) and first[0].strip()[-1:] in DELIMITERS:
        return first[0].strip()[-1]
    if not any(line.strip() for line in first):
        return ","

    def liking(delimiter: str) -> tuple[int, int]:
        cells = [len(row) for row in csv.reader(first, delimiter=delimiter) if row]
        head = cells[0] if cells else 1
        return sum(one == head for one in cells) if head > 1 else 0, head

    return max(DELIMITERS, key=liking)


def _lines(text: Iterator[str], delimiter: str, name: str, limits: Limits) -> Iterator[Line]:
    first = next(text, "")
    skipped = first.lower().startswith(SEP)
    reader = csv.reader(text if skipped else chain([first], text), delimiter=delimiter, strict=True)
    begin, count, above = 1, 0, int(skipped)
    columns, characters = limits.columns, limits.cell_characters
    while True:
        number, why = begin + above, ""
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise FileInvalid(name, number, NEVER_ENDS) from None
            # The reader goes on with the next line.
            cells, why = (), f"not CSV: {error}"
        if reader.line_num - begin >= limits.lines_a_row:
            raise FileInvalid(name, number, NEVER_ENDS)
        begin = reader.line_num + 1
        whole = "".join(cells)  # one look at all: there are millions of rows, and few are bad
        if len(cells) > columns or len(whole) > characters or "\0" in whole:
            why = why_not(cells, limits)
        if why or whole.strip():
            count += 1
            if count > limits.rows:
                raise FileInvalid(name, number, f"more than {limits.rows} rows; part the file")
            yield Line(number, cells, why)


def why_not(cells: tuple[str, ...], limits: Limits) -> str:
    """Tell why a row of cells cannot be used, if it cannot."""
    if len(cells) > limits.columns:
        return f"more than {limits.columns} cells in one row"
    if any(len(cell) > limits.cell_characters for cell in cells):
        return f"a cell of more than {limits.cell_characters:,} characters"
    return "holds a zero byte, which is no text" if any("\0" in cell for cell in cells) else ""
