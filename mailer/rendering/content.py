"""What goes into a digest or a letter: small frozen values, never rows of a table.

Each checks itself when made, so that a line break in a title is refused where the title is
written and not where it is sent. Templates see these values under the names given here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from mailer import accent
from mailer import address as addresses
from mailer.accent import Shades
from mailer.errors import HeaderInvalid, MomentInvalid
from mailer.rendering.checks import block, line, web_address

LONGEST_SUBJECT = 200
"""Characters of a subject; inboxes show 40 to 80 of them."""

LONGEST_IDENTIFIER = 255
"""Octets of a List-Id (RFC 2919, 2)."""


class Kind(StrEnum):
    """What a message is; also the name of the folder a letter's templates are in."""

    DIGEST = "digest"
    TEST = "test"
    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    ALREADY = "already"
    LEAVE = "leave"
    NOTICE = "notice"
    REMINDER = "reminder"
    ACCESS = "access"
    MOVE = "move"
    MOVED = "moved"
    HANDOVER = "handover"
    PASSWORD = "password"  # noqa: S105  (a kind of letter)
    APPROVAL = "approval"

    @property
    def is_digest(self) -> bool:
        """Tell whether the message is a number of a list, be it only for a test."""
        return self in {Kind.DIGEST, Kind.TEST}

    @property
    def is_of_office(self) -> bool:
        """Tell whether it goes to owner or editors, and is about no list."""
        return self in {Kind.NOTICE, Kind.PASSWORD, Kind.APPROVAL}


@dataclass(frozen=True, slots=True)
class Partner:
    """A link in the foot."""

    name: str
    url: str

    def __post_init__(self) -> None:
        line("partner's name", self.name)
        web_address("partner's link", self.url)


@dataclass(frozen=True, slots=True)
class House:
    """Whose installation this is. `contact` is a mail address or a page for questions."""

    organisation: str
    contact: str = ""
    partners: tuple[Partner, ...] = ()

    def __post_init__(self) -> None:
        line("organisation", self.organisation)
        line("contact", self.contact)

    @property
    def contact_url(self) -> str:
        """Give where a click on the contact leads; nothing, if it is neither mail nor page."""
        if self.contact.startswith(("https://", "http://")):
            return web_address("contact", self.contact)
        return f"mailto:{self.contact}" if "@" in self.contact else ""


@dataclass(frozen=True, slots=True)
class SenderCard:
    """Who sends: From, Reply-To and the postal address in the foot (several lines)."""

    name: str
    address: str
    reply_to: str = ""
    postal_address: str = ""

    def __post_init__(self) -> None:
        line("sender's name", self.name)
        block("postal address", self.postal_address)
        for mailbox in filter(None, (self.address, self.reply_to)):
            if addresses.parse(line("sender's address", mailbox)).needs_smtputf8:
                # A sender whom half the world's relays refuse is no sender.
                raise HeaderInvalid("sender's address", "must be ASCII before the @")


@dataclass(frozen=True, slots=True)
class ListCard:
    """The list a message comes from. `identifier` is its List-Id without the brackets.

    `accent` is its own colour as #rrggbb; `shades` are what templates write of it.
    """

    slug: str
    name: str
    identifier: str
    language: str
    page_url: str
    description: str = ""
    archive_url: str = ""
    accent: str = ""

    @property
    def shades(self) -> Shades | None:
        """Give the list's own colour as it can be read, in light and in dark."""
        return accent.shades(self.accent) if self.accent else None

    def __post_init__(self) -> None:
        line("list's name", self.name)
        if not self.slug.isascii() or set(line("slug", self.slug)) & set(": "):
            raise HeaderInvalid("slug", "must be ASCII without spaces and colons")
        block("list's description", self.description)
        web_address("list's page", self.page_url)
        web_address("list's archive", self.archive_url)
        line("list's identifier", self.identifier)
        if not self.identifier.isascii() or len(self.identifier) > LONGEST_IDENTIFIER:
            raise HeaderInvalid("list's identifier", "must be up to 255 ASCII characters")
        if not self.identifier or set(self.identifier) & set('<> "'):
            raise HeaderInvalid("list's identifier", "must look like news.lists.example.org")


