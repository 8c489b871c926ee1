"""The stock of items as editors look through it: by words, topic, language and state, in pages.

In which digests an item stands is told of the lists that somebody may see, and of no others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer.db.schema import Digest, DigestItem, DigestState, Item, ItemVersion, MailingList
from mailer.digests.items import Written

MOST_TOPICS = 200
"""Topics to choose from; the most frequent."""

Lists = Collection[int] | None
"""The ids of the lists of which something may be told; None for all of them."""


class Order(StrEnum):
    """How the stock is sorted."""

    CHANGED = "changed"
    TITLE = "title"
    DATE = "date"


class Kept(StrEnum):
    """What has become of an item."""

    NEW = "new"  # in no digest yet
    USED = "used"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; `words` are as `mailer.folding` gives them, all of which must be there."""

    words: tuple[str, ...] = ()
    topic: str = ""
    language: str = ""
    kept: Kept | None = None
    order: Order = Order.CHANGED


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the stock, and the items beside which the pages before and after begin."""

    items: tuple[Written, ...]
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A digest that an item is in."""

    digest_id: int
    slug: str
    number: int
    state: DigestState


def page(
    session: Session,
    search: Search,
    *,
    lists: Lists = None,
    after: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page:
    """Give what is looked for: what stands after an item in its order, or before one."""
    is_back = before is not None and after is None
    asked = _ordered(_found(search, lists), search.order, is_back=is_back)
    beside = before if is_back else after
    if beside is not None:
        asked = asked.where(_beyond(search.order, beside, is_back=is_back))
    rows = [Written(item, version) for item, version in session.execute(asked.limit(limit + 1))]
    has_more, rows = len(rows) > limit, rows[:limit]
    if is_back:
        rows.reverse()
    if not rows:
        return Page(())
    has_before, has_after = (has_more, True) if is_back else (beside is not None, has_more)
    return Page(tuple(rows), rows[0].id if has_before else None, rows[-1].id if has_after else None)


def uses(session: Session, item_ids: Sequence[int], lists: Lists = None) -> dict[int, list[Use]]:
    """Give the digests that items are in, by item, the newest first; cancelled ones are none.

    A translation is in a digest where its original is: readers of its language get it there.
    """
    member = aliased(Item)
    statement = (
        select(
            col(Item.id),
            col(Digest.id),
            col(MailingList.slug),
            col(Digest.number),
            col(Digest.state),
        )
        .join(member, col(member.group_id) == col(Item.group_id))
        .join(DigestItem, col(DigestItem.item_id) == col(member.id))
        .join(Digest, col(Digest.id) == col(DigestItem.digest_id))
        .join(MailingList, col(MailingList.id) == col(Digest.list_id))
        .where(col(Item.id).in_(item_ids), _counts(lists))
        .order_by(col(Digest.id).desc())
        .distinct()
    )
    found: dict[int, list[Use]] = {}
    for item_id, *rest in session.execute(statement):
        found.setdefault(item_id, []).append(Use(*rest))
    return found


def topics(session: Session) -> list[str]:
    """Give the topics of all items that are not retired, by name."""
    statement = (
        select(col(ItemVersion.topic))
        .join(Item, col(Item.id) == col(ItemVersion.item_id))
        .where(_is_newest(), col(ItemVersion.topic) != "", col(Item.retired_at).is_(None))
        .group_by(col(ItemVersion.topic))
        .order_by(func.count().desc(), col(ItemVersion.topic))
        .limit(MOST_TOPICS)
    )
    return sorted(session.execute(statement).scalars())


def languages(session: Session) -> list[str]:
    """Give the languages that items are in."""
    return sorted(session.execute(select(col(Item.language)).distinct()).scalars())


def zones(session: Session) -> list[str]:
    """Give the time zones that items have their hours in."""
    statement = select(col(ItemVersion.timezone)).where(col(ItemVersion.timezone).is_not(None))
    return [one for one in session.execute(statement.distinct()).scalars() if one]


def _found(search: Search, lists: Lists) -> Select[Item, ItemVersion]:
    asked = (
        select(Item, ItemVersion)
        .join(ItemVersion, col(ItemVersion.item_id) == col(Item.id))
        .where(_is_newest())
    )
    for word in search.words:
        asked = asked.where(col(ItemVersion.words).contains(word, autoescape=True))
    if search.topic:
        asked = asked.where(col(ItemVersion.topic) == search.topic)
    if search.language:
        asked = asked.where(col(Item.language) == search.language)
    is_retired = col(Item.retired_at).is_not(None)
    asked = asked.where(is_retired if search.kept is Kept.RETIRED else ~is_retired)
    if search.kept in {Kept.NEW, Kept.USED}:
        is_used = _is_used(lists)
        asked = asked.where(is_used if search.kept is Kept.USED else ~is_used)
    return asked


def _ordered(
    asked: Select[Item, ItemVersion], order: Order, *, is_back: bool
) -> Select[Item, ItemVersion]:
    key, is_falling = _key(order)
    columns = (key, col(Item.id))
    falls = is_falling != is_back
    return asked.order_by(*(one.desc() if falls else one.asc() for one in columns))


def _beyond(order: Order, item_id: int, *, is_back: bool) -> ColumnElement[bool]:
    """Give the condition for what stands after an item, or before it."""
    key, is_falling = _key(order)
    there = _value(order, item_id)
    if is_falling != is_back:
        return or_(key < there, and_(key == there, col(Item.id) < item_id))
    return or_(key > there, and_(key == there, col(Item.id) > item_id))


def _key(order: Order) -> tuple[Any, bool]:
    """Give what is sorted by, and whether the largest comes first."""
    match order:
        case Order.TITLE:
            return func.lower(col(ItemVersion.title)), False
        case Order.DATE:
            return func.coalesce(col(ItemVersion.starts), ""), True
        case Order.CHANGED:
            return col(ItemVersion.created_at), True


def _value(order: Order, item_id: int) -> ColumnElement[Any]:
    """Give what one item is sorted by: its newest version's."""
    key, _ = _key(order)
    newest = select(key).where(col(ItemVersion.item_id) == item_id)
    alone = newest.order_by(col(ItemVersion.number).desc()).limit(1)
    return alone.correlate(None).scalar_subquery()


def _is_newest() -> ColumnElement[bool]:
    later = aliased(ItemVersion)
    return ~exists().where(
        col(later.item_id) == col(ItemVersion.item_id), col(later.number) > col(ItemVersion.number)
    )


def _is_used(lists: Lists) -> ColumnElement[bool]:
    member = aliased(Item)
    return exists().where(
        col(member.group_id) == col(Item.group_id),
        col(DigestItem.item_id) == col(member.id),
        col(Digest.id) == col(DigestItem.digest_id),
        _counts(lists),
    )


def _counts(lists: Lists) -> ColumnElement[bool]:
    """Tell which digests count: those not cancelled, of lists that may be told of."""
    stands = col(Digest.state) != DigestState.CANCELLED
    return stands if lists is None else and_(stands, col(Digest.list_id).in_(lists))
