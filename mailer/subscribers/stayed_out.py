"""The file of rows that stayed out: as they came, with the reason, to be mended and imported again.

UTF-8 with a byte-order mark, without which a spreadsheet would not know; no cell is a formula.
"""

import csv
from collections.abc import Callable
from typing import IO

from mailer.subscribers.people import Left, Reading, guarded

WHY = "why it stayed out"
LINE = "line"
MARK = "\ufeff"


def writer(file: IO[str], reading: Reading) -> Callable[[Left], None]:
    """Write the head of the file; give what writes a row."""
    # A mended file may be imported again: the columns that it got the first time are not kept.
    head = [name for name in reading.head if name not in {WHY, LINE}]
    file.write(MARK)
    table = csv.writer(file)
    table.writerow([*map(guarded, head), LINE, WHY])

    def write(left: Left) -> None:
        cells = left.named_cells
        row = [guarded(cells.get(name, "")) for name in head]
        table.writerow([*row, left.line, guarded(left.why)])

    return write
