"""The relaxed form of fields and bodies (RFC 6376, 3.4): what a signature is over.

White space that relays like to change counts for nothing in it. Works on bytes, so that a
message beyond ASCII (RFC 6532) is signed as it is. Pure.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

_WHITE = re.compile(rb"[ \t]+")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)

FIELDS_KEPT = 512
"""Fields whose form is remembered: those that are the same for all readers, of some editions."""


class NotAMessage(ValueError):
    """These bytes are no message that may be signed: the text says why."""


def parted(message: bytes) -> tuple[bytes, bytes]:
    """Give head and body; the head without its last line end."""
    head, _, body = message.partition(b"\r\n\r\n")
    return head.removesuffix(b"\r\n"), body


def fields(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Give each field's name in small letters, and its relaxed form without line end (3.4.2)."""
    if head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r") != head.count(b"\n"):
        raise NotAMessage("a line of its head does not end with CRLF")
    if not head:
        return
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] += b"\r\n" + line
        else:
            lines.append(line)
    for line in lines:
        yield _remembered(line)


def relaxed(field: bytes) -> tuple[str, bytes]:
    """Give the name and the relaxed form of one field, folded or not."""
    found = _FIELD.fullmatch(field)
    if found is None:
        raise NotAMessage("its head holds a line that is no field")
    name = found[1].lower()
    value = _WHITE.sub(b" ", found[2].replace(b"\r\n", b"")).strip(b" ")
    return name.decode("ascii"), name + b":" + value


_remembered = lru_cache(FIELDS_KEPT)(relaxed)


def body(raw: bytes) -> bytes:
    """Give the relaxed form of a body (3.4.4): blanks in a row are one, none ends a line.

    Each step is a search for some bytes, which costs little where there are none.
    """
    raw = raw.replace(b"\t", b" ")
    while b"  " in raw:
        raw = raw.replace(b"  ", b" ")
    raw = raw.replace(b" \r\n", b"\r\n").rstrip(b" \r\n")
    return raw + b"\r\n" if raw else b""
