"""From a due digest to rows in the ledger: once, whoever ticks, and whoever dies."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import col

from mailer import history, scheduler, subscribers
from mailer.app import App
from mailer.db.schema import (
    Delivery,
    DeliveryState,
    Digest,
    DigestEdition,
    DigestState,
    Event,
    Segment,
)
from mailer.delivery import Terms, freeze_chunk, promote, queueing
from mailer.digests import life
from mailer.errors import NotFound, Refused
from tests.installation import LATE, OWNER, Installation, readers
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"


def events(office: Installation, digest: int, kind: str) -> int:
    return office.count(Event, col(Event.digest_id) == digest, col(Event.kind) == kind)


def test_a_digest_goes_at_its_hour_and_not_before(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3))
    digest = office.draft()
    office.queue(digest, after=timedelta(hours=2))

    office.work()
    assert office.digest(digest).state == "scheduled"
    assert office.rows(digest) == []

    office.clock.move(timedelta(hours=2))
    office.work()
    assert office.digest(digest).state == "sent"
    assert len(relay.messages) == 3


def test_a_digest_whose_hour_passed_while_nothing_ran_goes_when_something_does(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(3))
    digest = office.draft()
    office.queue(digest, after=timedelta(hours=1))

    office.clock.move(timedelta(hours=12))
    office.work()

    assert relay.taken == dict.fromkeys(readers(3), 1)
    with office.app.database.reading() as session:
        [queued] = [
            one for one in history.of_digest(session, digest) if one.kind == "digest.queued"
        ]
    assert queued.details["late_seconds"] // 3600 == 11


def test_one_that_is_too_late_waits_for_an_editor_and_the_owner_is_told(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(3))
    digest = office.draft()
    office.queue(digest, after=timedelta(hours=1))

    office.clock.move(timedelta(hours=14))
    office.work()

    found = office.digest(digest)
    assert found.state == "paused"
    assert found.reason == "it was due 13 hours ago and nothing was running; resume or cancel it"
    assert set(relay.taken) == {OWNER}

    office.edit(digest, life.resume, late=LATE)
    office.work()
    assert office.digest(digest).state == "sent"
    assert set(relay.taken) == {OWNER, *readers(3)}


def test_two_who_tick_at_once_queue_a_digest_once(office: Installation) -> None:
    office.subscribers(*readers(40))
    digests = [office.queued(f"Number {number}") for number in range(5)]
    ready = threading.Barrier(3)
    broken: list[BaseException] = []

    def tick(app: App) -> None:
        ready.wait()
        try:
            for _ in range(3):
                scheduler.promote(app)
        except BaseException as error:  # noqa: BLE001  (told to the test)
            broken.append(error)

    with office.second() as second, office.second() as third:
        threads = [threading.Thread(target=tick, args=[app]) for app in (office.app, second, third)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert broken == []
    for digest in digests:
        assert office.sums(digest).waiting == 40
        assert events(office, digest, "digest.queued") == 1
        assert events(office, digest, "digest.sending") == 1


def test_two_who_tick_at_once_pause_a_late_digest_once(office: Installation) -> None:
    digest = office.draft()
    office.queue(digest, after=timedelta(hours=1))
    office.clock.move(timedelta(hours=20))
    ready = threading.Barrier(2)

    def tick(app: App) -> None:
        ready.wait()
        scheduler.promote(app)

    with office.second() as second:
        threads = [threading.Thread(target=tick, args=[app]) for app in (office.app, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert office.digest(digest).state == "paused"
    assert events(office, digest, "digest.paused") == 1
    assert len(office.rows()) == 1


def test_freezing_goes_on_where_a_dead_process_left_it(
    office: Installation, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an audience of which a process froze two chunks, and died
    monkeypatch.setattr("mailer.delivery.queueing.CHUNK", 4)
    office.subscribers(*readers(11))
    digest = office.queued()
    terms = Terms(timedelta(hours=72), office.app.keys.signing_id)
    office.app.database.write(promote, now=office.clock.now())
    for _ in range(2):
        assert office.app.database.write(freeze_chunk, digest, terms, now=office.clock.now())
    assert office.sums(digest).recipients == 8
    assert office.digest(digest).state == "queued"

    # When another one ticks
    office.work()

    # Then it freezes the rest, and everybody has it once
    assert relay.taken == dict.fromkeys(readers(11), 1)
    assert office.digest(digest).state == "sent"


def test_who_comes_while_an_audience_is_frozen_is_counted_once_or_not_at_all(
    office: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.delivery.queueing.CHUNK", 2)
    office.subscribers(*readers(3))
    digest = office.sending()

    office.subscribers(KIM)
    office.work()

    assert office.sums(digest).recipients == 3


def test_a_cancel_in_the_middle_of_freezing_withdraws_what_was_frozen(
    office: Installation, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailer.delivery.queueing.CHUNK", 4)
    office.subscribers(*readers(11))
    digest = office.queued()
    office.app.database.write(promote, now=office.clock.now())
    terms = Terms(timedelta(hours=72), office.app.keys.signing_id)
    office.app.database.write(freeze_chunk, digest, terms, now=office.clock.now())

    office.edit(digest, life.cancel)
    office.work()

    assert not relay.messages
    assert office.sums(digest).withdrawn == office.sums(digest).recipients == 4


def test_a_digest_without_editions_stops_and_says_why(office: Installation) -> None:
    office.subscribers(*readers(3))
    lost, other = office.queued("Lost"), office.queued("Other")
    with office.app.database.writing() as session:
        session.execute(delete(DigestEdition).where(col(DigestEdition.digest_id) == lost))

    office.work()

    assert office.digest(lost).state == "paused"
    assert "never frozen" in office.digest(lost).reason
    assert office.digest(other).state == "sent"


def test_a_digest_to_nobody_is_sent(office: Installation) -> None:
    digest = office.queued()

    office.work()

    assert office.digest(digest).state == "sent"
    assert office.sums(digest).recipients == 0


def test_only_a_draft_can_be_queued(office: Installation) -> None:
    digest = office.queued()

    with pytest.raises(Refused, match="only a draft can be queued"):
        office.queue(digest)


def test_a_list_whose_route_is_in_no_settings_queues_nothing(office: Installation) -> None:
    office.a_list("lost", route="nowhere")
    digest = office.draft(slug="lost")

    with pytest.raises(NotFound, match="there is no route “nowhere”; there are: smtp"):
        office.queue(digest)

    assert office.digest(digest).state == "draft"


def test_rows_that_come_back_to_a_sent_digest_still_go(
    office: Installation, relay: SmtpServer
) -> None:
    """A worker that was taken for dead may know that it never sent what was in doubt."""
    office.subscribers(*readers(3), KIM)
    digest = office.queued()
    office.work()
    with office.app.database.writing() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.digest_id) == digest, col(Delivery.address) == KIM)
            .values(state=DeliveryState.QUEUED, due_at=office.clock.now(), settled_at=None)
        )

    office.work()
    office.work()

    assert relay.taken[KIM] == 2
    assert office.digest(digest).state == "sent"
    assert office.count(Digest, col(Digest.state) == DigestState.SENDING) == 0


# ------------------------------------------------------------------------- segments


def segment(office: Installation, **asked: str) -> int:
    """Save a segment of the first list."""
    wanted = subscribers.filters.read(asked)
    now = office.clock.now()
    save = subscribers.segments.save
    return office.app.database.write(save, 1, str(asked), wanted, now=now, by=history.EDITOR)


def leave(office: Installation, who: str) -> None:
    subscriber, now = office.subscriber(who), office.clock.now()
    assert subscriber is not None
    office.app.database.write(subscribers.leave, subscriber, office.list_id, {}, now=now)


def narrow(office: Installation, digest: int, segment_id: int | None) -> None:
    office.app.database.write(life.set_segment, digest, segment_id, now=office.clock.now())


def test_a_digest_goes_to_its_segment_and_to_nobody_outside_the_list(
    office: Installation, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "CHUNK", 2)
    office.subscribers("ana@a.example", "ben@b.example", "chen@a.example", "dana@a.example")
    other = office.a_list("other")
    office.subscribers("elif@a.example", list_id=other)
    leave(office, "dana@a.example")
    digest = office.draft()
    narrow(office, digest, segment(office, domain="a.example"))
    office.queue(digest)

    office.work()

    assert relay.taken == {"ana@a.example": 1, "chen@a.example": 1}
    assert office.digest(digest).state == "sent"
    assert {row.key for row in office.rows(digest)} == set(relay.taken)


def test_who_leaves_between_freezing_and_claiming_gets_nothing(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("ana@a.example", "chen@a.example")
    digest = office.draft()
    narrow(office, digest, segment(office, domain="a.example"))
    office.queue(digest)
    office.app.database.write(promote, now=office.clock.now())
    terms = Terms(timedelta(hours=72), office.app.keys.signing_id)
    office.app.database.write(freeze_chunk, digest, terms, now=office.clock.now())
    leave(office, "ana@a.example")

    office.work()

    assert relay.taken == {"chen@a.example": 1}
    assert office.row("ana@a.example", digest).state == DeliveryState.WITHDRAWN


def test_a_digest_whose_segment_is_not_understood_waits_for_an_editor(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("ana@a.example")
    digest = office.draft()
    narrow(office, digest, segment(office, domain="a.example"))
    office.queue(digest)
    with office.app.database.writing() as session:
        value = {"version": 1, "filters": {"height": "tall"}}
        session.execute(update(Segment).values(filters=value))

    office.work()

    assert relay.messages == []
    found = office.digest(digest)
    assert found.state == "paused"
    assert "its segment cannot be used" in found.reason


def test_a_segment_of_another_list_or_a_retired_one_is_no_audience(office: Installation) -> None:
    office.a_list("other")
    digest, now = office.draft(slug="other"), office.clock.now()
    foreign = segment(office, domain="a.example")
    retired = segment(office, domain="b.example")
    retire = subscribers.segments.retire
    office.app.database.write(retire, retired, now=now, by=history.EDITOR)

    with pytest.raises(NotFound):
        narrow(office, digest, foreign)
    with pytest.raises(NotFound):
        narrow(office, office.draft(), retired)
    with pytest.raises(NotFound):
        narrow(office, digest, 99)


def test_the_audience_of_a_digest_on_its_way_does_not_change(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("ana@a.example")
    chosen = segment(office, domain="b.example")
    digest = office.queued()
    office.work()

    with pytest.raises(Refused):
        narrow(office, digest, chosen)
    assert relay.taken == {"ana@a.example": 1}
