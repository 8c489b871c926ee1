"""The media store: pictures and documents that we host, each known by the hash of its content.

    hash = media.put(session, content, "application/pdf", now=now)
    medium = media.get(session, hash)                    with its content
    address = links.medium(hash, media.extension(…))     where the world finds it

A medium is never changed, and the same bytes are kept once. What refers to one names its hash.
Nothing is taken out here: which media nothing refers to any more is for retention to find, by
`mailer.digests.unused`.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from mailer.db import changed, upsert
from mailer.db.schema import Medium
from mailer.errors import NotFound, TooLarge

LARGEST = 20_000_000
"""Bytes of one medium, which is held in memory as a whole while it is put in or read."""

HASH = re.compile(r"[0-9a-f]{64}")

LONGEST_NAME = 80
"""Characters of the name that a browser saves a document by."""

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "text/plain": "txt",
    "text/csv": "csv",
}
"""What has an address of its own, and how that ends. Other types can be kept, such as the HTML
of a back number; whoever keeps them shows them with care, on a page."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a medium without reading it; a document has no width and height."""

    hash: str
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None


def put(
    session: Session,
    content: bytes,
    media_type: str,
    *,
    now: datetime,
    pixels: tuple[int, int] | None = None,
) -> str:
    """Keep a medium, unless the same bytes are kept already; give its hash.

    `pixels` are a picture's width and height. Raises TooLarge.
    """
    if len(content) > LARGEST:
        raise TooLarge(f"{len(content):,} bytes are too many to host; {LARGEST:,} is the most")
    known = hashlib.sha256(content).hexdigest()
    if keep(session, known, now=now):
        return known  # and nothing large goes to the database once more
    width, height = pixels or (None, None)
    # Somebody else may put it in at this moment.
    statement = upsert(session, Medium).values(
        hash=known,
        media_type=media_type,
        size=len(content),
        width=width,
        height=height,
        content=content,
        created_at=now,
    )
    session.execute(statement.on_conflict_do_nothing(index_elements=["hash"]))
    return known


def keep(session: Session, known: str, *, now: datetime) -> bool:
    """Let a medium count as put in just now; False when there is none of this hash.

    Whoever would remove it at this moment waits for us, and then finds it young.
    """
    statement = update(Medium).where(col(Medium.hash) == known)
    return changed(session, statement.values(created_at=now)) == 1


def stay(session: Session, known: str, *, now: datetime) -> None:
    """Let a medium count as put in just now; NotFound when there is none of this hash."""
    if not keep(session, known, now=now):
        raise NotFound("medium", known)


def get(session: Session, known: str) -> Medium:
    """Give a medium with its content; NotFound when there is none of this hash."""
    found = session.get(Medium, known) if HASH.fullmatch(known) else None
    if found is None:
        raise NotFound("medium", known)
    return found


def facts(session: Session, hashes: Iterable[str]) -> dict[str, Facts]:
    """Give what is known of media, by hash; those that are not there are left out."""
    columns = map(col, (Medium.hash, Medium.media_type, Medium.size, Medium.width, Medium.height))
    found = select(*columns).where(col(Medium.hash).in_(set(hashes)))
    return {row[0]: Facts(*row) for row in session.execute(found)}


def extension(media_type: str) -> str:
    """Give how the address of a medium ends; NotFound for a type that has no address."""
    if media_type not in EXTENSIONS:
        raise NotFound("address for a medium of type", media_type)
    return EXTENSIONS[media_type]


def file_name(title: str) -> str:
    """Give a name to save something by: the title's letters and digits, of any script.

    What was given by this is left as it is, so no other name needs to be believed.
    """
    plain = unicodedata.normalize("NFC", title)
    kept = (
        char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in plain
    )
    return "-".join("".join(kept).split())[:LONGEST_NAME].strip("-") or "document"
