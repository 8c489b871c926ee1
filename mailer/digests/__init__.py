"""Items of meeting news, the life of the digests that carry them, and the archive of what went."""

from mailer.digests import (
    approvals,
    archive,
    arranging,
    back_numbers,
    finding,
    items,
    life,
    moments,
    order,
    papers,
)

__all__ = [
    "approvals",
    "archive",
    "arranging",
    "back_numbers",
    "finding",
    "items",
    "life",
    "moments",
    "order",
    "papers",
]
