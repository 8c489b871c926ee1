"""Items: pieces of meeting news, kept in versions; translations of one form a group."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from mailer.db import changed
from mailer.db.schema import Actor, Item, ItemGroup, ItemVersion
from mailer.digests import documents, moments, pictures
from mailer.digests.front_matter import Draft
from mailer.errors import NotFound, Overtaken, UsageError
from mailer.folding import folded
from mailer.history import EDITOR, About, By, record

NEWS = UUID("6d1c1f0e-6c0c-4d0b-9a52-2f9f3b6f1a77")
"""The name space of our items' UIDs (RFC 9562, 5.5); never to be changed."""


@dataclass(frozen=True, slots=True)
class Written:
    """An item with its newest words."""

    item: Item
    version: ItemVersion

    @property
    def id(self) -> int:
        """Give the item's id."""
        assert self.item.id is not None
        return self.item.id


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays of a piece of news while its words change: for calendars, and others who follow.

    `changes` counts the versions after the first, in all its languages: it never falls.
    """

    uid: UUID
    changes: int
    created_at: datetime


def add(
    session: Session,
    draft: Draft,
    *,
    now: datetime,
    translates: int | None = None,
    by: By = EDITOR,
) -> int:
    """Keep a new item; give its id. `translates` is an item in another language."""
    group_id = _group(session, draft, translates, now)
    item = Item(group_id=group_id, language=draft.language, created_at=now)
    session.add(item)
    session.flush()
    assert item.id is not None
    _write(session, item.id, draft, 1, now=now, by=by)
    record(session, "item.added", by, About(), at=now, details={"item": item.id})
    return item.id


def edit(
    session: Session,
    item_id: int,
    draft: Draft,
    *,
    now: datetime,
    base: int | None = None,
    by: By = EDITOR,
) -> int:
    """Keep a new version of an item; give its number.

    Raises Overtaken when it is not `base` any more, the version that the editor began with.
    """
    # Who saves at the same moment waits here, and finds the item overtaken.
    session.execute(select(Item.id).where(col(Item.id) == item_id).with_for_update())
    before = get(session, item_id)
    if draft.language != before.item.language:
        raise UsageError(
            f"item {item_id} is in “{before.item.language}”, the file in “{draft.language}”: "
            "add it as a translation instead"
        )
    if base is not None and base != before.version.number:
        raise Overtaken(before.version.number)
    number = before.version.number + 1
    _write(session, item_id, draft, number, now=now, by=by)
    details = {"item": item_id, "version": number}
    record(session, "item.changed", by, About(), at=now, details=details)
    return number


def retire(session: Session, item_id: int, *, now: datetime, by: By = EDITOR) -> bool:
    """Let an item go into no further digest; those that have it keep it. False when it was so."""
    return _turn(session, item_id, "item.retired", now, now=now, by=by)


def take_back(session: Session, item_id: int, *, now: datetime, by: By = EDITOR) -> bool:
    """Let a retired item be one again; False when it was never retired."""
    return _turn(session, item_id, "item.taken_back", None, now=now, by=by)


def versions(session: Session, item_id: int) -> list[ItemVersion]:
    """Give all that an item ever said, newest first."""
    statement = select(ItemVersion).where(col(ItemVersion.item_id) == item_id)
    return list(session.exec(statement.order_by(col(ItemVersion.number).desc())))


def version(session: Session, item_id: int, number: int) -> ItemVersion:
    """Give what an item said in one version; NotFound when there is none."""
    statement = select(ItemVersion).where(
        col(ItemVersion.item_id) == item_id, col(ItemVersion.number) == number
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound("version", number)
    return found


def translations(session: Session, group_id: int) -> list[Written]:
    """Give all items of a group, by language."""
    ids = session.exec(select(Item.id).where(col(Item.group_id) == group_id))
    found = _written(session, [one for one in ids if one is not None])
    return sorted(found, key=lambda one: one.item.language)


def get(session: Session, item_id: int) -> Written:
    """Give an item with its newest words; NotFound when there is none."""
    found = _written(session, [item_id])
    if not found:
        raise NotFound("item", item_id, "“mailer item list” shows them all")
    return found[0]


def some(session: Session, item_ids: list[int]) -> list[Written]:
    """Give items in the order of the ids; NotFound names one that is missing."""
    found = {one.id: one for one in _written(session, item_ids)}
    for item_id in item_ids:
        if item_id not in found:
            raise NotFound("item", item_id, "“mailer item list” shows them all")
    return [found[item_id] for item_id in item_ids]


def every(session: Session) -> list[Written]:
    """Give all items, newest first."""
    return _written(session, None)


def translation(session: Session, group_id: int, language: str) -> Written | None:
    """Give an item's words in another language, if somebody wrote them."""
    statement = select(col(Item.id)).where(
        col(Item.group_id) == group_id, col(Item.language) == language
    )
    found = session.exec(statement).first()
    return get(session, found) if found is not None else None


