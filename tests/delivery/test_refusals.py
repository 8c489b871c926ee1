"""What a refusal counts against: a mailbox, a destination, or us."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from mailer import delivery, subscribers
from mailer.db.schema import Destination, Suppression, SuppressionReason
from tests.delivery.mails import read
from tests.installation import OWNER, Installation
from tests.smtp_server import SmtpServer

UNKNOWN = "550 5.1.1 no such user"
THREE = ("ada@one.example", "ben@two.example", "cleo@three.example")


def suppressed(office: Installation) -> set[str]:
    return {row.key for row in office.app.database.read(subscribers.suppressions)}


def paused(office: Installation) -> dict[str, str]:
    standings = office.app.database.read(delivery.routes, list(office.app.routes))
    return {one.name: one.reason for one in standings if one.paused_at}


def resume(office: Installation) -> None:
    office.app.database.write(delivery.resume_route, "smtp", ["smtp"], now=office.clock.now())


def destination(office: Installation, domain: str) -> Destination:
    def read(session: Session) -> Destination:
        return session.exec(select(Destination).where(Destination.domain == domain)).one()

    return office.app.database.read(read)


def test_a_mailbox_that_does_not_exist_is_mailed_no_more(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("gone@one.example", "kim@one.example")
    relay.answer("rcpt", UNKNOWN, recipient="gone@one.example")
    first = office.queued("First")
    office.work()

    second = office.queued("Second")
    office.work()

    assert suppressed(office) == {"gone@one.example"}
    assert office.row("gone@one.example", first).state == "failed"
    assert office.row("gone@one.example", second).state == "suppressed"
    assert relay.taken == {"kim@one.example": 2}
    assert office.sums(second).recipients == 2


def test_the_same_words_for_three_domains_are_about_us(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a relay that answers everybody as if nobody existed
    office.subscribers(*THREE)
    for each in THREE:
        relay.answer("rcpt", f"550 5.1.1 <{each}> no such user here", recipient=each)
    digest = office.queued()

    # When the digest is sent
    office.work()

    # Then nobody is suppressed, everybody waits, the route is paused and says why
    assert suppressed(office) == set()
    assert [row.state for row in office.rows(digest)] == ["queued"] * 3
    assert "different domains" in paused(office)["smtp"]
    assert office.sums(digest).deferred == 3


def test_when_the_route_is_resumed_everything_goes(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*THREE)
    relay.answer("rcpt", UNKNOWN)
    digest = office.queued()
    office.work()

    relay.behave()
    office.work()
    assert not relay.messages  # a paused route sends nothing, not even the notice
    resume(office)
    office.work()

    assert {*THREE, OWNER} == set(relay.taken)
    assert office.sums(digest).sent == 3
    assert office.digest(digest).state == "sent"


def test_the_owner_is_told_by_another_route(office: Installation, relay: SmtpServer) -> None:
    with SmtpServer() as other:
        office.reopen(routes={"b": {"host": other.host, "port": other.port, "security": "none"}})
        office.subscribers(*THREE)
        relay.answer("rcpt", UNKNOWN)
        office.queued()

        office.work()

        [notice] = other.messages
        assert notice.recipient == OWNER
        assert "no such user" in notice.content.decode()
        assert "mailer route resume smtp" in read(notice).get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_domain_that_took_mail_is_no_witness(office: Installation, relay: SmtpServer) -> None:
    # Given two domains that only refuse, and a third that has taken mail as well
    office.reopen(smtp={"connections": 1})
    office.subscribers("good@three.example", *THREE)
    for each in THREE:
        relay.answer("rcpt", UNKNOWN, recipient=each)

    office.queued()
    office.work()

    assert not paused(office)
    assert suppressed(office) == set(THREE)


def test_a_relay_that_breaks_down_in_the_middle_took_mail_before(
    office: Installation, relay: SmtpServer
) -> None:
    # Given three domains that took mail a moment ago
    office.subscribers(*(f"first@{each.partition('@')[2]}" for each in THREE))
    office.queued()
    office.work()
    assert len(relay.messages) == 3

    # When from now on every single one is refused with the same words
    office.subscribers(*(f"{letter}{each}" for each in THREE for letter in "stuv"))
    relay.answer("rcpt", UNKNOWN)
    office.queued("Next")
    office.work()

    # Then that is about us
    assert paused(office)
    assert suppressed(office) == set()


def test_what_was_heard_before_a_resume_counts_no_more(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*THREE)
    relay.answer("rcpt", UNKNOWN)
    office.queued()
    office.work()

    resume(office)
    relay.behave()
    for each in THREE[:2]:
        relay.answer("rcpt", UNKNOWN, recipient=each)
    office.work()

    assert not paused(office)
    assert suppressed(office) == set(THREE[:2])


def test_what_was_heard_long_ago_counts_no_more(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*THREE[:2])
    relay.answer("rcpt", UNKNOWN)
    office.queued()
    office.work()

    office.clock.move(timedelta(hours=25))
    office.subscribers(THREE[2])
    office.queued("Next")
    office.work()

    assert not paused(office)
    assert suppressed(office) == set(THREE)


@pytest.mark.parametrize(
    "step, reply",
    [
        ("auth", "535 5.7.8 wrong password"),
        ("mail", "550 5.7.1 you may not send as this address"),
        ("rcpt", "554 5.2.252 SendAsDenied"),
    ],
)
def test_a_relay_that_refuses_us_pauses_its_route_and_fails_nobody(
    office: Installation, relay: SmtpServer, step: str, reply: str
) -> None:
    relay.users["office"] = "secret"
    office.reopen(smtp={"auth": "plain", "username": "office", "password": "secret"})
    office.subscribers(*THREE)
    relay.answer(step, reply)
    digest = office.queued()

    office.work()

    assert reply in paused(office)["smtp"]
    assert {row.state for row in office.rows(digest)} == {"queued"}
    assert office.sums(digest).waiting == 3
    assert suppressed(office) == set()

    relay.behave()
    resume(office)
    office.work()
    assert office.sums(digest).sent == 3


def test_a_destination_that_blocks_us_is_counted_and_its_mail_held(
    office: Installation, relay: SmtpServer
) -> None:
    at_rcpt, at_dot = "ann@big.example", "kim@big.example"
    office.subscribers(at_rcpt, at_dot, "lee@small.example")
    relay.answer("rcpt", "550 5.7.1 blocked by policy", recipient=at_rcpt)
    relay.answer("dot", "550 5.7.1 blocked by policy", recipient=at_dot)
    digest = office.queued()

    office.work()

    for each in (at_rcpt, at_dot):
        held = office.row(each, digest)
        assert (held.state, held.due_at, held.tries) == ("queued", None, 1)
        assert "blocks us" in held.reason
    assert destination(office, "big.example").refusals == 2
    assert destination(office, "small.example").accepted_at is not None
    assert suppressed(office) == set()
    assert not paused(office)


def test_three_destinations_that_block_us_alike_are_one_relay_that_does(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*THREE)
    relay.answer("rcpt", "550 5.7.1 Client host blocked")
    digest = office.queued()

    office.work()

    assert paused(office)
    assert all(row.due_at is not None for row in office.rows(digest))


def test_domains_of_one_provider_are_one_witness(office: Installation, relay: SmtpServer) -> None:
    yahoo = ["kim@yahoo.com", "lee@yahoo.co.uk", "ann@aol.com", "joe@ymail.com"]
    office.subscribers(*yahoo, "sam@small.example")
    for each in yahoo:
        relay.answer("rcpt", "554 5.7.9 not accepted for policy reasons", recipient=each)
    digest = office.queued()

    office.work()

    assert not paused(office)
    assert office.row("sam@small.example", digest).state == "sent"


def test_a_row_that_is_held_ends_when_its_time_is_up(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("kim@big.example")
    relay.answer("rcpt", "550 5.7.1 blocked by policy")
    digest = office.queued()
    office.work()

    office.clock.move(timedelta(hours=73))
    office.work()

    assert office.row("kim@big.example", digest).state == "failed"
    assert "blocks us" in office.row("kim@big.example", digest).reason
    assert office.digest(digest).state == "sent"


def test_suppressions_of_others_stay_when_a_route_is_acquitted(
    office: Installation, relay: SmtpServer
) -> None:
    now = office.clock.now()
    office.app.database.write(
        subscribers.suppress, "old@one.example", SuppressionReason.BOUNCE, now=now
    )
    office.subscribers(*THREE, "old@one.example")
    relay.answer("rcpt", UNKNOWN)
    digest = office.queued()

    office.work()

    assert suppressed(office) == {"old@one.example"}
    assert office.sums(digest).suppressed == 1
    assert office.count(Suppression) == 1
