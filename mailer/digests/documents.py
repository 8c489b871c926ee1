"""Documents of items: files that we host, of kinds that offices send around, or links to others'.

What a file is, its name and its bytes must agree upon: a program called `agenda.pdf` is neither.
Nothing that a browser would run is taken, and no file with macros.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlmodel import Session

from mailer import media
from mailer.errors import UsageError

LARGEST = media.LARGEST
"""Bytes of one document, and of all documents of an item together."""

MOST = 20
"""Documents of an item; who has more has a page to link to."""

MOST_MEMBERS = 10_000
"""Files within an office document, which is an archive of some dozen."""

TYPES = {
    extension: media_type
    for media_type, extension in media.EXTENSIONS.items()
    if not media_type.startswith("image/")
}
_MAIN_FOLDERS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}


@dataclass(frozen=True, slots=True)
class Document:
    """A document under its title: bytes to host with their type, or a link to somebody else's.

    `kind` is what is shown, such as PDF; of a link it may be empty.
    """

    title: str
    kind: str = ""
    content: bytes = b""
    link: str = ""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as an item version holds it; `hash` and `size` are of a hosted one."""

    title: str
    kind: str = ""
    link: str = ""
    hash: str = ""
    size: int = 0

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """Give a document back from a column of JSON."""
        return cls(**stored)

    @property
    def extension(self) -> str:
        """Give how the name of a hosted one ends."""
        return self.kind.lower()

    @property
    def name(self) -> str:
        """Give the name to save it by, without its end."""
        return media.file_name(self.title)


def read(path: Path, title: str) -> Document:
    """Read a file that is to be hosted.

    Raises UsageError, whose text goes on after the name of the file, and OSError.
    """
    _check_kind(path.name, path.stat().st_size)
    return of(path.name, path.read_bytes(), title)


def of(name: str, content: bytes, title: str) -> Document:
    """Give a document of a file's name and bytes.

    Raises UsageError, whose text goes on after the name of the file.
    """
    extension = _check_kind(name, len(content))
    _check(extension, content)
    return Document(title, extension.upper(), content)


def keep(session: Session, document: Document | StoredDocument, *, now: datetime) -> dict[str, Any]:
    """Put a document in the media store; give what the item version is to hold.

    One that is there already counts as put in just now. Raises NotFound when it is gone.
    """
    if isinstance(document, StoredDocument):
        if document.hash:
            media.stay(session, document.hash, now=now)
        return asdict(document)
    stored = StoredDocument(document.title, document.kind, document.link)
    if document.content:
        media_type = TYPES[stored.extension]
        known = media.put(session, document.content, media_type, now=now)
        size = len(document.content)
        stored = StoredDocument(document.title, document.kind, "", known, size)
    return asdict(stored)


def stored(session: Session, known: str, kind: str, title: str) -> StoredDocument | None:
    """Give a document of the media store by its hash; None when it has none such of this kind."""
    facts = media.facts(session, [known]).get(known)
    if facts is None or TYPES.get(kind.lower()) != facts.media_type:
        return None
    return StoredDocument(title, kind.upper(), "", known, facts.size)


def _check_kind(name: str, size: int) -> str:
    """Give how the name of a file that may be hosted ends."""
    extension = Path(name).suffix.lower().removeprefix(".")
    if extension not in TYPES:
        raise UsageError(f"is of a kind that is not hosted; there are {', '.join(sorted(TYPES))}")
    if size > LARGEST:
        raise UsageError(f"is larger than {LARGEST // 1_000_000} MB: link to a page that has it")
    return extension


def _check(extension: str, content: bytes) -> None:
    if not content:
        raise UsageError("is empty")
    if extension in {"txt", "csv"}:
        _check_text(content)
    elif extension == "pdf":
        # Readers of PDF look for its mark in the first thousand bytes.
        if b"%PDF-" not in content[:1024]:
            raise UsageError("is not a PDF, whatever its name says")
    elif not _is_office(extension, content):
        raise UsageError(f"is not a .{extension} document, whatever its name says")


def _check_text(content: bytes) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("is not text in UTF-8: save it as UTF-8") from None
    if "\0" in text:
        raise UsageError("is not text, whatever its name says")


def _is_office(extension: str, content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) > MOST_MEMBERS:
                return False
            if any(name.endswith("vbaProject.bin") for name in names):
                raise UsageError("holds macros: save it without them")
            if extension in _MAIN_FOLDERS:
                folder = _MAIN_FOLDERS[extension]
                return "[Content_Types].xml" in names and any(
                    name.startswith(folder) for name in names
                )
            with archive.open("mimetype") as member:
                return member.read(100) == TYPES[extension].encode()
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, RuntimeError, NotImplementedError):
        return False
