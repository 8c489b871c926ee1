"""What a table may have at most: sizes that no office's list comes near, and that we can bear."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound has a name, which is in the message of what goes over it."""

    file_bytes: int = 256 * MB
    """Of a file as it lies there, and of one that is unpacked."""

    rows: int = 2_000_000
    """Each row's address is known by 16 to 32 bytes while a file is read."""

    columns: int = 200
    line_characters: int = 4_000_000
    """A line is held in memory; one with a cell that is too long still is told by its number."""

    cell_characters: int = 10_000
    lines_a_row: int = 20
    """A quotation mark that is left open would swallow all rows to the next one."""

    workbook_bytes: int = 200 * MB
    """Of a workbook unpacked: it is a zip, and a small one may hold a very large one."""

    workbook_cells: int = 5_000_000
    """Of the rectangle around all cells: the reader makes room for each, empty or not."""

    parts: int = 50
    """Files in a zip."""

    pasted_characters: int = 2_000_000
