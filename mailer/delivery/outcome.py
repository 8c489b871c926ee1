"""What becomes of a delivery after a reply: the table's meaning, and when to try again.

Pure: the moment, the last date and the jitter come as arguments.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from mailer.delivery.meaning import IN_DOUBT, TAKEN, Blame, Outcome, Verdict, rule_for
from mailer.delivery.reply import Reply

__all__ = ["TAKEN", "Blame", "Outcome", "Verdict", "domain_of", "read", "reply_key"]

SCHEDULE = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=6),
)
"""How long to wait after the first, second, … counted try; the last for all further ones.

Greylisting wants to see us again after some minutes (RFC 6647, 4); RFC 5321, 4.5.4.1 asks for
half an hour in the long run.
"""

SOON = timedelta(minutes=1)
"""How long to wait after a try that never came to the message."""

SPREAD = 0.2
"""How far `jitter` moves a wait, so that what was deferred together does not come together."""

AGAIN = Outcome(
    Verdict.DEFERRED,
    "The relay did not say whether it took the letter; the same letter goes once more.",
)
"""A letter in doubt: better twice than not at all."""

AGAIN_AFTER = timedelta(minutes=10)
"""How long before a letter in doubt goes again: a relay may take ten minutes to answer."""

GIVEN_UP = "Given up: it cannot be tried again before its last date."


def read(
    reply: Reply,
    *,
    may_repeat: bool,
    tries: int,
    now: datetime,
    not_after: datetime | None,
    jitter: float,
) -> Outcome:
    """Say what a reply means for a delivery.

    `may_repeat`: better twice than not at all, as for letters; a digest in doubt is left to an
    editor. `tries` are the counted tries before this one; `jitter` lies between -1 and 1. A
    delivery that would next be due after `not_after` has failed, unless it waits for its route.
    """
    meaning = rule_for(reply).meaning
    if meaning is IN_DOUBT and may_repeat:
        meaning = AGAIN
    if meaning.verdict is not Verdict.DEFERRED:
        return meaning
    if meaning.pause_route or meaning.rest_route:
        return replace(meaning, due_at=now)
    due_at = now + _wait(meaning, tries) * (1 + SPREAD * max(-1.0, min(1.0, jitter)))
    if not_after is not None and due_at > not_after:
        return Outcome(Verdict.FAILED, GIVEN_UP, meaning.blame)
    return replace(meaning, due_at=due_at)


def _wait(meaning: Outcome, tries: int) -> timedelta:
    if meaning is AGAIN:
        return AGAIN_AFTER
    if not meaning.counted:
        return SOON
    return SCHEDULE[min(max(tries, 0), len(SCHEDULE) - 1)]


# ---------------------------------------------------------- the same text elsewhere

LONGEST_KEY = 200
"""Characters of a key; what comes later in a text is advice."""

# What differs from one recipient to the next, most particular first.
_PARTICULARS = (
    re.compile(r"https?://\S+"),
    re.compile(r"<[^<>]*>|\[[^\[\]]*\]"),
    re.compile(r"[^\s<>()\"',;:]+@[^\s<>()\"',;:]+"),
    re.compile(r"[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"\S*\d\S*"),
)
_CODES = re.compile(r"\s*(?:([2-5]\d\d)\b\s*)?(?:([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)\s*)?")
_WORD = re.compile(r"[^\W\d_]+")


def reply_key(text: str, address: str) -> str:
    """Give what is the same in a reply whoever it is about, to count it over domains.

    `text` is `str(reply)`: its codes and words stay; addresses, hosts, numbers, ids, links go.

    >>> reply_key("550 5.1.8 <kim@example.org>: bad sender [AB12.mx3]", "kim@example.org")
    '550 5.1.8 bad sender'
    """
    codes = _CODES.match(text)
    head = [code for code in codes.groups() if code] if codes else []
    words = text[codes.end() :] if codes else text
    local, _, domain = address.rpartition("@")
    for particular in filter(None, (address, domain, local)):
        words = re.sub(rf"(?<!\w){re.escape(particular)}(?!\w)", " ", words, flags=re.IGNORECASE)
    for pattern in _PARTICULARS:
        words = pattern.sub(" ", words)
    return " ".join([*head, *_WORD.findall(words.casefold())])[:LONGEST_KEY]


def domain_of(address: str) -> str:
    """Give the domain of an address for comparing: in lower case, without a last dot."""
    return address.rpartition("@")[2].casefold().rstrip(".")
