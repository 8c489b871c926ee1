"""DKIM: keys by domain, and signatures over finished messages (RFC 6376).

    signer = Signer("example.org", tuple(opened(ring, key) for key in in_use(session)))
    message = signer.sign([message], at=dated_at) + message

`make`, `switch` and `remove` change which keys there are; `holds` is a receiver's view.
"""

from mailer.dkim.canonical import NotAMessage
from mailer.dkim.keeping import (
    KEEP_RECORD,
    Standing,
    Wish,
    chosen,
    every,
    in_use,
    leave_until,
    make,
    opened,
    remove,
    standing,
    switch,
)
from mailer.dkim.making import domain, place, record, selector
from mailer.dkim.signing import OVERSIGNED, SIGNED, Key, Signer
from mailer.dkim.verifying import holds

__all__ = [
    "KEEP_RECORD",
    "OVERSIGNED",
    "SIGNED",
    "Key",
    "NotAMessage",
    "Signer",
    "Standing",
    "Wish",
    "chosen",
    "domain",
    "every",
    "holds",
    "in_use",
    "leave_until",
    "make",
    "opened",
    "place",
    "record",
    "remove",
    "selector",
    "standing",
    "switch",
]
