"""Claiming: one row, one worker. Settling: only what is one's own."""

import threading
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, update
from sqlmodel import Session, col

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Attempt, Delivery, DeliveryState
from mailer.ledger import Settlement
from tests import rows

SECOND = timedelta(seconds=1)


def worker(database: Database, now: datetime) -> int:
    return database.write(rows.a_worker, now=now)


def claim(
    database: Database, worker_id: int, digest_id: int, now: datetime, limit: int = 9
) -> set[int]:
    claimed = database.write(ledger.claim_digest, worker_id, digest_id, limit=limit, now=now)
    return {one.id for one in claimed}


def an_attempt(row: int, at: datetime) -> Attempt:
    return Attempt(
        delivery_id=row,
        tried_at=at,
        route="smtp",
        domain="example.org",
        step="rcpt",
        code=451,
        text="later",
        verdict="deferred",
    )


def attempts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Attempt)) or 0


# ------------------------------------------------------------------------- claiming


def test_a_claim_gives_all_that_a_message_is_made_of(
    database: Database, clock: FrozenClock
) -> None:
    now = clock.now()
    posted = database.write(ledger.post, rows.a_letter(now=now), now=now)
    me = worker(database, now)

    [claimed] = database.write(ledger.claim_letters, me, "smtp", limit=9, now=now)

    assert claimed.id == posted
    assert (claimed.address, claimed.language, claimed.route) == ("kim@example.org", "en", "smtp")
    assert claimed.context == {"place": "税関"}
    assert (claimed.dated_at, claimed.tries) == (now, 0)
    assert rows.states(database, [claimed.id]) == ["claimed"]


ODD = (
    "250",
    "1e5",
    "007",
    "null",
    " 1 ",
    '"quoted"',
    "[1, 2]",
    "a\\u0000b",
    "\u2028 \U0001f600 e\u0301\t\x01",
    "long " * 100_000,
)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_words_and_numbers_stay_what_they_are(
    database: Database, clock: FrozenClock, odd: str
) -> None:
    # Given a row with words that look like something else, and an id that no float holds
    now = clock.now()
    row = 2**53 + 1
    posted = database.write(ledger.post, rows.a_letter(now=now), now=now)
    with database.writing() as session:
        said = {"v": odd, "n": row, "none": None}
        wish = {"id": row, "name": odd, "key": odd[:50], "context": said}
        session.execute(update(Delivery).where(col(Delivery.id) == posted).values(wish))
    me = worker(database, now)

    # When it is claimed and settled
    [claimed] = database.write(ledger.claim_letters, me, "smtp", limit=9, now=now)
    due_at = now + timedelta(microseconds=1)
    deferred = Settlement(row, DeliveryState.QUEUED, now, due_at, reason=odd, reply_text=odd)
    assert database.write(ledger.settle, me, [deferred]) == {row}

    # Then nothing was taken for a number, or cut
    assert (claimed.id, claimed.name, claimed.key, claimed.context) == (row, odd, odd[:50], said)
    with database.reading() as session:
        kept = session.get_one(Delivery, row)
    assert (kept.reason, kept.reply_text, kept.reply_code) == (odd, odd, None)
    assert (kept.due_at, kept.settled_at, kept.tries) == (due_at, None, 1)


def test_a_message_keeps_the_date_of_its_first_claim(
    database: Database, clock: FrozenClock
) -> None:
    # Given a row that was claimed, and given back
    first = clock.now()
    digest_id, _ = rows.a_queued_digest(database, 1, now=first)
    me = worker(database, first)
    claim(database, me, digest_id, first)
    database.write(ledger.give_back, me)

    # When it is claimed again later
    clock.move(30 * SECOND)
    [again] = database.write(ledger.claim_digest, me, digest_id, limit=1, now=clock.now())

    # Then a retry has the same bytes
    assert again.dated_at == first


