"""What an editor has typed and not saved yet: kept on the way, so that a closed tab loses nothing.

A place names a form, such as `item/12`; `base` is the version that the editor began with, by which
it shows whether somebody else has saved in between.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from mailer.db import changed
from mailer.db.schema import Unsaved
from mailer.errors import TooLarge

LARGEST = 400_000
"""Characters of a form's fields: an item may have a quarter of a million."""

KEPT = timedelta(days=60)
"""How long what nobody saves is kept."""


def keep(
    session: Session,
    editor_id: int,
    place: str,
    fields: Mapping[str, Any],
    *,
    base: int,
    now: datetime,
) -> None:
    """Keep what a form holds, in the place of what was kept of it before."""
    if sum(len(str(value)) for value in fields.values()) > LARGEST:
        raise TooLarge(f"a form holds at most {LARGEST:,} characters")
    found = of(session, editor_id, place) or Unsaved(
        editor_id=editor_id, place=place, base=base, saved_at=now
    )
    found.fields, found.base, found.saved_at = dict(fields), base, now
    session.add(found)
    session.flush()


def of(session: Session, editor_id: int, place: str) -> Unsaved | None:
    """Give what an editor has typed into a form and not saved."""
    statement = select(Unsaved).where(
        col(Unsaved.editor_id) == editor_id, col(Unsaved.place) == place
    )
    return session.exec(statement).first()


def every(session: Session, editor_id: int) -> list[Unsaved]:
    """Give all that an editor has not saved, the newest first."""
    statement = select(Unsaved).where(col(Unsaved.editor_id) == editor_id)
    return list(session.exec(statement.order_by(col(Unsaved.saved_at).desc())))


def drop(session: Session, editor_id: int, place: str) -> None:
    """Forget what was typed: it is saved now, or not wanted."""
    session.execute(
        delete(Unsaved).where(col(Unsaved.editor_id) == editor_id, col(Unsaved.place) == place)
    )


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop what nobody has come back to; give how many."""
    return changed(session, delete(Unsaved).where(col(Unsaved.saved_at) < now - KEPT))
