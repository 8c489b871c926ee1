"""What `mailer check` says of the keys by which we sign ourselves: with a real name server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import dkim
from mailer.check import Finding, Part, Resolver, State, Wish, check
from mailer.check.signing import key as relays_key
from mailer.db.schema import DkimAlgorithm, DkimKey
from mailer.tokens import new_key
from tests.check.conftest import a_sending
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.name_server import BROKEN, NameServer
from tests.smtp_server import SmtpServer

DOMAIN = "office.example.org"
ED25519 = DkimAlgorithm.ED25519


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer({DOMAIN: {"TXT": ["hello"]}}) as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        yield made
        made.close()


def new(office: Installation, algorithm: DkimAlgorithm = DkimAlgorithm.RSA) -> DkimKey:
    wish, now = dkim.Wish(DOMAIN, algorithm), office.clock.now()
    with office.app.database.writing() as session:
        key = dkim.make(session, office.app.keys, wish, now=now)
        session.flush()
        session.expunge(key)
    return key


def signing(office: Installation, algorithm: DkimAlgorithm = DkimAlgorithm.RSA) -> DkimKey:
    key = new(office, algorithm)
    office.app.database.write(dkim.switch, [key], now=office.clock.now())
    return key


def publish(names: NameServer, key: DkimKey, text: str = "") -> None:
    value = text or dkim.record(key.algorithm, key.public)
    names.zone[dkim.place(key.domain, key.selector)] = {"TXT": [value]}


def look(office: Installation, names: NameServer) -> list[Finding]:
    return check(office.config, Wish([Part.DKIM], resolver=names.address), clock=office.clock)


def test_a_sample_is_signed_and_verified_with_the_key_in_dns(
    office: Installation, names: NameServer
) -> None:
    keys = [signing(office), signing(office, ED25519)]
    for key in keys:
        publish(names, key)

    found = look(office, names)

    assert [one.state for one in found] == [State.OK, State.OK]
    assert [one.subject for one in found] == [dkim.place(DOMAIN, key.selector) for key in keys]
    assert all("a sample holds with the record in DNS" in one.says for one in found)


def test_without_its_record_what_is_signed_fails(office: Installation, names: NameServer) -> None:
    key = signing(office)

    [found] = look(office, names)

    assert (found.state, found.todo) == (State.FAIL, "Publish this.")
    assert found.paste.startswith(f'{key.selector}._domainkey.{DOMAIN}. IN TXT "v=DKIM1; k=rsa;')


def test_a_record_of_another_key_is_a_fault(office: Installation, names: NameServer) -> None:
    first, second = signing(office), signing(office)
    publish(names, second, dkim.record(first.algorithm, first.public))

    [found] = look(office, names)

    assert found.state is State.FAIL
    assert "another key than ours" in found.says


@pytest.mark.parametrize(
    "form, state",
    [("t=y; {}", State.WARN), ("h=sha1; {}", State.FAIL), ("s=tlsrpt; {}", State.FAIL)],
)
def test_what_else_the_record_says(
    office: Installation, names: NameServer, form: str, state: State
) -> None:
    key = signing(office)
    publish(names, key, "v=DKIM1; " + form.format(f"k=rsa; p={key.public}"))

    assert look(office, names)[0].state is state


def test_a_name_server_in_trouble_is_no_fault(office: Installation, names: NameServer) -> None:
    key = signing(office)
    names.zone[dkim.place(DOMAIN, key.selector)] = BROKEN

    assert [one.state for one in look(office, names)] == [State.UNKNOWN]


def test_a_key_that_cannot_be_opened_is_told(office: Installation, names: NameServer) -> None:
    publish(names, signing(office))
    office.keys[:] = [new_key()]
    office.reopen()

    [found] = look(office, names)

    assert found.state is State.FAIL
    assert f"Nothing is sent from {DOMAIN}" in found.says


def test_a_key_is_worth_a_fresh_one_after_a_year(office: Installation, names: NameServer) -> None:
    publish(names, signing(office))
    office.clock.move(timedelta(days=366))

    found = look(office, names)

    assert [one.state for one in found] == [State.OK, State.WARN]
    assert found[1].todo == f"Make one: mailer dkim new-key {DOMAIN}"


def test_a_key_that_does_not_sign_yet_waits_for_its_record_and_then_for_the_switch(
    office: Installation, names: NameServer
) -> None:
    key, switch = new(office), f"mailer dkim switch {DOMAIN}"

    [unpublished] = look(office, names)
    publish(names, key)
    [published] = look(office, names)

    assert unpublished.says == "This key does not sign yet; there is no record yet."
    assert unpublished.todo == f"Publish this, and then: {switch}"
    assert unpublished.paste.startswith(f"{key.selector}._domainkey.{DOMAIN}. IN TXT ")
    assert published.says == "This key does not sign yet; the record is there."
    assert published.todo == f"Let it sign: {switch}"
    assert unpublished.state is published.state is State.WARN


def test_an_old_key_whose_follower_waits_asks_for_no_other(
    office: Installation, names: NameServer
) -> None:
    publish(names, signing(office))
    office.clock.move(timedelta(days=366))
    publish(names, new(office))

    found = look(office, names)

    assert [one.todo for one in found if one.todo] == [f"Let it sign: mailer dkim switch {DOMAIN}"]


def test_why_there_is_no_sample_is_told(office: Installation, names: NameServer) -> None:
    publish(names, signing(office))
    own = office.folder / "own" / "mail" / "welcome"
    own.mkdir(parents=True)
    (own / "body.html").write_text("<p>" + "Words and more words. " * 6000)
    office.reopen(templates={"folder": "own"})

    found = look(office, names)

    assert [one.state for one in found] == [State.UNKNOWN]
    assert "The record is that of our key; no sample could be made" in found[0].says


def test_nobody_is_asked_how_the_relay_signs_where_we_do(names: NameServer) -> None:
    ours = replace(a_sending(f"news@{DOMAIN}"), is_signed=True)

    assert relays_key(Resolver(names.address, seconds=10), ours) == []


def test_a_relay_that_breaks_our_signatures_is_told(names: NameServer) -> None:
    sending = a_sending(f"news@{DOMAIN}", host="email-smtp.eu-west-1.amazonaws.com")

    [found] = relays_key(Resolver(names.address, seconds=10), replace(sending, is_signed=True))

    assert found.state is State.WARN
    assert "Date and Message-ID" in found.says
