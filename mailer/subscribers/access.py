"""The fresh link: mailed to a person's own address when somebody asks, and good for an hour or so.

Whoever holds it has proved the mailbox. It ends with the address it was mailed to: after a
change of address, a link that still lies in the old mailbox opens nothing.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from mailer import history, ledger, lists
from mailer.address import Address
from mailer.db.schema import AddressChange, DeliveryKind, Subscriber
from mailer.history import READER, About
from mailer.subscribers import consent, limits, suppressions
from mailer.subscribers.roster import Rules, Wish


def ask_access(session: Session, wish: Wish, rules: Rules, *, now: datetime) -> None:
    """Mail the fresh link to one who is known here; to nobody else, and within the limits."""
    found = session.execute(
        select(Subscriber).where(col(Subscriber.key) == wish.address.key)
    ).scalar()
    if found is None or found.id is None or found.address is None:
        return
    about = About(subscriber_id=found.id, list_id=wish.list_id)
    reasons = suppressions.reasons(session, wish.address.key, None)
    if not consent.allowed(DeliveryKind.ACCESS, reasons):
        history.record(session, "access.refused", READER, about, at=now, details=wish.evidence)
        return
    when = book(session, DeliveryKind.ACCESS, wish, rules, now=now)
    kind = "access.asked" if when else "access.limited"
    history.record(session, kind, READER, about, at=now, details=wish.evidence)
    if when is None:
        return
    ends = when + rules.access_for
    letter = ledger.Letter(
        kind=DeliveryKind.ACCESS,
        to=Address(mailbox=found.address, key=wish.address.key),
        language=wish.language,
        due_at=when,
        not_after=ends,
        list_id=wish.list_id,
        subscriber_id=found.id,
        route=lists.route_of(session, wish.list_id),
        signing_key=rules.signing_key,
        context={"change": changes(session, found.id), "expires_at": ends.isoformat()},
    )
    ledger.post(session, letter, now=now)


def changes(session: Session, subscriber_id: int) -> int:
    """Count how often a subscriber's address was changed, there and back."""
    statement = select(
        func.count(col(AddressChange.done_at)) + func.count(col(AddressChange.undone_at))
    ).where(col(AddressChange.subscriber_id) == subscriber_id)
    return int(session.execute(statement).scalar_one())


def book(
    session: Session, kind: DeliveryKind, wish: Wish, rules: Rules, *, now: datetime
) -> datetime | None:
    """Give when a letter that somebody asked for may go; None when the limits allow none."""
    wanted = limits.Wanted(wish.address.key, kind, wish.list_id, wish.network or "unknown")
    return limits.book(session, wanted, rules.limits, now=now)
