"""The ledger: one row for each message to each recipient, from posting to how it ended.

Post one letter, or queue an audience; a worker registers, claims rows under its lease, and
settles them; what a dead worker held is recovered from its journal. Knows ids, not people.
"""

from mailer.ledger.claims import (
    claim_digest,
    claim_letters,
    erased,
    give_back,
    give_editions,
    is_due,
    letters_due,
    settle,
    take_over,
    wait_longer,
)
from mailer.ledger.editors import Sums, resend_uncertain, retry_failed, sums, take_as_sent
from mailer.ledger.forgetting import (
    BLANK,
    forget_letters,
    forget_recipients,
    forget_replies,
    old_digests,
)
from mailer.ledger.holding_back import (
    HELD_BACK,
    drop_held,
    held_back,
    hold_back,
    is_held_back,
    let_go,
)
from mailer.ledger.journal import Journal, Mark, boot_id
from mailer.ledger.pages import FEW, Page, page, to_subscriber
from mailer.ledger.posting import (
    WAITING,
    Letter,
    post,
    post_all,
    queue,
    withdraw_digest,
    withdraw_letters,
)
from mailer.ledger.putting_off import let_held_go, put_off
from mailer.ledger.reports import (
    OPEN,
    Standing,
    letters_waiting,
    longest_waiting_letter,
    of_digest,
    standing,
    waits_for_us,
)
from mailer.ledger.settling import Settlement
from mailer.ledger.taking import Claimed
from mailer.ledger.uses import (
    LENGTHS,
    SLOTS,
    Use,
    Used,
    Window,
    forget_uses,
    lock_routes,
    note_uses,
    used,
)
from mailer.ledger.workers import (
    Lost,
    Recovered,
    lost_workers,
    recover,
    recover_lapsed,
    register,
    renew,
    working,
)

__all__ = [
    "BLANK",
    "FEW",
    "HELD_BACK",
    "LENGTHS",
    "OPEN",
    "SLOTS",
    "WAITING",
    "Claimed",
    "Journal",
    "Letter",
    "Lost",
    "Mark",
    "Page",
    "Recovered",
    "Settlement",
    "Standing",
    "Sums",
    "Use",
    "Used",
    "Window",
    "boot_id",
    "claim_digest",
    "claim_letters",
    "drop_held",
    "erased",
    "forget_letters",
    "forget_recipients",
    "forget_replies",
    "forget_uses",
    "give_back",
    "give_editions",
    "held_back",
    "hold_back",
    "is_due",
    "is_held_back",
    "let_go",
    "let_held_go",
    "letters_due",
    "letters_waiting",
    "lock_routes",
    "longest_waiting_letter",
    "lost_workers",
    "note_uses",
    "of_digest",
    "old_digests",
    "page",
    "post",
    "post_all",
    "put_off",
    "queue",
    "recover",
    "recover_lapsed",
    "register",
    "renew",
    "resend_uncertain",
    "retry_failed",
    "settle",
    "standing",
    "sums",
    "take_as_sent",
    "take_over",
    "to_subscriber",
    "used",
    "wait_longer",
    "waits_for_us",
    "withdraw_digest",
    "withdraw_letters",
    "working",
]
