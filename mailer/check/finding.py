"""What a check gives: findings, each with its state, a sentence, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing stands. UNKNOWN is *could not check*, which is no fault that was found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Part(StrEnum):
    """What is looked at; findings are shown in this order."""

    CONFIG = "config"
    DATABASE = "database"
    DISK = "disk"
    CLOCK = "clock"
    WORK = "work"
    PAGES = "pages"
    RELAY = "relay"
    DOMAIN = "domain"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    HELLO = "hello"
    BLOCKLISTS = "blocklists"
    MAILBOXES = "mailboxes"
    EXTRAS = "extras"


DNS = (Part.DOMAIN, Part.SPF, Part.DKIM, Part.DMARC, Part.HELLO, Part.BLOCKLISTS)
"""The parts that ask name servers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `paste` is a line for a zone or for the settings."""

    part: Part
    subject: str
    state: State
    says: str
    todo: str = ""
    paste: str = ""


def txt_line(name: str, value: str) -> str:
    """Give a TXT record as it is pasted into a zone: in pieces of 255 bytes (RFC 1035, 3.3)."""
    pieces = [value[at : at + 255] for at in range(0, len(value), 255)] or [""]
    return f"{name}. IN TXT " + " ".join(f'"{piece}"' for piece in pieces)
