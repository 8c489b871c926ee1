"""Who gets a digest, and who of the claimed may still be mailed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from mailer import ledger, subscribers
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.ledger import Claimed
from tests import rows
from tests.subscribers.conftest import Roster

BOUNCE = SuppressionReason.BOUNCE


def people(roster: Roster, count: int, **more: Any) -> list[int]:
    return roster.database.write(
        rows.people, count, now=roster.clock.now(), list_id=roster.list_id, **more
    )


def audience(roster: Roster, after: int = 0, upto: int = 10_000) -> list[dict[str, Any]]:
    chosen = subscribers.audience(
        roster.list_id, after=after, upto=upto, language="en", now=roster.clock.now()
    )
    with roster.database.reading() as session:
        found = session.execute(chosen).all()
    return [dict(zip(subscribers.AUDIENCE_COLUMNS, row, strict=True)) for row in found]


def pause(roster: Roster, subscriber_id: int | None, until: datetime) -> None:
    statement = update(Subscriber).where(col(Subscriber.id) == subscriber_id)
    with roster.database.writing() as session:
        session.execute(statement.values(paused_until=until))


def suppress(roster: Roster, key: str, **more: Any) -> None:
    roster.database.write(subscribers.suppress, key, BOUNCE, now=roster.clock.now(), **more)


# ------------------------------------------------------------------------- audience


def test_everybody_confirmed_on_the_list_is_the_audience(roster: Roster) -> None:
    here = people(roster, 2)
    people(roster, 1, first=10, state=SubscriptionState.PENDING)
    people(roster, 1, first=20, state=SubscriptionState.UNSUBSCRIBED)
    roster.database.write(rows.people, 1, now=roster.clock.now(), first=30)

    found = audience(roster)

    assert [row["subscriber_id"] for row in found] == here
    assert found[0] == {
        "subscriber_id": here[0],
        "address": "reader1@example.org",
        "key": "reader1@example.org",
        "domain": "example.org",
        "name": "",
        "language": "en",
        "state": "queued",
        "reason": "",
        "settled_at": None,
    }
    assert roster.database.read(subscribers.size, roster.list_id) == 2


def test_one_who_must_not_be_mailed_is_accounted_for_at_once(roster: Roster) -> None:
    people(roster, 3)
    suppress(roster, "reader1@example.org")
    suppress(roster, "reader2@example.org", list_id=roster.list_id)
    suppress(roster, "reader3@example.org", list_id=404)

    found = audience(roster)

    assert [row["state"] for row in found] == ["suppressed", "suppressed", "queued"]
    assert found[0]["settled_at"] == roster.clock.now()
    assert found[0]["reason"]


def test_one_who_pauses_is_accounted_for_at_once(roster: Roster) -> None:
    ids = people(roster, 3)
    now = roster.clock.now()
    pause(roster, ids[0], now + timedelta(days=1))
    pause(roster, ids[1], now)  # over this moment

    found = audience(roster)

    assert [row["state"] for row in found] == ["withdrawn", "queued", "queued"]
    assert found[0]["settled_at"] == now
    assert "pauses" in found[0]["reason"]


def test_a_language_is_the_subscription_s_the_person_s_or_the_list_s(roster: Roster) -> None:
    one, other, _ = people(roster, 3)
    with roster.database.writing() as session:
        for row in (one, other):
            session.execute(
                update(Subscriber).where(col(Subscriber.id) == row).values(language="ja")
            )
        mine = update(Subscription).where(col(Subscription.subscriber_id) == one)
        session.execute(mine.values(language="fr"))

    assert [row["language"] for row in audience(roster)] == ["fr", "ja", "en"]


def test_an_audience_comes_in_chunks_that_leave_nobody_out(roster: Roster) -> None:
    people(roster, 3)
    people(roster, 2, first=10, state=SubscriptionState.PENDING)
    people(roster, 4, first=20)
    everybody = [row["subscriber_id"] for row in audience(roster)]

    found, after = [], 0
    while end := roster.database.read(subscribers.chunk_end, roster.list_id, after=after, size=3):
        chunk = [row["subscriber_id"] for row in audience(roster, after, end)]
        assert 0 < len(chunk) <= 3
        found += chunk
        after = end

    assert found == everybody


# ------------------------------------------------------------------------- may be mailed


def claimed(roster: Roster, kind: DeliveryKind = DeliveryKind.DIGEST) -> dict[str, Claimed]:
    """Give the claims of a digest to three, or of one letter to each of them."""
    now = roster.clock.now()
    ids = people(roster, 3)
    with roster.database.writing() as session:
        me = rows.a_worker(session, now=now)
        if kind is DeliveryKind.DIGEST:
            digest_id = rows.a_digest(session, roster.list_id, now=now)
            rows.recipients(session, digest_id, ids, now=now)
            session.execute(update(Delivery).values(list_id=roster.list_id))
            found = ledger.claim_digest(session, me, digest_id, limit=9, now=now)
        else:
            for number in range(1, 4):
                letter = rows.a_letter(f"reader{number}@example.org", now=now, kind=kind)
                ledger.post(session, letter, now=now)
            found = ledger.claim_letters(session, me, "smtp", limit=9, now=now)
    return {one.key: one for one in found}


def refused(roster: Roster, claims: dict[str, Claimed]) -> dict[str, str]:
    found = roster.database.read(
        subscribers.may_not_be_mailed, list(claims.values()), now=roster.clock.now()
    )
    assert all(reason for _, reason in found.values())
    return {key: found[one.id][0] for key, one in claims.items() if one.id in found}


def test_who_left_or_was_suppressed_since_gets_no_digest(roster: Roster) -> None:
    # Given a digest that is claimed
    claims = claimed(roster)
    assert refused(roster, claims) == {}

    # When one leaves and another's address bounces
    def change(session: Session) -> None:
        gone = claims["reader1@example.org"].subscriber_id
        assert gone is not None
        subscribers.leave(session, gone, roster.list_id, {}, now=roster.clock.now())

    roster.database.write(change)
    suppress(roster, "reader2@example.org")

    # Then they are not mailed
    assert refused(roster, claims) == {
        "reader1@example.org": "withdrawn",
        "reader2@example.org": "suppressed",
    }


@pytest.mark.parametrize(
    "kind, expected",
    [
        (DeliveryKind.CONFIRMATION, {}),
        (DeliveryKind.LEAVE, {}),
        (DeliveryKind.NOTICE, {}),
        (DeliveryKind.WELCOME, {"reader1@example.org": "suppressed"}),
        (DeliveryKind.TEST, {"reader1@example.org": "suppressed"}),
    ],
)
def test_a_letter_goes_in_spite_of_what_its_kind_allows(
    roster: Roster, kind: DeliveryKind, expected: dict[str, str]
) -> None:
    claims = claimed(roster, kind)
    suppress(roster, "reader1@example.org")

    assert refused(roster, claims) == expected


def test_who_pauses_since_gets_no_digest_but_letters(roster: Roster) -> None:
    later = roster.clock.now() + timedelta(days=1)
    digest = claimed(roster)
    pause(roster, digest["reader1@example.org"].subscriber_id, later)

    assert refused(roster, digest) == {"reader1@example.org": "withdrawn"}
    letter = digest["reader1@example.org"]._replace(kind=DeliveryKind.WELCOME)
    assert refused(roster, {"reader1@example.org": letter}) == {}


def test_nobody_claimed_is_nobody_refused(roster: Roster) -> None:
    assert roster.database.read(subscribers.may_not_be_mailed, [], now=roster.clock.now()) == {}