def identity(session: Session, one: Written) -> Identity:
    """Give who an item is: the same for its translations, and for ever."""
    group = session.get_one(ItemGroup, one.item.group_id)
    versions = (
        select(func.count())
        .select_from(ItemVersion)
        .join(Item, col(Item.id) == col(ItemVersion.item_id))
        .where(col(Item.group_id) == group.id)
    )
    # Two installations do not begin an item of the same number in the same microsecond.
    uid = uuid5(NEWS, f"{group.id} {group.created_at.isoformat()}")
    return Identity(uid, session.exec(versions).one() - 1, group.created_at)


def span(said: ItemVersion | Draft) -> tuple[date | datetime | None, date | datetime | None]:
    """Give when an item's meeting begins and ends, as days or aware moments."""
    starts, ends = (
        moments.day_or_time(text, said.timezone) if text else None
        for text in (said.starts, said.ends)
    )
    return starts, ends


def _written(session: Session, item_ids: list[int] | None) -> list[Written]:
    newest = (
        select(col(ItemVersion.item_id), func.max(col(ItemVersion.number)).label("number"))
        .group_by(col(ItemVersion.item_id))
        .subquery()
    )
    statement = (
        select(Item, ItemVersion)
        .join(ItemVersion, col(ItemVersion.item_id) == col(Item.id))
        .join(
            newest,
            (newest.c.item_id == col(ItemVersion.item_id))
            & (newest.c.number == col(ItemVersion.number)),
        )
        .order_by(col(Item.id).desc())
    )
    if item_ids is not None:
        statement = statement.where(col(Item.id).in_(item_ids))
    return [Written(item, version) for item, version in session.exec(statement)]


def _group(session: Session, draft: Draft, translates: int | None, now: datetime) -> int:
    if translates is not None:
        group_id = get(session, translates).item.group_id
        if translation(session, group_id, draft.language):
            raise UsageError(f"item {translates} has its words in “{draft.language}” already")
        return group_id
    group = ItemGroup(created_at=now)
    session.add(group)
    session.flush()
    assert group.id is not None
    return group.id


def _turn(
    session: Session, item_id: int, kind: str, retired_at: datetime | None, *, now: datetime, by: By
) -> bool:
    get(session, item_id)
    is_retired = col(Item.retired_at).is_not(None)
    moved = update(Item).where(
        col(Item.id) == item_id, is_retired if retired_at is None else ~is_retired
    )
    if not changed(session, moved.values(retired_at=retired_at)):
        return False
    record(session, kind, by, About(), at=now, details={"item": item_id})
    return True


def _write(
    session: Session, item_id: int, draft: Draft, number: int, *, now: datetime, by: By
) -> None:
    picture = pictures.keep(session, draft.picture, now=now) if draft.picture else None
    version = ItemVersion(
        item_id=item_id,
        number=number,
        title=draft.title,
        body=draft.body,
        starts=draft.starts,
        ends=draft.ends,
        timezone=draft.timezone,
        place=draft.place,
        topic=draft.topic,
        organiser=draft.organiser,
        link=draft.link,
        picture=picture,
        documents=[documents.keep(session, one, now=now) for one in draft.documents],
        words=_words(draft),
        created_at=now,
        written_by=int(by.id) if by.actor is Actor.EDITOR and by.id else None,
    )
    session.add(version)
    session.flush()


def _words(draft: Draft) -> str:
    """Give all that an item says, folded, to be found by."""
    said = (draft.title, draft.body, draft.place, draft.topic, draft.organiser)
    return folded("\n".join(filter(None, said)))
