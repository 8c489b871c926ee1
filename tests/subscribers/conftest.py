"""A list, and somebody who may come to it."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from mailer import address, history, subscribers
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Delivery, DeliveryKind, Event, SubscriptionState
from mailer.subscribers import Confirmed, ConfirmLink, Limits, Rules, Standing, Wish
from tests import rows

EVIDENCE = {"page": "/l/news", "wording": "subscribe-1"}
RULES = Rules(limits=Limits(per_address=99, gap=Limits().gap * 0))


@dataclass
class Roster:
    """A list, and what a test does and sees of its subscribers."""

    database: Database
    clock: FrozenClock
    list_id: int
    rules: Rules = RULES

    def wish(self, typed: str = "kim@example.org", **more: Any) -> Wish:
        values: dict[str, Any] = {"language": "en", "evidence": EVIDENCE, "network": "192.0.2.1"}
        return Wish(address.parse(typed), self.list_id, **{**values, **more})

    def subscribe(self, typed: str = "kim@example.org", **more: Any) -> None:
        wish = self.wish(typed, **more)
        self.database.write(subscribers.subscribe, wish, self.rules, now=self.clock.now())

    def unsubscribe(self, typed: str = "kim@example.org") -> None:
        wish = self.wish(typed)
        self.database.write(subscribers.unsubscribe, wish, self.rules, now=self.clock.now())

    def add(
        self, typed: str = "kim@example.org", basis: str = "signed up at the meeting"
    ) -> object:
        wish = self.wish(typed, network=None, by=history.EDITOR)
        return self.database.write(subscribers.add_confirmed, wish, basis, now=self.clock.now())

    def confirm(self, link: ConfirmLink | None = None) -> Confirmed:
        return self.database.write(
            subscribers.confirm,
            link or self.link(),
            {"page": "/c/…"},
            self.rules,
            now=self.clock.now(),
        )

    def leave(self) -> int | None:
        person = self.standing().subscriber_id
        return self.database.write(
            subscribers.leave, person, self.list_id, EVIDENCE, now=self.clock.now()
        )

    def undo(self, left_event: int) -> bool:
        person = self.standing().subscriber_id
        return self.database.write(
            subscribers.undo_leaving,
            person,
            self.list_id,
            left_event,
            EVIDENCE,
            now=self.clock.now(),
        )

    def refuse(self) -> None:
        person = self.standing().subscriber_id
        self.database.write(
            subscribers.refuse, person, self.list_id, EVIDENCE, now=self.clock.now()
        )

    # --------------------------------------------------------------------- what is seen

    def standing(self, key: str = "kim@example.org") -> Standing:
        with self.database.reading() as session:
            found, _ = subscribers.by_address(session, key)
            assert found.id is not None
            return subscribers.standing_of(session, found.id, self.list_id)

    def state(self, key: str = "kim@example.org") -> SubscriptionState:
        return self.standing(key).state

    def link(self) -> ConfirmLink:
        """Give what the link of the newest letter names."""
        standing = self.standing()
        return ConfirmLink(standing.subscriber_id, standing.list_id, standing.ask)

    def letters(self) -> list[Delivery]:
        with self.database.reading() as session:
            found = session.execute(select(Delivery).order_by(col(Delivery.id)))
            return list(found.scalars())

    def kinds(self) -> list[DeliveryKind]:
        return [letter.kind for letter in self.letters()]

    def events(self) -> list[Event]:
        with self.database.reading() as session:
            return list(session.execute(select(Event).order_by(col(Event.id))).scalars())

    def history(self) -> list[str]:
        return [event.kind for event in self.events() if event.kind != "list.created"]


@pytest.fixture
def roster(database: Database, clock: FrozenClock) -> Roster:
    """Give a public list with double opt-in, and nobody on it."""
    return Roster(database, clock, database.write(rows.a_list, now=clock.now()))
