"""What became of a digest: numbers that agree with the ledger, and what can still be done."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from mailer import delivery, ledger, subscribers
from mailer.db.schema import Delivery, DeliveryState, Digest, DigestState, Role
from mailer.digests import life
from mailer.web.rooms import charts
from tests import rows
from tests.web.conftest import Office
from tests.web.rooms.conftest import Rooms, seen

UNKNOWN = "There is no such mailbox; nothing more is sent there."
ENDS: tuple[tuple[str, str, str], ...] = (
    ("sent", "", "250 2.0.0 Ok: queued as 4F2A"),
    ("sent", "", "250 2.0.0 Ok: queued as 4F2B"),
    ("failed", UNKNOWN, "550 5.1.1 <reader3@example.org>: unknown user reader3"),
    ("failed", UNKNOWN, "550 5.1.1 <reader4@example.org>: unknown user reader4"),
    ("suppressed", "the address must not be mailed: bounce", ""),
    ("withdrawn", "left the list before it was sent", ""),
    ("uncertain", "", "the line broke"),
)


def went_out(office: Office) -> int:
    return office.app.database.write(_went_out, now=office.clock.now())


def _went_out(session: Session, *, now: datetime) -> int:
    digest_id = rows.a_digest(session, 1, now=now)
    people = rows.people(session, len(ENDS), now=now, list_id=1)
    made = rows.recipients(session, digest_id, people, now=now)
    for place, (row, end) in enumerate(zip(made, ENDS, strict=True)):
        state, reason, reply = end
        values = {
            "state": DeliveryState(state),
            "settled_at": now + timedelta(minutes=place),
            "reason": reason,
            "reply_text": reply,
            "language": "ja" if place == 0 else "en",
            "domain": "gmail.com" if place < 3 else "example.org",
        }
        session.execute(update(Delivery).where(col(Delivery.id) == row).values(**values))
    over = {
        "state": DigestState.SENT,
        "queued_at": now,
        "sent_at": now + timedelta(hours=3, minutes=5),
    }
    session.execute(update(Digest).where(col(Digest.id) == digest_id).values(**over))
    return digest_id


def test_a_report_says_what_the_ledger_says(rooms: Rooms) -> None:
    digest_id = went_out(rooms.office)

    page = seen(rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/report"))

    assert "The relay took it for 2 of 7 recipients." in page
    assert "3 h 5 min" in page
    assert "Returned There is no such mailbox; nothing more is sent there. 2" in page
    assert "They left the list before their turn. 1" in page
    assert "The address must not be mailed: earlier mail was returned. 1" in page
    assert "google 2 of 3 2 3" in page
    assert "日本語 1 0 0 1" in page


def test_the_sums_of_each_part_are_those_of_the_whole(rooms: Rooms) -> None:
    office, digest_id = rooms.office, went_out(rooms.office)

    found = office.app.database.read(delivery.report, digest_id, now=office.clock.now())

    whole = office.app.database.read(ledger.sums, digest_id)
    assert sum(one.recipients for _, one in found.languages) == whole.recipients
    assert sum(one.sums.recipients for one in found.destinations) == whole.recipients
    assert sum(one.count for one in found.reasons) == whole.failed + whole.closed_otherwise
    assert found.minutes == [1, 1]
    assert found.first_minute == office.clock.now().replace(second=0, microsecond=0)
    assert found.reach.total.recipients == whole.recipients


def test_replies_are_grouped_and_name_nobody(lone_rooms: Rooms) -> None:
    digest_id = went_out(lone_rooms.office)

    page = lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/report")

    assert "550 5.1.1 <…>: unknown user … 2" in seen(page)
    assert "reader" not in page.text.partition("<main")[2]


def test_what_a_relay_said_is_shown_and_never_run(lone_rooms: Rooms) -> None:
    office, digest_id = lone_rooms.office, went_out(lone_rooms.office)
    evil = "550 <script>alert(1)</script> 100 % no"
    with office.app.database.writing() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.state) == DeliveryState.FAILED)
            .values(reply_text=evil, reason="Odd: 100 % <b>no</b>", domain="<i>x</i>")
        )

    page = lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/report")

    assert page.status_code == 200
    assert evil in seen(page)
    assert "<script>alert" not in page.text
    assert "<b>no</b>" not in page.text
    assert "<i>x</i>" not in page.text


def test_those_who_did_not_get_it_get_it_again(rooms: Rooms) -> None:
    office, digest_id = rooms.office, went_out(rooms.office)
    desk, path = rooms.as_(Role.EDITOR), f"/digests/{digest_id}/report"
    assert "2 people did not get it" in seen(desk.get(path))
    office.app.database.write(_end_it, digest_id, now=office.clock.now())

    answer = desk.post(path, {"deed": "retry"})

    assert answer.headers["location"].endswith("/progress?said=again")
    sums = office.app.database.read(ledger.sums, digest_id)
    assert (sums.failed, sums.open) == (0, 2)
    digest = office.app.database.read(life.get, digest_id)
    assert digest.state is DigestState.SENDING
    assert digest.stops_at is None  # its end was that of the time before
    [event] = office.events("digest.reopened")
    assert event.actor_id == str(desk.seat.editor_id)


def _end_it(session: Session, digest_id: int, *, now: datetime) -> None:
    session.execute(update(Digest).where(col(Digest.id) == digest_id).values(stops_at=now))


@pytest.mark.parametrize("deed, sent, waiting", [("resend", 2, 1), ("count", 3, 0)])
def test_what_nobody_knows_is_decided(rooms: Rooms, deed: str, sent: int, waiting: int) -> None:
    office, digest_id = rooms.office, went_out(rooms.office)
    desk, path = rooms.as_(Role.EDITOR), f"/digests/{digest_id}/report"
    assert "Of 1 person nobody knows" in seen(desk.get(path))

    desk.post(path, {"deed": deed})

    sums = office.app.database.read(ledger.sums, digest_id)
    assert (sums.sent, sums.open, sums.uncertain) == (sent, waiting, 0)
    assert "nobody knows" not in seen(desk.get(path))
    assert "nobody left" in seen(
        desk.client.get(desk.post(path, {"deed": deed}).headers["location"])
    )


def test_viewers_decide_nothing(lone_rooms: Rooms) -> None:
    digest_id = went_out(lone_rooms.office)
    desk, path = lone_rooms.as_(Role.VIEWER), f"/digests/{digest_id}/report"

    assert "What can still be done" not in seen(desk.get(path))
    assert desk.post(path, {"deed": "retry"}).status_code == 403


def test_another_lists_report_is_not_there(lone_rooms: Rooms) -> None:
    digest_id = went_out(lone_rooms.office)
    other = lone_rooms.office.add_list("statistics", "Statistics")

    desk = lone_rooms.as_(Role.EDITOR, list_id=other)

    assert desk.get(f"/digests/{digest_id}/report").status_code == 404
    assert desk.post(f"/digests/{digest_id}/report", {"deed": "retry"}).status_code == 404


def test_organisations_and_countries_are_shown(lone_rooms: Rooms) -> None:
    office, digest_id = lone_rooms.office, went_out(lone_rooms.office)
    write, now = office.app.database.write, office.clock.now()
    write(subscribers.add_organisation, "Customs of Fiji", "Fiji", now=now)
    with office.app.database.writing() as session:
        place = subscribers.organisation(session, "Customs of Fiji")
        subscribers.rule(session, "example.org", place)

    page = seen(lone_rooms.as_(Role.VIEWER).get(f"/digests/{digest_id}/report"))

    assert "Customs of Fiji Fiji 2 0 3 7" in page
    assert "Fiji 2 of 7 2 7" in page


# ------------------------------------------------------------------------- charts


def test_a_bar_is_as_wide_as_its_parts_and_escapes_its_name() -> None:
    drawn = charts.stacked([charts.Part("ink", 3), charts.Part("open", 1)], "<3 & more>")

    assert 'width="750"' in drawn
    assert 'x="750" y="0" width="250"' in drawn
    assert "<title>&lt;3 &amp; more&gt;</title>" in drawn


def test_charts_of_nothing_are_flat() -> None:
    assert "NaN" not in charts.columns([0, 0], "none") + charts.line([0], "none")
    assert charts.stacked([], "none").count("<rect") == 0
    assert 'width="0"' in charts.bar(0, 0, "none")


def test_the_highest_column_fills_the_height() -> None:
    drawn = charts.columns([1, 4], "two")

    assert f'height="{charts.HEIGHT}"' in drawn
    assert f'height="{charts.HEIGHT // 4}"' in drawn


def test_many_columns_are_put_together_and_none_is_lost() -> None:
    thin, each = charts.thinned(list(range(1000)))

    assert len(thin) <= charts.MOST_COLUMNS
    assert sum(thin) == sum(range(1000))
    assert each == 9


def test_a_large_report_is_counted_beside_and_shown_when_it_is_there(
    lone_rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest_id = went_out(lone_rooms.office)
    monkeypatch.setattr("mailer.web.watching.SMALL", 3)
    desk, path = lone_rooms.as_(Role.VIEWER), f"/digests/{digest_id}/report"

    first = seen(desk.get(path))
    for thread in threading.enumerate():
        if thread.name == "counting":
            thread.join(20)

    assert "being counted" in first
    assert "Recipients in all 7" in first
    assert "The relay took it for 2 of 7 recipients." in seen(desk.get(path))
    lone_rooms.office.clock.move(timedelta(seconds=1))
    assert "example.org" in seen(desk.get(f"/digests/{digest_id}/progress"))
