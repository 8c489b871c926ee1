"""A table of people as others have it, whatever it was made with.

    for sheet in sheets.opened(path, Wanted()):
        for line in sheet.lines(): ...

CSV and its kin in many encodings, .xlsx, a line pasted from a mail program, a zip of such files:
all give numbered lines of plain text cells. What is wrong with a file as a whole is raised with its
line; what is wrong with one line stands in its place. A sheet can be read again from the start.
"""

from mailer.sheets.encoding import ENCODINGS
from mailer.sheets.kinds import Wanted, opened, pasted
from mailer.sheets.limits import Limits
from mailer.sheets.sheet import Line, Sheet

__all__ = ["ENCODINGS", "Limits", "Line", "Sheet", "Wanted", "opened", "pasted"]
