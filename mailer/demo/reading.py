"""A message as a mail program reads it: headers, the HTML part, the text part."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

from selectolax.lexbor import LexborHTMLParser

ONE_CLICK = "List-Unsubscribe=One-Click"
"""What makes a link to leave one that a program may press (RFC 8058, 3.1)."""

OF_INTEREST = (
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Archive", "Archived-At",
    "Feedback-ID", "Precedence", "Auto-Submitted", "X-Auto-Response-Suppress",
)  # fmt: skip

KINDS = {
    "digest": "Digest",
    "test": "Test",
    "confirmation": "Confirmation",
    "welcome": "Welcome",
    "already": "Already subscribed",
    "leave": "Link to leave",
}
"""What our messages say of themselves in Feedback-ID, as people read it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is shown of a message. `leave_url` is where one click goes; empty where none is."""

    sender: str
    to: str
    subject: str
    kind: str
    list_name: str
    language: str
    leave_url: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str


def read(raw: bytes) -> Message:
    """Read a message; what it lacks is empty."""
    parsed = message_from_bytes(raw, policy=policy.default)
    return Message(
        sender=_header(parsed, "From"),
        to=_header(parsed, "To"),
        subject=_header(parsed, "Subject") or "(no subject)",
        kind=_kind(_header(parsed, "Feedback-ID")),
        list_name=parseaddr(_header(parsed, "List-Id"))[0],
        language=_header(parsed, "Content-Language") or "en",
        leave_url=_leave_url(parsed),
        headers=tuple((name, value) for name in OF_INTEREST if (value := _header(parsed, name))),
        html=_part(parsed, "html"),
        text=_part(parsed, "plain"),
    )


def framed(html: str) -> str:
    """Give a message's page as it may stand in a frame: its links open a page of their own."""
    tree = LexborHTMLParser(html)
    for link in tree.css("a[href]"):
        if not (link.attributes["href"] or "").startswith("#"):
            link.attrs["target"] = "_blank"
            link.attrs["rel"] = "noopener"
    return tree.html or ""


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _kind(feedback_id: str) -> str:
    parts = feedback_id.split(":")
    return KINDS.get(parts[2], "Message") if len(parts) == 4 else "Message"


def _leave_url(message: EmailMessage) -> str:
    """Give the link for one click: RFC 8058 wants a header that says it may be pressed."""
    if _header(message, "List-Unsubscribe-Post") != ONE_CLICK:
        return ""
    links = _header(message, "List-Unsubscribe").split(",")
    plain = (link.strip().removeprefix("<").removesuffix(">") for link in links)
    return next((link for link in plain if link.startswith(("https://", "http://"))), "")


def _part(message: EmailMessage, subtype: str) -> str:
    found = message.get_body(preferencelist=(subtype,))
    return str(found.get_content()) if found is not None else ""
