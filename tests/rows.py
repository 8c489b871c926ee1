"""Rows that many stories begin with: a list, a digest, people, deliveries, workers."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import insert, select
from sqlmodel import Session, col

from mailer import address, ledger, lists
from mailer.db import Database
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Digest,
    DigestState,
    MailingList,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from mailer.lists import NewList

LEASE = timedelta(seconds=60)
LIFE = timedelta(hours=72)


def a_list(session: Session, slug: str = "news", *, now: datetime) -> int:
    """Make a list; give its id."""
    sender = address.parse("news@office.example.org")
    made = lists.create(session, NewList(slug=slug, name="News", sender=sender), now=now)
    assert made.id is not None
    return made.id


def a_digest(session: Session, list_id: int, *, now: datetime) -> int:
    """Make the next digest of a list, on its way; give its id."""
    listed = session.get_one(MailingList, list_id)
    listed.last_number += 1
    digest = Digest(
        list_id=list_id,
        number=listed.last_number,
        dated_on=date(2026, 12, 1),
        layout="digest",
        state=DigestState.SENDING,
        created_at=now,
    )
    session.add(digest)
    session.flush()
    assert digest.id is not None
    return digest.id


def people(
    session: Session,
    count: int,
    *,
    now: datetime,
    list_id: int | None = None,
    state: SubscriptionState = SubscriptionState.CONFIRMED,
    first: int = 1,
) -> list[int]:
    """Make subscribers reader1@example.org …, on a list if one is named; give their ids."""
    keys = [f"reader{number}@example.org" for number in range(first, first + count)]
    session.execute(
        insert(Subscriber),
        [{"address": key, "key": key, "domain": "example.org", "created_at": now} for key in keys],
    )
    found = session.execute(select(col(Subscriber.id)).where(col(Subscriber.key).in_(keys)))
    ids = sorted(found.scalars())
    if list_id is not None:
        session.execute(
            insert(Subscription),
            [
                {
                    "subscriber_id": each,
                    "list_id": list_id,
                    "state": state,
                    "created_at": now,
                    "confirmed_at": now,
                }
                for each in ids
            ],
        )
    return ids


def recipients(session: Session, digest_id: int, ids: Iterable[int], *, now: datetime) -> list[int]:
    """Put rows of a digest in the ledger, due now; give their ids."""
    session.execute(
        insert(Delivery),
        [
            {
                "kind": DeliveryKind.DIGEST,
                "state": DeliveryState.QUEUED,
                "digest_id": digest_id,
                "subscriber_id": each,
                "address": f"reader{each}@example.org",
                "key": f"reader{each}@example.org",
                "domain": "example.org",
                "posted_at": now,
                "due_at": now,
                "not_after": now + LIFE,
            }
            for each in ids
        ],
    )
    rows = select(col(Delivery.id)).where(col(Delivery.digest_id) == digest_id)
    found = session.execute(rows.order_by(col(Delivery.id))).scalars()
    return [row for row in found if row is not None]


def a_queued_digest(database: Database, count: int, *, now: datetime) -> tuple[int, list[int]]:
    """Make a digest to so many people; give its id and those of its rows."""
    with database.writing() as session:
        list_id = a_list(session, now=now)
        digest_id = a_digest(session, list_id, now=now)
        rows = recipients(session, digest_id, people(session, count, now=now), now=now)
    return digest_id, rows


def a_letter(
    to: str = "kim@example.org",
    *,
    now: datetime,
    kind: DeliveryKind = DeliveryKind.WELCOME,
    key: str | None = None,
) -> ledger.Letter:
    """Make a letter that is due at once."""
    return ledger.Letter(
        kind=kind,
        to=address.parse(to),
        language="en",
        due_at=now,
        not_after=now + LIFE,
        idempotency_key=key,
        context={"place": "税関"},
    )


def a_worker(session: Session, *, now: datetime, lease: timedelta = LEASE) -> int:
    """Begin the life of a worker; give its id."""
    return ledger.register(session, host="desk", boot="boot-1", pid=1, now=now, lease=lease)


def delivery(database: Database, row: int) -> Delivery:
    """Give a row as it stands."""
    with database.reading() as session:
        return session.get_one(Delivery, row)


def states(database: Database, rows: Iterable[int]) -> list[str]:
    """Give the states of rows, in their order."""
    return [delivery(database, row).state.value for row in rows]
