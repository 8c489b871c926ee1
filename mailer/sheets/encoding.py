"""Which encoding a file's bytes are in.

A mark at the beginning decides; then zero bytes, which only UTF-16 has; then UTF-8, which other
encodings hit by chance only in the shortest files; then a guess among those that offices use,
from a sample of the lines that are not ASCII. Whatever is found must decode the whole file.
"""

import codecs
from collections.abc import Callable, Iterator
from typing import IO

from mailer.errors import FileInvalid, UsageError

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
    "cp932": "Shift-JIS",
    "gb18030": "GB18030",
    "cp874": "cp874",
    "cp949": "EUC-KR",
    "big5": "Big5",
}
"""What we read, by Python's names, and what people call it."""

GUESSED = ["cp1252", "cp932", "gb18030", "cp874", "cp949", "big5"]
"""What a file without a mark may be in, if it is not UTF-8."""

BLOCK = 1024 * 1024
SAMPLE = 64 * 1024
HEAD = 4096
ZEROS_OF_UTF16 = 0.2
"""The share of zero bytes from which a file is UTF-16: half of all in English, few in Chinese."""

Opener = Callable[[], IO[bytes]]


def of(opener: Opener, name: str, wanted: str | None = None) -> str:
    """Give the encoding of a file, by Python's name; it decodes the whole.

    `wanted` is what somebody says it is in. Raises FileInvalid with the line that is not.
    """
    if wanted is not None:
        _require(opener, name, known(wanted))
        return known(wanted)
    with opener() as file:
        head = file.read(HEAD)
    marked = _marked(head) or _zeros(head)
    if marked:
        _require(opener, name, marked)
        return marked
    wrong_line = _first_wrong_line(opener, "utf-8-sig")
    if wrong_line is None:
        return "utf-8-sig"
    for guess in _guesses(opener):
        if _first_wrong_line(opener, guess) is None:
            return guess
    raise FileInvalid(
        name, wrong_line, "not UTF-8 text, nor in any encoding that we know; save it as UTF-8"
    )


def known(name: str) -> str:
    """Give Python's name of an encoding that we read; UsageError for any other."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = name
    same = {"utf-8": "utf-8-sig", "shift_jis": "cp932", "shift-jis": "cp932", "ascii": "utf-8-sig",
            "euc_kr": "cp949", "iso8859-1": "cp1252", "tis-620": "cp874", "gbk": "gb18030",
            "gb2312": "gb18030", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}  # fmt: skip
    python = same.get(found, found)
    if python not in {*ENCODINGS, "utf-16-le", "utf-16-be"}:
        raise UsageError(
            f"“{name[:40]}” is not an encoding that we read: {', '.join(ENCODINGS.values())}"
        )
    return python


def called(encoding: str) -> str:
    """Give what people call an encoding."""
    return ENCODINGS.get(encoding, encoding.upper())


def _marked(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else None


def _zeros(head: bytes) -> str | None:
    """Tell UTF-16 without a mark by its zero bytes: after ASCII characters, or before."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < ZEROS_OF_UTF16 * len(head) / 2 or min(even, odd) * 4 > max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _require(opener: Opener, name: str, encoding: str) -> None:
    line = _first_wrong_line(opener, encoding)
    if line is not None:
        raise FileInvalid(name, line, f"not {called(encoding)} text; try another --encoding")


def _first_wrong_line(opener: Opener, encoding: str) -> int | None:
    """Decode a whole file without keeping it; give the line that is not in the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    try:
        for block, last in _blocks(opener):
            lines += decoder.decode(block, last).count("\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding, errors="ignore")
        return lines + before.count("\n")
    return None


def _blocks(opener: Opener) -> Iterator[tuple[bytes, bool]]:
    with opener() as file:
        while block := file.read(BLOCK):
            yield block, False
    yield b"", True


def _guesses(opener: Opener) -> Iterator[str]:
    """Give encodings that a file may be in, the likeliest first."""
    from charset_normalizer import from_bytes  # noqa: PLC0415  (large; a worker goes without)

    found = from_bytes(_sample(opener), cp_isolation=GUESSED, threshold=1.0)
    yield from (match.encoding for match in found)


def _sample(opener: Opener) -> bytes:
    """Give the first lines that are not plain ASCII: only they tell encodings apart."""
    kept = bytearray()
    with opener() as file:
        while len(kept) < SAMPLE and (line := file.readline(SAMPLE)):
            if not line.isascii():
                kept += line
    return bytes(kept)
