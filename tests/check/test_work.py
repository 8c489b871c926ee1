"""Whether work goes on, as the database tells it: workers, routes, digests, troubles, backups."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import backups, facts, ledger
from mailer.check import Finding, Part, State, Wish, check
from mailer.check.sending import sendings
from mailer.check.store import cards
from mailer.delivery.routes import pause
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock, wait_for
from tests.smtp_server import SmtpServer


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        yield made
        made.close()


def work(office: Installation) -> dict[str, Finding]:
    found = check(office.config, Wish((Part.WORK,)), clock=office.clock)
    return {one.subject: one for one in found}


def test_a_new_office_only_lacks_a_worker(office: Installation) -> None:
    assert {name: one.state for name, one in work(office).items()} == {"workers": State.WARN}

    with office.at_work():
        wait_for(lambda: office.app.database.read(ledger.working, now=office.clock.now()))
        found = work(office)["workers"]

    assert found.state is State.OK


def test_a_paused_route_is_a_fault_in_the_relays_words(office: Installation) -> None:
    office.app.database.write(pause, "smtp", "535 no such login", now=office.clock.now())

    found = work(office)["route smtp"]

    assert found.state is State.FAIL
    assert "535 no such login" in found.says
    assert "mailer route resume smtp" in found.todo


def test_a_digest_that_did_not_go_at_its_hour_is_a_fault(office: Installation) -> None:
    digest = office.draft()
    office.queue(digest, after=timedelta(hours=1))
    office.clock.move(timedelta(hours=2))

    assert work(office)[f"digest {digest}"].state is State.FAIL


def test_a_backup_that_is_old_or_missing_is_told(office: Installation) -> None:
    note = office.app.database.write
    note(facts.note, backups.BEGUN, {}, now=office.clock.now())
    assert "backup" not in work(office)
    office.clock.move(timedelta(days=3))
    assert work(office)["backup"].state is State.WARN
    note(facts.note, backups.MADE, {}, now=office.clock.now())
    assert work(office)["backup"].state is State.OK
    office.clock.move(timedelta(days=3))

    assert work(office)["backup"].state is State.WARN


def test_a_trouble_that_the_owner_was_told_of_is_told_again(office: Installation) -> None:
    value = {"headline": "Letters do not leave"}
    office.app.database.write(facts.note, "trouble:mail:x", value, now=office.clock.now())

    assert "Letters do not leave" in work(office)["trouble"].says


def test_mail_that_is_redirected_is_told(office: Installation) -> None:
    office.reopen(delivery={"redirect_all_to": "me@example.org"})

    assert "me@example.org" in work(office)["readers"].says


def test_a_sender_is_asked_about_at_every_relay_it_may_go_by(office: Installation) -> None:
    relay = {"host": office.relay.host, "port": office.relay.port, "security": "none"}
    signed = {"envelope": "signed", "return_path_domain": "bounce.office.example.org"}
    office.reopen(smtp={"fallback": ["second"]}, routes={"second": {**relay, **signed}})

    found = sendings(office.app, cards(office.app))

    assert [(one.name, one.sender.partition("@")[0], one.envelope) for one in found] == [
        ("smtp", "news", "office.example.org"),
        ("second", "news", "bounce.office.example.org"),
        ("smtp", "owner", "office.example.org"),
    ]


def test_answers_go_where_each_list_of_a_sender_has_them(office: Installation) -> None:
    owner = office.app.settings.organisation.owner
    given = cards(office.app)
    other = given[0].sender.model_copy(update={"reply_to": "office@office.example.org"})

    found = sendings(office.app, [*given, replace(given[0], sender=other)])

    assert [one.replies for one in found] == [
        ("news@office.example.org", "office@office.example.org"),
        (owner,),
    ]
