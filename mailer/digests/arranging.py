"""What an editor arranges in a draft: its date, its layout, its items under their headings.

Whatever is changed makes a scheduled digest a draft again. Who began with something that another
editor has changed in between is refused with `Changed`, and nothing is overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, update
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, select

from mailer import unseen
from mailer.db.schema import (
    Digest,
    DigestItem,
    DigestState,
    DigestText,
    Item,
    ItemVersion,
    MailingList,
)
from mailer.digests import items, life, order
from mailer.digests.items import Written
from mailer.digests.order import Order, Placed, Step
from mailer.errors import Refused, UsageError
from mailer.folding import words_of
from mailer.history import EDITOR, About, By, record
from mailer.language import translatable

LONGEST_SECTION = 120
OTHER_SAVED = translatable("Somebody else has changed this in the meantime. Nothing was saved yet.")
IN_ALREADY = translatable("This item, or a translation of it, is in the digest already.")
FULL = translatable("A digest holds 200 items at most.")
SECTION = translatable("The name of a section has up to 120 characters that can be seen.")

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
"""Between these a digest's date is no slip of the pen."""


class Changed(Refused):
    """Another editor has saved since the form was shown."""

    def __init__(self) -> None:
        super().__init__(OTHER_SAVED)


@dataclass(frozen=True, slots=True)
class Words:
    """What a form of words holds, in one language."""

    subject: str
    preheader: str = ""
    introduction: str = ""

    @property
    def fingerprint(self) -> str:
        """Give what changes when one of the words does."""
        return order.fingerprint(self.subject, self.preheader, self.introduction)


NO_WORDS = Words("")


def words(session: Session, digest_id: int, language: str) -> Words:
    """Give a digest's words in a language; empty ones while nobody wrote any."""
    found = session.get(DigestText, (digest_id, language), populate_existing=True)
    return Words(found.subject, found.preheader, found.introduction) if found else NO_WORDS


def write(  # noqa: PLR0913  (who writes what, where, and upon what)
    session: Session,
    digest_id: int,
    language: str,
    new: Words,
    *,
    base: str,
    now: datetime,
    by: By = EDITOR,
) -> None:
    """Set a draft's words in one language; `base` is the fingerprint of those that were shown."""
    if words(session, digest_id, language) == new:
        return
    life.open_draft(session, digest_id, now=now, by=by)
    if words(session, digest_id, language).fingerprint != base:
        raise Changed
    life.write(
        session,
        digest_id,
        language,
        new.subject,
        new.introduction,
        preheader=new.preheader,
        now=now,
        by=by,
    )
    _note(session, digest_id, "digest.worded", {"language": language}, now, by)


def unwrite(
    session: Session, digest_id: int, language: str, *, now: datetime, by: By = EDITOR
) -> None:
    """Take a draft's words in one language away; those of the list's own language stay."""
    digest = life.open_draft(session, digest_id, now=now, by=by)
    if language == session.get_one(MailingList, digest.list_id).language:
        raise Refused(translatable("A digest needs words in the first language of its list."))
    found = session.get(DigestText, (digest_id, language))
    if found is not None:
        session.delete(found)
        session.flush()
        _note(session, digest_id, "digest.worded", {"language": language}, now, by)


def settle(
    session: Session, digest_id: int, dated_on: date, layout: str, *, now: datetime, by: By = EDITOR
) -> None:
    """Set a draft's date and layout; whether there is such a layout is for the caller to know."""
    if not EARLIEST <= dated_on <= LATEST:
        raise UsageError(translatable("Is the year right? The date is far away."))
    digest = life.get(session, digest_id)
    if (digest.dated_on, digest.layout) == (dated_on, layout):
        return
    life.open_draft(session, digest_id, now=now, by=by)
    values = {"dated_on": dated_on, "layout": layout}
    session.execute(update(Digest).where(col(Digest.id) == digest_id).values(**values))
    details = {"dated_on": dated_on.isoformat(), "layout": layout}
    _note(session, digest_id, "digest.settled", details, now, by)


def order_of(session: Session, digest_id: int) -> Order:
    """Give a digest's items in order, with their sections."""
    statement = (
        select(DigestItem)
        .where(col(DigestItem.digest_id) == digest_id)
        .order_by(col(DigestItem.position), col(DigestItem.item_id))
    )
    return order.together([Placed(row.item_id, row.section) for row in session.exec(statement)])


def arrange(
    session: Session, digest_id: int, step: Step, *, now: datetime, by: By = EDITOR
) -> Order:
    """Take one step with a draft's items, from how they stand now; give how they stand then."""
    before = order_of(session, digest_id)
    if step(before) == before:
        return before
    life.open_draft(session, digest_id, now=now, by=by)
    after = step(order_of(session, digest_id))
    if len(after) > life.MOST_ITEMS:
        raise Refused(FULL)
    session.execute(delete(DigestItem).where(col(DigestItem.digest_id) == digest_id))
    for position, one in enumerate(after):
        session.add(
            DigestItem(
                digest_id=digest_id,
                item_id=one.item_id,
                position=position,
                section=one.section,
            )
        )
    session.flush()
    details = {"items": [one.item_id for one in after]}
    _note(session, digest_id, "digest.arranged", details, now, by)
    return after