@dataclass(frozen=True, slots=True)
class PictureCard:
    """A hosted picture: its size in pixels and bytes, a larger one, and the words about it."""

    url: str
    width: int
    height: int
    size: int
    large_url: str
    alt: str
    caption: str = ""
    credit: str = ""

    def __post_init__(self) -> None:
        web_address("picture", self.url)
        web_address("large picture", self.large_url)
        for name in ("alt", "caption", "credit"):
            line(f"picture’s {name}", getattr(self, name))

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """Give the size in which it is shown where there is so much room; never enlarged."""
        scale = min(1.0, width / self.width, height / self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


@dataclass(frozen=True, slots=True)
class DocumentCard:
    """A document to open: what it is, such as PDF, and its bytes, where they are known."""

    title: str
    url: str
    kind: str = ""
    size: int = 0

    def __post_init__(self) -> None:
        line("document's title", self.title)
        line("document's type", self.kind)
        web_address("document", self.url)


@dataclass(frozen=True, slots=True)
class ItemCard:
    """One piece of meeting news. `body` is Markdown; dates are days, or aware moments.

    One that lies ahead has a `calendar_url`, at which its dates can be put into a calendar.
    """

    title: str
    body: str = ""
    starts: date | datetime | None = None
    ends: date | datetime | None = None
    timezone: str = "UTC"
    place: str = ""
    topic: str = ""
    organiser: str = ""
    language: str = "en"
    link: str = ""
    picture: PictureCard | None = None
    documents: tuple[DocumentCard, ...] = ()
    calendar_url: str = ""

    def __post_init__(self) -> None:
        for name in ("title", "place", "topic", "organiser"):
            line(name, getattr(self, name))
        block("text", self.body)
        web_address("link", self.link)
        web_address("calendar", self.calendar_url)
        for moment in (self.starts, self.ends):
            if isinstance(moment, datetime) and moment.tzinfo is None:
                raise MomentInvalid(f"“{self.title}”: {moment.isoformat()} has no time zone")
        if isinstance(self.starts, datetime) != isinstance(self.ends or self.starts, datetime):
            raise MomentInvalid(f"“{self.title}”: begins with a time and ends with a day, or so")


@dataclass(frozen=True, slots=True)
class Section:
    """Items under one topic; the topic may be empty."""

    topic: str
    items: tuple[ItemCard, ...]

    def __post_init__(self) -> None:
        line("topic", self.topic)

    @property
    def language(self) -> str:
        """Give the language of all the items, and so of the topic; nothing, if they differ."""
        spoken = {item.language for item in self.items}
        return spoken.pop() if len(spoken) == 1 else ""


@dataclass(frozen=True, slots=True)
class DigestContent:
    """One number of a list in one language. `introduction` is Markdown.

    `words_in` is the language of subject and introduction, where nobody wrote them in `language`.
    A `preheader` is what inboxes show behind the subject, instead of the first words.
    """

    mailing_list: ListCard
    sender: SenderCard
    house: House
    number: int
    dated_on: date
    subject: str
    language: str
    introduction: str = ""
    sections: tuple[Section, ...] = ()
    coming_up: tuple[ItemCard, ...] = ()
    view_url: str = ""
    layout: str = "digest"
    words_in: str = ""
    preheader: str = ""

    def __post_init__(self) -> None:
        line("subject", self.subject)
        line("preheader", self.preheader)
        block("introduction", self.introduction)
        web_address("digest's page", self.view_url)

    @property
    def items(self) -> tuple[ItemCard, ...]:
        """Give the items of all sections in order."""
        return tuple(self._items())

    def _items(self) -> Iterator[ItemCard]:
        for section in self.sections:
            yield from section.items


@dataclass(frozen=True, slots=True)
class Notice:
    """What a letter to somebody of the office says: a headline, and paragraphs of plain text.

    Where there is something to open, `button` says what.
    """

    headline: str
    paragraphs: tuple[str, ...] = ()
    button: str = ""

    def __post_init__(self) -> None:
        line("headline", self.headline)
        line("button", self.button)
        for paragraph in self.paragraphs:
            block("notice", paragraph)


@dataclass(frozen=True, slots=True)
class LetterContent:
    """A letter about a list, or to somebody of the office.

    `note` is Markdown: the list's own words of welcome. An opt-in is `offered` when the office
    asks, and not the reader did. `valid_days` is how long its link works; `valid_hours` the same
    of one to a person's own data.
    """

    kind: Kind
    sender: SenderCard
    house: House
    language: str
    mailing_list: ListCard | None = None
    valid_days: int = 7
    valid_hours: int = 1
    offered: bool = False
    note: str = ""
    notice: Notice = field(default_factory=lambda: Notice(""))

    def __post_init__(self) -> None:
        block("note", self.note)
        if self.mailing_list is None and not self.kind.is_of_office:
            raise HeaderInvalid("list", f"a {self.kind} letter is about a list")


@dataclass(frozen=True, slots=True)
class Happening:
    """Which meeting it is, in what state of its words, and who makes it known."""

    uid: UUID
    sequence: int
    created_at: datetime
    changed_at: datetime
    publisher: SenderCard
