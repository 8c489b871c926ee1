"""What may stand in a value that goes into a mail, asked where the value is made.

A line break in a name is a new header, a direction mark in a title turns the sentence around
it: both are refused, and never taken out in silence, so that whoever wrote it gets to know.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from mailer import unseen
from mailer.errors import HeaderInvalid, UsageError

LONGEST_LINE = 998
"""Characters of one value; a header line may not be longer (RFC 5322, 2.1.1)."""

LONGEST_URL = 900
"""Characters of an address on the web, which must fit on one header line with its name."""

# Whole, ASCII, and without what HTML or a header would have written otherwise.
_ORDINARY_URL = re.compile(r"(https?)://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!#-%(-;?-Z_a-z~]*")
_NOT_IN_URL = re.compile(r'[^!-~]|[<>"\\^`{|}]')


def line(name: str, text: str) -> str:
    """Give the text back, if it is one line without characters that cannot be seen.

    Raises HeaderInvalid, which names the value and the character.
    """
    # What can be printed can be seen; the other way about it needs a closer look.
    if not text.isprintable() and (found := unseen.IN_LINE.search(text)):
        raise HeaderInvalid(name, f"holds {_said(found[0])}; write it on one line, without")
    if len(text) > LONGEST_LINE:
        raise HeaderInvalid(name, f"is longer than {LONGEST_LINE} characters")
    return text


def lines(values: Mapping[str, str]) -> None:
    """Ask of several values, by name, what `line` asks of one."""
    # Nearly always nothing is wrong, and one look at all of them together tells so.
    together = "".join(values.values())
    if len(together) > LONGEST_LINE or not together.isprintable():
        for name, value in values.items():
            line(name, value)


def block(name: str, text: str) -> str:
    """Give the text back, if it has no control characters but line breaks and tabs.

    Raises HeaderInvalid, which names the value and the character.
    """
    if found := unseen.IN_BLOCK.search(text):
        raise HeaderInvalid(name, f"holds {_said(found[0])}; take it out")
    return text


def is_ordinary_url(url: str) -> bool:
    """Tell whether an address is such that no header, no page and no reader has a question."""
    return _ORDINARY_URL.fullmatch(url) is not None


def web_address(name: str, url: str, schemes: tuple[str, ...] = ("https", "http")) -> str:
    """Give the address back, if it is a whole one of a scheme that a reader may be led to.

    Empty is allowed. Raises UsageError.
    """
    if not url:
        return url
    if (ordinary := _ORDINARY_URL.fullmatch(url)) and ordinary[1] in schemes:
        return url
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{name}: “{url[:80]}” cannot be read: {error}") from None
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise UsageError(f"{name}: “{url[:80]}” must begin with {' or '.join(schemes)}:")
    if unseen.IN_LINE.search(url) or any(char.isspace() for char in url):
        raise UsageError(f"{name}: “{url[:80]!r}” holds a space or an unseen character")
    return url


def header_url(name: str, url: str) -> str:
    """Give the address back, if it may stand between < and > in a header, and is not too long.

    Raises HeaderInvalid.
    """
    if not _ORDINARY_URL.fullmatch(url) and (found := _NOT_IN_URL.search(url)):
        raise HeaderInvalid(name, f"holds {_said(found[0])}, which must be percent-encoded")
    if not url or len(url) > LONGEST_URL:
        raise HeaderInvalid(name, f"must have 1 to {LONGEST_URL} characters")
    return url


def _said(char: str) -> str:
    if char in "\r\n":
        return "a line break"
    return f"“{char}”" if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"
