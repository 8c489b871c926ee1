"""What is held after a restore goes when its owner says so, or never; the sums stay whole."""

from datetime import timedelta

import pytest

from mailer import address, continuity, ledger, scheduler, subscribers
from mailer.cli.tree import run
from mailer.continuity import Past, Terms
from mailer.db.schema import DigestState, MailingList
from mailer.digests import life
from mailer.errors import NotFound
from mailer.subscribers import Wish
from tests.installation import OWNER, Installation, readers
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"
TERMS = Terms(give_up=timedelta(hours=72), late=timedelta(hours=12))


def put_back(office: Installation) -> None:
    """Do what follows when a backup has been put in place."""
    done = office.app.settle_after(Past(None, source="a backup was restored", is_certain=True))
    assert done is not None


def release(office: Installation, digest: int | None) -> int:
    return office.app.database.write(continuity.release, digest, TERMS, now=office.clock.now())


def drop(office: Installation, digest: int | None) -> int:
    return office.app.database.write(continuity.drop, digest, now=office.clock.now())


def give_a_cadence(office: Installation) -> None:
    """Let the list be due each week on this day."""
    with office.app.database.writing() as session:
        found = session.get(MailingList, office.list_id)
        assert found is not None
        found.cadence = {
            "every": "week",
            "day": office.clock.now().isoweekday(),
            "hour": "00:01",
            "since": (office.clock.now() - timedelta(days=30)).isoformat(),
            "then": "queue",
            "anchor": None,
            "subject": "",
        }


def mailed(relay: SmtpServer) -> dict[str, int]:
    return {who: often for who, often in relay.taken.items() if who != OWNER}


def test_a_digest_that_is_released_goes_to_everybody_once(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(4))
    digest = office.sending()
    put_back(office)
    office.clock.move(timedelta(days=5))  # longer than a digest is tried
    office.work()
    assert mailed(relay) == {}
    assert office.sums(digest).waiting == 4

    assert release(office, digest) == 4
    office.work()

    assert mailed(relay) == dict.fromkeys(readers(4), 1)
    assert office.digest(digest).state is DigestState.SENT


def test_one_that_is_dropped_goes_to_nobody_and_all_are_accounted_for(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(4))
    begun, planned = office.sending(), office.draft("Later")
    office.queue(planned, after=timedelta(hours=1))
    put_back(office)

    assert (drop(office, begun), drop(office, planned)) == (4, 0)
    office.clock.move(timedelta(hours=2))
    office.work()

    assert mailed(relay) == {}
    assert office.sums(begun).withdrawn == 4
    assert {row.reason for row in office.rows(begun)} == {"withdrawn after a restore"}
    assert office.digest(begun).state is DigestState.SENT
    assert office.digest(planned).state is DigestState.CANCELLED
    assert office.held() == []


def test_letters_are_let_go_and_those_out_of_date_end_unsent(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(KIM, "lee@example.org")
    office.letter(KIM)
    office.letter("lee@example.org", not_after=office.clock.now() + timedelta(hours=1))
    put_back(office)
    office.clock.move(timedelta(hours=2))
    office.work()
    assert mailed(relay) == {}

    assert release(office, None) == 2
    office.work()

    assert mailed(relay) == {KIM: 1}
    assert office.row("lee@example.org").state == "withdrawn"


def test_nothing_but_a_release_lets_it_go(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*readers(3))
    digest = office.sending()
    put_back(office)

    office.edit(digest, life.resume, late=timedelta(hours=12))
    until = office.clock.now() + timedelta(hours=1)
    tried = office.edit(digest, ledger.retry_failed, not_after=until)
    office.work()

    assert tried == 0
    assert mailed(relay) == {}
    assert [one.waiting for one in office.held()] == [3]


def test_whoever_resumes_a_held_digest_is_told_to_release_it(
    office: Installation, relay: SmtpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given one that had not begun, so that no message of it is held
    office.subscribers(*readers(2))
    planned = office.draft("Later")
    office.queue(planned, after=timedelta(hours=1))
    put_back(office)

    code = run(["--config", str(office.config), "digest", "resume", str(planned)])
    office.clock.move(timedelta(hours=2))
    office.work()

    assert code == 4
    assert f"mailer release --digest {planned}" in capsys.readouterr().err
    assert mailed(relay) == {}


def test_a_digest_that_is_not_held_is_not_released(office: Installation) -> None:
    digest = office.draft()

    with pytest.raises(NotFound, match="held digest"):
        release(office, digest)


def test_a_cadence_begins_anew(office: Installation) -> None:
    # Given a list whose day falls due, and that has news
    office.item("The laboratories meet")
    give_a_cadence(office)

    put_back(office)
    scheduler.keep_cadences(office.app)

    assert office.app.database.read(life.every) == []


def test_news_from_before_a_restore_waits_for_an_editor_later_news_does_not(
    office: Installation, relay: SmtpServer
) -> None:
    # Given news that a digest may have told which is in no backup
    office.subscribers(KIM)
    office.item("The laboratories meet")
    give_a_cadence(office)
    put_back(office)

    # When the list's next day comes
    office.clock.move(timedelta(days=7))
    office.work()

    # Then it is drafted, and an editor decides
    [left] = office.app.database.read(life.every)
    assert left.state is DigestState.DRAFT
    assert mailed(relay) == {}

    # When there is only news of which nobody can know yet
    office.item("Rules for seed dogs")
    office.clock.move(timedelta(days=7))
    office.work()
    office.work()

    # Then it goes by itself again
    assert mailed(relay) == {KIM: 1}
    assert office.app.database.read(life.every)[0].state is DigestState.SENT


def test_nobody_is_reminded_again_who_may_have_been_since(
    office: Installation, relay: SmtpServer
) -> None:
    # Given one who was asked to confirm before the copy was made
    office.reopen(subscribe={"remind_hours": 48})
    wish = Wish(address.parse(KIM), office.list_id, "en")
    ask = subscribers.subscribe
    office.app.database.write(ask, wish, office.app.rules, now=office.clock.now())
    office.work()

    # When it is put back, after the hour of the reminder
    office.clock.move(timedelta(days=3))
    put_back(office)
    scheduler.tidy(office.app)
    office.work()

    # Then there is the letter to confirm, and no reminder
    assert mailed(relay) == {KIM: 1}
