"""A text as seven-bit lines of a message: quoted-printable or base64, whichever is shorter.

A text comes in pieces: constant, value, constant, …, constant. Its encoding is defined by them,
so that all but the values can be encoded once and the values be spliced in for each recipient:

* Quoted-printable: each piece is encoded for itself, and stands in lines of its own; one that
  does not end with a line ends with a soft break.
* Base64: octets go three by three through the whole text. The group with a value's first octet
  begins a line, the group with its last ends one, and all lines between are full. Values with
  less than two octets between them count as one.

Every line ends with CRLF, has at most 76 characters, and begins neither with a dot nor with
`From `, so nobody on the way has a reason to change it. Written out here and not left to
`email`: its folding changes between versions of Python.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from markupsafe import escape

LONGEST_LINE = 76
"""Characters of an encoded line (RFC 2045, 6.7 and 6.8)."""

Encoding = Literal["quoted-printable", "base64"]

_BLANKS = " \t"
_SOFT_BREAK = "=\r\n"
_CUT = LONGEST_LINE - 1  # the last character of a line may be the `=` of a soft break
_OCTETS = LONGEST_LINE // 4 * 3
_BETWEEN = 2  # octets that complete a group of three, whatever came before

_QUOTED: Final = [
    chr(octet) if octet == 0x09 or (0x20 <= octet < 0x7F and octet != 0x3D) else f"={octet:02X}"
    for octet in range(256)
]
# Values that are one line as they are, in a text and in HTML; nearly all of them are.
_PLAIN: Final = re.compile(r"(?!\.|From )[ !#-%(-;?-~]{1,75}")


NOT_PLAIN: Final[Mapping[str, bytes]] = {}


class Body(Protocol):
    """An encoded text that lacks its values."""

    def spliced(
        self, values: Mapping[str, str], plain: Mapping[str, bytes] = NOT_PLAIN
    ) -> Sequence[bytes]:
        """Give the whole text in pieces; the values are as a reader is to see them.

        `plain` may hold, of some of them, the lines that `plain_line` gives.
        """


def body(pieces: Sequence[str], encoding: Encoding, *, is_html: bool) -> Body:
    """Encode the constants of a text of network lines, and keep the places of its values.

    Pieces are constant, name of a value, constant, …, constant, as `holes.split` gives them.
    """
    if encoding == "base64":
        return _Grouped(pieces, _escaped if is_html else _plain)
    return _Quoted(pieces, _quoted_html if is_html else quoted)


def plain_line(value: str) -> bytes | None:
    """Give a value's line in quoted-printable, if it is one as it is, in a text and in HTML."""
    return one_line(value) if _PLAIN.fullmatch(value) else None


def one_line(value: str) -> bytes:
    """Give the line of a value that is known to be plain."""
    return f"{value}=\r\n".encode()


def network_lines(text: str) -> str:
    """Give a text in whole lines, ended by CRLF, without the blanks that end them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    return "".join(f"{line.rstrip(_BLANKS)}\r\n" for line in lines)


def shorter(text: str) -> Encoding:
    """Choose the encoding that makes the text shorter: Latin script goes one way, CJK the other."""
    as_words = len(encode(text, "quoted-printable"))
    return "quoted-printable" if as_words <= len(encode(text, "base64")) else "base64"


def encode(text: str, encoding: Encoding) -> bytes:
    """Give a text that is the same for everybody as lines of at most 76 characters."""
    whole = network_lines(text)
    return quoted(whole) if encoding == "quoted-printable" else _grouped(whole.encode())


# ---------------------------------------------------------------------- quoted-printable


class _Quoted:
    """A text in quoted-printable: a value's lines are the same wherever it stands."""

    __slots__ = ("_form", "_pieces", "_places")

    def __init__(self, pieces: Sequence[str], form: Callable[[str], bytes]) -> None:
        self._form = form
        self._pieces = [b"" if at % 2 else quoted(piece) for at, piece in enumerate(pieces)]
        self._places = tuple((at, pieces[at]) for at in range(1, len(pieces), 2))

    def spliced(
        self, values: Mapping[str, str], plain: Mapping[str, bytes] = NOT_PLAIN
    ) -> Sequence[bytes]:
        pieces = self._pieces.copy()
        for at, name in self._places:
            pieces[at] = plain[name] if name in plain else self._form(values[name])
        return pieces


