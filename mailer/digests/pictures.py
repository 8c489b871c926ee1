"""Pictures of items: from a file of a camera to two small ones that can be hosted.

An item version holds the words about its picture, and for each of the two sizes the hash and the
measures of a medium: `StoredPicture` as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlmodel import Session

from mailer import media
from mailer.errors import UsageError

DARKROOM = Path(__file__).with_name("darkroom.py")
"""The program that opens pictures; not imported, so that no decoder is ever loaded here."""

LARGEST_PHOTO = 20_000_000
"""Bytes of a file that is taken in; what is hosted of it is a hundredth of that."""

DARKROOM_SECONDS = 60
"""A phone's photo takes one; a machine may be slow, and a picture made to be."""

TOO_LARGE = f"is larger than {LARGEST_PHOTO // 1_000_000} MB: make it smaller"
_TOO_MUCH = b'{"wrong": "takes too much memory to open: save it as JPEG, smaller"}'


@dataclass(frozen=True, slots=True)
class Print:
    """A picture as it is hosted: its bytes, their type, and its size in pixels."""

    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with the words about it, in both its sizes."""

    small: Print
    large: Print
    alt: str
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Hosted:
    """Where one size of a picture is kept, and what a page must know of it."""

    hash: str
    media_type: str
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture as an item version holds it."""

    small: Hosted
    large: Hosted
    alt: str
    caption: str = ""
    credit: str = ""

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """Give a picture back from a column of JSON."""
        small, large = Hosted(**stored["small"]), Hosted(**stored["large"])
        return cls(small, large, stored["alt"], stored["caption"], stored["credit"])


def develop(content: bytes) -> tuple[Print, Print]:
    """Give a picture in two sizes: upright, in sRGB, without a word about camera or place.

    Raises UsageError, whose text goes on after the name of the file.
    """
    if len(content) > LARGEST_PHOTO:
        raise UsageError(TOO_LARGE)
    head, _, rest = _answered(content).partition(b"\n")
    said = json.loads(head)
    if "wrong" in said:
        raise UsageError(said["wrong"])
    small, large = _prints(said["prints"], rest)
    return small, large


def keep(session: Session, picture: Picture | StoredPicture, *, now: datetime) -> dict[str, Any]:
    """Put both sizes in the media store; give what the item version is to hold.

    One that is there already counts as put in just now. Raises NotFound when it is gone.
    """
    if isinstance(picture, StoredPicture):
        for hosted in (picture.small, picture.large):
            media.stay(session, hosted.hash, now=now)
        return asdict(picture)
    small, large = (_host(session, one, now) for one in (picture.small, picture.large))
    return asdict(StoredPicture(small, large, picture.alt, picture.caption, picture.credit))


def stored(
    session: Session, small: str, large: str, *, alt: str, caption: str = "", credit: str = ""
) -> StoredPicture | None:
    """Give a picture of the media store by the hashes of its sizes; None when it has none such."""
    facts = media.facts(session, (small, large))
    sizes = [_hosted(facts[one]) for one in (small, large) if one in facts]
    if len(sizes) != len((small, large)) or not all(sizes):
        return None
    first, second = sizes
    assert first is not None
    assert second is not None
    return StoredPicture(first, second, alt, caption, credit)


def _hosted(facts: media.Facts) -> Hosted | None:
    if facts.width is None or facts.height is None:
        return None
    return Hosted(facts.hash, facts.media_type, facts.width, facts.height, facts.size)


def _host(session: Session, made: Print, now: datetime) -> Hosted:
    pixels = (made.width, made.height)
    known = media.put(session, made.content, made.media_type, now=now, pixels=pixels)
    return Hosted(known, made.media_type, *pixels, len(made.content))


def _answered(content: bytes) -> bytes:
    # -P: nothing from the folder that the command happens to be run in.
    command = [sys.executable, "-P", str(DARKROOM)]
    try:
        done = subprocess.run(  # noqa: S603  (our own file, by our own interpreter)
            command, input=content, capture_output=True, timeout=DARKROOM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise UsageError("takes too long to open: save it as JPEG, smaller") from None
    # A library that is out of memory may end the whole process.
    return done.stdout if done.returncode == 0 else _TOO_MUCH


def _prints(measures: list[tuple[str, int, int, int]], rest: bytes) -> list[Print]:
    made, at = [], 0
    for media_type, width, height, size in measures:
        made.append(Print(rest[at : at + size], media_type, width, height))
        at += size
    return made
