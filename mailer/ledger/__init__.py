"""The ledger: one row for each message to each recipient, from posting to how it ended.

Post one letter, or queue an audience; a worker registers, claims rows under its lease, and
settles them; what a dead worker held is recovered from its journal. Knows ids, not people.
"""

from mailer.ledger.claims import (
    Claimed,
    Settlement,
    claim_digest,
    claim_letters,
    erased,
    give_back,
    give_editions,
    is_due,
    letters_due,
    settle,
    take_over,
)
from mailer.ledger.editors import Sums, resend_uncertain, retry_failed, sums, take_as_sent
from mailer.ledger.forgetting import (
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
from mailer.ledger.posting import (
    WAITING,
    Letter,
    post,
    post_all,
    queue,
    withdraw_digest,
    withdraw_letters,
)
from mailer.ledger.reports import (
    Standing,
    letters_waiting,
    longest_waiting_letter,
    of_digest,
    standing,
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
    "HELD_BACK",
    "WAITING",
    "Claimed",
    "Journal",
    "Letter",
    "Lost",
    "Mark",
    "Recovered",
    "Settlement",
    "Standing",
    "Sums",
    "boot_id",
    "claim_digest",
    "claim_letters",
    "drop_held",
    "erased",
    "forget_letters",
    "forget_recipients",
    "forget_replies",
    "give_back",
    "give_editions",
    "held_back",
    "hold_back",
    "is_due",
    "is_held_back",
    "let_go",
    "letters_due",
    "letters_waiting",
    "longest_waiting_letter",
    "lost_workers",
    "of_digest",
    "old_digests",
    "post",
    "post_all",
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
    "withdraw_digest",
    "withdraw_letters",
    "working",
]
