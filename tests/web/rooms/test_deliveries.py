"""Who got a digest: pages of them, those that stand somewhere, and why one person did or not."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from mailer import ledger
from mailer.db.schema import (
    Attempt,
    Delivery,
    DeliveryState,
    Digest,
    DigestState,
    Role,
    Subscription,
    SubscriptionState,
)
from mailer.delivery.fate import CAME_LATER, HAD_LEFT, NOT_AMONG, NOT_CONFIRMED, NOT_MEANT, NOT_YET
from mailer.delivery.fate import left_out as left_out_of
from mailer.ledger import Standing, pages
from tests import rows
from tests.web.conftest import Office
from tests.web.rooms.conftest import Rooms, seen


def went_to(office: Office, count: int = 3) -> int:
    return office.app.database.write(_went_to, count, now=office.clock.now())


def _went_to(session: Session, count: int, *, now: datetime) -> int:
    digest_id = rows.a_digest(session, 1, now=now)
    people = rows.people(session, count, now=now, list_id=1)
    made = rows.recipients(session, digest_id, people, now=now)
    sent = {"state": DeliveryState.SENT, "settled_at": now, "tries": 1}
    session.execute(update(Delivery).where(col(Delivery.id).in_(made)).values(**sent))
    refused = {
        "state": DeliveryState.FAILED,
        "reason": "Returned: the mailbox is full.",
        "reply_text": "552 5.2.2 <b>full</b>",
    }
    session.execute(update(Delivery).where(col(Delivery.id) == made[0]).values(**refused))
    session.add(
        Attempt(
            delivery_id=made[0],
            tried_at=now,
            route="smtp",
            domain="example.org",
            step="rcpt",
            code=452,
            text="try <i>later</i>",
            verdict="deferred",
        )
    )
    session.execute(
        update(Digest)
        .where(col(Digest.id) == digest_id)
        .values(state=DigestState.SENT, queued_at=now)
    )
    return digest_id


def test_everybody_is_there_with_how_it_went(rooms: Rooms) -> None:
    digest_id = went_to(rooms.office)

    answer = rooms.as_(Role.EDITOR).get(f"/digests/{digest_id}/deliveries")

    page = seen(answer)
    assert "reader1@example.org Returned" in page
    assert "Returned: the mailbox is full." in page
    assert "452 try <i>later</i>" in page
    assert "<i>later" not in answer.text
    assert "reader2@example.org Taken by the relay" in page


def test_they_are_filtered_by_how_it_stands(rooms: Rooms) -> None:
    digest_id = went_to(rooms.office)

    page = seen(rooms.as_(Role.EDITOR).get(f"/digests/{digest_id}/deliveries?state=failed"))

    assert "reader1@example.org" in page
    assert "reader2@example.org" not in page


@pytest.mark.parametrize("are_few", [True, False])
def test_pages_follow_each_other_and_leave_nobody_out(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, are_few: bool
) -> None:
    monkeypatch.setattr(pages, "ON_A_PAGE", 3)
    monkeypatch.setattr(pages, "GONE_THROUGH", 4)
    read, digest_id = rooms.office.app.database.read, went_to(rooms.office, 11)
    for only, many in ((None, 11), (Standing.SENT, 10), (Standing.FAILED, 1)):
        seen_ids, after = [], 0
        while True:
            page = read(ledger.page, digest_id, only=only, are_few=are_few, after=after)
            seen_ids += [row.subscriber_id for row in page.rows]
            if page.after is None:
                break
            after = page.after
        assert len(seen_ids) == len(set(seen_ids)) == many
        assert seen_ids == sorted(seen_ids)  # type: ignore[type-var]


def test_a_domain_is_searched_through(lone_rooms: Rooms) -> None:
    digest_id = went_to(lone_rooms.office)
    desk = lone_rooms.as_(Role.EDITOR)

    assert "reader2@" in seen(desk.get(f"/digests/{digest_id}/deliveries?q=EXAMPLE.org"))
    assert "nobody like that" in seen(desk.get(f"/digests/{digest_id}/deliveries?q=@other.example"))


def test_one_address_gets_one_answer(rooms: Rooms) -> None:
    digest_id = went_to(rooms.office)
    path = f"/digests/{digest_id}/deliveries"
    desk = rooms.as_(Role.EDITOR)

    full = seen(desk.get(f"{path}?q=reader1@example.org"))
    taken = seen(desk.get(f"{path}?q=READER2@example.org"))
    nobody = seen(desk.get(f"{path}?q=nobody@example.org"))

    assert "It was returned. Returned: the mailbox is full." in full
    assert "552 5.2.2 <b>full</b>" in full
    assert "The relay took it." in taken
    assert "This address is not on the list" in nobody


def test_nothing_is_told_of_other_lists(lone_rooms: Rooms) -> None:
    office = lone_rooms.office
    digest_id = went_to(office)
    other = office.add_list("statistics", "Statistics")
    with office.app.database.writing() as session:
        rows.people(session, 1, now=office.clock.now(), list_id=other, first=90)
    desk = lone_rooms.as_(Role.EDITOR, list_id=1)

    known = seen(desk.get(f"/digests/{digest_id}/deliveries?q=reader90@example.org"))
    unknown = seen(desk.get(f"/digests/{digest_id}/deliveries?q=reader91@example.org"))

    assert known.replace("reader90", "") == unknown.replace("reader91", "")


@pytest.mark.parametrize("typed", ["nonsense", "<script>", "a@@b", "%", "x" * 400])
def test_what_is_no_address_says_so(lone_rooms: Rooms, typed: str) -> None:
    digest_id = went_to(lone_rooms.office)

    answer = lone_rooms.as_(Role.EDITOR).get(
        f"/digests/{digest_id}/deliveries", params={"q": typed}
    )

    assert answer.status_code == 400
    assert "neither an address nor a domain" in seen(answer)
    assert "<script>" not in answer.text.partition("<main")[2]


def test_addresses_are_for_editors_of_that_list(lone_rooms: Rooms) -> None:
    digest_id = went_to(lone_rooms.office)
    other = lone_rooms.office.add_list("statistics", "Statistics")
    path = f"/digests/{digest_id}/deliveries"

    assert lone_rooms.as_(Role.APPROVER).get(path).status_code == 403
    assert lone_rooms.as_(Role.EDITOR, list_id=other).get(path).status_code == 404


@pytest.mark.parametrize(
    "state, confirmed, left, digest_state, segment, words",
    [
        ("pending", None, None, "sent", None, NOT_CONFIRMED),
        ("unsubscribed", -9, -1, "sent", None, HAD_LEFT),
        ("unsubscribed", -9, 1, "sent", None, NOT_AMONG),
        ("confirmed", 1, None, "sent", None, CAME_LATER),
        ("confirmed", -1, None, "sent", 7, NOT_MEANT),
        ("confirmed", -1, None, "sent", None, NOT_AMONG),
        ("confirmed", -1, None, "scheduled", None, NOT_YET),
    ],
)
def test_why_somebody_is_left_out(
    state: str,
    confirmed: int | None,
    left: int | None,
    digest_state: str,
    segment: int | None,
    words: str,
) -> None:
    began = datetime.fromisoformat("2026-12-01T08:00:00+00:00")

    def at(days: int | None) -> datetime | None:
        return None if days is None else began + timedelta(days=days)

    digest = Digest(
        list_id=1,
        number=1,
        dated_on=began.date(),
        layout="digest",
        created_at=began,
        state=DigestState(digest_state),
        queued_at=began,
        segment_id=segment,
    )
    place = Subscription(
        subscriber_id=1,
        list_id=1,
        created_at=began,
        state=SubscriptionState(state),
        confirmed_at=at(confirmed),
        left_at=at(left),
    )

    assert left_out_of(digest, place) == words
