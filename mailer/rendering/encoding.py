"""A text as seven-bit lines of a message: quoted-printable or base64, whichever is shorter.

Written out here and not left to `email`: its folding changes between versions of Python, and a
message that is tried again after an upgrade must have the same bytes.
"""

import base64
import binascii
from typing import Literal

_BLANKS = " \t"
LONGEST_LINE = 76
"""Characters of an encoded line (RFC 2045, 6.7 and 6.8)."""

Encoding = Literal["quoted-printable", "base64"]


def shorter(text: str) -> Encoding:
    """Choose the encoding that makes the text shorter: Latin script goes one way, CJK the other."""
    as_words = len(encode(text, "quoted-printable"))
    return "quoted-printable" if as_words <= len(encode(text, "base64")) else "base64"


def encode(text: str, encoding: Encoding) -> bytes:
    """Give the text as lines of at most 76 characters, each ended by CRLF."""
    raw = _with_network_lines(text).encode()
    if encoding == "base64":
        return base64.encodebytes(raw).replace(b"\n", b"\r\n")
    # In text mode CRLF stays a line's end; and the last line has one, so that soft breaks are
    # CRLF too (binascii takes the kind that it sees first).
    return binascii.b2a_qp(raw, istext=True)


def _with_network_lines(text: str) -> str:
    # A space before a line's end would be written as =20, and binascii does not count it: the
    # line could grow to 78. Nobody sees such a space.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return "".join(f"{line.rstrip(_BLANKS)}\r\n" for line in lines)
