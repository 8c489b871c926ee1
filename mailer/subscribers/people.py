"""The people in a table: each row checked, a good one or why it is not."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from mailer import address as addresses
from mailer import unseen
from mailer.address import Address
from mailer.errors import AddressInvalid, UsageError
from mailer.language import is_code
from mailer.sheets import Line, Sheet
from mailer.subscribers import columns, origins
from mailer.subscribers.columns import ADDRESS, FIELDS, FIRST, LAST, Columns
from mailer.subscribers.origins import JOINS, Fate, Verdict

GAPS = re.compile(r"[ \t\r\n]+")
"""What is one space in a cell. The wide space of Japanese names is not among it."""

LONGEST_TEXT = 200
"""Characters of a name, an organisation or a country."""

LANGUAGES = 1024
"""How many codes are remembered as good: a file has few languages, many times."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula; such a text goes out behind a “'”."""

NAMED = re.compile(r"^(?P<name>[^<>]*)<(?P<address>[^<>]+)>$")
"""An address as mail programs show it, in a cell of a table."""

IDEOGRAPHS = re.compile("^[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af]+$")


class Row(NamedTuple):
    """One good row: who, and what another program knew of them. `cells` are as they came."""

    line: int
    to: Address
    name: str = ""
    language: str | None = None
    organisation: str = ""
    country: str = ""
    verdict: Verdict = JOINS
    source: str = ""
    names: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    def left(self, why: str) -> "Left":
        """Give the row as one that stays out."""
        return Left(self.line, self.to.mailbox, why, self.source, self.names, self.cells)


class Left(NamedTuple):
    """A row that stays out, and why; `cells` are as they came, `names` their columns'."""

    line: int
    email: str
    why: str
    source: str = ""
    names: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def named_cells(self) -> dict[str, str]:
        """Give the cells by the names of their columns."""
        return dict(zip(self.names, self.cells, strict=False))


@dataclass(frozen=True, slots=True)
class Reading:
    """Tables, and how they are understood: what an import takes people from.

    `said` maps fields to columns; `origin` is the program that wrote them. `mark` tells one file
    from another of the same name.
    """

    name: str
    sheets: tuple[Sheet, ...]
    columns: tuple[Columns, ...]
    origin: str | None = None
    mark: str = ""

    @property
    def head(self) -> tuple[str, ...]:
        """Give the names of all columns, of all tables."""
        names = (name for one in self.columns for name in _names(one))
        return tuple(dict.fromkeys(names))

    @property
    def left_aside(self) -> tuple[str, ...]:
        """Give the names of the columns that are not read."""
        return tuple(dict.fromkeys(name for one in self.columns for name in one.left_aside))

    def count(self) -> int:
        """Read all of it through; give how many rows there are."""
        bare = zip(self.sheets, self.columns, strict=True)
        return sum(sum(1 for _ in sheet.lines()) - (not how.bare) for sheet, how in bare)

    def rows(self) -> Iterator[Row | Left]:
        """Give the rows of all tables, each checked."""
        for sheet, how in zip(self.sheets, self.columns, strict=True):
            table = sheet.lines()
            if not how.bare:
                next(table)
            reader = _Reader(sheet.name, sheet.part, _names(how), len(how.head), how.place)
            yield from reader.rows(table, self.origin)


def understand(
    name: str,
    sheets: Sequence[Sheet],
    *,
    said: Mapping[str, str],
    origin: str | None = None,
    mark: str = "",
) -> Reading:
    """Find out what the columns of tables are, and which program wrote them."""
    found = tuple(columns.understand(sheet, said) for sheet in sheets)
    for one in found:
        origin = origin or (None if one.bare else origins.recognised(one.head))
    return Reading(name, tuple(sheets), found, origin, mark)


