"""What tests of tables do: write a file, and see its rows."""

import zipfile
from pathlib import Path
from typing import Any

import openpyxl

from mailer import sheets
from mailer.sheets import Limits, Line, Sheet, Wanted


def opened(path: Path, content: bytes | str | None = None, **wanted: Any) -> Sheet:
    """Write a file and open the one table in it."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    [found] = sheets.opened(path, Wanted(**wanted))
    return found


def cells(found: Sheet) -> list[tuple[str, ...]]:
    return [line.cells for line in found.lines()]


def lines(found: Sheet) -> list[Line]:
    return list(found.lines())


def limits(**some: int) -> dict[str, Any]:
    return {"limits": Limits(**some)}


def workbook(path: Path, *tables: list[list[Any]], titles: tuple[str, ...] = ()) -> Path:
    """Write a workbook with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(tables):
        sheet = book.create_sheet(titles[number] if titles else f"Sheet{number + 1}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    book.close()
    return path


def zipped(path: Path, **files: bytes) -> Path:
    """Write a zip of files; `__` in a name stands for a dot."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return path
