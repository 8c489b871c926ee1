"""A table of people as others write it: CSV by comma, semicolon or tab, in UTF-8.

The first line names the columns, in any order. What is wrong with the file as a whole is raised
with its line; what is wrong with one row is given in the row's place.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mailer import address as addresses
from mailer.address import Address
from mailer.errors import AddressInvalid, FileInvalid, UsageError
from mailer.lists import LANGUAGE

COLUMNS = ("email", "name", "language", "organisation", "country")
LONGEST_FIELD = 10_000
MOST_COLUMNS = 200
LONGEST_TEXT = 200
"""Characters of a name, an organisation or a country."""

LOOK_AT = 65_536
"""Bytes at the beginning that tell whether a file is text, and by what it is divided."""

DIVIDERS = ",;\t"
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
    """Open a file for reading; FileInvalid when it is not there, or not text."""
    try:
        with path.open("rb") as raw:
            if b"\0" in raw.read(LOOK_AT):
                raise FileInvalid(path, 1, "not a text file; save it as CSV in UTF-8")
        return path.open(encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise FileInvalid(path, None, "there is no such file") from None
    except OSError as error:
        raise FileInvalid(path, None, error.strerror or "cannot be read") from None


def lines(file: IO[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the lines of a table with their numbers, the head first; FileInvalid where it ends."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = None
    try:
        first = file.readline(LOOK_AT)
        file.seek(0)
        divider = max(DIVIDERS, key=first.count)
        reader = csv.reader(file, delimiter=divider, strict=True)
        head = [name.strip() for name in next(reader, [])]
        _check_head(head, path)
        yield 1, head
        before = reader.line_num
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise FileInvalid(path, reader.line_num if reader else 1, f"not CSV: {error}") from None
    except UnicodeDecodeError:
        line = reader.line_num + 1 if reader else 1
        raise FileInvalid(path, line, "not UTF-8 text; save the file as CSV in UTF-8") from None


def _check_head(head: Sequence[str], path: Path) -> None:
    names = Counter(name.lower() for name in head)
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
    place = {name.lower(): at for at, name in enumerate(head) if name.lower() in COLUMNS}
    for line, cells in table:
        texts = {
            name: _unguarded(cells[at].strip()) if at < len(cells) else ""
            for name, at in place.items()
        }
        yield _row(line, texts, too_long=len(cells) > len(head))


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
    if any(not char.isprintable() for char in text):
        raise UsageError(f"the {name} holds a character that cannot be seen")


def _language(text: str) -> str | None:
    if text and not LANGUAGE.fullmatch(text):
        raise UsageError(f"“{text[:40]}” is not a language code such as en or ja")
    return text or None


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text
