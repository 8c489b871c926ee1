"""The archive of a list: all that went out, by date, to be found by year, topic and words.

Digests and back numbers stand in one row, newest first. What was never mailed is not in it;
whether a list's archive may be shown at all is for the caller to say. However many numbers there
are, a page takes the same few queries.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlmodel import Session, col

from mailer.db.schema import (
    BackNumber,
    Digest,
    DigestEdition,
    DigestText,
    EditionItem,
    Item,
    ItemVersion,
    MailingList,
    Visibility,
)
from mailer.digests.life import went_out
from mailer.errors import NotFound

MOST_TOPICS = 50
"""Topics to choose from; the most frequent of a list."""

MOST_ITEMS = 2_000
"""Items that are looked at for one page of numbers."""

MOST_NUMBERS = 20
"""Digests that an item's page names; the newest."""

LONGEST_NUMBER = 9
"""Digits of a number in an address."""

KINDS = DIGEST, BACK_NUMBER = 1, 0
"""Which kind stands first on one day."""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for: words as `mailer.folding` gives them, all of which must be there.

    The year is not minded by what asks the database: `numbers` chooses by it.
    """

    words: tuple[str, ...] = ()
    year: int | None = None
    topic: str = ""

    @property
    def is_by_content(self) -> bool:
        """Tell whether it asks for more than a year."""
        return bool(self.words or self.topic)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands in the row: `at` is a digest's number or a back number's id."""

    dated_on: date
    kind: int
    at: int

    @property
    def key(self) -> tuple[date, int, int]:
        """Give what places are ordered by."""
        return self.dated_on, self.kind, self.at

    @property
    def name(self) -> str:
        """Give how an address names the place: `12` is digest 12, `b3` back number 3."""
        return str(self.at) if self.kind == DIGEST else f"b{self.at}"


@dataclass(frozen=True, slots=True)
class Found:
    """A number in the archive, known by its kind and the id of its row."""

    place: Place
    id: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An item of a digest, with the title under which it went out."""

    item_id: int
    group_id: int
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class SentItem:
    """An item as it went out last, the digests it was in, and its group's items by language."""

    item: Item
    version: ItemVersion
    digests: tuple[Digest, ...]
    translations: dict[str, int]


def found(session: Session, list_id: int, search: Search) -> list[Found]:
    """Give all that is looked for, of whatever year, newest first.

    It is asked once for a page, and what the page shows is told from it: going through the words
    of all that ever went out is what a search costs.
    """
    row = _row(list_id, search).subquery()
    key = (row.c.dated_on, row.c.kind, row.c.place)
    statement = select(*key, row.c.id).order_by(*(column.desc() for column in key))
    return [
        Found(Place(dated_on, kind, at), row_id)
        for dated_on, kind, at, row_id in session.execute(statement)
    ]


def years(every: Iterable[Found]) -> dict[int, int]:
    """Give the years in which something of it went out, newest first, and how much."""
    counted = Counter(one.place.dated_on.year for one in every)
    return dict(sorted(counted.items(), reverse=True))


def numbers(
    every: Iterable[Found], year: int | None, *, before: Place | None, limit: int
) -> list[Found]:
    """Give some of it, of one year or of all: what stands after `before` in the row."""
    wanted = (
        one
        for one in every
        if year in {None, one.place.dated_on.year}
        and (before is None or one.place.key < before.key)
    )
    return list(islice(wanted, limit))


def topics(session: Session, list_id: int, language: str) -> list[str]:
    """Give the topics of what went out in one language, by name."""
    topic = col(ItemVersion.topic)
    statement = (
        _went_out(list_id, topic)
        .where(col(DigestEdition.language) == language, topic != "")
        .group_by(topic)
        .order_by(func.count().desc(), topic)
        .limit(MOST_TOPICS)
    )
    return sorted(session.execute(statement).scalars(), key=str.casefold)