def guarded(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula; reading takes the “'” off again."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """Take the “'” off that `guarded` put there."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def _names(how: Columns) -> tuple[str, ...]:
    """Give the columns' names: those of the head, or what they were taken for."""
    if not how.bare:
        return tuple(name.strip() or f"column {at}" for at, name in enumerate(how.head, start=1))
    taken = {at: "email" if field == ADDRESS else field for field, at in how.place.items()}
    return tuple(taken.get(at, f"column {name}") for at, name in enumerate(how.head))


@dataclass(frozen=True, slots=True)
class _Reader:
    """What is known of a table, to read its rows by."""

    name: str
    part: str
    names: tuple[str, ...]
    width: int
    place: Mapping[str, int]

    def rows(self, table: Iterable[Line], origin: str | None) -> Iterator[Row | Left]:
        """Check all rows."""
        # A field without a column is taken from a cell that is put behind all others.
        pick = itemgetter(*(self.place.get(field, self.width) for field in FIELDS))
        width, source, names, parse = self.width, self.name, self.names, addresses.parse
        for line in table:
            number, cells, why = line
            picked = pick((*cells, "")) if len(cells) == width else None
            if picked is None or why or not _is_tidy("".join(picked)):
                yield self.row(line, origin)
                continue
            email, name, first, last, language, organisation, country = map(str.strip, picked)
            try:
                to = parse(email)
                code = _language(language) or None
            except (AddressInvalid, UsageError):
                yield self.row(line, origin)
                continue
            verdict = self._verdict(line, origin) if origin else JOINS
            if verdict.fate is Fate.OUT:
                yield Left(number, email, verdict.why, source, names, cells)
                continue
            called = name or _joined(first, last)
            yield Row(
                number, to, called, code, organisation, country, verdict, source, names, cells
            )

    def row(self, line: Line, origin: str | None) -> Row | Left:
        """Check one row, whatever it holds."""
        cells = line.cells
        if len(cells) < self.width:
            cells += ("",) * (self.width - len(cells))
        texts = {field: _tidy(cells[at]) for field, at in self.place.items()}
        email = texts[ADDRESS]
        if "<" in email and (named := NAMED.match(email)):
            texts = {"name": named["name"].strip(" \"'"), **texts}
            email = named["address"]

        def left(why: str) -> Left:
            return Left(line.number, email, why, self.name, self.names, line.cells)

        if line.why:
            return left(line.why)
        if len(line.cells) > self.width and "".join(line.cells[self.width :]).strip():
            return left("more cells than the first line has columns")
        try:
            to = addresses.parse(email)
            name, organisation, country, language = _checked(texts)
        except AddressInvalid as error:
            return left(error.why)
        except UsageError as error:
            return left(str(error))
        verdict = self._verdict(line, origin) if origin else JOINS
        if verdict.fate is Fate.OUT:
            return left(verdict.why)
        return Row(
            line.number,
            to,
            name,
            language or None,
            organisation,
            country,
            verdict,
            self.name,
            self.names,
            line.cells,
        )

    def _verdict(self, line: Line, origin: str) -> Verdict:
        pairs = zip(self.names, line.cells, strict=False)
        cells = {name.lower(): cell.strip() for name, cell in pairs}
        return origins.judge(origin, cells, self.part)


def _is_tidy(texts: str) -> bool:
    """Tell of all texts of a row at once that there is nothing in them to tidy or to mind."""
    return (
        len(texts) <= LONGEST_TEXT
        and texts.isprintable()
        and "  " not in texts
        and "'" not in texts
        and "<" not in texts
    )


def _tidy(text: str) -> str:
    # Tabs and line ends are not printable, nor is any space but the one.
    if "  " in text or not text.isprintable():
        text = GAPS.sub(" ", text)
    text = text.strip()
    return unguarded(text) if text[:1] == "'" else text


def _checked(texts: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Give name, organisation, country and language; UsageError for what cannot be kept."""
    language = _language(texts.get("language", ""))
    name = texts.get("name") or _joined(texts.get(FIRST, ""), texts.get(LAST, ""))
    return (
        _said("name", name),
        _said("organisation", texts.get("organisation", "")),
        _said("country", texts.get("country", "")),
        language,
    )


@lru_cache(LANGUAGES)
def _language(text: str) -> str:
    if text and not is_code(text):
        raise UsageError(f"“{text[:40]}” is not a language code such as en or ja")
    return text


def _said(what: str, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"the {what} is longer than {LONGEST_TEXT} characters")
    if not text.isprintable() and unseen.IN_LINE.search(text):
        raise UsageError(f"the {what} holds a character that cannot be seen")
    return text


def _joined(first: str, last: str) -> str:
    """Put a name together as it is said: the family name first where it is written so."""
    if IDEOGRAPHS.match(first) and IDEOGRAPHS.match(last):
        return f"{last} {first}"
    return f"{first} {last}".strip()
