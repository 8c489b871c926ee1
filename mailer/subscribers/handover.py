"""A role's mailbox in new hands: `customs@…` goes on, whoever reads it."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db.schema import DeliveryKind, Subscriber, SubscriptionState
from mailer.errors import Refused
from mailer.history import EDITOR, About, By, record
from mailer.subscribers import roster
from mailer.subscribers.roster import Rules


def hand_over(
    session: Session, key: str, name: str, rules: Rules, *, now: datetime, by: By = EDITOR
) -> list[int]:
    """Give a mailbox to its next reader; give the lists that they are told of, a letter each.

    The name becomes theirs, or none, and a pause ends; lists and language stay until they choose.
    Raises NotFound for an address that nobody has, Refused for one that is on no list.
    """
    found, subscriptions = roster.by_address(session, key)
    assert found.id is not None
    on = [one.list_id for one in subscriptions if one.state is SubscriptionState.CONFIRMED]
    if not on:
        raise Refused("this address is on no list, so there is nothing to hand over")
    changes = update(Subscriber).where(col(Subscriber.id) == found.id)
    session.execute(changes.values(name=name, paused_until=None))
    record(session, "subscriber.handed_over", by, About(subscriber_id=found.id), at=now)
    for list_id in on:
        standing, route = roster.standing_of(session, found.id, list_id), lists.route_of
        letter = roster.letter(
            DeliveryKind.HANDOVER, standing, rules, route=route(session, list_id), when=now
        )
        ledger.post(session, replace(letter, name=name), now=now)
    return on
