"""Which kind of table a file is, told by what is in it and not by its name."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO

from mailer.errors import FileInvalid, TooLarge, UsageError
from mailer.sheets import delimited, encoding
from mailer.sheets import pasted as pasting
from mailer.sheets.limits import Limits
from mailer.sheets.sheet import Sheet

ZIP = b"PK\x03\x04"
FIRST_LINES = 50
BLOCK = 1024 * 1024
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
"""An .xls of before 2007, and an .xlsx that has a password."""

OTHERS = {b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"{\\rtf": "RTF"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a file beforehand: its encoding, which sheet of a workbook; its limits."""

    encoding: str | None = None
    sheet: str | None = None
    limits: Limits = field(default_factory=Limits)


def opened(path: Path, wanted: Wanted, *, name: str | None = None) -> list[Sheet]:
    """Give the tables in a file: one, or those of a zip, by name.

    `name` is what messages call it. Raises FileInvalid when it cannot be read as a table, TooLarge
    when it is over a limit.
    """
    called = name or str(path)
    head = _head(path, called, wanted.limits)
    if head.startswith(OLD_OFFICE):
        raise FileInvalid(
            called, None, "an old .xls, or a workbook with a password; save it as .xlsx without one"
        )
    for begin, what in OTHERS.items():
        if head.startswith(begin):
            raise FileInvalid(called, None, f"{what}, not a table; save it as CSV or .xlsx")
    if head.startswith(ZIP):
        return _of_zip(path, called, wanted)
    if wanted.sheet is not None:
        raise UsageError(f"--sheet: {called} is no workbook")
    found = delimited.sheet(
        lambda: path.open("rb"), called, wanted.limits, wanted=wanted.encoding, part=path.name
    )
    return [_perhaps_pasted(path, found, wanted)]


def pasted(body: str, wanted: Wanted, *, name: str) -> Sheet:
    """Give people from a text that somebody pasted."""
    if len(body) > wanted.limits.pasted_characters:
        raise TooLarge(f"{name}: more than {wanted.limits.pasted_characters:,} characters")
    if not body.strip():
        raise FileInvalid(name, None, "holds nobody")
    return Sheet(name, "a pasted line", lambda: pasting.lines(body), head=pasting.HEAD)


def _head(path: Path, name: str, limits: Limits) -> bytes:
    try:
        if path.stat().st_size > limits.file_bytes:
            raise TooLarge(f"{name}: larger than {limits.file_bytes:,} bytes; part the file")
        with path.open("rb") as file:
            return file.read(8)
    except FileNotFoundError:
        raise FileInvalid(name, None, "there is no such file") from None
    except OSError as error:
        raise FileInvalid(name, None, error.strerror or "cannot be read") from None


def _of_zip(path: Path, name: str, wanted: Wanted) -> list[Sheet]:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise FileInvalid(name, None, f"a damaged zip: {error}") from None
    if any(one.filename.startswith("xl/") for one in inside):
        from mailer.sheets import workbook  # noqa: PLC0415  (large; a worker goes without)

        return [workbook.sheet(path, name, wanted.limits, wanted=wanted.sheet)]
    tables = [one for one in inside if one.filename.lower().endswith((".csv", ".txt", ".tsv"))]
    if not tables:
        raise FileInvalid(name, None, "a zip in which there is no CSV file")
    if len(tables) > wanted.limits.parts:
        raise TooLarge(f"{name}: more than {wanted.limits.parts} tables in it")
    if sum(one.file_size for one in tables) > wanted.limits.file_bytes:
        raise TooLarge(f"{name}: more than {wanted.limits.file_bytes:,} bytes unpacked")
    _measure(path, name, tables)
    return [
        delimited.sheet(
            _member(path, one),
            f"{name}/{one.filename}",
            wanted.limits,
            wanted=wanted.encoding,
            part=Path(one.filename).name,
        )
        for one in tables
    ]


def _member(path: Path, one: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    # The member keeps the archive's file open until it is closed itself.
    return lambda: zipfile.ZipFile(path).open(one)


def _measure(path: Path, name: str, tables: list[zipfile.ZipInfo]) -> None:
    """Unpack all once without keeping it: a zip that says less than it holds is found out."""
    try:
        with zipfile.ZipFile(path) as archive:
            for one in tables:
                with archive.open(one) as file:
                    while file.read(BLOCK):
                        pass
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise FileInvalid(name, None, f"a damaged zip, or one with a password: {error}") from None


def _perhaps_pasted(path: Path, found: Sheet, wanted: Wanted) -> Sheet:
    """See whether a file is what a mail program copied: people, and no table of them."""
    if path.stat().st_size > wanted.limits.pasted_characters:
        return found
    if not any(_has_people(line.cells) for line in islice(found.lines(), FIRST_LINES)):
        return found
    code = encoding.of(lambda: path.open("rb"), found.name, wanted.encoding)
    body = path.read_bytes().decode(code)
    return pasted(body, wanted, name=found.name) if pasting.looks_pasted(body) else found


def _has_people(cells: tuple[str, ...]) -> bool:
    return any("<" in cell for cell in cells) or sum("@" in cell for cell in cells) > 1
