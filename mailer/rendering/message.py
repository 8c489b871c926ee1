"""Compose: an edition and a recipient's values become the bytes of a message (RFC 5322).

Pure: the same edition, values and identity give the same bytes, on any day and any machine, so
a delivery that is tried again is the same message. Seven-bit throughout; the only exception is
a recipient whose address is not ASCII before the @ (RFC 6532).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from mailer.errors import HeaderInvalid
from mailer.rendering import headers
from mailer.rendering.checks import line, web_address
from mailer.rendering.content import Kind, ListCard, SenderCard
from mailer.rendering.encoding import Encoding, encode
from mailer.rendering.filling import Filled, Prepared, Values

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value RFC 8058, 3.1 allows."""

NO_AUTOMATIC_ANSWERS = "OOF, AutoReply"
"""Out-of-office and other answers by machines (MS-OXCMAIL). Never All: bounces are wanted."""

_LEAVABLE = frozenset(
    {Kind.DIGEST, Kind.TEST, Kind.WELCOME, Kind.ALREADY, Kind.LEAVE, Kind.HANDOVER}
)
_TO_STRANGERS = frozenset({Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVE})


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a message this one and no other; fixed when it is first composed.

    `message_id` is without brackets; `seed` is what the boundary is made from, such as the
    delivery's id; `one_click` may be True with an https base URL or on loopback only;
    `campaign` names the digest in complaints (such as `news-12`), the same for all recipients.
    """

    message_id: str
    date: datetime
    seed: str
    sender: SenderCard
    mailing_list: ListCard | None = None
    one_click: bool = False
    archived_at: str = ""
    campaign: str = ""

    def __post_init__(self) -> None:
        web_address("Archived-At", self.archived_at)
        if self.date.tzinfo is None:
            raise HeaderInvalid("Date", "has no time zone")
        if set(line("campaign", self.campaign)) & set(": ") or not self.campaign.isascii():
            raise HeaderInvalid("campaign", "must be ASCII without spaces and colons")


def compose(prepared: Prepared, values: Values, identity: Identity) -> bytes:
    """Give the finished message to one recipient.

    Raises HeaderInvalid or AddressInvalid for a value that must not stand in a header, and
    Refused if a link is missing.
    """
    filled = prepared.fill(values)
    boundary = _boundary(identity.seed)
    head = "".join(_head(prepared, filled, values, identity, boundary))
    return b"".join(
        [
            head.encode(),
            _part("plain", filled.text, prepared.text_encoding, boundary),
            _part("html", filled.html, prepared.html_encoding, boundary),
            f"--{boundary}--\r\n".encode(),
        ]
    )


def _head(
    prepared: Prepared, filled: Filled, values: Values, identity: Identity, boundary: str
) -> Iterator[str]:
    sender = identity.sender
    yield headers.mailbox("From", sender.name, sender.address)
    yield headers.mailbox("To", _name_for_to(prepared.kind, values), values.address)
    if sender.reply_to and sender.reply_to != sender.address:
        yield headers.mailbox("Reply-To", sender.name, sender.reply_to)
    yield headers.text("Subject", filled.subject)
    # RFC 5322, 3.3: English names and a numeric zone, whatever the reader's language.
    yield headers.token("Date", format_datetime(identity.date.astimezone(UTC)))
    yield headers.message_id(identity.message_id)
    yield headers.token("MIME-Version", "1.0")
    yield headers.token("Content-Language", prepared.edition.language)
    yield from _manners(prepared.kind)
    if identity.mailing_list is not None:
        yield from _list_headers(prepared.kind, values, identity, identity.mailing_list)
    yield f'Content-Type: multipart/alternative;{headers.FOLD}boundary="{boundary}"\r\n\r\n'


def _name_for_to(kind: Kind, values: Values) -> str:
    # Whoever fills the box in could have us send their words to anybody.
    return "" if kind in _TO_STRANGERS else values.name


def _manners(kind: Kind) -> Iterator[str]:
    """Tell other machines what this is, so that they neither answer nor start a loop."""
    yield headers.token("X-Auto-Response-Suppress", NO_AUTOMATIC_ANSWERS)
    if kind.is_digest:
        yield headers.token("Precedence", "bulk")
    else:
        # RFC 3834, 5. What an editor wrote is not auto-generated, be it sent to thousands.
        yield headers.token("Auto-Submitted", "auto-generated")


def _list_headers(
    kind: Kind, values: Values, identity: Identity, mailing_list: ListCard
) -> Iterator[str]:
    """Give the fields of RFC 2369, 2919, 5064 and 8058 that fit the kind of message.

    A confirmation has none: its reader is not on the list yet, and a button to leave there
    would be pressed by those who never asked.
    """
    if kind in _LEAVABLE:
        yield headers.list_id(mailing_list.name, mailing_list.identifier)
        yield headers.urls("List-Help", mailing_list.page_url)
        owner = identity.sender.reply_to or identity.sender.address
        yield headers.urls("List-Owner", _mailto(headers.wire_address("List-Owner", owner)))
    if kind in _LEAVABLE and values.leave_url:
        yield headers.urls("List-Unsubscribe", values.leave_url)
        if identity.one_click:
            yield headers.token("List-Unsubscribe-Post", ONE_CLICK)
    if kind.is_digest:
        yield headers.token("List-Post", "NO")
        if mailing_list.archive_url:
            yield headers.urls("List-Archive", mailing_list.archive_url)
        if identity.archived_at:
            yield headers.urls("Archived-At", identity.archived_at)
    yield headers.token("Feedback-ID", _feedback_id(kind, identity, mailing_list))


def _mailto(address: str) -> str:
    return "mailto:" + quote(address, safe="@+!$&'*/=.-_~")


def _feedback_id(kind: Kind, identity: Identity, mailing_list: ListCard) -> str:
    """Give what Gmail counts complaints by: campaign, list, kind, and a constant of the sender.

    The last must have 5 to 15 characters and never change; it is made from the domain in From.
    """
    address = headers.wire_address("From", identity.sender.address)
    domain = address.rpartition("@")[2].lower()
    constant = hashlib.sha256(domain.encode()).hexdigest()[:12]
    return ":".join((identity.campaign or kind.value, mailing_list.slug, kind.value, constant))


def _boundary(seed: str) -> str:
    # "=_" can stand neither in quoted-printable nor in base64, so no body holds a boundary.
    return "=_" + hashlib.sha256(f"boundary {seed}".encode()).hexdigest()[:32]


def _part(subtype: str, text: str, encoding: Encoding, boundary: str) -> bytes:
    head = (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    return head.encode("ascii") + encode(text, encoding)