def test_the_date_of_a_message_is_a_moment_in_any_zone(
    database: Database, clock: FrozenClock
) -> None:
    digest_id, _ = rows.a_queued_digest(database, 1, now=clock.now())
    me = worker(database, clock.now())
    tokyo = clock.now().astimezone(timezone(timedelta(hours=9)))

    [claimed] = database.write(ledger.claim_digest, me, digest_id, limit=1, now=tokyo)

    assert claimed.dated_at == clock.now()


def test_what_is_due_first_is_claimed_first(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 3, now=now)
    with database.writing() as session:
        early = update(Delivery).where(col(Delivery.id) == ids[2])
        session.execute(early.values(due_at=now - SECOND))
    me = worker(database, now)

    assert claim(database, me, digest_id, now, limit=1) == {ids[2]}
    assert claim(database, me, digest_id, now, limit=1) == {ids[0]}


def test_what_is_not_due_or_held_is_not_claimed(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, [later, held, due] = rows.a_queued_digest(database, 3, now=now)
    with database.writing() as session:
        for row, due_at in ((later, now + SECOND), (held, None)):
            session.execute(update(Delivery).where(col(Delivery.id) == row).values(due_at=due_at))
    me = worker(database, now)

    assert claim(database, me, digest_id, now) == {due}
    assert claim(database, me, digest_id, now + SECOND) == {later}


def test_letters_are_claimed_by_route_and_apart_from_digests(
    database: Database, clock: FrozenClock
) -> None:
    now = clock.now()
    rows.a_queued_digest(database, 2, now=now)
    letter = database.write(ledger.post, rows.a_letter(now=now), now=now)
    me = worker(database, now)

    assert database.write(ledger.claim_letters, me, "other", limit=9, now=now) == []
    claimed = database.write(ledger.claim_letters, me, "smtp", limit=9, now=now)
    assert [one.id for one in claimed] == [letter]


def test_two_workers_never_hold_the_same_row(database: Database, clock: FrozenClock) -> None:
    # Given workers and rows
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 300, now=now)
    workers = [worker(database, now) for _ in range(4)]
    taken: Counter[int] = Counter()
    together = threading.Barrier(len(workers))

    # When all claim as fast as they can
    def work(me: int) -> None:
        together.wait()
        while some := claim(database, me, digest_id, now, limit=7):
            taken.update(some)

    threads = [threading.Thread(target=work, args=[each]) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    # Then each row was taken, once
    assert taken == Counter(ids)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_claim_passes_over_rows_that_another_is_claiming(
    migrated_database_url: str, clock: FrozenClock
) -> None:
    # Given two processes, each with a `Database` of its own (SQLite has one writer at a time)
    first, second = Database(migrated_database_url), Database(migrated_database_url)
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(first, 10, now=now)
    one, other = worker(first, now), worker(first, now)

    # When one claims while the other's claim is not committed yet
    with first.writing() as session:
        mine = {each.id for each in ledger.claim_digest(session, one, digest_id, limit=4, now=now)}
        theirs = claim(second, other, digest_id, now, limit=4)

    # Then neither waited, and they hold different rows
    assert len(mine) == len(theirs) == 4
    assert mine.isdisjoint(theirs)
    assert mine | theirs <= set(ids)
    first.close()
    second.close()


def test_a_worker_whose_life_ended_claims_nothing(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 2, now=now)
    me = worker(database, now)

    database.write(ledger.recover, me, {}, now=now)

    assert claim(database, me, digest_id, now) == set()
    assert claim(database, 404, digest_id, now) == set()
    assert rows.states(database, ids) == ["queued", "queued"]


def test_a_worker_whose_lease_ran_out_claims_nothing(
    database: Database, clock: FrozenClock
) -> None:
    digest_id, _ = rows.a_queued_digest(database, 2, now=clock.now())
    me = worker(database, clock.now())

    clock.move(rows.LEASE + SECOND)

    assert claim(database, me, digest_id, clock.now()) == set()


# ------------------------------------------------------------------------- settling


@pytest.mark.parametrize("state", ["sent", "failed", "suppressed", "withdrawn", "uncertain"])
def test_a_settled_row_says_how_it_ended(
    database: Database, clock: FrozenClock, state: str
) -> None:
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)
    clock.move(SECOND)

    settlement = Settlement(
        row,
        DeliveryState(state),
        clock.now(),
        reason="because",
        reply_code=250,
        reply_text="2.0.0 ok",
    )
    assert database.write(ledger.settle, me, [settlement]) == {row}

    found = rows.delivery(database, row)
    assert (found.state, found.reason, found.settled_at) == (state, "because", clock.now())
    assert (found.reply_code, found.reply_text) == (250, "2.0.0 ok")
    assert (found.tries, found.worker_id) == (1, None)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_a_relay_said_when_it_took_a_message_is_kept_to_the_letter(
    database: Database, clock: FrozenClock, odd: str
) -> None:
    # Given a row with an id that no float holds
    now, row = clock.now(), 2**53 + 1
    digest_id, [queued] = rows.a_queued_digest(database, 1, now=now)
    with database.writing() as session:
        session.execute(update(Delivery).where(col(Delivery.id) == queued).values(id=row))
    me = worker(database, now)
    claim(database, me, digest_id, now)

    # When it is taken, as a clock in another zone has it
    at = (now + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=9)))
    taken = Settlement(row, DeliveryState.SENT, at, reply_code=250, reply_text=odd)
    assert database.write(ledger.settle, me, [taken]) == {row}

    # Then nothing was taken for a number, or cut
    found = rows.delivery(database, row)
    assert (found.state, found.reply_code, found.reply_text) == ("sent", 250, odd)
    assert (found.settled_at, found.tries, found.worker_id) == (at, 1, None)


