"""That the past is not mailed twice: what follows when a database is older than it was.

A copy put back does not know what went out, nor who left, since it was made. It is noticed by
its mark; then who left is taken off again, what is not settled is held until its owner lets it
go, and numbers that links may carry are passed over.
"""

from mailer.continuity.aftermath import Aftermath, Past, after_restore, look
from mailer.continuity.hold import Held, Terms, count_held, drop, held, is_holding, release
from mailer.continuity.mark import EVERY, Mark, advance, found, remember, remembered
from mailer.continuity.noting import Noting, forget

__all__ = [
    "EVERY",
    "Aftermath",
    "Held",
    "Mark",
    "Noting",
    "Past",
    "Terms",
    "advance",
    "after_restore",
    "count_held",
    "drop",
    "forget",
    "found",
    "held",
    "is_holding",
    "look",
    "release",
    "remember",
    "remembered",
]
