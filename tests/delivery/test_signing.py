"""What a worker sends is signed, where the domain in From has a key that signs."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from mailer import address, dkim, lists
from mailer.db.schema import DkimAlgorithm
from mailer.rendering import Plate
from mailer.tokens import KeyRing, new_key
from tests.delivery.mails import read
from tests.dkim import judges
from tests.installation import OWNER, SENDER, Installation, readers, wait_for
from tests.smtp_server import SmtpServer, Taken

KIM = "kim@example.org"
DOMAIN = "office.example.org"


def sign(office: Installation, *algorithms: DkimAlgorithm) -> dict[str, str]:
    """Let fresh keys sign from now on; give the records of all keys there are."""
    with office.app.database.writing() as session:
        for algorithm in algorithms or (DkimAlgorithm.RSA,):
            wish = dkim.Wish(DOMAIN, algorithm)
            key = dkim.make(session, office.app.keys, wish, now=office.clock.now())
            dkim.switch(session, [key], now=office.clock.now())
        return records(session)


def records(session: Session) -> dict[str, str]:
    return {
        dkim.place(key.domain, key.selector): dkim.record(key.algorithm, key.public)
        for key in dkim.every(session)
    }


def parts(taken: Taken) -> tuple[bytes, bytes]:
    """Give the signature of a message and what is below it."""
    before, mark, below = taken.content.partition(b"\r\nFrom: ")
    assert before.startswith(b"DKIM-Signature: ")
    return before, mark + below


def test_digests_and_letters_are_signed(office: Installation, relay: SmtpServer) -> None:
    known = sign(office)
    office.subscribers(KIM, "jürgen@bücher.example.org", name="Kim Réa")
    digest = office.queued("会合のお知らせ")
    office.letter(KIM)

    office.work()

    assert office.sums(digest).sent == 2
    assert len(relay.messages) == 3
    for taken in relay.messages:
        assert judges.dkimpy(taken.content, known) == [True]
        said = "".join(read(taken)["DKIM-Signature"].split())
        # RFC 8058, 4: without both of them under the signature, no button is shown.
        assert ":list-unsubscribe:list-unsubscribe:list-unsubscribe-post:" in said


def test_two_keys_sign_each_message_twice(office: Installation, relay: SmtpServer) -> None:
    known = sign(office, DkimAlgorithm.RSA, DkimAlgorithm.ED25519)
    office.subscribers(KIM)
    office.queued()

    office.work()

    assert judges.dkimpy(relay.messages[0].content, known) == [True, True]


def test_mail_from_a_domain_without_a_key_is_left_to_the_relay(
    office: Installation, relay: SmtpServer
) -> None:
    known = sign(office)
    office.subscribers(KIM)
    from_elsewhere = lists.Edit(sender=address.parse(SENDER.replace("office.", "branch.")))
    office.letter(KIM)
    office.work()
    office.app.database.write(lists.edit, "news", from_elsewhere, now=office.clock.now())
    office.letter(KIM)
    office.work()

    signed, unsigned = relay.messages
    assert judges.dkimpy(signed.content, known) == [True]
    assert b"branch.example.org" in unsigned.content
    assert b"dkim-signature" not in unsigned.content.lower()


def test_a_retry_is_the_same_to_the_byte(office: Installation, relay: SmtpServer) -> None:
    sign(office)
    office.subscribers(KIM)
    relay.answer("dot", "451 4.3.0 try later", times=1, keeps=True)
    office.queued()
    office.work()

    office.clock.move(timedelta(minutes=10))
    office.work()

    first, second = relay.messages
    assert first.content == second.content


def test_a_retry_after_a_switch_is_signed_by_the_key_that_signs_now(
    office: Installation, relay: SmtpServer
) -> None:
    sign(office)
    office.subscribers(KIM)
    relay.answer("dot", "451 4.3.0 try later", times=1, keeps=True)
    office.queued()
    office.work()

    known = sign(office)
    office.clock.move(timedelta(minutes=10))
    office.work()

    first, second = relay.messages
    assert parts(first)[1] == parts(second)[1]
    assert parts(first)[0] != parts(second)[0]
    assert b"s=202612b;" in parts(second)[0]
    assert [judges.dkimpy(taken.content, known) for taken in (first, second)] == [[True], [True]]


def test_a_running_worker_notices_a_switch(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    with office.at_work():
        office.letter(KIM)
        relay.wait_for(1)
        with office.second() as other:
            key = dkim.Wish(DOMAIN)
            made = other.database.write(dkim.make, other.keys, key, now=office.clock.now())
            other.database.write(_switch_to, made.selector, office)
        office.letter(KIM)
        relay.wait_for(2)

    unsigned, signed = relay.messages
    assert b"DKIM-Signature" not in unsigned.content
    assert signed.content.startswith(b"DKIM-Signature")


def _switch_to(session: Session, selector: str, office: Installation) -> None:
    dkim.switch(session, dkim.chosen(session, DOMAIN, selector), now=office.clock.now())


def test_mail_waits_whose_key_cannot_be_opened(office: Installation, relay: SmtpServer) -> None:
    """Sent without its signature, it would be refused or land among the spam."""
    sign(office)
    office.subscribers(KIM)
    digest = office.queued()
    mine = office.keys[:]
    office.keys[:] = [new_key()]
    office.reopen()
    office.work()

    row = office.row(KIM, digest)
    assert row.state == "queued"
    assert "that opens the DKIM key “202612a” of office.example.org is not there" in row.reason
    assert not [taken for taken in relay.messages if OWNER not in taken.recipients]

    office.keys[:] = mine
    office.reopen()
    office.clock.move(timedelta(minutes=11))
    office.work()
    assert office.row(KIM, digest).state == "sent"


def test_what_is_in_hand_goes_by_the_key_it_was_claimed_with(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a worker with more in hand than it can send in a moment
    known = sign(office)
    office.reopen(smtp={"connections": 1})
    office.subscribers(*readers(40))
    digest = office.queued()
    relay.answer("dot", delay=0.05)
    with office.at_work():
        relay.wait_for(20)
        # When a key signs that was sealed after the worker had read its token keys
        newer = KeyRing.of([new_key(), *office.keys])
        with office.app.database.writing() as session:
            key = dkim.make(session, newer, dkim.Wish(DOMAIN), now=office.clock.now())
            dkim.switch(session, [key], now=office.clock.now())
        wait_for(lambda: office.sums(digest).deferred + office.sums(digest).sent == 40)

    # Then nothing has failed by it, and nothing went unsigned
    assert office.sums(digest).failed == 0
    assert all(judges.dkimpy(taken.content, known) == [True] for taken in relay.messages)


def test_a_copy_in_the_first_week_is_signed_too(office: Installation, relay: SmtpServer) -> None:
    known = sign(office)
    office.reopen(delivery={"redirect_all_to": "me@office.example.org"})
    office.subscribers(KIM)
    office.queued()

    office.work()

    assert relay.messages[0].recipients == ("me@office.example.org",)
    assert judges.dkimpy(relay.messages[0].content, known) == [True]


@pytest.mark.parametrize("is_signed", [True, False])
def test_the_engine_is_told_which_messages_take_a_while(
    office: Installation, *, is_signed: bool
) -> None:
    if is_signed:
        sign(office)
    press = office.app.press
    digest = office.draft()
    with office.app.database.reading() as session:
        edition, head = press.proof(session, digest, "en")
        press.signers.renew(session)
    plate = Plate.of(edition, press.templates.languages.of("en"), head)

    assert (press.signer(plate) is not None) is is_signed
