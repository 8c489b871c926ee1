"""Between the dot and the answer nobody can know; what is done then, and by whom."""

from datetime import timedelta

from mailer import ledger
from mailer.digests import life
from tests.installation import LIFE, Installation, readers
from tests.smtp_server import SILENCE, SmtpServer, Then

KIM = "kim@example.org"


def silent(relay: SmtpServer, recipient: str | None = None, *, times: int | None = 1) -> None:
    """Have the relay take a message, and break off before it says so."""
    relay.answer("dot", SILENCE, recipient=recipient, times=times, then=Then.CLOSE, keeps=True)


def test_a_digest_in_doubt_is_not_sent_again_by_guess(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(8), KIM)
    silent(relay, KIM)
    digest = office.queued()

    office.work()
    office.clock.move(timedelta(hours=1))
    office.work()

    row = office.row(KIM, digest)
    assert (row.state, row.tries) == ("uncertain", 1)
    assert "nobody can know" in row.reason
    assert relay.taken[KIM] == 1
    assert office.sums(digest).uncertain == 1
    assert office.sums(digest).sent == 8
    assert office.digest(digest).state == "sent"


def test_a_letter_in_doubt_goes_again_with_the_same_bytes(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    silent(relay)
    office.letter(KIM)

    office.work()
    assert office.row(KIM).state == "queued"
    office.clock.move(timedelta(minutes=13))
    office.work()

    first, second = relay.messages
    assert first.content == second.content
    assert office.row(KIM).state == "sent"


def test_a_refusal_at_the_dot_is_no_doubt(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    relay.answer("dot", "421 4.3.2 closing", times=1, then=Then.CLOSE)
    digest = office.queued()

    office.work()

    assert office.row(KIM, digest).state == "queued"


def test_a_connection_lost_before_the_dot_is_no_doubt(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    relay.answer("data", SILENCE, times=1, then=Then.CLOSE)
    digest = office.queued()

    office.work()

    row = office.row(KIM, digest)
    assert (row.state, row.tries) == ("queued", 0)


def test_a_relay_that_never_answers_the_dot_is_not_fed_a_whole_audience(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(60))
    silent(relay, times=None)
    digest = office.queued()

    office.work()

    sums = office.sums(digest)
    assert 4 <= sums.uncertain <= 12
    assert sums.waiting == 60 - sums.uncertain


def test_an_editor_sends_uncertain_ones_again_with_the_same_bytes(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(3), KIM)
    silent(relay, KIM)
    digest = office.queued()
    office.work()

    again = office.edit(digest, ledger.resend_uncertain, not_after=office.clock.now() + LIFE)
    office.edit(digest, life.reopen, "resend")
    office.work()

    first, second = [taken for taken in relay.messages if taken.recipient == KIM]
    assert again == 1
    assert first.content == second.content
    assert office.sums(digest).sent == 4
    assert office.digest(digest).state == "sent"


def test_an_editor_counts_uncertain_ones_as_sent(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3), KIM)
    silent(relay, KIM)
    digest = office.queued()
    office.work()

    assert office.edit(digest, ledger.take_as_sent) == 1
    office.work()

    assert office.sums(digest).sent == 4
    assert relay.taken[KIM] == 1
