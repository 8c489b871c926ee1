"""A message that was not taken comes again later, and is the same to the byte."""

from datetime import timedelta

from sqlmodel import col

from mailer import ledger, lists
from mailer.db.schema import Attempt, Delivery
from mailer.digests import life
from mailer.tokens import new_key
from tests.delivery.mails import read
from tests.installation import LIFE, Installation, readers
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"


def test_a_deferred_message_waits_its_turn(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    relay.answer("rcpt", "451 4.7.1 greylisted", times=1)
    digest = office.queued()

    office.work()

    row = office.row(KIM, digest)
    assert (row.state, row.tries) == ("queued", 1)
    assert row.due_at is not None
    wait = row.due_at - office.clock.now()
    assert timedelta(minutes=3) < wait < timedelta(minutes=7)
    assert office.sums(digest).deferred == 1
    assert office.digest(digest).state == "sending"


def test_it_is_the_same_message_to_the_byte(office: Installation, relay: SmtpServer) -> None:
    """The list's name, its sender, its template and the words of its item change in between."""
    # Given a message that the relay saw whole, and put off
    office.subscribers(KIM, name="Kim Réa")
    office.item("The laboratories meet", "starts: 2027-01-10")
    relay.answer("dot", "451 4.3.0 try later", times=1, keeps=True)
    digest = office.queued(new_items=True)
    office.work()

    # When everything it was made from changes, and it is tried again
    changed = lists.Edit(
        sender_name="Another", slug="renamed", texts=(lists.Words("en", name="Another name"),)
    )
    office.app.database.write(lists.edit, "news", changed, now=office.clock.now())
    own = office.folder / "own" / "mail" / "digest"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("Changed: {{ digest.subject }}")
    office.reopen(templates={"folder": "own"}, organisation={"name": "Renamed"})
    office.clock.move(timedelta(minutes=10))
    office.work()

    # Then the relay gets the same bytes, with the same Message-ID, date and boundary
    first, second = relay.messages
    assert first.content == second.content
    assert first.sender == second.sender
    assert office.row(KIM, digest).state == "sent"


def test_it_is_the_same_after_a_new_key_signs(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    relay.answer("dot", "451 4.3.0 try later", times=2, keeps=True)
    digest = office.queued()
    office.letter(KIM)
    office.work()

    office.keys.insert(0, new_key())
    office.reopen()
    office.clock.move(timedelta(minutes=10))
    office.work()

    letters = [taken.content for taken in relay.messages if b"auto-generated" in taken.content]
    digests = [taken.content for taken in relay.messages if b"auto-generated" not in taken.content]
    assert letters[0] == letters[1]
    assert digests[0] == digests[1]
    assert office.row(KIM, digest).state == "sent"


def test_a_letter_keeps_its_edition_from_its_first_claim(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    relay.answer("dot", "451 4.3.0 try later", times=1, keeps=True)
    office.letter(KIM)
    office.work()

    words = lists.Edit(texts=(lists.Words("en", welcome="Something new"),))
    office.app.database.write(lists.edit, "news", words, now=office.clock.now())
    office.clock.move(timedelta(minutes=10))
    office.work()

    first, second = relay.messages
    assert first.content == second.content


def test_waits_grow_until_time_is_up(office: Installation, relay: SmtpServer) -> None:
    office.reopen(delivery={"digest_give_up_hours": 3})
    office.subscribers(KIM)
    relay.answer("rcpt", "450 4.2.0 not now")
    digest = office.queued()

    waits = []
    office.work()
    while (due_at := office.row(KIM, digest).due_at) is not None:
        waits.append(due_at - office.clock.now())
        office.clock.move(waits[-1])
        office.work()

    row = office.row(KIM, digest)
    assert row.state == "failed"
    assert row.reason == "Given up: it cannot be tried again before its last date."
    assert row.tries == office.count(Attempt) == len(waits) + 1
    assert waits == sorted(waits)
    assert sum(waits, timedelta(0)) < timedelta(hours=3)
    assert office.digest(digest).state == "sent"


def test_a_letter_is_given_up_after_its_own_time(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    relay.answer("rcpt", "450 4.2.0 not now")
    office.letter(KIM)

    office.work()
    office.clock.move(timedelta(hours=25))
    office.work()

    assert office.row(KIM).state == "failed"
    assert not relay.messages


ANSWERS = {
    "busy@example.org": ("rcpt", "450 4.2.1 busy", "queued"),
    "gone@example.org": ("rcpt", "550 5.1.1 no such user", "failed"),
    "full@example.org": ("rcpt", "552 5.2.2 mailbox full", "failed"),
    "later@example.org": ("data", "451 4.3.0 later", "queued"),
    "no@example.org": ("data", "554 5.5.0 no valid recipients", "failed"),
    "disk@example.org": ("dot", "452 4.3.1 disk full", "queued"),
    "form@example.org": ("dot", "554 5.6.0 malformed", "failed"),
    "spam@example.org": ("dot", "550 5.7.1 looks like spam", "queued"),
}


def test_what_a_reply_at_a_step_makes_of_a_row(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*ANSWERS)
    for recipient, (step, reply, _) in ANSWERS.items():
        relay.answer(step, reply, recipient=recipient)
    digest = office.queued()

    office.work()

    for recipient, (_, reply, state) in ANSWERS.items():
        row = office.row(recipient, digest)
        assert (row.state, row.tries, row.reply_text) == (state, 1, reply)
        assert row.reason
        assert office.count(Attempt, col(Attempt.delivery_id) == row.id) == 1


def test_editors_try_failed_and_held_ones_again(office: Installation, relay: SmtpServer) -> None:
    # Given a digest that is over but for two who did not get it, one of them held
    office.subscribers(*readers(3))
    relay.answer("rcpt", "554 5.5.0 no", recipient=readers(3)[0])
    relay.answer("rcpt", "550 5.7.1 no", recipient=readers(3)[1])
    digest = office.queued()
    office.work()
    assert (office.sums(digest).failed, office.sums(digest).deferred) == (1, 1)

    # When an editor has them tried again, and the relay has thought better of it
    relay.behave()
    now = office.clock.now()
    with office.app.database.writing() as session:
        again = ledger.retry_failed(session, digest, now=now, not_after=now + LIFE)
        life.reopen(session, digest, "retry", now=now)
    office.work()

    # Then everybody has it, once
    assert again == 2
    assert relay.taken == dict.fromkeys(readers(3), 1)
    assert office.digest(digest).state == "sent"
    assert office.count(Delivery, Delivery.state == "sent") == 3


def test_a_message_keeps_its_date_however_late_it_goes(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM)
    relay.answer("rcpt", "451 4.7.1 greylisted", times=1)
    office.queued()
    office.work()
    first_try = office.clock.now()

    office.clock.move(timedelta(hours=30))
    office.work()

    date = read(relay.messages[0])["Date"].datetime
    assert abs(date - first_try) < timedelta(minutes=1)
