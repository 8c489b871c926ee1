"""What is forgotten with time: each kind of data after its days, and every sum as it was."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from mailer import address, ledger, retention, subscribers
from mailer.accounts import editors, sign_ins, unsaved
from mailer.accounts.sign_ins import Browser
from mailer.db.schema import Attempt, Event, Role, Subscriber, Subscription, SuppressionReason
from mailer.subscribers import Wish
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock, readers
from tests.smtp_server import SmtpServer

KIM = "kim@reader.example"


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, relay: SmtpServer) -> Iterator[Installation]:
    clock = RunningClock(MOMENT)
    made = Installation(tmp_path / "office", migrated_database_url, relay, clock)
    yield made
    made.close()


def ask(office: Installation, typed: str) -> int:
    evidence = {"via": "box", "remote": "198.51.100.7", "agent": "Browser/1"}
    wish = Wish(address.parse(typed), office.list_id, "en", evidence)
    office.app.database.write(subscribers.subscribe, wish, office.app.rules, now=office.clock.now())
    office.work()
    return office.subscriber(typed) or 0


def confirm(office: Installation, subscriber_id: int) -> None:
    link = subscribers.ConfirmLink(subscriber_id, office.list_id, 1)
    rules = office.app.rules
    office.app.database.write(
        subscribers.confirm, link, {"remote": "198.51.100.7"}, rules, now=office.clock.now()
    )


def after(office: Installation, days: int) -> None:
    office.clock.move(timedelta(days=days))
    retention.forget(office.app)


def test_what_editors_left_behind_is_forgotten(office: Installation) -> None:
    write, now = office.app.database.write, office.clock.now()
    new = editors.Newcomer(address.parse("noor@office.example"), "Noor Haddad", Role.EDITOR)
    editor_id = editors.id_of(write(editors.invite, new, now=now))
    browser = Browser("Firefox/150", "198.51.100.7")
    write(sign_ins.begin, editor_id, browser, passed=True, now=now)
    write(unsaved.keep, editor_id, "item/new", {"title": "Half a tit"}, base=0, now=now)

    after(office, days=59)

    assert "Firefox/150" not in everything(office)
    assert "Half a tit" in everything(office)
    after(office, days=2)
    assert "Half a tit" not in everything(office)


def everything(office: Installation) -> str:
    """Give every value of every table as one text."""
    with office.app.database.reading() as session:
        connection = session.connection()
        return "\n".join(
            repr(tuple(row))
            for name in sa.inspect(connection).get_table_names()
            for row in connection.execute(sa.text(f'SELECT * FROM "{name}"'))
        )


def test_who_never_confirmed_is_forgotten_and_may_come_again(office: Installation) -> None:
    ask(office, KIM)
    after(office, 29)
    assert KIM in everything(office)

    after(office, 2)

    assert KIM not in everything(office)
    assert office.count(Subscriber, col(Subscriber.key).is_not(None)) == 0
    confirm(office, ask(office, KIM))
    assert office.count(Subscription, col(Subscription.state) == "confirmed") == 1


def test_an_import_may_ask_again_whom_it_asked_in_vain(office: Installation) -> None:
    ask(office, KIM)
    after(office, 31)
    wish = Wish(address.parse(KIM), office.list_id, "en")

    why_not = office.app.database.write(
        subscribers.add_confirmed, wish, "signed at the meeting", now=office.clock.now()
    )

    assert why_not is None


def test_who_is_on_another_list_only_lapses(office: Installation) -> None:
    other = office.a_list("other")
    office.subscribers(KIM, list_id=other)
    ask(office, KIM)

    after(office, 31)

    assert office.subscriber(KIM) is not None
    assert office.count(Subscription, col(Subscription.state) == "confirmed") == 1
    assert office.count(Subscription, col(Subscription.state) == "unsubscribed") == 1
    assert office.count(Event, col(Event.kind) == "subscription.lapsed") == 1


def test_evidence_is_bared_when_it_has_served(office: Installation) -> None:
    who = ask(office, KIM)
    confirm(office, who)
    after(office, 2000)
    assert "198.51.100.7" in everything(office)  # while the subscription lasts, so does its proof

    office.edit(who, subscribers.leave, office.list_id, {"remote": "198.51.100.8"})
    after(office, 1000)
    assert "198.51.100.8" in everything(office)
    after(office, 100)

    assert "198.51.100" not in everything(office)
    assert "Browser/1" not in everything(office)


def test_evidence_about_a_whole_person_or_a_stranger_goes_as_well(office: Installation) -> None:
    # Given a pause, which is of no one list, and an ask that was refused, which is nobody's
    who = ask(office, KIM)
    confirm(office, who)
    hand = subscribers.Hand({"remote": "198.51.100.9"}, "198.51.100.9")
    pause = subscribers.Choice(pause=subscribers.Pause.ONE_WEEK)
    office.edit(who, subscribers.choose, pause, hand, office.app.rules)
    lee, complained, now = "lee@reader.example", SuppressionReason.COMPLAINT, office.clock.now()
    office.app.database.write(subscribers.suppress, lee, complained, now=now)
    ask(office, lee)
    after(office, 2000)
    assert "198.51.100.9" in everything(office)

    # When the person has left, and their time has passed
    office.edit(who, subscribers.leave, office.list_id, {})
    after(office, 1100)

    assert "198.51.100" not in everything(office)


def test_who_was_mailed_is_forgotten_and_the_sums_stay(
    office: Installation, relay: SmtpServer
) -> None:
    relay.answer("rcpt", "550 5.1.1 nobody of that name", recipient=readers(5)[0])
    office.subscribers(*readers(5))
    digest = office.queued()
    office.work()
    office.work()
    before = office.sums(digest)
    assert office.count(Attempt) == 1

    after(office, 100)
    assert office.count(Attempt) == 0
    after(office, 700)

    assert office.sums(digest) == before
    assert {row.address for row in office.rows(digest)} == {None}
    assert {row.subscriber_id for row in office.rows(digest)} == {None}


def test_nobody_who_is_forgotten_is_tried_again(office: Installation, relay: SmtpServer) -> None:
    relay.answer("rcpt", "550 5.1.1 nobody of that name", recipient=readers(5)[0])
    office.subscribers(*readers(5))
    digest = office.queued()
    office.work()
    office.work()
    after(office, 800)
    before = office.sums(digest)

    until = office.clock.now() + timedelta(hours=1)
    tried = office.edit(digest, ledger.retry_failed, not_after=until)

    assert tried == 0
    assert office.sums(digest) == before


def test_it_is_done_once_a_day(office: Installation) -> None:
    retention.forget(office.app)
    ask(office, KIM)
    office.clock.move(timedelta(hours=23))

    retention.forget(office.app)

    assert KIM in everything(office)
