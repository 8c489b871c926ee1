"""The whole way of a message: from the ledger to the relay, and back into the ledger."""

from datetime import timedelta

from mailer import delivery, lists
from mailer.address import parse
from mailer.db.schema import DeliveryKind
from tests.delivery.mails import read
from tests.installation import OWNER, Installation, readers, wait_for
from tests.smtp_server import SmtpServer


def test_a_digest_reaches_everybody_once(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(30))
    digest = office.queued("The laboratories meet")

    office.work()

    assert relay.taken == dict.fromkeys(readers(30), 1)
    assert office.sums(digest).sent == office.sums(digest).recipients == 30
    assert office.digest(digest).state == "sent"
    assert read(relay.messages[0])["Subject"] == "The laboratories meet"


def test_what_the_relay_took_is_kept_with_the_row(office: Installation, relay: SmtpServer) -> None:
    office.subscribers("kim@example.org")
    digest = office.queued()

    office.work()

    row = office.row("kim@example.org", digest)
    assert (row.state, row.tries, row.reply_code) == ("sent", 1, 250)
    assert row.reply_text == "250 2.0.0 queued as 000001"
    assert row.settled_at is not None
    assert row.worker_id is None


def test_letters_go_before_digests(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"connections": 1})
    office.subscribers(*readers(40), "kim@example.org")
    office.sending()
    office.letter("kim@example.org")

    office.work()

    assert relay.messages[0].recipient == "kim@example.org"
    assert "Auto-Submitted: auto-generated" in relay.messages[0].content.decode()
    assert len(relay.messages) == 42


def test_a_letter_does_not_wait_behind_a_digest_that_is_on_its_way(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"connections": 1})
    office.subscribers(*readers(100), "kim@example.org")
    relay.answer("dot", delay=0.03)
    office.sending()

    with office.at_work():
        relay.wait_for(10)
        office.letter("kim@example.org")
        wait_for(lambda: "kim@example.org" in relay.taken)

    assert len(relay.messages) < 100


def test_two_digests_share_a_route(office: Installation, relay: SmtpServer) -> None:
    other = office.a_list("other")
    office.subscribers(*readers(60))
    office.subscribers(*readers(60), list_id=other)
    first, second = office.sending("First"), office.sending("Second", slug="other")

    office.work()

    subjects = [read(taken)["Subject"] for taken in relay.messages]
    assert office.sums(first).sent == office.sums(second).sent == 60
    assert "Second" in subjects[:60]


def test_everybody_gets_the_edition_of_their_language(
    office: Installation, relay: SmtpServer
) -> None:
    tax = office.a_list("tax", languages=("ja",))
    office.subscribers("kim@example.org", list_id=tax)
    office.subscribers("sato@example.jp", list_id=tax, language="ja-JP")
    office.subscribers("marc@example.fr", list_id=tax, language="fr")
    office.queued("Customs meet", slug="tax")

    office.work()

    spoken = {taken.recipient: read(taken)["Content-Language"] for taken in relay.messages}
    assert spoken == {"kim@example.org": "en", "sato@example.jp": "ja", "marc@example.fr": "en"}


def test_each_list_goes_by_its_own_route(office: Installation, relay: SmtpServer) -> None:
    with SmtpServer() as other:
        office.reopen(routes={"bulk": {"host": other.host, "port": other.port, "security": "none"}})
        bulk = office.a_list("bulk", route="bulk")
        office.subscribers("kim@example.org")
        office.subscribers("lee@example.org", list_id=bulk)
        office.queued()
        office.queued(slug="bulk")

        office.work()

        assert set(relay.taken) == {"kim@example.org"}
        assert set(other.taken) == {"lee@example.org"}


def test_what_is_queued_follows_its_list_to_another_route(
    office: Installation, relay: SmtpServer
) -> None:
    """The owner points a list elsewhere in the middle of a digest: the rest goes that way."""
    with SmtpServer() as other:
        office.subscribers("kim@example.org")
        digest = office.sending()
        office.reopen(routes={"bulk": {"host": other.host, "port": other.port, "security": "none"}})
        moved = lists.Edit(route="bulk")
        office.app.database.write(lists.edit, "news", moved, now=office.clock.now())

        office.work()

        assert set(other.taken) == {"kim@example.org"}
        assert office.row("kim@example.org", digest).route == "bulk"


def test_a_hundred_letters_that_are_alike_are_one_edition(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(100))
    for one in readers(100):
        office.letter(one)

    office.work()

    assert {row.state for row in office.rows()} == {"sent"}
    assert len({row.edition_id for row in office.rows()}) == 1


def test_a_test_letter_goes_to_anybody_and_holds_nobodys_link(
    office: Installation, relay: SmtpServer
) -> None:
    digest = office.draft("The laboratories meet")
    to, now = parse("anna@example.org"), office.clock.now()
    office.app.database.write(delivery.post_test, office.app.press, digest, to, now=now)

    office.work()

    mail = read(relay.messages[0])
    assert mail["Subject"] == "Test: The laboratories meet"
    assert "/u/" not in relay.messages[0].content.decode()
    assert office.digest(digest).state == "draft"


def test_connections_are_kept_and_no_more_than_the_route_allows(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"connections": 3})
    office.subscribers(*readers(50))
    office.queued()

    office.work()

    assert len(relay.messages) == 50
    assert relay.connections <= 3


def test_the_owner_gets_a_notice_like_any_letter(office: Installation, relay: SmtpServer) -> None:
    context = {"headline": "Something stands still", "paragraphs": ["It was paused."]}
    office.letter(OWNER, DeliveryKind.NOTICE, list_id=None, subscriber_id=None, context=context)

    office.work()

    mail = read(relay.messages[0])
    assert mail["To"] == OWNER
    assert mail["Subject"] == "Something stands still"


def test_nothing_is_sent_before_it_is_due(office: Installation, relay: SmtpServer) -> None:
    office.subscribers("kim@example.org")
    office.letter("kim@example.org", due_at=office.clock.now() + timedelta(hours=1))

    office.work()
    assert not relay.messages

    office.clock.move(timedelta(hours=1))
    office.work()
    assert set(relay.taken) == {"kim@example.org"}
