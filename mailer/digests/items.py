"""Items: pieces of meeting news, written as Markdown with front matter, kept in versions.

---
title: Regional entities meet in Brussels
starts: 2023-02-20
ends: 2023-02-21
place: Brussels, Belgium
topic: Capacity building
link: https://office.example/reports/18
---
The heads of the regional offices …
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func
from sqlmodel import Session, col, select

from mailer import unseen
from mailer.db.schema import Item, ItemGroup, ItemVersion
from mailer.digests import moments
from mailer.errors import FileInvalid, MomentInvalid, NotFound, UsageError
from mailer.history import EDITOR, About, record
from mailer.language import is_code

LARGEST_FILE = 256 * 1024
"""Bytes of an item; a digest's HTML must stay below 100 KB as a whole."""

LONGEST_LINE = 300
"""Characters of a title, place, topic or organiser."""

LONGEST_LINK = 2000
FENCE = "---"
KEYS = (
    "title", "starts", "ends", "timezone", "place", "topic", "organiser", "language", "link",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """What an item says, checked. `starts` and `ends` are ISO texts: a day, or a local time."""

    title: str
    body: str = ""
    starts: str | None = None
    ends: str | None = None
    timezone: str | None = None
    place: str = ""
    topic: str = ""
    organiser: str = ""
    language: str = "en"
    link: str = ""


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


def read(path: Path, *, language: str = "en") -> Draft:
    """Read an item from a file; FileInvalid names file, line and what is wrong."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FileInvalid(path, None, f"larger than {LARGEST_FILE // 1024} KB")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileInvalid(path, None, "there is no such file") from None
    except UnicodeDecodeError as error:
        raise FileInvalid(path, None, f"not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise FileInvalid(path, None, error.strerror or "cannot be read") from None
    return parse(text, path, language=language)


def parse(text: str, name: Path | str, *, language: str = "en") -> Draft:
    """Make an item of a text with front matter; FileInvalid when it cannot be one."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        raise FileInvalid(name, 1, f"must begin with a line “{FENCE}” and a title below it")
    end = next((at for at, line in enumerate(lines[1:], 1) if line.strip() == FENCE), None)
    if end is None:
        raise FileInvalid(name, len(lines), f"the second line “{FENCE}” is missing")
    values = _front("\n".join(lines[1:end]), name)
    body = "\n".join(lines[end + 1 :]).strip()
    where = {key: _line_of(lines, key) for key in (*KEYS, *values)}
    return _checked({"language": language, **values}, body, name, where)


def add(session: Session, draft: Draft, *, now: datetime, translates: int | None = None) -> int:
    """Keep a new item; give its id. `translates` is an item in another language."""
    group_id = _group(session, draft, translates, now)
    item = Item(group_id=group_id, language=draft.language, created_at=now)
    session.add(item)
    session.flush()
    assert item.id is not None
    _write(session, item.id, draft, 1, now)
    record(session, "item.added", EDITOR, About(), at=now, details={"item": item.id})
    return item.id


def edit(session: Session, item_id: int, draft: Draft, *, now: datetime) -> int:
    """Keep a new version of an item; give its number."""
    before = get(session, item_id)
    if draft.language != before.item.language:
        raise UsageError(
            f"item {item_id} is in “{before.item.language}”, the file in “{draft.language}”: "
            "add it as a translation instead"
        )
    number = before.version.number + 1
    _write(session, item_id, draft, number, now)
    details = {"item": item_id, "version": number}
    record(session, "item.changed", EDITOR, About(), at=now, details=details)
    return number


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


def span(version: ItemVersion) -> tuple[date | datetime | None, date | datetime | None]:
    """Give when an item's meeting begins and ends, as days or aware moments."""
    starts, ends = (
        moments.day_or_time(text, version.timezone) if text else None
        for text in (version.starts, version.ends)
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


def _write(session: Session, item_id: int, draft: Draft, number: int, now: datetime) -> None:
    words = {one.name: getattr(draft, one.name) for one in fields(draft)}
    del words["language"]
    session.add(ItemVersion(item_id=item_id, number=number, created_at=now, **words))
    session.flush()


def _front(text: str, name: Path | str) -> dict[str, Any]:
    try:
        # BaseLoader: every value stays the text that was written, a date no less than a title.
        values = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  (it makes only text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "not valid YAML"
        raise FileInvalid(name, mark.line + 2 if mark else 1, str(why)) from None
    except RecursionError:
        raise FileInvalid(name, 1, "nested too deeply") from None
    if not isinstance(values, dict):
        raise FileInvalid(name, 2, "write “key: value”, one a line")
    return values


def _checked(
    values: Mapping[str, Any], body: str, name: Path | str, where: Mapping[str, int]
) -> Draft:
    for key, value in values.items():
        if key not in KEYS:
            why = f"there is no key “{key}”; known are {', '.join(KEYS)}"
            raise FileInvalid(name, where[key], why)
        if not isinstance(value, str):
            raise FileInvalid(name, where[key], f"“{key}” must be a text on one line")
        _check_line(key, value, name, where[key])
    if not values.get("title", "").strip():
        raise FileInvalid(name, where["title"], "an item needs a title")
    plain = {key: value.strip() for key, value in values.items()}
    starts, ends, zone = (plain.pop(key, "") or None for key in ("starts", "ends", "timezone"))
    draft = Draft(body=body, starts=starts, ends=ends, timezone=zone, **plain)
    _check_language(draft, name, where)
    _check_dates(draft, name, where)
    _check_link(draft, name, where)
    return draft


def _check_line(key: str, value: str, name: Path | str, line: int) -> None:
    longest = LONGEST_LINK if key == "link" else LONGEST_LINE
    if len(value) > longest:
        raise FileInvalid(name, line, f"“{key}” is longer than {longest} characters")
    if unseen.IN_LINE.search(value.strip()):
        raise FileInvalid(name, line, f"“{key}” holds a character that cannot be seen")


def _check_language(draft: Draft, name: Path | str, where: Mapping[str, int]) -> None:
    if not is_code(draft.language):
        raise FileInvalid(
            name, where["language"], f"“{draft.language}” is not a language code such as en or ja"
        )


def _check_dates(draft: Draft, name: Path | str, where: Mapping[str, int]) -> None:
    key = "timezone"
    try:
        moments.zone(draft.timezone or "UTC")
        key = "starts"
        starts = moments.day_or_time(draft.starts, draft.timezone) if draft.starts else None
        key = "ends"
        ends = moments.day_or_time(draft.ends, draft.timezone) if draft.ends else None
    except MomentInvalid as error:
        raise FileInvalid(name, where[key], str(error)) from None
    if ends is None:
        return
    if starts is None:
        raise FileInvalid(name, where["ends"], "“ends” needs a “starts”")
    if isinstance(starts, datetime) != isinstance(ends, datetime):
        raise FileInvalid(name, where["ends"], "give both ends an hour, or neither")
    if ends < starts:
        raise FileInvalid(name, where["ends"], "it ends before it starts")


def _check_link(draft: Draft, name: Path | str, where: Mapping[str, int]) -> None:
    if draft.link and not draft.link.startswith(("https://", "http://")):
        raise FileInvalid(name, where["link"], "a link begins with https:// or http://")
    if any(char.isspace() for char in draft.link):
        raise FileInvalid(name, where["link"], "a link has no spaces")


def _line_of(lines: list[str], key: str) -> int:
    starts = (at for at, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
    return next(starts, 1)
