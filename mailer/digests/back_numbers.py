"""Back numbers: what went out before we did it, put into a list's archive as PDF or HTML.

The file is in the media store; its words are kept beside it, to be found by.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from mailer import media, unseen
from mailer.db import changed
from mailer.db.schema import BackNumber, MailingList, Medium
from mailer.digests.papers import Paper
from mailer.errors import HeaderInvalid, NotFound, Refused, UsageError
from mailer.folding import folded
from mailer.history import EDITOR, About, record

LONGEST_TITLE = 200
LONGEST_NUMBER = 40
"""Characters of what a back number was called: 12, 2019/3, Special."""

EARLIEST = date(1800, 1, 1)
MOST = 10_000
"""Back numbers that are listed at once."""

HINT = "“mailer archive list” shows them all"


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a back number in the archive."""

    title: str
    dated_on: date
    language: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A back number as the archive lists it, without its words and its file."""

    id: int
    list_id: int
    number: str
    dated_on: date
    language: str
    title: str
    file_name: str
    hash: str
    created_at: datetime
    media_type: str
    size: int

    @property
    def kind(self) -> str:
        """Give what it is, as people say: PDF or HTML."""
        return self.media_type.rpartition("/")[2].upper()


def add(
    session: Session, found: MailingList, heading: Heading, paper: Paper, *, now: datetime
) -> int:
    """Put a back number into a list's archive; give its id.

    Raises UsageError for a heading that cannot be, Refused when the same file is there already.
    """
    assert found.id is not None
    _check(heading, now)
    known = media.put(session, paper.content, paper.media_type, now=now)
    same = select(col(BackNumber.id)).where(
        col(BackNumber.list_id) == found.id, col(BackNumber.hash) == known
    )
    if there := session.execute(same).scalar():
        raise Refused(f"{paper.name} is in the archive of “{found.slug}” already, as {there}")
    made = BackNumber(
        list_id=found.id,
        number=heading.number,
        dated_on=heading.dated_on,
        language=heading.language,
        title=heading.title,
        file_name=paper.name,
        hash=known,
        words=f"{folded(heading.title)} {paper.words}".strip(),
        created_at=now,
    )
    session.add(made)
    session.flush()
    assert made.id is not None
    _note(session, "back_number.added", made.list_id, made.id, now)
    return made.id


def remove(session: Session, back_number_id: int, *, now: datetime) -> None:
    """Take a back number out of the archive; NotFound when there is none."""
    there = get(session, back_number_id)
    # The file stays in the media store until retention finds that nothing names it any more.
    if changed(session, delete(BackNumber).where(col(BackNumber.id) == there.id)):
        media.keep(session, there.hash, now=now)
        _note(session, "back_number.removed", there.list_id, there.id, now)


def get(session: Session, back_number_id: int) -> Shelved:
    """Give a back number; NotFound when there is none."""
    found = some(session, [back_number_id])
    if not found:
        raise NotFound("back number", back_number_id, HINT)
    return found[back_number_id]


def some(session: Session, ids: Collection[int]) -> dict[int, Shelved]:
    """Give back numbers by their ids."""
    rows = session.execute(_SHELVED.where(col(BackNumber.id).in_(ids)))
    return {row.id: Shelved(*row) for row in rows}


def every(session: Session, list_id: int | None = None) -> list[Shelved]:
    """Give all back numbers, or those of one list, newest first."""
    statement = _SHELVED.order_by(col(BackNumber.dated_on).desc(), col(BackNumber.id).desc())
    if list_id is not None:
        statement = statement.where(col(BackNumber.list_id) == list_id)
    return [Shelved(*row) for row in session.execute(statement.limit(MOST))]


def _check(heading: Heading, now: datetime) -> None:
    for what, text, longest in (
        ("title", heading.title, LONGEST_TITLE),
        ("number", heading.number, LONGEST_NUMBER),
    ):
        if unseen.IN_LINE.search(text):
            raise HeaderInvalid(what, "holds a line break or another unseen character")
        if len(text) > longest:
            raise UsageError(f"a {what} has {longest} characters at most")
    if not heading.title.strip():
        raise UsageError("a back number needs a title")
    if not EARLIEST <= heading.dated_on <= now.date():
        raise UsageError(
            f"{heading.dated_on} cannot be the date of a back number: it lies ahead, "
            f"or before {EARLIEST.year}"
        )


def _note(session: Session, kind: str, list_id: int, back_number_id: int, now: datetime) -> None:
    details = {"back_number": back_number_id}
    record(session, kind, EDITOR, About(list_id=list_id), at=now, details=details)


_SHELVED = select(
    *map(
        col,
        (
            BackNumber.id,
            BackNumber.list_id,
            BackNumber.number,
            BackNumber.dated_on,
            BackNumber.language,
            BackNumber.title,
            BackNumber.file_name,
            BackNumber.hash,
            BackNumber.created_at,
            Medium.media_type,
            Medium.size,
        ),
    )
).join(Medium, col(Medium.hash) == col(BackNumber.hash))
