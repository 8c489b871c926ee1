"""An item as it stands in a form: texts by field, all of them checked at once.

Picture and documents are in the media store already, and named by their hashes: whatever else is
wrong in a form, an upload is not lost with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Self

from sqlmodel import Session

from mailer import unseen
from mailer.db.schema import ItemVersion
from mailer.digests import documents, moments, pictures
from mailer.digests.documents import StoredDocument
from mailer.digests.front_matter import LARGEST_FILE, LONGEST_LINE, LONGEST_LINK, Draft
from mailer.digests.pictures import StoredPicture
from mailer.errors import MomentInvalid
from mailer.language import is_code, translatable

LINES = (
    "title", "starts", "starts_time", "ends", "ends_time", "timezone", "place", "topic",
    "organiser", "language", "link", "picture", "picture_alt", "picture_caption", "picture_credit",
)  # fmt: skip
FIELDS = (*LINES, "body")
"""All texts of a form; `picture` is the two hashes of one, small and large."""

DAY_LENGTH = len("2026-12-01")

NO_TITLE = translatable("Give the item a title.")
TOO_LONG = translatable("This is too long: at most 300 characters.")
LONG_TEXT = translatable("The text is too long for a digest. Shorten it, or link to a document.")
UNSEEN = translatable("There is a character in it that cannot be seen. Type it anew.")
NO_LANGUAGE = translatable("Choose a language.")
NO_LINK = translatable("A link begins with https:// or http:// and has no spaces.")
NO_ZONE = translatable("There is no such time zone. Write a name such as Europe/Brussels.")
NEEDS_ZONE = translatable("An hour needs a time zone, such as Europe/Brussels.")
NO_MOMENT = translatable("There is no such day or hour. Look at the date, and at the time.")
NEEDS_DAY = translatable("An hour needs a day.")
NEEDS_START = translatable("Say when it begins, too.")
BOTH_HOURS = translatable("Give both ends an hour, or neither.")
ENDS_FIRST = translatable("It ends before it begins.")
NO_ALT = translatable("Say in a sentence what is to be seen on the picture.")
NO_PICTURE = translatable("The picture is not there any more. Add it once more.")
NO_PAPER_TITLE = translatable("Give each document a title.")
NO_PAPER = translatable("A document is not there any more. Add it once more.")
TOO_MANY = translatable("These are too many documents: at most 20, and 20 MB together.")


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form holds: a text for each of FIELDS, and documents in their order."""

    fields: Mapping[str, str] = field(default_factory=dict)
    papers: tuple[StoredDocument, ...] = ()

    def __getitem__(self, name: str) -> str:
        """Give the text of a field; nothing for one that is not there."""
        return self.fields.get(name, "")

    def with_(self, **fields: str) -> Self:
        """Give the same with some texts changed."""
        return replace(self, fields={**self.fields, **fields})

    def kept(self) -> dict[str, Any]:
        """Give what is kept of a form that is not saved yet."""
        return {**self.fields, "papers": [asdict(one) for one in self.papers]}

    @classmethod
    def load(cls, kept: Mapping[str, Any]) -> Self:
        """Give a form back that was kept."""
        fields = {name: str(kept.get(name, "")) for name in (*FIELDS, "translates")}
        return cls(fields, tuple(map(StoredDocument.load, kept.get("papers", ()))))


def of(version: ItemVersion, language: str) -> Typed:
    """Give the form that holds what an item says."""
    starts, starts_time = _halves(version.starts)
    ends, ends_time = _halves(version.ends)
    shown = StoredPicture.load(version.picture) if version.picture else None
    fields = {
        "title": version.title,
        "body": version.body,
        "starts": starts,
        "starts_time": starts_time,
        "ends": ends,
        "ends_time": ends_time,
        "timezone": version.timezone or "",
        "place": version.place,
        "topic": version.topic,
        "organiser": version.organiser,
        "language": language,
        "link": version.link,
        "picture": f"{shown.small.hash} {shown.large.hash}" if shown else "",
        "picture_alt": shown.alt if shown else "",
        "picture_caption": shown.caption if shown else "",
        "picture_credit": shown.credit if shown else "",
    }
    return Typed(fields, tuple(map(StoredDocument.load, version.documents)))


def check(session: Session, typed: Typed) -> tuple[Draft, dict[str, str]]:
    """Give what a form says, and what is wrong with it by field; with errors it must not be kept.

    What is wrong is left out of the draft, so that the rest of it can be shown.
    """
    clean = _cleaned(typed)
    errors = dict(_wrong_texts(clean)) | dict(_wrong_dates(clean))
    picture = _picture(session, clean)
    papers = _papers(session, clean)
    errors |= dict(_wrong_picture(clean, picture)) | dict(_wrong_papers(clean, papers))
    draft = Draft(
        title=_right(clean, "title", errors),
        body=_right(clean, "body", errors),
        starts=_whole(clean, "starts") if not errors.keys() & {"starts", "timezone"} else None,
        ends=_whole(clean, "ends") if not errors.keys() & {"starts", "ends", "timezone"} else None,
        timezone=_right(clean, "timezone", errors) or None,
        place=_right(clean, "place", errors),
        topic=_right(clean, "topic", errors),
        organiser=_right(clean, "organiser", errors),
        language=clean["language"] if "language" not in errors else "en",
        link=_right(clean, "link", errors),
        picture=picture,
        documents=tuple(one for one in papers if one),
    )
    return draft, errors


