"""Lines of plain text no wider than a number of columns, in scripts of narrow and wide characters.

Chinese and Japanese have no spaces and may be broken between any two characters, but for the
marks that must not begin a line or end one. Korean is broken at its spaces. Thai, Lao, Khmer and
Burmese have spaces between sentences only, and where their words end only a dictionary knows: a
line of theirs that is too long stays long, for programs that show it have that dictionary. Long
words and addresses of the web stay whole.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

Measure = Callable[[str], int]

_NOT_FIRST = frozenset(
    "、。，．・：；？！」』）〕］｝〉》】〟’”…‥ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々～,.:;?!)]}%"
)
_NOT_LAST = frozenset("「『（〔［｛〈《【〝‘“([{")
# Hangul: letters and syllables. They are wide, but make words.
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_MARKS = {"ltr": "\u200e", "rtl": "\u200f"}
_STRONG = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_WHOLE = re.compile(r"(<[^<>\s]+>|[a-z]+://[^\s<>]+)")


def columns(text: str) -> int:
    """Count the columns a text takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(char) for char in text)


def wrap(text: str, width: int, *, measure: Measure = columns) -> list[str]:
    """Break a text into lines of at most `width` columns; its own line breaks stay."""
    return [line for part in text.split("\n") for line in _wrapped(part, width, measure)]


def _wrapped(text: str, width: int, measure: Measure) -> Iterator[str]:
    line, used = "", 0
    for piece, spaced in _pieces(text):
        gap = " " if spaced and line else ""
        needed = measure(piece)
        if line and used + len(gap) + needed > width:
            yield line
            line, used, gap = "", 0, ""
        line += gap + piece
        used += len(gap) + needed
    yield line


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Give what must not be broken, and whether a space goes before it."""
    for word in re.split(r"[ \t\r\f\v]+", text.strip(" \t\r\f\v")):
        for at, piece in enumerate(_unbreakable(word)):
            yield piece, at == 0


def _unbreakable(word: str) -> Iterator[str]:
    held = ""
    for part in _WHOLE.split(word):
        for piece in [part] if _WHOLE.fullmatch(part) else part:
            if held and _may_break(held[-1], piece[0]):
                yield held
                held = ""
            held += piece
    yield held


def _may_break(before: str, after: str) -> bool:
    if before in _NOT_LAST or after in _NOT_FIRST:
        return False
    # An address of the web begins with < where it is whole; it may stand on its own line.
    return _is_broken_anywhere(before) or _is_broken_anywhere(after)


def _columns_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if _is_wide(char) else 1


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in {"W", "F"}


def _is_broken_anywhere(char: str) -> bool:
    return _is_wide(char) and not _HANGUL.match(char)


def directed(line: str, direction: str) -> str:
    """Give a line with a mark before it, if its first letter tells of another direction.

    A line of digits and signs alone tells of none; it is taken for one from left to right. An
    address alone stays bare: programs make a link of it.
    """
    told = next((way for char in line if (way := _STRONG.get(unicodedata.bidirectional(char)))), "")
    if not line or (told or "ltr") == direction or _WHOLE.fullmatch(line):
        return line
    return _MARKS[direction] + line


def shortened(text: str, width: int) -> str:
    """Give the beginning of a text, at most so many columns wide, ended where a word ends."""
    if columns(text) <= width:
        return text
    return next(_wrapped(text, width - 1, columns)).rstrip(",;:、，") + "…"
