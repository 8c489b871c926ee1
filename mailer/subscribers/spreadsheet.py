"""A table of people as others write it: CSV by comma, semicolon or tab, in UTF-8.

The first line names the columns, in any order. What is wrong with the file as a whole is raised
with its line; what is wrong with one row is given in the row's place.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from mailer import address as addresses
from mailer import unseen
from mailer.address import Address
from mailer.errors import AddressInvalid, FileInvalid, UsageError
from mailer.language import is_code

COLUMNS = ("email", "name", "language", "organisation", "country")
MOST_ROWS = 2_000_000
"""More is another kind of file; so many are known by 8 bytes each while a file is read."""

MOST_COLUMNS = 200

GAPS = re.compile(r"[ \t\r\n]+")
"""What is one space in a cell. The wide space of Japanese names is not among it."""

LONGEST_LINE = 65_536
LONGEST_FIELD = 10_000
LONGEST_TEXT = 200
"""Characters of a name, an organisation or a country."""

MOST_LINES_A_ROW = 20
"""A quotation mark that is left open would swallow all rows to the next one."""

DIVIDERS = ",;\t"
UNDECODED = re.compile("[\udc80-\udcff]")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula; such a text goes out behind a “'”."""


@dataclass(frozen=True, slots=True)
class Row:
    """One good row of a file."""

    line: int
    to: Address
    name: str = ""
    language: str | None = None
    organisation: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A row that was not taken, and why."""

    line: int
    email: str
    why: str


def guarded(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula; reading takes the “'” off again."""
    return f"'{text}" if text.startswith(FORMULA) else text


def opened(path: Path) -> IO[str]:
    """Open a file for reading; FileInvalid when it is not there."""
    try:
        # What is not UTF-8 is kept in a way that shows, so that its line can be told.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except FileNotFoundError:
        raise FileInvalid(path, None, "there is no such file") from None
    except OSError as error:
        raise FileInvalid(path, None, error.strerror or "cannot be read") from None


def lines(file: IO[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a table with the lines they begin on, the head first.

    Raises FileInvalid, with its line, for what makes the whole file wrong.
    """
    csv.field_size_limit(LONGEST_FIELD)
    text = _text(file, path)
    first = next(text, "")
    divider = max(DIVIDERS, key=first.count)
    reader = csv.reader(chain([first], text), delimiter=divider, strict=True)
    begin, count = 1, 0
    try:
        for cells in reader:
            if reader.line_num - begin >= MOST_LINES_A_ROW:
                raise FileInvalid(path, begin, "a quotation mark opens in this row and never ends")
            if begin == 1:
                _check_head(cells, path)
            if count > MOST_ROWS:
                raise FileInvalid(path, begin, f"more than {MOST_ROWS} rows; part the file")
            if begin == 1 or any(cell.strip() for cell in cells):
                yield begin, cells
                count += 1
            begin = reader.line_num + 1
    except csv.Error as error:
        raise FileInvalid(path, begin, f"not CSV: {error}") from None
    if begin == 1:
        _check_head([], path)


def _text(file: IO[str], path: Path) -> Iterator[str]:
    """Give the lines of a file, each checked to be text of a bearable length."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise FileInvalid(path, number, f"a line of more than {LONGEST_LINE} characters")
        if "\0" in line:
            raise FileInvalid(path, number, "not a text file; save it as CSV in UTF-8")
        if UNDECODED.search(line):
            raise FileInvalid(path, number, "not UTF-8 text; save the file as CSV in UTF-8")
        yield line


def _check_head(head: Sequence[str], path: Path) -> None:
    names = Counter(name.strip().lower() for name in head)
    if len(head) > MOST_COLUMNS:
        raise FileInvalid(path, 1, f"more than {MOST_COLUMNS} columns; is it the right file?")
    if not names["email"]:
        raise FileInvalid(
            path, 1, f"the first line must name the columns; known are {', '.join(COLUMNS)}"
        )
    doubled = next((name for name in COLUMNS if names[name] > 1), None)
    if doubled:
        raise FileInvalid(path, 1, f"the column “{doubled}” is there twice")


def rows(table: Iterator[tuple[int, list[str]]]) -> Iterator[Row | Left]:
    """Give the rows of a table, each checked: a good one, or why it is not."""
    _, head = next(table)
    names = [name.strip().lower() for name in head]
    place = {name: at for at, name in enumerate(names) if name in COLUMNS}
    for line, cells in table:
        texts = {
            name: _unguarded(GAPS.sub(" ", cells[at]).strip()) if at < len(cells) else ""
            for name, at in place.items()
        }
        yield _row(line, texts, too_long=any(cell.strip() for cell in cells[len(head) :]))


def _row(line: int, texts: Mapping[str, str], *, too_long: bool) -> Row | Left:
    email = texts["email"]
    if too_long:
        return Left(line, email, "more cells than the first line has columns")
    try:
        to = addresses.parse(email)
        for name in ("name", "organisation", "country"):
            _check_text(name, texts.get(name, ""))
        language = _language(texts.get("language", ""))
    except AddressInvalid as error:
        return Left(line, email, error.why)
    except UsageError as error:
        return Left(line, email, str(error))
    return Row(
        line=line,
        to=to,
        name=texts.get("name", ""),
        language=language,
        organisation=texts.get("organisation", ""),
        country=texts.get("country", ""),
    )


def _check_text(name: str, text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"the {name} is longer than {LONGEST_TEXT} characters")
    if unseen.IN_LINE.search(text):
        raise UsageError(f"the {name} holds a character that cannot be seen")


def _language(text: str) -> str | None:
    if text and not is_code(text):
        raise UsageError(f"“{text[:40]}” is not a language code such as en or ja")
    return text or None


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
