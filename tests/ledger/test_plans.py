"""Statements that run all day find their rows by an index, however many are done already."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import Session

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import Delivery, DeliveryKind
from tests import rows

SENT = 20_000
WAITING = 400


@pytest.fixture
def digest(database: Database, clock: FrozenClock) -> int:
    """Give a digest with many rows sent and some waiting, and many letters besides."""
    now = clock.now()
    with database.writing() as session:
        digest_id = rows.a_digest(session, rows.a_list(session, now=now), now=now)
        common: dict[str, Any] = {
            "address": "kim@example.org",
            "key": "kim@example.org",
            "posted_at": now,
            "due_at": now,
            "not_after": now,
        }
        kinds = ((digest_id, DeliveryKind.DIGEST), (None, DeliveryKind.WELCOME))
        session.execute(
            insert(Delivery),
            [
                {**common, "digest_id": of, "kind": kind, "state": state}
                for of, kind in kinds
                for state, count in (("sent", SENT // 2), ("queued", WAITING // 2))
                for _ in range(count)
            ],
        )
    with database.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return digest_id


def plans(database: Database, run: Callable[[Session], object]) -> str:
    """Give how the database goes about the statements on deliveries that `run` executes."""
    found: list[str] = []
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"

    with database.writing() as session:
        connection = session.connection()

        def look(conn: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
            if "deliveries" in statement and not statement.startswith("EXPLAIN"):
                lines = conn.exec_driver_sql(f"{explain} {statement}", values).all()
                found.extend(" ".join(map(str, line)) for line in lines)

        event.listen(connection, "before_cursor_execute", look)
        run(session)
        event.remove(connection, "before_cursor_execute", look)
        session.rollback()
    assert found
    return "\n".join(found)


def test_what_waits_is_found_by_its_index(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    now = clock.now()
    me = database.write(rows.a_worker, now=now)

    for claim in (
        lambda session: ledger.claim_digest(session, me, digest, limit=20, now=now),
        lambda session: ledger.claim_letters(session, me, "smtp", limit=20, now=now),
    ):
        plan = plans(database, claim)

        assert "ix_deliveries_waiting" in plan
        assert "SCAN deliveries" not in plan
        assert "Seq Scan on deliveries" not in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan


def test_what_a_worker_holds_is_found_by_its_index(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    now = clock.now()
    me = database.write(rows.a_worker, now=now)
    claimed = database.write(ledger.claim_digest, me, digest, limit=20, now=now)
    marks = dict.fromkeys([one.id for one in claimed], ledger.Mark.SENDING)

    for look in (
        lambda session: ledger.recover(session, me, marks, now=now),
        lambda session: ledger.give_back(session, me),
    ):
        plan = plans(database, look)

        assert "ix_deliveries_claimed" in plan
        assert "SCAN deliveries" not in plan
        assert "Seq Scan on deliveries" not in plan


def test_a_digest_is_withdrawn_and_summed_up_by_an_index(
    database: Database, digest: int, clock: FrozenClock
) -> None:
    now = clock.now()

    withdraw = plans(
        database, lambda session: ledger.withdraw_digest(session, digest, "x", now=now)
    )

    assert "ix_deliveries_waiting" in withdraw or "ix_deliveries_counts" in withdraw
    assert "SCAN deliveries" not in withdraw
    if database.is_sqlite:
        counted = plans(database, lambda session: ledger.sums(session, digest))
        assert "USING COVERING INDEX ix_deliveries_counts" in counted
        assert "TEMP B-TREE" not in counted
