"""Accounting: only what was held counts, and two workers never wait for each other."""

import threading
from datetime import datetime

from sqlmodel import col, select

from mailer import ledger, subscribers
from mailer.config import Route
from mailer.db import Database
from mailer.db.schema import Attempt, Delivery, Destination
from mailer.delivery import accounting, outcome
from mailer.delivery.accounting import Result
from mailer.delivery.destinations import Met, count
from mailer.delivery.reply import Reply, Step
from mailer.ledger import Claimed
from tests import rows
from tests.conftest import MOMENT
from tests.rows import LEASE

KNOWN = {"smtp": Route()}

TAKEN = Reply(Step.DOT, 250, "2.0.0", "taken")
UNKNOWN = Reply(Step.RCPT, 550, "5.1.1", "no such user")
BLOCKED = Reply(Step.RCPT, 550, "5.7.1", "blocked")


def result(claimed: Claimed, reply: Reply, *, at: datetime = MOMENT) -> Result:
    meaning = outcome.read(
        reply, may_repeat=False, tries=0, now=at, not_after=claimed.not_after, jitter=0
    )
    return Result(claimed, reply, meaning, at)


def claim(database: Database, people: int, *, domains: int = 1) -> tuple[int, list[Claimed]]:
    """Have a worker claim rows of a digest, at some domains."""
    digest, ids = rows.a_queued_digest(database, people, now=MOMENT)
    with database.writing() as session:
        for number, row in enumerate(session.exec(select(Delivery).order_by(col(Delivery.id)))):
            row.domain = f"d{number % domains}.example.org"
            session.add(row)
        worker = ledger.register(session, host="a", boot="b", pid=1, now=MOMENT, lease=LEASE)
        session.flush()
        claimed = ledger.claim_digest(session, worker, digest, limit=len(ids), now=MOMENT)
    return worker, claimed


def destinations(database: Database) -> dict[str, tuple[bool, int]]:
    with database.reading() as session:
        found = session.exec(select(Destination))
        return {one.domain: (one.accepted_at is not None, one.refusals) for one in found}


def test_a_batch_counts_each_destination_once(database: Database) -> None:
    worker, claimed = claim(database, 6, domains=3)
    replies = [TAKEN, BLOCKED, UNKNOWN, TAKEN, BLOCKED, TAKEN]

    some = [result(*pair) for pair in zip(claimed, replies, strict=True)]
    database.write(accounting.settle, worker, some, KNOWN)

    assert destinations(database) == {
        "d0.example.org": (True, 0),
        "d1.example.org": (False, 2),
        "d2.example.org": (True, 0),
    }


def test_a_later_batch_adds_to_what_is_known(database: Database) -> None:
    worker, claimed = claim(database, 3)

    for one, reply in zip(claimed, (BLOCKED, TAKEN, BLOCKED), strict=True):
        database.write(accounting.settle, worker, [result(one, reply)], KNOWN)

    assert destinations(database) == {"d0.example.org": (True, 2)}


def test_settling_twice_is_settling_once(database: Database) -> None:
    worker, claimed = claim(database, 2)
    some = [result(claimed[0], BLOCKED), result(claimed[1], UNKNOWN)]

    database.write(accounting.settle, worker, some, KNOWN)
    database.write(accounting.settle, worker, some, KNOWN)

    assert destinations(database) == {"d0.example.org": (False, 1)}
    with database.reading() as session:
        assert len(session.exec(select(Attempt)).all()) == 2
        assert {row.tries for row in session.exec(select(Delivery))} == {1}


def test_what_was_lost_meanwhile_counts_for_nothing(database: Database) -> None:
    worker, claimed = claim(database, 1)
    database.write(ledger.recover, worker, {}, now=MOMENT)

    pauses = database.write(accounting.settle, worker, [result(claimed[0], UNKNOWN)], KNOWN)

    assert pauses == []
    assert destinations(database) == {}
    assert database.read(subscribers.suppressions) == []


def test_two_workers_who_settle_at_once_do_not_wait_for_each_other(database: Database) -> None:
    """Each has met the same destinations, in the opposite order."""
    domains = [f"d{number}.example.org" for number in range(30)]
    ready = threading.Barrier(2)
    broken: list[BaseException] = []

    def settle(met: list[str]) -> None:
        tries = {("smtp", one): Met(refused_at=MOMENT, refusals=1) for one in met}
        ready.wait()
        try:
            for _ in range(40):
                database.write(count, tries)
        except BaseException as error:  # noqa: BLE001  (told to the test)
            broken.append(error)

    threads = [threading.Thread(target=settle, args=[met]) for met in (domains, domains[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert broken == []
    assert {refusals for _, refusals in destinations(database).values()} == {80}


def test_a_route_pauses_once_however_many_say_so(database: Database) -> None:
    worker, claimed = claim(database, 4)
    not_signed_in = Reply(Step.AUTH, 535, "5.7.8", "wrong password")
    some = [result(one, not_signed_in) for one in claimed]

    first = database.write(accounting.settle, worker, some[:2], KNOWN)
    second = database.write(accounting.settle, worker, some[2:], KNOWN)

    assert [pause.route for pause in first] == ["smtp"]
    assert "535 5.7.8 wrong password" in first[0].reason
    assert second == []


def test_a_refusal_of_our_own_is_nobodys_words(database: Database) -> None:
    """A message of ours that is wrong is wrong for every domain; the relay never said so."""
    worker, claimed = claim(database, 3, domains=3)
    ours = Reply(Step.MAIL, 554, "5.6.0", "not sent: a header is wrong", ours=True)

    pauses = database.write(
        accounting.settle, worker, [result(one, ours) for one in claimed], KNOWN
    )

    assert pauses == []
    with database.reading() as session:
        assert {row.state for row in session.exec(select(Delivery))} == {"failed"}
