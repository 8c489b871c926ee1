"""Media that nothing refers to any more, so that they may go.

A medium is named by its hash, in columns and in links that somebody wrote, so all words that are
kept are read for hashes: of items, digests and lists, of every frozen edition, of back numbers,
and of forms not saved yet.
Of an item that is its newest words, and older ones that went out; words that were put right
meanwhile and never went count for as long as a medium that was let go is kept.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, String, cast, delete, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer.db import changed
from mailer.db.schema import (
    BackNumber,
    DigestText,
    Edition,
    EditionItem,
    ItemVersion,
    ListText,
    Medium,
    Unsaved,
)
from mailer.history import SYSTEM, About, record

WHY = "nothing refers to it"
"""The reason in history, with the hash."""

OVERLAP = timedelta(minutes=5)
"""How long before a look began what is written counts as written since: clocks differ."""

AT_ONCE = 20
"""Rows read at once; an edition has some hundred kilobytes."""

HASH = re.compile(r"[0-9a-f]{64}")
HTML = "text/html"


def unused(session: Session, *, before: datetime) -> list[str]:
    """Give the hashes of media, none put in or let go since `before`, that nothing names."""
    statement = select(col(Medium.hash)).where(col(Medium.created_at) < before)
    old = set(session.execute(statement).scalars())
    if old:
        for text in _all_words(session, before):
            old.difference_update(HASH.findall(text))
    return sorted(old)


def remove(
    session: Session, known: str, *, before: datetime, looked_at: datetime, now: datetime
) -> bool:
    """Remove a medium found unused; False when somebody put it in again, or names it, since."""
    since = looked_at - OVERLAP
    if any(known in text for text in _words_since(session, since)):
        return False
    # Whoever puts the same bytes in waits here, or we for them: see `mailer.media.put`.
    statement = delete(Medium).where(col(Medium.hash) == known, col(Medium.created_at) < before)
    if not changed(session, statement):
        return False
    details = {"hash": known, "why": WHY}
    record(session, "medium.removed", SYSTEM, About(), at=now, details=details)
    return True


def _all_words(session: Session, before: datetime) -> Iterator[str]:
    later = aliased(ItemVersion)
    put_right = exists().where(
        col(later.item_id) == col(ItemVersion.item_id),
        col(later.number) > col(ItemVersion.number),
        col(later.created_at) < before,
    )
    went = col(ItemVersion.id).in_(select(col(EditionItem.item_version_id)))
    yield from _texts(session, _ITEMS.where(or_(~put_right, went)))
    yield from _texts(session, _EDITIONS)
    yield from _others(session)
    pages = select(col(Medium.content)).where(
        col(Medium.media_type) == HTML, col(Medium.hash).in_(select(col(BackNumber.hash)))
    )
    for content in session.execute(pages.execution_options(yield_per=AT_ONCE)).scalars():
        yield content.decode("latin-1")


def _words_since(session: Session, since: datetime) -> Iterator[str]:
    yield from _texts(session, _ITEMS.where(col(ItemVersion.created_at) >= since))
    yield from _texts(session, _EDITIONS.where(col(Edition.created_at) >= since))
    yield from _others(session)


def _others(session: Session) -> Iterator[str]:
    """Give what is small, and carries no moment."""
    for statement in (_DIGESTS, _LISTS, _BACK_NUMBERS, _UNSAVED):
        yield from _texts(session, statement)


def _texts(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[str]:
    for row in session.execute(statement.execution_options(yield_per=AT_ONCE)):
        yield " ".join(filter(None, row))


_ITEMS = select(
    col(ItemVersion.body),
    col(ItemVersion.link),
    cast(col(ItemVersion.picture), String),
    cast(col(ItemVersion.documents), String),
)
_EDITIONS = select(col(Edition.html), col(Edition.text))
_DIGESTS = select(col(DigestText.introduction))
_LISTS = select(col(ListText.description), col(ListText.welcome), col(ListText.consent))
_BACK_NUMBERS = select(col(BackNumber.hash))
_UNSAVED = select(cast(col(Unsaved.fields), String))
