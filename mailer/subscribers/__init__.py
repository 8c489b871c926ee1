"""Who is on which list, on what evidence, and who must not be mailed."""

from mailer.subscribers import batches, filters, segments, uploads
from mailer.subscribers.access import changes
from mailer.subscribers.arrivals import Import
from mailer.subscribers.asks import Asked, answer, ask, ask_all, waiting_asks
from mailer.subscribers.audience import COLUMNS as AUDIENCE_COLUMNS
from mailer.subscribers.audience import (
    audience,
    chunk_end,
    may_not_be_mailed,
    nameless,
    size,
    size_up_to,
)
from mailer.subscribers.batches import Undone, undo
from mailer.subscribers.batches import every as every_batch
from mailer.subscribers.columns import FIELDS
from mailer.subscribers.erasing import erase
from mailer.subscribers.export import EXPORTED, export_rows, export_some, members
from mailer.subscribers.filters import Filters, Source
from mailer.subscribers.finding import Found, Page, Size, count, find
from mailer.subscribers.finding import size as size_of_some
from mailer.subscribers.forgetting import bare, forget_unconfirmed, spent_evidence
from mailer.subscribers.growing import Counting, Growth, count_on, growth
from mailer.subscribers.growing import is_due as growth_is_due
from mailer.subscribers.growing import note as note_growth
from mailer.subscribers.handover import hand_over
from mailer.subscribers.holding import held, held_for_reader
from mailer.subscribers.limits import Limits, forget_old
from mailer.subscribers.moving import (
    Change,
    Moved,
    ask_move,
    change,
    follow,
    forget_moves,
    move,
    move_again,
    undo_move,
)
from mailer.subscribers.organisations import (
    Directory,
    Entry,
    Place,
    assign,
    directory,
    no_rule,
    rule,
)
from mailer.subscribers.organisations import add as add_organisation
from mailer.subscribers.organisations import entries as organisations_known
from mailer.subscribers.organisations import find as organisation
from mailer.subscribers.organisations import merge as merge_organisations
from mailer.subscribers.organisations import rename as rename_organisation
from mailer.subscribers.origins import known as origin
from mailer.subscribers.people import Left, Reading, guarded, understand
from mailer.subscribers.preferences import Choice, Hand, Pause, Reader, Settled, choose, reader
from mailer.subscribers.reminders import forgo_reminders, remind
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
from mailer.subscribers.segments import narrowing
from mailer.subscribers.stayed_out import writer as writer_of_stayed_out
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
from mailer.subscribers.suppressions import of as suppressions_of
from mailer.subscribers.tending import (
    LINES,
    MAILS,
    Facts,
    Person,
    bar,
    consent_lines,
    correct,
    history_of,
    let_back,
    mail_to,
    pause_until,
    person,
)
from mailer.subscribers.transfer import Report, Watch, take
from mailer.subscribers.typos import meant as probably_meant

__all__ = [
    "AUDIENCE_COLUMNS",
    "EVERYWHERE",
    "EXPORTED",
    "FIELDS",
    "LINES",
    "MAILS",
    "Asked",
    "Change",
    "Choice",
    "ConfirmLink",
    "Confirmed",
    "Counting",
    "Directory",
    "Entry",
    "Facts",
    "Filters",
    "Found",
    "Ground",
    "Growth",
    "Hand",
    "Import",
    "Left",
    "Limits",
    "Moved",
    "Page",
    "Pause",
    "Person",
    "Place",
    "Reader",
    "Reading",
    "Report",
    "Rules",
    "Settled",
    "Size",
    "Source",
    "Standing",
    "Undone",
    "Watch",
    "Wish",
    "add_confirmed",
    "add_organisation",
    "answer",
    "ask",
    "ask_all",
    "ask_move",
    "assign",
    "audience",
    "bar",
    "bare",
    "batches",
    "by_address",
    "change",
    "changes",
    "choose",
    "chunk_end",
    "confirm",
    "consent_lines",
    "correct",
    "count",
    "count_on",
    "directory",
    "erase",
    "every_batch",
    "export_rows",
    "export_some",
    "filters",
    "find",
    "follow",
    "forget_moves",
    "forget_old",
    "forget_unconfirmed",
    "forgo_reminders",
    "growth",
    "growth_is_due",
    "guarded",
    "hand_over",
    "held",
    "held_for_reader",
    "history_of",
    "leave",
    "let_back",
    "lift",
    "lift_made_by",
    "lift_one",
    "mail_to",
    "may_not_be_mailed",
    "members",
    "merge_organisations",
    "move",
    "move_again",
    "nameless",
    "narrowing",
    "no_rule",
    "note_growth",
    "organisation",
    "organisations_known",
    "origin",
    "pause_until",
    "person",
    "probably_meant",
    "reader",
    "reasons",
    "refuse",
    "remind",
    "rename_organisation",
    "rule",
    "say_why",
    "segments",
    "size",
    "size_of_some",
    "size_up_to",
    "spent_evidence",
    "standing_of",
    "subscribe",
    "suppress",
    "suppressions",
    "suppressions_of",
    "take",
    "understand",
    "undo",
    "undo_leaving",
    "undo_move",
    "unsubscribe",
    "uploads",
    "waiting_asks",
    "writer_of_stayed_out",
]
