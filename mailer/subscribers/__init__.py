"""Who is on which list, on what evidence, and who must not be mailed."""

from mailer.subscribers.asks import Asked, answer, ask, waiting_asks
from mailer.subscribers.audience import COLUMNS as AUDIENCE_COLUMNS
from mailer.subscribers.audience import audience, chunk_end, may_not_be_mailed, size
from mailer.subscribers.limits import Limits, forget_old
from mailer.subscribers.roster import (
    Confirmed,
    ConfirmLink,
    Rules,
    Standing,
    Wish,
    add_confirmed,
    by_address,
    confirm,
    leave,
    refuse,
    say_why,
    standing_of,
    subscribe,
    undo_leaving,
    unsubscribe,
)
from mailer.subscribers.spreadsheet import Left
from mailer.subscribers.suppressions import (
    EVERYWHERE,
    Ground,
    lift,
    lift_made_by,
    lift_one,
    reasons,
    suppress,
)
from mailer.subscribers.suppressions import every as suppressions
from mailer.subscribers.transfer import Import, Report, export_rows, import_file, members

__all__ = [
    "AUDIENCE_COLUMNS",
    "EVERYWHERE",
    "Asked",
    "ConfirmLink",
    "Confirmed",
    "Ground",
    "Import",
    "Left",
    "Limits",
    "Report",
    "Rules",
    "Standing",
    "Wish",
    "add_confirmed",
    "answer",
    "ask",
    "audience",
    "by_address",
    "chunk_end",
    "confirm",
    "export_rows",
    "forget_old",
    "import_file",
    "leave",
    "lift",
    "lift_made_by",
    "lift_one",
    "may_not_be_mailed",
    "members",
    "reasons",
    "refuse",
    "say_why",
    "size",
    "standing_of",
    "subscribe",
    "suppress",
    "suppressions",
    "undo_leaving",
    "unsubscribe",
    "waiting_asks",
]
