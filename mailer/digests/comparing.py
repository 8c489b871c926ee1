"""What two editors made of one item at the same time: field by field, and word by word.

Of a field that only one of them has changed, that one's text is proposed.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from mailer.digests.documents import StoredDocument
from mailer.digests.typed import FIELDS, Typed

PAPERS = "papers"
PICTURE = ("picture", "picture_alt", "picture_caption", "picture_credit")
"""What is chosen together: a picture and the words about it."""

ALL = (*(name for name in FIELDS if name not in PICTURE[1:]), PAPERS)

MOST_WORDS = 4_000
"""Words of a text that are compared one by one; longer ones are shown without marks."""

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a text; `is_other` where the other text has not got them."""

    text: str
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """A field that two editors left differently, and which of them is proposed.

    `pictures` are the hashes of both pictures, small, where the field is one.
    """

    name: str
    mine: tuple[Piece, ...]
    theirs: tuple[Piece, ...]
    proposes_theirs: bool
    pictures: tuple[str, str] = ("", "")


def differing(mine: Typed, theirs: Typed) -> list[str]:
    """Give the fields in which two forms differ."""
    return [name for name in ALL if _text(mine, name) != _text(theirs, name)]


def both(mine: Typed, theirs: Typed, began: Typed) -> list[Both]:
    """Give each field that differs; `began` is what both of them began with."""
    untouched = set(ALL) - set(differing(mine, began))
    return [
        Both(
            name,
            *_marked(_shown(mine, name), _shown(theirs, name)),
            name in untouched,
            (_small(mine), _small(theirs)) if name == "picture" else ("", ""),
        )
        for name in differing(mine, theirs)
    ]


def chosen(mine: Typed, theirs: Typed, taken: Collection[str]) -> Typed:
    """Give one's own form with some fields as the other editor has them."""
    whole = {*taken, *(PICTURE if "picture" in taken else ())}
    fields = {name: theirs[name] for name in FIELDS if name in whole}
    papers = theirs.papers if PAPERS in taken else mine.papers
    return replace(mine, fields={**mine.fields, **fields}, papers=papers)


def _text(form: Typed, name: str) -> str:
    """Give all of a field that can differ."""
    if name == PAPERS:
        return "\n".join(f"{one.title.strip()} {one.link}{one.hash}" for one in form.papers)
    if name == "picture":
        return "\n".join(form[one].strip() for one in PICTURE) if form["picture"] else ""
    # A browser ends lines as mail does.
    return form[name].replace("\r\n", "\n").strip()


def _shown(form: Typed, name: str) -> str:
    """Give what is shown of a field."""
    if name == PAPERS:
        return "\n".join(map(_paper, form.papers))
    if name == "picture":
        words = (form[one].strip() for one in PICTURE[1:]) if form["picture"] else ()
        return "\n".join(filter(None, words))
    return _text(form, name)


def _small(form: Typed) -> str:
    return form["picture"].partition(" ")[0]


def _paper(one: StoredDocument) -> str:
    return " · ".join(filter(None, (one.title.strip(), one.kind, one.link)))


def _marked(mine: str, theirs: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    first, second = _WORDS.findall(mine), _WORDS.findall(theirs)
    if max(len(first), len(second)) > MOST_WORDS:
        return (Piece(mine),), (Piece(theirs),)
    same = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return (
        tuple(_pieces(first, [(block.a, block.size) for block in same])),
        tuple(_pieces(second, [(block.b, block.size) for block in same])),
    )


def _pieces(words: list[str], same: list[tuple[int, int]]) -> Iterator[Piece]:
    at = 0
    for start, size in same:
        if start > at:
            yield Piece("".join(words[at:start]), is_other=True)
        if size:
            yield Piece("".join(words[start : start + size]))
        at = start + size