def add(session: Session, digest_id: int, item_id: int, *, now: datetime, by: By = EDITOR) -> Order:
    """Put an item into a draft, under its topic; Refused when it, or a translation, is in."""
    written = items.get(session, item_id)
    if written.item.retired_at is not None:
        raise Refused(translatable("This item is retired."))
    same = (
        select(DigestItem)
        .join(Item, col(Item.id) == col(DigestItem.item_id))
        .where(col(DigestItem.digest_id) == digest_id, col(Item.group_id) == written.item.group_id)
    )
    if session.exec(same.limit(1)).first() is not None:
        raise Refused(IN_ALREADY)
    placed = Placed(item_id, written.version.topic)
    return arrange(session, digest_id, lambda old: order.added(old, placed), now=now, by=by)


def add_new(session: Session, digest_id: int, *, now: datetime, by: By = EDITOR) -> int:
    """Put all items into a draft that are new for its list; give how many."""
    listed = session.get_one(MailingList, life.get(session, digest_id).list_id)
    fresh = life.new_items(session, listed)[: life.MOST_ITEMS]

    def step(old: Order) -> Order:
        room = life.MOST_ITEMS - len(old)
        more = [Placed(one.id, one.version.topic) for one in fresh[:room]]
        return order.together([*old, *more])

    before = len(order_of(session, digest_id))
    return len(arrange(session, digest_id, step, now=now, by=by)) - before


def section_name(typed: str) -> str:
    """Give the name of a section as it is kept; UsageError for one that cannot be."""
    name = " ".join(typed.split())
    if len(name) > LONGEST_SECTION or unseen.IN_LINE.search(name):
        raise UsageError(SECTION)
    return name


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that could be put in: `used` tells that a digest of the list had it."""

    written: Written
    used: bool

    @property
    def place(self) -> str:
        """Give where it stands among the candidates, for an address."""
        return f"{int(self.used)}-{self.written.id}"


def candidates(
    session: Session, digest: Digest, sought: str, *, after: str = "", limit: int
) -> list[Candidate]:
    """Give items that are not in a digest, unused ones first, each piece of news once.

    `sought` are words that must all be in it; `after` is the place of the last one shown.
    """
    listed = session.get_one(MailingList, digest.list_id)
    used = (
        col(Item.group_id).in_(_groups(col(Digest.list_id) == digest.list_id, digest.id)).label("u")
    )
    mine = _groups(col(Digest.id) == digest.id, None)
    # Of the translations of one piece of news the list's language is shown, else the original.
    best = (
        select(
            func.coalesce(
                func.min(col(Item.id)).filter(col(Item.language) == listed.language),
                func.min(col(Item.id)),
            )
        )
        .where(col(Item.retired_at).is_(None), col(Item.group_id).not_in(mine))
        .group_by(col(Item.group_id))
    )
    statement = select(Item.id, used).where(col(Item.id).in_(best))
    for word in words_of(sought):
        statement = statement.where(_says(word))
    place = _place(after)
    if place is not None:
        is_used, item_id = place
        further = and_(used.is_(is_used), col(Item.id) < item_id)
        statement = statement.where(further if is_used else or_(further, used.is_(True)))
    rows = session.exec(statement.order_by(used, col(Item.id).desc()).limit(limit)).all()
    written = items.some(session, [item_id or 0 for item_id, _ in rows])
    return [Candidate(one, bool(row[1])) for one, row in zip(written, rows, strict=True)]


def _groups(condition: ColumnElement[bool], without: int | None) -> Select[Any]:
    """Select the groups whose items are in digests, save cancelled ones."""
    statement = (
        select_columns(col(Item.group_id))
        .join(DigestItem, col(DigestItem.item_id) == col(Item.id))
        .join(Digest, col(Digest.id) == col(DigestItem.digest_id))
        .where(condition, col(Digest.state) != DigestState.CANCELLED)
    )
    return statement if without is None else statement.where(col(Digest.id) != without)


def _says(word: str) -> ColumnElement[bool]:
    """Give the condition that the newest version of an item, in any language, has a word."""
    other, version, later = aliased(Item), ItemVersion, aliased(ItemVersion)
    newer = exists().where(
        col(later.item_id) == col(version.item_id), col(later.number) > col(version.number)
    )
    return exists().where(
        col(other.group_id) == col(Item.group_id),
        col(version.item_id) == col(other.id),
        col(version.words).contains(word, autoescape=True),
        ~newer,
    )


def _place(text: str) -> tuple[bool, int] | None:
    used, _, number = text.partition("-")
    if used not in {"0", "1"} or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    return used == "1", int(number)


def _note(
    session: Session,
    digest_id: int,
    kind: str,
    details: Mapping[str, object],
    now: datetime,
    by: By,
) -> None:
    digest = life.get(session, digest_id)
    about = About(list_id=digest.list_id, digest_id=digest_id)
    record(session, kind, by, about, at=now, details=details)
