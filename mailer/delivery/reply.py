"""What a relay answered, and at which step of the conversation.

Whatever a server sends is cut to size and cleaned here, once: behind this module a reply's text
is short, printable and on one line.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

LONGEST_TEXT = 1000
"""Bytes kept of a reply's text: enough for the longest explanation seen, and for a column."""


REPLIES_KNOWN = 200
"""Replies that are remembered: most relays say the same to nearly every message."""


class Step(StrEnum):
    """Where in the conversation a reply came, or failed to come."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    RSET = "rset"  # never decides: who fails at it gets a new session
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Reply:
    """How one try ended. Without a `code` the session was lost at that step.

    `enhanced` is a status code such as "5.1.1" (RFC 3463) and is no longer part of `text`.
    `ours` marks a refusal that we made ourselves, before asking the relay.
    """

    step: Step
    code: int | None
    enhanced: str | None
    text: str
    host: str = ""
    tls: str | None = None
    ours: bool = False

    @property
    def in_doubt(self) -> bool:
        """Tell whether the message may or may not have been taken (RFC 1047)."""
        return self.step is Step.DOT and self.code is None

    @property
    def is_taken(self) -> bool:
        """Tell whether the server took the message (RFC 5321, 4.2.5)."""
        return self.step is Step.DOT and self.code is not None and 200 <= self.code < 300

    def __str__(self) -> str:
        """Give the reply on one line, codes first: for people, logs and `reply_key`."""
        if self.code and self.enhanced and self.text:
            return f"{self.code} {self.enhanced} {self.text}"
        parts = (str(self.code) if self.code else "", self.enhanced or "", self.text)
        return " ".join(filter(None, parts))


def heard(
    step: Step, code: int, lines: Sequence[str], *, host: str = "", tls: str | None = None
) -> Reply:
    """Give the reply that a server sent; a code outside 200–599 counts as a lost session."""
    return _heard(step, code, tuple(lines), host, tls)


@lru_cache(REPLIES_KNOWN)
def _heard(step: Step, code: int, lines: tuple[str, ...], host: str, tls: str | None) -> Reply:
    enhanced, text = _split(lines)
    if not 200 <= code <= 599:
        return lost(step, f"the answer cannot be read: {text}", host=host, tls=tls)
    return Reply(step, code, enhanced, text, host, tls)


def lost(step: Step, why: str, *, host: str = "", tls: str | None = None) -> Reply:
    """Give the reply that stands for a session that broke or went silent at a step."""
    return Reply(step, None, None, clean(why), host, tls)


def own(step: Step, code: int, enhanced: str, why: str, *, host: str = "") -> Reply:
    """Give a refusal of our own, made before the relay was asked."""
    return Reply(step, code, enhanced, clean(why), host, ours=True)


def clean(text: str) -> str:
    """Make a server's text safe to keep and show: one line, printable, at most LONGEST_TEXT."""
    text = text[: 4 * LONGEST_TEXT]
    if not text.isprintable():
        text = "".join(char if _is_shown(char) else " " for char in text)
    text = " ".join(text.split())
    if len(text) <= LONGEST_TEXT and text.isascii():
        return text
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")


def _is_shown(char: str) -> bool:
    # Control and format characters (bidi marks among them), surrogates, line separators.
    return unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029"


# A status code stands first in every line (RFC 2034, 4). Some servers put “#” before it, qmail
# and its children write it in brackets at the end. What goes on with a dot is an IP address.
_STATUS = re.compile(r"^[\s#;:(\[]{0,3}([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)[\s;:,)\]-]*")
_STATUS_AT_END = re.compile(r"\(#([245]\.\d{1,3}\.\d{1,3})\)")


def _split(lines: Sequence[str]) -> tuple[str | None, str]:
    """Part the status code from the words of a reply, which may have several lines."""
    enhanced, words = None, []
    for line in lines:
        found = _STATUS.match(line)
        enhanced = enhanced or (found.group(1) if found else None)
        words.append(line[found.end() :] if found else line)
    text = clean(" ".join(words))
    if enhanced is None and (found := _STATUS_AT_END.search(text)):
        enhanced = found.group(1)
    return enhanced, text