def _cleaned(typed: Typed) -> Typed:
    lines = {name: typed[name].strip() for name in LINES}
    body = typed["body"].replace("\r\n", "\n").replace("\r", "\n").strip()
    return replace(typed, fields={**typed.fields, **lines, "body": body})


def _right(typed: Typed, name: str, errors: Mapping[str, str]) -> str:
    return typed[name] if name not in errors else ""


def _wrong_texts(typed: Typed) -> Iterator[tuple[str, str]]:
    if not typed["title"]:
        yield "title", NO_TITLE
    for name in LINES:
        if unseen.IN_LINE.search(typed[name]):
            yield name, UNSEEN
        elif len(typed[name]) > (LONGEST_LINK if name == "link" else LONGEST_LINE):
            yield name, TOO_LONG
    if unseen.IN_BLOCK.search(typed["body"]):
        yield "body", UNSEEN
    elif len(typed["body"].encode(errors="replace")) > LARGEST_FILE:
        yield "body", LONG_TEXT
    if not is_code(typed["language"]):
        yield "language", NO_LANGUAGE
    link = typed["link"]
    if link and (not link.startswith(("https://", "http://")) or any(map(str.isspace, link))):
        yield "link", NO_LINK


def _wrong_dates(typed: Typed) -> Iterator[tuple[str, str]]:
    zone = typed["timezone"]
    try:
        moments.zone(zone or "UTC")
    except MomentInvalid:
        yield "timezone", NO_ZONE
        return
    found: dict[str, date | datetime] = {}
    for name in ("starts", "ends"):
        if typed[f"{name}_time"] and not typed[name]:
            yield name, NEEDS_DAY
        elif typed[f"{name}_time"] and not zone:
            yield "timezone", NEEDS_ZONE
        elif typed[name]:
            try:
                found[name] = moments.day_or_time(_whole(typed, name) or "", zone or None)
            except MomentInvalid:
                yield name, NO_MOMENT
    yield from _wrong_span(found, typed)


def _wrong_span(found: Mapping[str, date | datetime], typed: Typed) -> Iterator[tuple[str, str]]:
    if "ends" not in found:
        return
    if not typed["starts"]:
        yield "starts", NEEDS_START
    elif "starts" in found:
        starts, ends = found["starts"], found["ends"]
        if isinstance(starts, datetime) != isinstance(ends, datetime):
            yield "ends", BOTH_HOURS
        elif ends < starts:
            yield "ends", ENDS_FIRST


def _picture(session: Session, typed: Typed) -> StoredPicture | None:
    small, _, large = typed["picture"].partition(" ")
    if not small:
        return None
    words = {name: typed[f"picture_{name}"] for name in ("alt", "caption", "credit")}
    return pictures.stored(session, small, large, **words)


def _wrong_picture(typed: Typed, picture: StoredPicture | None) -> Iterator[tuple[str, str]]:
    if not typed["picture"]:
        return
    if picture is None:
        yield "picture", NO_PICTURE
    elif not picture.alt:
        yield "picture_alt", NO_ALT


def _papers(session: Session, typed: Typed) -> list[StoredDocument | None]:
    """Give the documents of a form as the store has them; None for one that is not there."""
    return [
        documents.stored(session, one.hash, one.kind, one.title.strip())
        if one.hash
        else replace(one, title=one.title.strip())
        for one in typed.papers[: documents.MOST]
    ]


def _wrong_papers(typed: Typed, papers: list[StoredDocument | None]) -> Iterator[tuple[str, str]]:
    found = [one for one in papers if one]
    size = sum(one.size for one in found)
    if len(typed.papers) > documents.MOST or size > documents.LARGEST:
        yield "papers", TOO_MANY
    elif None in papers:
        yield "papers", NO_PAPER
    for one in found:
        if not one.title:
            yield "papers", NO_PAPER_TITLE
        elif len(one.title) > LONGEST_LINE or unseen.IN_LINE.search(one.title + one.kind):
            yield "papers", UNSEEN
        elif not one.hash and not one.link.startswith(("https://", "http://")):
            yield "papers", NO_LINK


def _halves(moment: str | None) -> tuple[str, str]:
    """Give day and hour of what an item version holds."""
    text = moment or ""
    return text[:DAY_LENGTH], text[DAY_LENGTH + 1 : DAY_LENGTH + len(" 09:00")]


def _whole(typed: Typed, name: str) -> str | None:
    day, hour = typed[name], typed[f"{name}_time"]
    return (f"{day}T{hour}" if hour else day) or None