def quoted(text: str) -> bytes:
    """Give a piece of network lines in quoted-printable; what has no end ends with a soft break."""
    if not text:
        return b""
    *lines, rest = text.split("\r\n")
    written = [_SOFT_BREAK.join(_cut(line)) for line in lines]
    written.append(_SOFT_BREAK.join([*_cut(rest), ""]) if rest else "")
    return "\r\n".join(written).encode()


def _quoted_html(value: str) -> bytes:
    """Give a value in quoted-printable as it stands in HTML: escaped first."""
    return quoted(str(escape(value)))


def _cut(line: str) -> Iterator[str]:
    """Quote a line and cut it into parts that leave room for a soft break, never within `=XX`."""
    rest = _begun("".join(map(_QUOTED.__getitem__, line.encode())))
    while len(rest) > _CUT:
        at = rest.find("=", _CUT - 2, _CUT)
        at = _CUT if at < 0 else at
        yield rest[:at]
        rest = _begun(rest[at:])
    yield rest


def _begun(line: str) -> str:
    # RFC 2049, 3: some change a dot at a line's beginning, or `From `. That breaks signatures.
    if line.startswith((".", "From ")):
        return f"={ord(line[0]):02X}{line[1:]}"
    return line


# ---------------------------------------------------------------------- base64


class _After(NamedTuple):
    """What follows values: octets that fill their last group, whole lines, what begins a group."""

    filling: bytes
    lines: bytes
    left_over: bytes


class _Grouped:
    """A text in base64: each constant in three forms, for as many octets may fill a group."""

    __slots__ = ("_first", "_form", "_runs")

    def __init__(self, pieces: Sequence[str], form: Callable[[str], str]) -> None:
        first, runs = _runs(pieces)
        last = len(runs) - 1
        self._form = form
        self._first = _after(first, 0, is_last=not runs)
        self._runs = [
            (parts, [_after(constant, filling, is_last=at == last) for filling in range(3)])
            for at, (parts, constant) in enumerate(runs)
        ]

    def spliced(
        self, values: Mapping[str, str], plain: Mapping[str, bytes] = NOT_PLAIN
    ) -> Sequence[bytes]:
        del plain  # in base64 a value's lines depend on what stands before
        written, left_over = [self._first.lines], self._first.left_over
        for parts, forms in self._runs:
            raw = left_over + b"".join([self._octets(part, values) for part in parts])
            filling, lines, left_over = forms[-len(raw) % 3]
            written += (_grouped(raw + filling), lines)
        return written

    def _octets(self, part: str | bytes, values: Mapping[str, str]) -> bytes:
        return part if isinstance(part, bytes) else self._form(values[part]).encode()


_Run = tuple[list[str | bytes], bytes]


def _runs(pieces: Sequence[str]) -> tuple[bytes, list[_Run]]:
    """Give the first constant, then names of values that go together, each with what follows."""
    runs: list[_Run] = []
    for name, following in zip(pieces[1::2], pieces[2::2], strict=True):
        parts: list[str | bytes] = []
        if runs and len(runs[-1][1]) < _BETWEEN:
            before, between = runs.pop()
            parts = [*before, between]
        runs.append(([*parts, name], following.encode()))
    return pieces[0].encode(), runs


def _after(constant: bytes, filling: int, *, is_last: bool) -> _After:
    rest = constant[filling:]
    end = len(rest) if is_last else len(rest) // 3 * 3
    return _After(constant[:filling], _grouped(rest[:end]), rest[end:])


def _grouped(octets: bytes) -> bytes:
    """Give octets in full lines, and one that may be shorter."""
    return b"".join(
        b2a_base64(octets[at : at + _OCTETS], newline=False) + b"\r\n"
        for at in range(0, len(octets), _OCTETS)
    )


def _plain(value: str) -> str:
    return value


def _escaped(value: str) -> str:
    return str(escape(value))
