"""Who changes the address while a worker has their digest in hand gets it at the new one."""

from datetime import timedelta

from mailer import address, subscribers
from mailer.db.schema import DeliveryKind, DeliveryState
from mailer.subscribers import Wish
from tests.installation import Installation, wait_for
from tests.smtp_server import SmtpServer

KIM, NEW, LEE = "kim@old.example", "Kim@new.example", "lee@example.org"
LATER = "450 4.2.1 mailbox busy, try later"


def move(office: Installation, who: int, to: str) -> None:
    """Change an address, as its reader does by a letter."""
    write, rules, now = office.app.database.write, office.app.rules, office.clock.now()
    wish = Wish(address.parse(to), office.list_id, "en", {}, network="192.0.2.1")
    write(subscribers.ask_move, who, wish, rules, now=now)
    asked = [one for one in office.rows() if one.kind is DeliveryKind.MOVE]
    change = int(asked[-1].context["change"])
    assert write(subscribers.move, change, office.list_id, {}, rules, now=now)


def move_under_way(office: Installation, relay: SmtpServer, who: str, to: str) -> int:
    """Queue a digest and change an address while the relay thinks about it; it says: later."""
    relay.answer("rcpt", LATER, recipient=who, delay=2, times=1)
    digest, number = office.sending(), office.subscriber(who) or 0
    with office.at_work():
        wait_for(lambda: office.row(who, digest).state is DeliveryState.CLAIMED)
        move(office, number, to)
        wait_for(lambda: office.rows(digest)[0].tries == 1)
    return digest


def digests_to(relay: SmtpServer) -> list[str]:
    return [one.recipient for one in relay.messages if b"Subject: News\r\n" in one.content]


def test_the_next_try_goes_to_the_new_address(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM)
    digest = move_under_way(office, relay, KIM, NEW)

    office.clock.move(timedelta(hours=1))
    office.work()

    assert digests_to(relay) == [NEW]
    [row] = office.rows(digest)
    assert (row.state, row.address, row.key, row.domain) == (
        "sent",
        NEW,
        "kim@new.example",
        "new.example",
    )


def test_who_became_another_subscriber_gets_it_there(
    office: Installation, relay: SmtpServer
) -> None:
    # Given one who becomes a subscriber of another list, who is in no row of this digest
    office.subscribers(KIM)
    office.subscribers(LEE, list_id=office.a_list("other"))
    digest = move_under_way(office, relay, KIM, LEE)

    office.clock.move(timedelta(hours=1))
    office.work()

    assert digests_to(relay) == [LEE]
    [row] = office.rows(digest)
    assert (row.state, row.subscriber_id) == ("sent", office.subscriber(LEE))


def test_two_who_became_one_get_it_once(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(KIM, LEE)
    digest = move_under_way(office, relay, KIM, LEE)

    office.clock.move(timedelta(hours=1))
    office.work()

    assert digests_to(relay) == [LEE]
    assert sorted(row.state for row in office.rows(digest)) == ["sent", "withdrawn"]
    assert office.sums(digest).recipients == 2
