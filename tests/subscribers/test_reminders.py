"""Who did not confirm is reminded once; a mailbox in new hands is told what comes to it."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailer import address, scheduler, subscribers
from mailer.db.schema import DeliveryKind, SubscriptionState
from mailer.errors import Refused
from mailer.history import EDITOR
from mailer.subscribers import Wish
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.smtp_server import SmtpServer

KIM = "kim@reader.example"
DAY = timedelta(days=1)


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, relay: SmtpServer) -> Iterator[Installation]:
    settings = {"subscribe": {"remind_hours": 48}}
    clock = RunningClock(MOMENT)
    made = Installation(tmp_path / "office", migrated_database_url, relay, clock, settings)
    yield made
    made.close()


def ask(office: Installation, typed: str = KIM) -> None:
    wish = Wish(address.parse(typed), office.list_id, "en")
    office.app.database.write(subscribers.subscribe, wish, office.app.rules, now=office.clock.now())
    office.work()


def kinds(office: Installation) -> list[str]:
    return [row.kind.value for row in office.rows(None)]


def days_pass(office: Installation, days: int) -> None:
    for _ in range(days):
        office.clock.move(DAY)
        scheduler.tidy(office.app)
        office.work()


def test_who_did_not_confirm_gets_one_reminder_with_a_fresh_link(office: Installation) -> None:
    ask(office)

    days_pass(office, 1)
    assert kinds(office) == ["confirmation"]
    days_pass(office, 9)

    assert kinds(office) == ["confirmation", "reminder"]
    reminder = office.rows(None)[1]
    assert reminder.state.value == "sent"
    assert reminder.context["ask"] == 1
    assert reminder.context["expires_at"] > office.rows(None)[0].context["expires_at"]


def test_a_letter_to_confirm_and_its_reminder_say_who_asked(
    office: Installation, relay: SmtpServer
) -> None:
    ask(office)
    offered = Wish(address.parse("lee@reader.example"), office.list_id, "en", by=EDITOR)
    now = office.clock.now()
    office.app.database.write(subscribers.subscribe, offered, office.app.rules, now=now)
    office.work()

    days_pass(office, 9)

    said: dict[str, list[str]] = {}
    for taken in relay.messages:
        mail = message_from_bytes(taken.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain",))
        assert body is not None
        said.setdefault(mail["To"], []).append(" ".join(body.get_content().split()))
    assert [len(letters) for letters in said.values()] == [2, 2]
    assert all("Somebody, probably you, asked for" in letter for letter in said[KIM])
    for letter in said["lee@reader.example"]:
        assert "would like to send" in letter
        assert "asks you first" in letter
        assert "asked for" not in letter


def test_who_confirmed_or_left_or_whose_letter_did_not_go_is_not_reminded(
    office: Installation, relay: SmtpServer
) -> None:
    for typed in ("confirmed@reader.example", "left@reader.example"):
        ask(office, typed)
    relay.answer("rcpt", "550 5.1.1 nobody here", recipient="bad@reader.example")
    ask(office, "bad@reader.example")
    with office.app.database.writing() as session:
        confirmed = office.subscriber("confirmed@reader.example") or 0
        link = subscribers.ConfirmLink(confirmed, office.list_id, 1)
        subscribers.confirm(session, link, {}, office.app.rules, now=office.clock.now())
        left = office.subscriber("left@reader.example") or 0
        subscribers.leave(session, left, office.list_id, {}, now=office.clock.now())

    days_pass(office, 5)

    assert "reminder" not in kinds(office)


def test_a_fresh_opt_in_may_be_reminded_anew(office: Installation) -> None:
    ask(office)
    days_pass(office, 3)
    who = office.subscriber(KIM) or 0
    office.edit(who, subscribers.leave, office.list_id, {})
    ask(office)

    days_pass(office, 3)

    assert kinds(office).count("reminder") == 2


def test_without_the_setting_nobody_is_reminded(office: Installation) -> None:
    office.reopen(subscribe={"remind_hours": 0})
    ask(office)

    days_pass(office, 5)

    assert kinds(office) == ["confirmation"]


def test_a_mailbox_in_new_hands_is_told_once_for_each_list(office: Installation) -> None:
    office.a_list("other")
    office.subscribers("customs@ministry.example", name="Old Hand")
    rules, now = office.app.rules, office.clock.now()

    told = office.app.database.write(
        subscribers.hand_over, "customs@ministry.example", "Ines", rules, now=now
    )
    office.work()

    assert told == [office.list_id]
    [letter] = office.rows(None)
    assert (letter.kind, letter.state.value) == (DeliveryKind.HANDOVER, "sent")
    assert letter.name == "Ines"
    with office.app.database.reading() as session:
        who, [on] = subscribers.by_address(session, "customs@ministry.example")
        assert (who.name, on.state) == ("Ines", SubscriptionState.CONFIRMED)


def test_an_address_on_no_list_has_nothing_to_hand_over(office: Installation) -> None:
    ask(office)

    with pytest.raises(Refused, match="on no list"):
        office.app.database.write(
            subscribers.hand_over, KIM, "", office.app.rules, now=office.clock.now()
        )


def test_whoever_reads_a_mailbox_now_sees_nothing_from_before(office: Installation) -> None:
    customs = "customs@ministry.example"
    office.subscribers(customs, name="Old Hand")
    who = office.subscriber(customs) or 0
    office.letter(customs, name="Old Hand")
    office.edit(who, subscribers.leave, office.list_id, {"remote": "198.51.100.7"})
    office.subscribers(customs, list_id=office.a_list("other"))
    office.clock.move(DAY)
    rules, now = office.app.rules, office.clock.now()
    office.app.database.write(subscribers.hand_over, customs, "Ines", rules, now=now)

    seen = repr(office.app.database.read(subscribers.held_for_reader, who))
    kept = repr(office.app.database.read(subscribers.held, who))

    assert "Ines" in seen
    assert "Old Hand" not in seen
    assert "198.51.100.7" not in seen
    assert "198.51.100.7" in kept  # the owner can still show how it came about
