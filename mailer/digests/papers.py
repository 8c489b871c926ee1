"""Files that become back numbers: whether they are PDF or HTML, and which words are in them.

A PDF is read by a process of its own, with bounds on pages, memory and time, for nobody knows
who wrote it. Its words are only to be found by: a file that gives none is put in all the same.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from selectolax.lexbor import LexborHTMLParser

from mailer import media
from mailer.digests import pdf_words
from mailer.errors import FileInvalid, TooLarge
from mailer.folding import folded

PDF, HTML = "application/pdf", "text/html"

LARGEST_PDF = media.LARGEST
LARGEST_HTML = 2_000_000
"""Bytes of a page, which is made safe anew each time that it is shown."""

LONGEST_WORDS = 300_000
"""Characters that are kept to be found by; a newspaper of forty pages has some 200,000."""

READING_SECONDS = 30
MARK_WITHIN = 1024
"""Readers of PDF look for its mark in the first thousand bytes, and browsers for that of HTML."""

_HTML_MARK = re.compile(
    r"\s*(?:<!--.*?-->\s*|<\?xml.*?\?>\s*)*<(?:!doctype\s+html|[a-z]\w*)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that can be put into the archive; `words` are folded.

    `trouble` says why a PDF's words could not be read, for the person who puts it in.
    """

    name: str
    media_type: str
    content: bytes
    words: str = ""
    trouble: str = ""


def read(path: Path) -> Paper:
    """Read a file; FileInvalid for what is neither PDF nor HTML, TooLarge.

    An HTML page is kept as UTF-8, whatever its encoding was.
    """
    content = _bytes_of(path)
    if b"%PDF-" in content[:MARK_WITHIN]:
        words, trouble = words_of_pdf(content)
        return Paper(path.name, PDF, content, words, trouble)
    if len(content) > LARGEST_HTML:
        _too_large(path, LARGEST_HTML)
    page = _decoded(path, content)
    return Paper(path.name, HTML, page.encode(), _words_of_html(page))


def words_of_pdf(content: bytes, *, seconds: float = READING_SECONDS) -> tuple[str, str]:
    """Give the words of a PDF, folded, and what kept us from reading them, if anything did."""
    # By its file, and without its folder on the path: the whole of our program is not needed.
    command = [sys.executable, "-P", pdf_words.__file__]
    try:
        done = subprocess.run(  # noqa: S603  (our own program, its input is not a command)
            command, input=content, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        return _folded(late.stdout or b""), f"that took more than {seconds:g} seconds"
    words = _folded(done.stdout)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return words, said[-1] if said else "it needs too much memory or time"
    return words, "" if words else "there is no text in it, as in a scan"


def _folded(raw: bytes) -> str:
    return folded(raw.decode("utf-8", "replace"))[:LONGEST_WORDS]


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte more than may be: enough to know that it is too much.
            content = file.read(LARGEST_PDF + 1)
    except FileNotFoundError:
        raise FileInvalid(path, None, "there is no such file") from None
    except OSError as error:
        raise FileInvalid(path, None, error.strerror or "cannot be read") from None
    if len(content) > LARGEST_PDF:
        _too_large(path, LARGEST_PDF)
    if not content:
        raise FileInvalid(path, None, "is empty")
    return content


def _decoded(path: Path, content: bytes) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415  (large; a worker goes without)

    # Looks for a byte-order mark and for what the page says of itself, then at the bytes.
    best = from_bytes(content).best()
    if best is None or not _HTML_MARK.match(str(best).lstrip("\ufeff")[:MARK_WITHIN]):
        raise FileInvalid(path, None, "is neither a PDF nor an HTML file")
    return str(best).lstrip("\ufeff").replace("\0", "")


def _words_of_html(page: str) -> str:
    tree = LexborHTMLParser(page)
    for node in tree.css("script, style, template, noscript, title"):
        node.decompose()
    body = tree.body
    return folded(body.text(separator=" ") if body else "")[:LONGEST_WORDS]


def _too_large(path: Path, limit: int) -> NoReturn:
    raise TooLarge(f"{path}: larger than {limit // 1_000_000} MB, the most for its kind")
