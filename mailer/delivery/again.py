"""What an editor does about recipients who did not get a digest: send again, or decide."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from mailer import ledger
from mailer.digests import life
from mailer.history import EDITOR, About, By, record


def send_again(  # noqa: PLR0913  (whom, why, until when, and who says so)
    session: Session,
    digest_id: int,
    queue_some: Callable[..., int],
    why: str,
    *,
    give_up: timedelta,
    now: datetime,
    by: By = EDITOR,
) -> int:
    """Queue some of a digest's rows again, and reopen the digest if there were any; give how many.

    `queue_some` is `ledger.retry_failed` or `ledger.resend_uncertain`.
    """
    life.get(session, digest_id)
    count = queue_some(session, digest_id, now=now, not_after=now + give_up)
    if count:
        life.reopen(session, digest_id, why, now=now, by=by)
    return count


def count_as_sent(session: Session, digest_id: int, *, now: datetime, by: By = EDITOR) -> int:
    """Count a digest's uncertain rows as sent; give how many."""
    digest = life.get(session, digest_id)
    count = ledger.take_as_sent(session, digest_id, now=now)
    if count:
        about = About(list_id=digest.list_id, digest_id=digest_id)
        details = {"count": count}
        record(session, "digest.uncertain_counted", by, about, at=now, details=details)
    return count
