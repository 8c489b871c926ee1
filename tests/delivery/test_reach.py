"""Reach by organisation: every recipient is counted once, at the right organisation."""

from datetime import timedelta

from sqlmodel import Session

from mailer import delivery, subscribers
from mailer.db.schema import SuppressionReason
from mailer.delivery import Counts, Reach
from mailer.subscribers import Ground
from tests.installation import Installation
from tests.smtp_server import SmtpServer

PEOPLE = (
    "ada@customs.example",
    "ben@lab.customs.example",
    "cleo@ministry.example",
    "dan@home.example",
)


def place(office: Installation, name: str, *domains: str) -> None:
    def placed(session: Session) -> None:
        subscribers.add_organisation(session, name, "", now=office.clock.now())
        for domain in domains:
            subscribers.rule(session, domain, subscribers.organisation(session, name))

    office.app.database.write(placed)


def reach(office: Installation, digest_id: int) -> Reach:
    return office.app.database.read(delivery.reach, digest_id)


def by_name(found: Reach) -> dict[str, Counts]:
    return {one.name: counts for one, counts in found.by}


def test_each_recipient_counts_at_one_organisation_and_the_sums_are_the_digests(
    office: Installation, relay: SmtpServer
) -> None:
    # Given two organisations with people, and one with nobody
    place(office, "Customs", "customs.example")
    place(office, "Ministry", "ministry.example")
    place(office, "Harbour", "harbour.example")
    office.subscribers(*PEOPLE)
    office.subscribers("never@customs.example")
    suppress(office, "never@customs.example")
    relay.answer("rcpt", "550 5.1.1 no such user", recipient="ben@lab.customs.example")

    # When a digest has gone
    digest = office.queued()
    office.work()

    # Then all are counted: taken, refused by the relay, refused by us
    found = reach(office, digest)
    assert by_name(found) == {
        "Customs": Counts(reached=1, refused=2),
        "Ministry": Counts(reached=1),
    }
    assert found.elsewhere == Counts(reached=1)
    assert [one.name for one in found.nobody] == ["Harbour"]
    sums = office.sums(digest)
    assert found.total.recipients == sums.recipients == 5
    assert found.total.refused == sums.failed + sums.suppressed


def test_what_came_back_later_was_returned(office: Installation) -> None:
    place(office, "Customs", "customs.example")
    office.subscribers(*PEOPLE)
    digest = office.queued()
    office.work()

    suppress(office, "ada@customs.example", office.row("ada@customs.example", digest).id)
    suppress(office, "ben@lab.customs.example")

    found = reach(office, digest)
    assert by_name(found) == {"Customs": Counts(reached=1, returned=1)}
    assert found.total.reached + found.total.returned == office.sums(digest).sent


def test_before_it_goes_everybody_waits(office: Installation) -> None:
    place(office, "Customs", "customs.example")
    office.subscribers(*PEOPLE)

    digest = office.sending()

    assert by_name(reach(office, digest)) == {"Customs": Counts(waiting=2)}
    assert reach(office, digest).elsewhere == Counts(waiting=2)


def test_what_is_said_of_a_person_goes_before_a_rule(office: Installation) -> None:
    place(office, "Customs", "customs.example")
    place(office, "Ministry")
    office.subscribers(*PEOPLE)
    with office.app.database.writing() as session:
        ada = office.subscriber("ada@customs.example")
        assert ada is not None
        ministry = subscribers.organisation(session, "Ministry")
        subscribers.assign(session, ada, ministry, now=office.clock.now())

    digest = office.sending()

    assert {name: one.waiting for name, one in by_name(reach(office, digest)).items()} == {
        "Customs": 1,
        "Ministry": 1,
    }


def test_the_reach_of_many_is_read_in_no_time(office: Installation) -> None:
    place(office, "Customs", "customs.example")
    office.subscribers(*(f"r{number}@d{number % 50}.customs.example" for number in range(2000)))
    digest = office.sending()

    before = office.clock.now()
    found = reach(office, digest)

    assert by_name(found)["Customs"].recipients == 2000
    assert office.clock.now() - before < timedelta(seconds=2)


def suppress(office: Installation, key: str, delivery_id: int | None = None) -> None:
    office.app.database.write(
        subscribers.suppress,
        key,
        SuppressionReason.BOUNCE,
        now=office.clock.now(),
        ground=Ground(delivery_id),
    )
