"""What happens between queueing and sending counts: leaving, suppressing, pausing, cancelling."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from mailer import subscribers
from mailer.db.schema import Delivery, SuppressionReason
from mailer.digests import life
from tests.installation import LATE, Installation, readers, wait_for
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"


def leave(office: Installation, who: str) -> None:
    subscriber = office.subscriber(who)
    assert subscriber is not None
    now = office.clock.now()
    office.app.database.write(subscribers.leave, subscriber, office.list_id, {}, now=now)


def test_one_who_leaves_gets_no_more(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3), KIM)
    digest = office.sending()

    leave(office, KIM)
    office.work()

    assert KIM not in relay.taken
    row = office.row(KIM, digest)
    assert (row.state, row.reason) == ("withdrawn", "left the list before it was sent")
    assert office.sums(digest).recipients == 4
    assert office.digest(digest).state == "sent"


def test_leaving_takes_effect_while_the_digest_is_on_its_way(
    office: Installation, relay: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker holds some moments of work, not the whole audience."""
    monkeypatch.setattr("mailer.delivery.lane.AHEAD_SECONDS", 0.2)
    office.reopen(smtp={"connections": 1})
    office.subscribers(*readers(60), KIM)
    relay.answer("dot", delay=0.02)
    digest = office.sending()

    with office.at_work():
        relay.wait_for(3)
        leave(office, KIM)
        office.wait_until_sent(digest, seconds=30)

    assert KIM not in relay.taken
    assert office.sums(digest).withdrawn == 1


def test_one_who_is_suppressed_gets_no_more(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3), KIM)
    digest = office.sending()

    now = office.clock.now()
    office.app.database.write(subscribers.suppress, KIM, SuppressionReason.COMPLAINT, now=now)
    office.work()

    assert KIM not in relay.taken
    row = office.row(KIM, digest)
    assert row.state == "suppressed"
    assert row.reason == "the address must not be mailed: complaint"


def test_one_who_is_suppressed_before_is_in_the_account_too(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(3), KIM)
    now = office.clock.now()
    office.app.database.write(subscribers.suppress, KIM, SuppressionReason.EDITOR, now=now)

    digest = office.queued()
    office.work()

    assert KIM not in relay.taken
    assert office.sums(digest).suppressed == 1
    assert office.sums(digest).recipients == 4


def test_an_erased_row_is_withdrawn(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    letter = office.letter(KIM)
    with office.app.database.writing() as session:
        gone = update(Delivery).where(col(Delivery.id) == letter).values(address=None, key=None)
        session.execute(gone)

    office.work()

    [row] = office.rows()
    assert (row.state, row.reason) == ("withdrawn", "erased before it was sent")


def test_what_could_not_go_in_time_is_withdrawn(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3))
    digest = office.sending()
    letter = office.letter(readers(3)[0])

    office.clock.move(timedelta(hours=73))
    office.work()

    assert not relay.messages
    assert office.sums(digest).withdrawn == 3
    assert {row.reason for row in office.rows(digest)} == {"too late to be sent"}
    assert [row.state for row in office.rows() if row.id == letter] == ["withdrawn"]


def test_what_was_tried_and_ran_out_of_time_has_failed(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    relay.answer("rcpt", "450 4.2.0 not now")
    digest = office.queued()
    office.work()

    office.clock.move(timedelta(hours=73))
    office.work()

    row = office.row(KIM, digest)
    assert (row.state, row.reason) == ("failed", "no time left to try again")


def test_a_letter_that_no_worker_can_claim_ends_too(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    office.letter(KIM, route="no more")

    office.clock.move(timedelta(hours=25))
    office.work()

    assert office.row(KIM).state == "withdrawn"


def test_a_pause_gives_claims_back_and_a_resume_goes_on(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a digest in the middle of being sent
    office.reopen(smtp={"connections": 2})
    office.subscribers(*readers(80))
    relay.answer("dot", delay=0.02)
    digest = office.sending()
    with office.at_work():
        relay.wait_for(10)

        # When it is paused, then what was claimed waits again, and nothing more goes
        office.edit(digest, life.pause, "a mistake in the title")
        wait_for(lambda: not office.count(Delivery, col(Delivery.state) == "claimed"))
        sent = len(relay.messages)
        assert sent < 80
        assert office.sums(digest).waiting == 80 - sent

        # When it is resumed, everybody has it once
        office.edit(digest, life.resume, late=LATE)
        office.wait_until_sent(digest)

    assert relay.taken == dict.fromkeys(readers(80), 1)


def test_a_cancel_withdraws_what_did_not_go(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"connections": 2})
    office.subscribers(*readers(80))
    relay.answer("dot", delay=0.02)
    digest = office.sending()
    with office.at_work():
        relay.wait_for(10)
        office.edit(digest, life.cancel)
        wait_for(lambda: office.sums(digest).withdrawn + office.sums(digest).sent == 80)

    sums = office.sums(digest)
    assert sums.sent == len(relay.messages)
    assert 10 <= sums.sent < 80
    assert sums.recipients == 80
    assert office.digest(digest).state == "cancelled"


@pytest.mark.parametrize("verb", [life.pause, life.cancel])
def test_what_is_stopped_before_it_began_sends_nothing(
    office: Installation, relay: SmtpServer, verb: object
) -> None:
    office.subscribers(*readers(3))
    digest = office.sending()
    if verb is life.pause:
        office.edit(digest, life.pause, "wait")
    else:
        office.edit(digest, life.cancel)

    office.work()

    assert not relay.messages
