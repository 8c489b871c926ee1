"""Editions as the database keeps them: each once, with what stands in the headers beside it."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from mailer.db import upsert
from mailer.db.schema import DigestEdition, EditionItem, ItemVersion
from mailer.db.schema import Edition as EditionRow
from mailer.errors import NotFound
from mailer.rendering import Edition, Head


def keep(session: Session, edition: Edition, head: Head, list_id: int | None, now: datetime) -> int:
    """Store an edition unless the same is stored already; give its id."""
    statement = upsert(session, EditionRow).values(
        **edition.stored(), list_id=list_id, head=asdict(head), created_at=now
    )
    session.execute(statement.on_conflict_do_nothing(index_elements=["hash"]))
    found = select(col(EditionRow.id)).where(col(EditionRow.hash) == edition.hash)
    return int(session.execute(found).scalar_one())


def hold_items(session: Session, edition_id: int, versions: list[ItemVersion]) -> None:
    """Note which item versions are in an edition."""
    rows = [
        {"edition_id": edition_id, "item_version_id": version.id, "position": position}
        for position, version in enumerate(versions)
    ]
    if rows:
        # The same edition holds the same items, in the same order.
        session.connection().execute(upsert(session, EditionItem).on_conflict_do_nothing(), rows)


def kept(session: Session, edition_id: int) -> tuple[Edition, Head]:
    """Give an edition with its head; NotFound when there is none."""
    row = session.get(EditionRow, edition_id)
    if row is None:
        raise NotFound("edition", edition_id)
    return stored(row), Head.load(row.head)


def of_digest(session: Session, digest_id: int, language: str) -> tuple[Edition, Head] | None:
    """Give the edition that a digest goes out as in a language; None while it is not frozen."""
    row = session.get(DigestEdition, (digest_id, language))
    return kept(session, row.edition_id) if row else None


def frozen(session: Session, digest_id: int) -> dict[str, Edition]:
    """Give the editions that a digest goes out as, by language."""
    statement = (
        select(col(DigestEdition.language), EditionRow)
        .join(EditionRow, col(EditionRow.id) == col(DigestEdition.edition_id))
        .where(col(DigestEdition.digest_id) == digest_id)
    )
    return {language: stored(row) for language, row in session.execute(statement)}


def stored(row: EditionRow) -> Edition:
    """Give an edition back from its row."""
    return Edition.load(row.model_dump())