def newest(session: Session, list_ids: Collection[int], *, limit: int) -> list[Digest]:
    """Give the newest digests that went out on some lists."""
    statement = (
        select(Digest)
        .where(col(Digest.list_id).in_(list_ids), went_out())
        .order_by(col(Digest.dated_on).desc(), col(Digest.id).desc())
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def sent_item(session: Session, list_id: int, item_id: int) -> SentItem:
    """Give an item that went out on a list, in its newest words that went out.

    What went out on a public list counts too; NotFound for an item that this list never had.
    """
    statement = (
        _all_that_went_out(col(ItemVersion.id), col(ItemVersion.number), Digest)
        .join(MailingList, col(MailingList.id) == col(Digest.list_id))
        .where(
            col(ItemVersion.item_id) == item_id,
            or_(
                col(Digest.list_id) == list_id,
                col(MailingList.visibility) == Visibility.PUBLIC,
            ),
        )
        .order_by(col(Digest.dated_on).desc(), col(Digest.id).desc())
    )
    sent = session.execute(statement).all()
    digests = {digest.id: digest for _, _, digest in sent}
    if all(digest.list_id != list_id for digest in digests.values()):
        raise NotFound("item", item_id)
    version_id, _, _ = max(sent, key=lambda row: row[1])
    version = session.get_one(ItemVersion, version_id)
    item = session.get_one(Item, item_id)
    return SentItem(
        item,
        version,
        tuple(digests.values())[:MOST_NUMBERS],
        _translations(session, list_id, item),
    )


def _translations(session: Session, list_id: int, item: Item) -> dict[str, int]:
    """Give the items of a group that went out on a list, by language."""
    statement = (
        _went_out(list_id, col(Item.language), col(Item.id))
        .join(Item, col(Item.id) == col(ItemVersion.item_id))
        .where(col(Item.group_id) == item.group_id)
        .distinct()
        .order_by(col(Item.language))
    )
    return {row.language: row.id for row in session.execute(statement)}


def place(session: Session, list_id: int, name: str) -> Place | None:
    """Give the place that an address names; None when nothing stands there."""
    kind = BACK_NUMBER if name.startswith("b") else DIGEST
    at = number(name.removeprefix("b"))
    if at is None:
        return None
    row = _row(list_id, Search()).subquery()
    statement = select(row.c.dated_on).where(row.c.kind == kind, row.c.place == at)
    dated_on = session.execute(statement).scalar()
    return None if dated_on is None else Place(dated_on, kind, at)


def number(text: str) -> int | None:
    """Read a number in an address; None for what is none."""
    plain = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if plain else None


def pieces(
    session: Session, digest_ids: Collection[int], search: Search, spoken: Sequence[str]
) -> dict[int, list[Piece]]:
    """Give the items of some digests that are looked for, in order; all of them without words.

    Of an item and its translations there is one, in the first language of `spoken` that it has.
    """
    statement = (
        select(
            col(DigestEdition.digest_id),
            col(Item.id),
            col(Item.group_id),
            col(Item.language),
            col(ItemVersion.title),
        )
        .join(EditionItem, col(EditionItem.edition_id) == col(DigestEdition.edition_id))
        .join(ItemVersion, col(ItemVersion.id) == col(EditionItem.item_version_id))
        .join(Item, col(Item.id) == col(ItemVersion.item_id))
        .where(col(DigestEdition.digest_id).in_(digest_ids), *_says(search))
        .order_by(col(DigestEdition.digest_id).desc(), col(EditionItem.position), col(Item.id))
        .limit(MOST_ITEMS)
    )
    found: dict[int, dict[int, Piece]] = {one: {} for one in digest_ids}
    for digest_id, *values in session.execute(statement):
        piece, kept = Piece(*values), found[digest_id]
        other = kept.get(piece.group_id)
        if other is None or _rank(piece.language, spoken) < _rank(other.language, spoken):
            kept[piece.group_id] = piece
    return {digest_id: list(kept.values()) for digest_id, kept in found.items()}


def edition_items(session: Session, digest_id: int, language: str) -> list[Piece]:
    """Give the items that are in one language's edition of a digest, in their order."""
    statement = (
        select(col(Item.id), col(Item.group_id), col(Item.language), col(ItemVersion.title))
        .select_from(DigestEdition)
        .join(EditionItem, col(EditionItem.edition_id) == col(DigestEdition.edition_id))
        .join(ItemVersion, col(ItemVersion.id) == col(EditionItem.item_version_id))
        .join(Item, col(Item.id) == col(ItemVersion.item_id))
        .where(col(DigestEdition.digest_id) == digest_id, col(DigestEdition.language) == language)
        .order_by(col(EditionItem.position), col(Item.id))
        .limit(MOST_ITEMS)
    )
    return [Piece(*row) for row in session.execute(statement)]


def _rank(language: str, spoken: Sequence[str]) -> int:
    return spoken.index(language) if language in spoken else len(spoken)


# ---------------------------------------------------------------------- the row


def _row(list_id: int, search: Search) -> CompoundSelect[*tuple[Any, ...]]:
    """Give all numbers of a list that are looked for, of both kinds."""
    digests: Select[*tuple[Any, ...]] = select(
        col(Digest.dated_on),
        literal(DIGEST).label("kind"),
        col(Digest.number).label("place"),
        col(Digest.id),
    ).where(col(Digest.list_id) == list_id, went_out())
    backs: Select[*tuple[Any, ...]] = select(
        col(BackNumber.dated_on),
        literal(BACK_NUMBER).label("kind"),
        col(BackNumber.id).label("place"),
        col(BackNumber.id),
    ).where(col(BackNumber.list_id) == list_id)
    if search.is_by_content:
        digests = digests.where(_holds(list_id, search))
        backs = backs.where(*_all_in(BackNumber.words, search.words))
    if search.topic:  # a back number has none
        backs = backs.where(literal(False))  # noqa: FBT003  (a value, not a flag)
    return union_all(digests, backs)


def _holds(list_id: int, search: Search) -> ColumnElement[bool]:
    """Give the condition that a digest, or one of its items, is what is looked for."""
    by_items = _went_out(list_id, col(Digest.id)).where(*_says(search))
    in_an_item = col(Digest.id).in_(by_items)
    if search.topic:
        return in_an_item
    # Words in a language that the list is not in went to nobody.
    by_words = (
        select(col(DigestText.digest_id))
        .join(
            DigestEdition,
            and_(
                col(DigestEdition.digest_id) == col(DigestText.digest_id),
                col(DigestEdition.language) == col(DigestText.language),
            ),
        )
        .join(Digest, col(Digest.id) == col(DigestText.digest_id))
        .where(col(Digest.list_id) == list_id, *_all_in(DigestText.words, search.words))
    )
    return or_(in_an_item, col(Digest.id).in_(by_words))


def _went_out(list_id: int, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Begin a query for the item versions that a list's digests went out with."""
    return _all_that_went_out(*columns).where(col(Digest.list_id) == list_id)


def _all_that_went_out(*columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(Digest)
        .join(DigestEdition, col(DigestEdition.digest_id) == col(Digest.id))
        .join(EditionItem, col(EditionItem.edition_id) == col(DigestEdition.edition_id))
        .join(ItemVersion, col(ItemVersion.id) == col(EditionItem.item_version_id))
        .where(went_out())
    )


def _says(search: Search) -> Iterable[ColumnElement[bool]]:
    if search.topic:
        yield col(ItemVersion.topic) == search.topic
    yield from _all_in(ItemVersion.words, search.words)


def _all_in(column: str, words: Iterable[str]) -> Iterable[ColumnElement[bool]]:
    # As a part, and not as a whole word: Japanese and Thai are written without spaces.
    return (col(column).contains(word, autoescape=True) for word in words)
