"""Rows of an .xlsx workbook, by what its cells show; formulas by their last value.

A workbook is a zip, and its cells may name any place of a sheet of 17 thousand million: all is
unpacked and measured, without keeping it, before the reader may have it.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import python_calamine as calamine

from mailer.errors import FileInvalid, TooLarge, UsageError
from mailer.sheets.delimited import why_not
from mailer.sheets.limits import Limits
from mailer.sheets.sheet import Line, Sheet

BLOCK = 1024 * 1024
OVERLAP = 64
"""A place that is torn by the end of a block is seen whole in the next."""

PLACE = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{1,3})?(\d{1,7})[\"']")


def sheet(path: Path, name: str, limits: Limits, *, wanted: str | None) -> Sheet:
    """Give one sheet of a workbook: the first that can be seen, or the one of that name."""
    _measure(path, name, limits)
    title = _title(path, name, wanted)
    return Sheet(name, f"sheet “{title}”", lambda: _lines(path, title, name, limits))


def _title(path: Path, name: str, wanted: str | None) -> str:
    with _workbook(path, name) as book:
        seen = [
            one.name
            for one in book.sheets_metadata
            if one.visible == calamine.SheetVisibleEnum.Visible
            and one.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        known = book.sheet_names
    if wanted is not None and wanted not in known:
        raise UsageError(f"{name} has no sheet “{wanted}”; there are: {', '.join(known)}")
    if wanted is None and not seen:
        raise FileInvalid(name, None, "has no sheet that can be seen")
    return wanted or seen[0]


def _lines(path: Path, title: str, name: str, limits: Limits) -> Iterator[Line]:
    with _workbook(path, name) as book:
        try:
            rows = book.get_sheet_by_name(title).iter_rows()
        except calamine.CalamineError as error:
            raise FileInvalid(name, None, f"a damaged workbook: {error}") from None
        count = 0
        for number, row in enumerate(rows, start=1):
            cells = tuple(map(_text, row))
            if any(cell.strip() for cell in cells):
                count += 1
                if count > limits.rows:
                    raise FileInvalid(name, number, f"more than {limits.rows} rows; part the file")
                yield Line(number, cells, why_not(cells, limits))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def _workbook(path: Path, name: str) -> calamine.CalamineWorkbook:
    try:
        return calamine.load_workbook(path)
    except calamine.PasswordError:
        raise FileInvalid(name, None, "has a password; save it without one") from None
    except (calamine.CalamineError, OSError) as error:
        raise FileInvalid(name, None, f"a damaged workbook: {error}") from None


def _measure(path: Path, name: str, limits: Limits) -> None:
    """Unpack a workbook without keeping it; TooLarge when the reader could not bear it."""
    total = 0
    try:
        with zipfile.ZipFile(path) as book:
            # What the zip says of itself first: it costs nothing. Then what is true.
            said = sum(one.file_size for one in book.infolist())
            _bound("bytes unpacked", said, limits.workbook_bytes, name)
            for one in book.infolist():
                for block, places in _blocks(book, one):
                    total += len(block)
                    _bound("bytes unpacked", total, limits.workbook_bytes, name)
                    _bound("cells", places, limits.workbook_cells, name)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise FileInvalid(name, None, f"a damaged workbook: {error}") from None


def _blocks(book: zipfile.ZipFile, one: zipfile.ZipInfo) -> Iterator[tuple[bytes, int]]:
    """Give a part of a workbook, block by block, and how large the rectangle of its cells is."""
    columns, rows, tail = 1, 0, b""
    with book.open(one) as file:
        while block := file.read(BLOCK):
            if one.filename.lower().endswith(".xml"):
                for letters, digits in PLACE.findall(tail + block):
                    columns = max(columns, _column(letters))
                    rows = max(rows, int(digits))
                tail = block[-OVERLAP:]
            yield block, columns * rows


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _bound(what: str, found: int, most: int, name: str) -> None:
    if found > most:
        raise TooLarge(f"{name}: more than {most:,} {what}; save the table alone, as CSV")
