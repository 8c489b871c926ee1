"""The relaxed form of fields and bodies (RFC 6376, 3.4): what a signature is over.

White space that relays like to change counts for nothing in it. Works on bytes, so that a
message beyond ASCII (RFC 6532) is signed as it is. Pure.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_BETWEEN = re.compile(rb"\r\n(?![ \t])")
_NAME = re.compile(rb"[!-9;-~]+")

FIELDS_KEPT = 512
"""Fields whose form is remembered: those that are the same for all readers, of some editions."""

PIECES_KEPT = 256
"""Pieces of bodies whose form is remembered; an edition has some ten, of some KB each."""

SHORT = 200
"""Bytes of a piece that is brought into its form sooner than it is looked up."""

_AFTER_NO_BLANK = frozenset({b" ", b"\r"})


class NotAMessage(ValueError):
    """These bytes are no message that may be signed: the text says why."""


def parted(message: bytes) -> tuple[bytes, bytes]:
    """Give head and body; the head without its last line end."""
    head, _, body = message.partition(b"\r\n\r\n")
    return head.removesuffix(b"\r\n"), body


def fields(head: bytes) -> list[tuple[str, bytes]]:
    """Give each field's name in small letters, and its relaxed form without line end (3.4.2).

    Raises NotAMessage.
    """
    ends = head.count(b"\r\n")
    if head.count(b"\n") != ends or head.count(b"\r") != ends:
        raise NotAMessage("a line of its head does not end with CRLF")
    return [_remembered(field) for field in _BETWEEN.split(head)] if head else []


def relaxed(field: bytes) -> tuple[str, bytes]:
    """Give the name and the relaxed form of one field, folded or not."""
    name, _, value = field.partition(b":")
    if name == field:
        raise NotAMessage("its head holds a line that is no field")
    known = _name(name)
    value = _squeezed(value.replace(b"\r\n", b"")).strip(b" ")
    return known, b"%b:%b" % (known.encode("ascii"), value)


@lru_cache(FIELDS_KEPT)
def _name(typed: bytes) -> str:
    name = typed.rstrip(b" \t")
    if not _NAME.fullmatch(name):
        raise NotAMessage("its head holds a field without a name")
    return name.decode("ascii").lower()


_remembered = lru_cache(FIELDS_KEPT)(relaxed)


def body(pieces: Iterable[bytes]) -> bytes:
    """Give the relaxed form of a body (3.4.4): blanks in a row are one, none ends a line.

    Of pieces that are long the form is remembered: most of a body is the same for all readers.
    """
    forms: list[bytes] = []
    for piece in pieces:
        if len(piece) > SHORT:
            form = _remembered_piece(piece)
        else:
            form = _squeezed(piece) if b" " in piece or b"\t" in piece else piece
        if form[:1] in _AFTER_NO_BLANK and forms and forms[-1].endswith(b" "):
            forms[-1] = forms[-1][:-1]
        if form:
            forms.append(form)
    whole = b"".join(forms).rstrip(b" \r\n")
    return whole + b"\r\n" if whole else b""


def _squeezed(raw: bytes) -> bytes:
    """Give a piece in its form; each step is a search, which costs little where there is none."""
    raw = raw.replace(b"\t", b" ")
    while b"  " in raw:
        raw = raw.replace(b"  ", b" ")
    return raw.replace(b" \r\n", b"\r\n")


_remembered_piece = lru_cache(PIECES_KEPT)(_squeezed)