def test_each_of_a_batch_ends_in_its_own_way(database: Database, clock: FrozenClock) -> None:
    # Given a batch of which one row was lost, and another's reader forgotten
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 6, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)
    plain, other, doubtful, failed, lost, forgotten = ids
    with database.writing() as session:
        row = update(Delivery).execution_options(synchronize_session=False)
        session.execute(row.where(col(Delivery.id) == lost).values(worker_id=None, state="queued"))
        session.execute(row.where(col(Delivery.id) == forgotten).values(address=None, key=None))
        session.execute(row.where(col(Delivery.id) == doubtful).values(state="uncertain", tries=1))

    # When all of it is settled
    sent = DeliveryState.SENT
    ends = [
        Settlement(plain, sent, now, reply_code=250, reply_text="2.0.0 one"),
        Settlement(other, sent, now, reply_code=251, reply_text="2.0.0 two"),
        Settlement(doubtful, sent, now, reply_code=250, reply_text="2.0.0 three"),
        Settlement(failed, DeliveryState.FAILED, now, reply_code=550, reply_text="5.1.1 four"),
        Settlement(lost, sent, now, reply_code=250, reply_text="2.0.0 five"),
        Settlement(forgotten, sent, now, reply_code=250, reply_text="2.0.0 six"),
    ]
    assert database.write(ledger.settle, me, ends) == set(ids) - {lost}

    # Then each is as it was told, save what was lost, and what was said of one forgotten
    found = [rows.delivery(database, one) for one in ids]
    assert [(one.state, one.reply_code, one.reply_text, one.tries) for one in found] == [
        ("sent", 250, "2.0.0 one", 1),
        ("sent", 251, "2.0.0 two", 1),
        ("sent", 250, "2.0.0 three", 1),
        ("failed", 550, "5.1.1 four", 1),
        ("queued", None, "", 0),
        ("sent", 250, "", 1),
    ]


