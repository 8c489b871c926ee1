"""A line of people as mail programs copy it: `Lee, Kim <kim@example.org>; jo@example.org`.

Names may stand in quotation marks or not, with the family name first; people are parted by
semicolons, commas or line ends.
"""

import re
from collections.abc import Iterator

from mailer.sheets.sheet import Line

HEAD = ("address", "name")

_PIECES = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^;\n"<]|["<])+', re.DOTALL)
_PARTS = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^<>]*>|[^,"<]|["<])+', re.DOTALL)
_NAMED = re.compile(r"^(?P<name>.*?)\s*<\s*(?:mailto:)?(?P<address>[^<>]*)>\s*$", re.DOTALL)
_NOT_FAMILY = {
    "inc",
    "inc.",
    "ltd",
    "ltd.",
    "gmbh",
    "llc",
    "jr",
    "jr.",
    "sr",
    "sr.",
    "phd",
    "ph.d.",
}


def looks_pasted(body: str) -> bool:
    """Tell whether a text is such a line, and no table: each piece holds an address."""
    pieces = [piece for _, piece in _pieces(body)]
    return bool(pieces) and all("@" in piece for piece in pieces[:50]) and "\t" not in body[:4096]


def lines(body: str) -> Iterator[Line]:
    """Give a row for each of the people: address and name, by the line they stand on."""
    for number, piece in _pieces(body):
        found = _NAMED.match(piece)
        if found:
            yield Line(number, (found["address"].strip(), _name(found["name"])))
        else:
            yield Line(number, (piece.strip(" '\""), ""))


def _pieces(body: str) -> Iterator[tuple[int, str]]:
    number = 1
    for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        for piece in _PIECES.findall(line):
            yield from ((number, one) for one in _people(piece))
        number += 1


def _people(piece: str) -> Iterator[str]:
    """Part by commas, but not the comma within a name: somebody ends where an address does."""
    begun = ""
    for part in _PARTS.findall(piece):
        begun = f"{begun},{part}" if begun else part
        if "@" in part:
            yield begun.strip()
            begun = ""
    if begun.strip():
        yield begun.strip()


def _name(text: str) -> str:
    """Give a name as it is said: without its quotation marks, the family name last."""
    name = text.strip().strip("'").strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1]).strip()
    family, comma, given = name.partition(",")
    given = given.strip()
    if comma and given and "," not in given and given.casefold() not in _NOT_FAMILY:
        return f"{given} {family.strip()}"
    return name
