"""Of which people who landed something is known here, so that they are looked at one by one.

All others are as good as new: nothing keeps them from the list.
"""

from sqlalchemy import select
from sqlmodel import Session, col

from mailer.db.schema import Subscription, Suppression
from mailer.subscribers import moving
from mailer.subscribers.landing import LANDED
from mailer.subscribers.suppressions import EVERYWHERE, are_hashed, reasons_of


def numbers(session: Session, list_id: int) -> set[int]:
    """Give the numbers in LANDED of those who have been on the list, or may not be mailed.

    Among them are all whom `suppressions.reasons_of` and `moving.given_up` know.
    """
    # Not “list_id = ?”: without statistics SQLite would walk all of the list for each chunk.
    on_list = (
        select(LANDED.c.number)
        .join(Subscription, col(Subscription.subscriber_id) == LANDED.c.id)
        .where(~LANDED.c.is_new, col(Subscription.list_id) + 0 == list_id)
    )
    found = {int(number) for number in session.execute(on_list).scalars()}
    kept_out = _by_name if are_hashed(session) else _by_key
    return found | kept_out(session, list_id)


def _by_key(session: Session, list_id: int) -> set[int]:
    barred = (
        select(LANDED.c.number)
        .join(Suppression, col(Suppression.key) == LANDED.c.key)
        .where(col(Suppression.list_id).in_([EVERYWHERE, list_id]))
    )
    gave_up = select(LANDED.c.number).where(LANDED.c.key.in_(moving.old_names()))
    return {int(one) for part in (barred, gave_up) for one in session.execute(part).scalars()}


def _by_name(session: Session, list_id: int) -> set[int]:
    """Find those too of whom the database has no more than a hash, which no statement can make."""
    landed = {key: number for number, key in session.execute(select(LANDED.c.number, LANDED.c.key))}
    suppressed = reasons_of(session, landed, list_id)
    return {landed[key] for key in {*suppressed, *moving.given_up(session, landed)}}