def test_a_deferred_row_comes_up_again_at_its_moment(
    database: Database, clock: FrozenClock
) -> None:
    # Given a row that was deferred
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)
    later = now + 30 * SECOND
    again = Settlement(row, DeliveryState.QUEUED, now, due_at=later, attempt=an_attempt(row, now))
    database.write(ledger.settle, me, [again])
    assert database.read(ledger.sums, digest_id) == ledger.Sums(deferred=1)

    # When its moment comes
    assert claim(database, me, digest_id, now) == set()
    [claimed] = database.write(ledger.claim_digest, me, digest_id, limit=1, now=later)

    # Then it is tried again, and what was answered is kept
    assert claimed.tries == 1
    assert database.read(attempts) == 1


def test_what_was_not_a_try_is_not_counted(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)

    held = Settlement(row, DeliveryState.QUEUED, now, counted=False, reason="route paused")
    database.write(ledger.settle, me, [held])

    found = rows.delivery(database, row)
    assert (found.tries, found.due_at, found.settled_at) == (0, None, None)
    assert found.reason == "route paused"


def test_a_second_settling_changes_nothing(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)
    database.write(ledger.settle, me, [Settlement(row, DeliveryState.SENT, now)])

    late = Settlement(row, DeliveryState.FAILED, now, attempt=an_attempt(row, now))
    assert database.write(ledger.settle, me, [late]) == set()

    assert rows.states(database, [row]) == ["sent"]
    assert database.read(attempts) == 0


@pytest.mark.parametrize("taken_again", [False, True])
def test_a_worker_that_lost_its_claims_settles_nothing(
    database: Database, clock: FrozenClock, taken_again: bool
) -> None:
    # Given a worker that slept while its claims went back, perhaps to another
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    sleeper, other = worker(database, now), worker(database, now)
    claim(database, sleeper, digest_id, now)
    database.write(ledger.recover, sleeper, {}, now=now)
    if taken_again:
        claim(database, other, digest_id, now)
    before = rows.delivery(database, row).model_dump()

    # When it wakes and settles
    late = Settlement(row, DeliveryState.SENT, now, attempt=an_attempt(row, now))
    settled = database.write(ledger.settle, sleeper, [late])

    # Then nothing has changed
    assert settled == set()
    assert rows.delivery(database, row).model_dump() == before
    assert database.read(attempts) == 0


def test_a_worker_that_woke_settles_what_was_found_in_doubt(
    database: Database, clock: FrozenClock
) -> None:
    # Given a row in doubt, because its worker's lease ran out between dot and answer
    now = clock.now()
    digest_id, [row] = rows.a_queued_digest(database, 1, now=now)
    me = worker(database, now)
    claim(database, me, digest_id, now)
    database.write(ledger.recover, me, {row: ledger.Mark.SENDING}, now=now)
    assert rows.states(database, [row]) == ["uncertain"]

    # When the worker, awake again, has the answer
    database.write(ledger.settle, me, [Settlement(row, DeliveryState.SENT, now)])

    # Then nobody is in doubt any more, and one try was made
    found = rows.delivery(database, row)
    assert (found.state, found.tries, found.worker_id) == ("sent", 1, None)


def test_settling_nothing_is_nothing(database: Database, clock: FrozenClock) -> None:
    assert database.write(ledger.settle, 404, []) == set()


# ------------------------------------------------------------------------- giving back


def test_claims_can_be_given_back(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    digest_id, ids = rows.a_queued_digest(database, 4, now=now)
    me, other = worker(database, now), worker(database, now)
    claim(database, me, digest_id, now, limit=3)
    claim(database, other, digest_id, now)

    some = database.write(ledger.give_back, me, ids[:1] + ids[3:])
    assert (some, rows.states(database, ids)) == (1, ["queued", "claimed", "claimed", "claimed"])

    rest = database.write(ledger.give_back, me)
    assert (rest, rows.states(database, ids)) == (2, ["queued"] * 3 + ["claimed"])
    assert database.read(ledger.sums, digest_id) == ledger.Sums(waiting=4)
