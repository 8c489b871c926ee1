"""What is forgotten with time, once a day: each kind of data after its days in the settings."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from mailer import facts, ledger, subscribers
from mailer.accounts import sign_ins, unsaved
from mailer.app import App
from mailer.digests import unused

EVERY = timedelta(days=1)
DONE = "retention.digests"
"""The fact that names the digests whose recipients are forgotten."""

log = structlog.get_logger(__name__)


def forget(app: App) -> None:
    """Forget what is older than it may be, in small transactions; of all processes one does."""
    now = app.clock.now()
    subscribers.uploads.sweep(app.config.beside, now=now)  # each machine has files of its own
    if not app.database.write(facts.take_turn, "retention", every=EVERY, now=now):
        return
    kept, write = app.settings.retention, app.database.write

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    letters = before(kept.letters_days)
    unconfirmed, evidence = before(kept.unconfirmed_days), before(kept.evidence_days)
    moves = before(max(kept.letters_days, app.settings.subscribe.undo_days))
    counts = {
        "unconfirmed": _all(
            partial(write, subscribers.forget_unconfirmed, before=unconfirmed, now=now)
        ),
        "evidence": _all(partial(_evidence, app, evidence)),
        "moves": _all(partial(write, subscribers.forget_moves, before=moves, now=now)),
        "letters": _all(partial(write, ledger.forget_letters, before=letters)),
        "replies": _all(partial(write, ledger.forget_replies, before=letters)),
        "recipients": _recipients(app, before(kept.deliveries_days), now),
        "media": _media(app, before(kept.media_days), now),
    }
    counts["sign_ins"] = write(sign_ins.forget_old, now=now)
    counts["unsaved"] = write(unsaved.forget_old, now=now)
    if any(counts.values()):
        log.info("retention.forgot", **counts)


def _evidence(app: App, before: datetime) -> int:
    spent = app.database.read(subscribers.spent_evidence, before=before)
    if spent:
        app.database.write(subscribers.bare, spent)
    return len(spent)


def _recipients(app: App, before: datetime, now: datetime) -> int:
    with app.database.reading() as session:
        fact = facts.get(session, DONE)
        done = list(fact.value.get("ids", [])) if fact else []
        old = ledger.old_digests(session, before=before, done=done)
    count = 0
    for digest_id in old:
        count += _all(partial(app.database.write, ledger.forget_recipients, digest_id))
    if old:
        app.database.write(facts.note, DONE, {"ids": sorted({*done, *old})}, now=now)
    return count


def _media(app: App, before: datetime, now: datetime) -> int:
    found, write = app.database.read(unused.unused, before=before), app.database.write
    # One at a time: a large one takes a while.
    gone = [write(unused.remove, one, before=before, looked_at=now, now=now) for one in found]
    return sum(gone)


def _all(some: Callable[[], int]) -> int:
    """Call until it gives 0; give the sum."""
    total = 0
    while found := some():
        total += found
    return total
