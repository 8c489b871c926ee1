"""An item's file: Markdown below some lines of front matter. Read whole, checked, or refused.

---
title: Regional entities meet in Brussels
starts: 2023-02-20
ends: 2023-02-21
place: Brussels, Belgium
topic: Capacity building
link: https://office.example/reports/18
picture: brussels.jpg
picture_alt: Twelve delegates stand on the steps of the headquarters.
documents:
  - file: agenda.pdf
    title: Agenda
---
The heads of the regional offices …
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mailer import unseen
from mailer.digests import documents, moments, pictures
from mailer.digests.documents import Document, StoredDocument
from mailer.digests.pictures import Picture, StoredPicture
from mailer.errors import FileInvalid, MomentInvalid, UsageError
from mailer.language import is_code

LARGEST_FILE = 256 * 1024
"""Bytes of an item; a digest's HTML must stay below 100 KB as a whole."""

LONGEST_LINE = 300
"""Characters of a title, place, topic or organiser, and of the words about a picture."""

LONGEST_LINK = 2000
FENCE = "---"
KEYS = (
    "title", "starts", "ends", "timezone", "place", "topic", "organiser", "language", "link",
    "picture", "picture_alt", "picture_caption", "picture_credit", "documents",
)  # fmt: skip

PICTURE_KEYS = ("picture", "picture_alt", "picture_caption", "picture_credit")
DOCUMENT_KEYS = ("file", "link", "title", "type")
DOCUMENTS_EXAMPLE = "a line “- file: agenda.pdf” and, below its “file”, “title: Agenda”"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an item says, checked. `starts` and `ends` are ISO texts: a day, or a local time.

    Picture and documents are those of a file, or such as the media store has already.
    """

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
    picture: Picture | StoredPicture | None = None
    documents: tuple[Document | StoredDocument, ...] = ()


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
    """Make an item of a text with front matter; FileInvalid when it cannot be one.

    Its picture and documents are read too: they lie where `name` does.
    """
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
    texts = {key: value for key, value in values.items() if key != "documents"}
    for key, value in texts.items():
        if key not in KEYS:
            why = f"there is no key “{key}”; known are {', '.join(KEYS)}"
            raise FileInvalid(name, where[key], why)
        if not isinstance(value, str):
            raise FileInvalid(name, where[key], f"“{key}” must be a text on one line")
        _check_line(key, value, name, where[key])
    if not values.get("title", "").strip():
        raise FileInvalid(name, where["title"], "an item needs a title")
    plain = {key: value.strip() for key, value in texts.items()}
    starts, ends, zone = (plain.pop(key, "") or None for key in ("starts", "ends", "timezone"))
    shown = {key: plain.pop(key, "") for key in PICTURE_KEYS}
    draft = Draft(body=body, starts=starts, ends=ends, timezone=zone, **plain)
    _check_language(draft, name, where)
    _check_dates(draft, name, where)
    _check_link(draft.link, name, where["link"])
    return replace(
        draft,
        picture=_picture(shown, name, where),
        documents=tuple(_documents(values.get("documents") or [], name, where["documents"])),
    )


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


def _check_link(link: str, name: Path | str, line: int) -> None:
    if link and not link.startswith(("https://", "http://")):
        raise FileInvalid(name, line, "a link begins with https:// or http://")
    if any(char.isspace() for char in link):
        raise FileInvalid(name, line, "a link has no spaces")


def _picture(said: Mapping[str, str], name: Path | str, where: Mapping[str, int]) -> Picture | None:
    file, alt = said["picture"], said["picture_alt"]
    if not file:
        without = next((key for key in PICTURE_KEYS if said[key]), None)
        if without:
            raise FileInvalid(name, where[without], f"“{without}” needs a “picture”")
        return None
    if not alt or alt == file:
        why = (
            "a picture needs a “picture_alt”: say in a sentence what is to be seen on it, "
            "for those who do not see it"
        )
        raise FileInvalid(name, where["picture_alt" if alt else "picture"], why)
    with _blamed(file, name, where["picture"]) as path:
        if path.stat().st_size > pictures.LARGEST_PHOTO:
            raise UsageError(pictures.TOO_LARGE)
        small, large = pictures.develop(path.read_bytes())
    return Picture(small, large, alt, said["picture_caption"], said["picture_credit"])


def _documents(entries: Any, name: Path | str, line: int) -> Iterator[Document]:
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise FileInvalid(name, line, f"write “documents” like this: {DOCUMENTS_EXAMPLE}")
    if len(entries) > documents.MOST:
        raise FileInvalid(name, line, f"an item has {documents.MOST} documents at most")
    left = documents.LARGEST
    for entry in entries:
        made = _document(entry, name, line)
        left -= len(made.content)
        if left < 0:
            most = documents.LARGEST // 1_000_000
            why = f"its documents have more than {most} MB together: link to a page that has them"
            raise FileInvalid(name, line, why)
        yield made


def _document(entry: Mapping[str, Any], name: Path | str, line: int) -> Document:
    for key, value in entry.items():
        if key not in DOCUMENT_KEYS or not isinstance(value, str):
            raise FileInvalid(name, line, f"write “documents” like this: {DOCUMENTS_EXAMPLE}")
        _check_line(key, value, name, line)
    said = {key: entry.get(key, "").strip() for key in DOCUMENT_KEYS}
    if not said["title"]:
        raise FileInvalid(name, line, "each document needs a “title”, as readers are to see it")
    if bool(said["file"]) == bool(said["link"]):
        raise FileInvalid(name, line, f"“{said['title']}” needs either a “file” or a “link”")
    if said["link"]:
        _check_link(said["link"], name, line)
        return Document(said["title"], said["type"], link=said["link"])
    if said["type"]:
        raise FileInvalid(name, line, f"“{said['title']}” is a file, which says its “type” itself")
    with _blamed(said["file"], name, line) as path:
        return documents.read(path, said["title"])


@contextmanager
def _blamed(file: str, name: Path | str, line: int) -> Iterator[Path]:
    """Give the path of a file that an item names; what is wrong with it is said of the item."""
    try:
        yield Path(name).parent / file
    except FileNotFoundError:
        raise FileInvalid(name, line, f"there is no file “{file}” beside it") from None
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise FileInvalid(name, line, f"“{file}”: {why}") from None
    except UsageError as error:
        raise FileInvalid(name, line, f"“{file}” {error}") from None


def _line_of(lines: list[str], key: str) -> int:
    starts = (at for at, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
    return next(starts, 1)
