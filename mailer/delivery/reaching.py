"""Reach by organisation: at which of them somebody got a digest, and at which nobody did.

*Reached* is what the relay took and nothing came back from; *returned* what it took and a notice
said did not arrive. By what is known of people and organisations now.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Integer, cast, func, select
from sqlmodel import Session, col

from mailer import subscribers
from mailer.db.schema import (
    Delivery,
    DeliveryState,
    Subscriber,
    Suppression,
    SuppressionReason,
)

WORDS = {
    DeliveryState.QUEUED: "waiting",
    DeliveryState.CLAIMED: "waiting",
    DeliveryState.SENT: "reached",
    DeliveryState.FAILED: "refused",
    DeliveryState.SUPPRESSED: "refused",
    DeliveryState.WITHDRAWN: "withdrawn",
    DeliveryState.UNCERTAIN: "uncertain",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Recipients, each in exactly one of these.

    *Refused* by the relay or by us, because the address must not be mailed.
    """

    reached: int = 0
    returned: int = 0
    refused: int = 0
    waiting: int = 0
    uncertain: int = 0
    withdrawn: int = 0

    @property
    def recipients(self) -> int:
        """Give the sum."""
        return sum(asdict(self).values())

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True, slots=True)
class Reach:
    """A digest's recipients by organisation, those with most first; `elsewhere` have none known.

    `nobody` are organisations of which nobody was among the recipients.
    """

    by: Sequence[tuple[subscribers.Place, Counts]]
    elsewhere: Counts
    nobody: Sequence[subscribers.Place]

    @property
    def total(self) -> Counts:
        """Give the sums of all recipients."""
        return sum((counts for _, counts in self.by), start=self.elsewhere)


def reach(session: Session, digest_id: int) -> Reach:
    """Count a digest's recipients by organisation and by what became of the mail to them."""
    known = subscribers.directory(session)
    found: dict[subscribers.Place | None, Counts] = {}
    for organisation_id, domain, state, returned, count in session.execute(_rows(digest_id)):
        place = known.of(organisation_id, domain)
        word = WORDS[DeliveryState(state)]
        counts = Counts(**{"returned" if returned and word == "reached" else word: int(count)})
        found[place] = found.get(place, Counts()) + counts
    elsewhere = found.pop(None, Counts())
    by = [(place, counts) for place, counts in found.items() if place]
    by.sort(key=lambda one: (-one[1].recipients, one[0].name.casefold(), one[0].id))
    nobody = [place for place in known.places.values() if place not in found]
    nobody.sort(key=lambda one: (one.name.casefold(), one.id))
    return Reach(by, elsewhere, nobody)


def _rows(digest_id: int) -> Any:
    bounced = (
        select(col(Suppression.delivery_id))
        .where(
            col(Suppression.delivery_id).is_not(None),
            col(Suppression.reason) == SuppressionReason.BOUNCE,
        )
        .distinct()
        .subquery()
    )
    domain = func.coalesce(col(Subscriber.domain), col(Delivery.domain))
    returned = cast(bounced.c.delivery_id.is_not(None), Integer)
    ways = (col(Subscriber.organisation_id), domain, col(Delivery.state), returned)
    return (
        select(*ways, func.count())
        .select_from(Delivery)
        .outerjoin(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id))
        .outerjoin(bounced, bounced.c.delivery_id == col(Delivery.id))
        .where(col(Delivery.digest_id) == digest_id)
        .group_by(*ways)
    )
