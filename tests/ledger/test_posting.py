"""Letters and audiences come into the ledger once."""

from typing import Any

import pytest
from sqlalchemy import JSON, func, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Delivery, DeliveryState, Subscriber, UTCDateTime
from tests import rows


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Delivery)) or 0


def test_a_posted_letter_waits_for_its_moment(database: Database, clock: FrozenClock) -> None:
    posted = database.write(ledger.post, rows.a_letter(now=clock.now()), now=clock.now())

    assert posted is not None
    row = rows.delivery(database, posted)
    assert row.state is DeliveryState.QUEUED
    assert (row.address, row.key, row.domain) == ("kim@example.org",) * 2 + ("example.org",)
    assert (row.posted_at, row.due_at, row.tries) == (clock.now(), clock.now(), 0)
    assert row.context == {"place": "税関"}


def test_a_letter_is_posted_once_for_a_key(database: Database, clock: FrozenClock) -> None:
    letter = rows.a_letter(now=clock.now(), key="welcome:1:1:1")

    first = database.write(ledger.post, letter, now=clock.now())
    second = database.write(ledger.post, letter, now=clock.now())

    assert first is not None
    assert second is None
    assert database.read(count) == 1


def test_letters_without_a_key_are_all_posted(database: Database, clock: FrozenClock) -> None:
    letter = rows.a_letter(now=clock.now())

    database.write(ledger.post_all, [letter, letter], now=clock.now())
    database.write(ledger.post_all, [], now=clock.now())

    assert database.read(count) == 2


def test_an_audience_is_queued_once(database: Database, clock: FrozenClock) -> None:
    # Given a digest and people
    now = clock.now()
    with database.writing() as session:
        digest_id = rows.a_digest(session, rows.a_list(session, now=now), now=now)
        rows.people(session, 5, now=now)
    columns = {
        "subscriber_id": col(Subscriber.id),
        "address": col(Subscriber.address),
        "key": col(Subscriber.key),
        "domain": col(Subscriber.domain),
        "name": col(Subscriber.name),
        "language": literal("en"),
        "kind": literal("digest"),
        "state": literal("queued"),
        "digest_id": literal(digest_id),
        "context": literal({}, JSON()),
        "route": literal("smtp"),
        "posted_at": literal(now, UTCDateTime()),
        "due_at": literal(now, UTCDateTime()),
        "not_after": literal(now + rows.LIFE, UTCDateTime()),
        "tries": literal(0),
        "reason": literal(""),
        "reply_text": literal(""),
    }
    audience: Any = select(*columns.values())

    # When they are queued twice
    first = database.write(ledger.queue, list(columns), audience)
    second = database.write(ledger.queue, list(columns), audience)

    # Then each is in it once
    assert (first, second) == (5, 0)
    assert database.read(ledger.sums, digest_id) == ledger.Sums(waiting=5)


def test_a_digest_is_withdrawn_in_pieces(database: Database, clock: FrozenClock) -> None:
    # Given a digest of which one row is claimed and one is sent
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 7, now=now)
    with database.writing() as session:
        worker = rows.a_worker(session, now=now)
        ledger.claim_digest(session, worker, digest_id, limit=2, now=now)
        ledger.settle(session, worker, [ledger.Settlement(ids[0], DeliveryState.SENT, now)])

    # When it is withdrawn
    taken = [
        database.write(ledger.withdraw_digest, digest_id, "cancelled", now=now, limit=3)
        for _ in range(3)
    ]

    # Then what nobody had begun has ended, and says why
    assert taken == [3, 2, 0]
    assert database.read(ledger.sums, digest_id) == ledger.Sums(waiting=1, sent=1, withdrawn=5)
    last = rows.delivery(database, ids[-1])
    assert (last.reason, last.settled_at, last.due_at) == ("cancelled", now, None)


@pytest.mark.parametrize(
    "wrong", ["state = 'sending'", "kind = 'spam'", "tries = -1", "worker_id = 404"]
)
def test_the_database_refuses_what_cannot_be(
    database: Database, clock: FrozenClock, wrong: str
) -> None:
    posted = database.write(ledger.post, rows.a_letter(now=clock.now()), now=clock.now())
    statement = f"UPDATE deliveries SET {wrong} WHERE id = {posted}"

    with database.connect() as connection, pytest.raises(IntegrityError):
        connection.exec_driver_sql(statement)


def test_one_person_is_in_a_digest_once(database: Database, clock: FrozenClock) -> None:
    digest_id, [row] = rows.a_queued_digest(database, 1, now=clock.now())
    twin = rows.delivery(database, row).model_dump(exclude={"id"})

    with database.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(insert(Delivery).values(twin))

    assert database.read(ledger.sums, digest_id).recipients == 1
