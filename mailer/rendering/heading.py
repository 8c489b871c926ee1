"""The head of a message: which fields, in which order, and what in them differs by recipient.

A field is a text, the same in every message of the edition, or a function of one recipient.
"""

import hashlib
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from mailer.errors import HeaderInvalid
from mailer.rendering import headers
from mailer.rendering.checks import line, web_address
from mailer.rendering.content import Kind, ListCard, SenderCard
from mailer.rendering.filling import Prepared, joined

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value RFC 8058, 3.1 allows."""

NO_AUTOMATIC_ANSWERS = "OOF, AutoReply"
"""Out-of-office and other answers by machines (MS-OXCMAIL). Never All: bounces are wanted."""

_LEAVABLE = frozenset(
    {Kind.DIGEST, Kind.TEST, Kind.WELCOME, Kind.ALREADY, Kind.LEAVE, Kind.HANDOVER}
)
_TO_STRANGERS = frozenset({Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVE})


@dataclass(frozen=True, slots=True)
class Head:
    """What stands in the head of every message of an edition.

    `campaign` names the digest in complaints (such as `news-12`).
    """

    sender: SenderCard
    mailing_list: ListCard | None = None
    archived_at: str = ""
    campaign: str = ""

    def __post_init__(self) -> None:
        web_address("Archived-At", self.archived_at)
        if set(line("campaign", self.campaign)) & set(": ") or not self.campaign.isascii():
            raise HeaderInvalid("campaign", "must be ASCII without spaces and colons")

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """Give a head back from what was stored of it."""
        listed = stored["mailing_list"]
        return cls(
            sender=SenderCard(**stored["sender"]),
            mailing_list=ListCard(**listed) if listed else None,
            archived_at=stored["archived_at"],
            campaign=stored["campaign"],
        )


class Identity(NamedTuple):
    """What makes a message this one and no other; fixed when it is first composed.

    `message_id` is without brackets; `one_click` may be True with an https base URL or on
    loopback only.
    """

    message_id: str
    date: datetime
    one_click: bool = False


Said = Mapping[str, str]
"""A recipient's values, by name, as they are to be seen."""

Plain = Container[str]
"""Names of links that a header has no question to, either."""

Field = str | Callable[[Said, Plain, Identity], str]


def has_leave_link(kind: Kind, head: Head) -> bool:
    """Tell whether the head of such a message holds the link to leave."""
    return kind in _LEAVABLE and head.mailing_list is not None


def fields(prepared: Prepared, head: Head) -> Iterator[Field]:
    """Give the fields of an edition's messages but for Content-Type.

    Raises HeaderInvalid or AddressInvalid for what must not stand in a header; so do the
    functions.
    """
    kind, sender = prepared.kind, head.sender
    yield headers.mailbox("From", sender.name, sender.address)
    yield _to_stranger if kind in _TO_STRANGERS else _to_reader
    if sender.reply_to and sender.reply_to != sender.address:
        yield headers.mailbox("Reply-To", sender.name, sender.reply_to)
    yield _subject(prepared.subject)
    yield _date
    yield _message_id
    yield headers.token("MIME-Version", "1.0")
    yield headers.token("Content-Language", prepared.edition.language)
    yield from _manners(kind)
    if head.mailing_list is not None:
        yield from _list_fields(kind, head, head.mailing_list)


def _to_reader(said: Said, _plain: Plain, _identity: Identity) -> str:
    return headers.mailbox("To", said["name"], said["address"])


def _to_stranger(said: Said, _plain: Plain, _identity: Identity) -> str:
    # Whoever fills the box in could have us send their words to anybody.
    return headers.mailbox("To", "", said["address"])


def _subject(pieces: tuple[str, ...]) -> Field:
    if len(pieces) == 1:
        return headers.text("Subject", pieces[0])
    return lambda said, _plain, _identity: headers.text("Subject", joined(pieces, said))


def _date(_said: Said, _plain: Plain, identity: Identity) -> str:
    return _dated(identity.date)


@lru_cache(maxsize=256)
def _dated(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise HeaderInvalid("Date", "has no time zone")
    # RFC 5322, 3.3: English names and a numeric zone, whatever the reader's language.
    return headers.token("Date", format_datetime(moment.astimezone(UTC)))


def _message_id(_said: Said, _plain: Plain, identity: Identity) -> str:
    return headers.message_id(identity.message_id)


def _manners(kind: Kind) -> Iterator[str]:
    """Tell other machines what this is, so that they neither answer nor start a loop."""
    yield headers.token("X-Auto-Response-Suppress", NO_AUTOMATIC_ANSWERS)
    if kind.is_digest:
        yield headers.token("Precedence", "bulk")
    else:
        # RFC 3834, 5. What an editor wrote is not auto-generated, be it sent to thousands.
        yield headers.token("Auto-Submitted", "auto-generated")


def _list_fields(kind: Kind, head: Head, mailing_list: ListCard) -> Iterator[Field]:
    """Give the fields of RFC 2369, 2919, 5064 and 8058 that fit the kind of message.

    A confirmation has none: its reader is not on the list yet, and a button to leave there
    would be pressed by those who never asked.
    """
    if kind in _LEAVABLE:
        yield headers.list_id(mailing_list.name, mailing_list.identifier)
        yield headers.urls("List-Help", mailing_list.page_url)
        owner = head.sender.reply_to or head.sender.address
        yield headers.urls("List-Owner", _mailto(headers.wire_address("List-Owner", owner)))
        yield _leaving
    if kind.is_digest:
        yield headers.token("List-Post", "NO")
        if mailing_list.archive_url:
            yield headers.urls("List-Archive", mailing_list.archive_url)
        if head.archived_at:
            yield headers.urls("Archived-At", head.archived_at)
    yield headers.token("Feedback-ID", _feedback_id(kind, head, mailing_list))


_ONE_CLICK_FIELD = headers.token("List-Unsubscribe-Post", ONE_CLICK)


def _leaving(said: Said, plain: Plain, identity: Identity) -> str:
    url = said.get("leave_url")
    if not url:
        return ""
    is_plain = "leave_url" in plain
    link = f"List-Unsubscribe: <{url}>\r\n" if is_plain else headers.urls("List-Unsubscribe", url)
    return link + _ONE_CLICK_FIELD if identity.one_click else link


def _mailto(address: str) -> str:
    return "mailto:" + quote(address, safe="@+!$&'*/=.-_~")


def _feedback_id(kind: Kind, head: Head, mailing_list: ListCard) -> str:
    """Give what Gmail counts complaints by: campaign, list, kind, and a constant of the sender.

    The last must have 5 to 15 characters and never change; it is made from the domain in From.
    """
    address = headers.wire_address("From", head.sender.address)
    domain = address.rpartition("@")[2].lower()
    constant = hashlib.sha256(domain.encode()).hexdigest()[:12]
    return ":".join((head.campaign or kind.value, mailing_list.slug, kind.value, constant))
