"""Whether bounces, replies and complaints are taken in, asked of a real exchanger on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.check import Finding, Part, Resolver, Sending, State, mailboxes
from mailer.check.sending import sendings
from mailer.check.store import cards
from mailer.errors import TokenError
from mailer.tokens import Purpose
from tests.check.conftest import a_sending
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.name_server import BROKEN, SILENT, NameServer, Zone
from tests.smtp_server import SILENCE, SmtpServer, Then

ZONE: Zone = {
    "example.org": {"MX": ["20 gone.example.org", "10 mx.example.org"]},
    "bounce.example.org": {"MX": ["10 mx.example.org"]},
    "mx.example.org": {"A": ["127.0.0.1"]},
    "_dmarc.example.org": {"TXT": ["v=DMARC1; p=none"]},
}


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with NameServer({}) as made:
        yield made


@pytest.fixture
def exchanger() -> Iterator[SmtpServer]:
    with SmtpServer() as made:
        yield made


def looked(
    dns: NameServer,
    exchanger: SmtpServer,
    *them: Sending,
    zone: Zone = ZONE,
    seconds: float = 20,
) -> dict[str, Finding]:
    dns.zone = zone
    names = Resolver(dns.address, seconds=20)
    boxes = mailboxes.wanted(names, them or [a_sending()])
    found = mailboxes.look(names, boxes, "check.test", seconds=seconds, port=exchanger.port)
    assert {one.part for one in found} == {Part.MAILBOXES}
    return {one.subject: one for one in found}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {name: str(one.state) for name, one in found.items()}


def test_what_comes_back_is_asked_about_as_a_bounce_would_come(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    found = looked(dns, exchanger, a_sending("news@example.org"))

    assert states(found) == {
        "news@example.org": "ok",
        "postmaster@example.org": "ok",
        "abuse@example.org": "ok",
    }
    said = exchanger.commands()
    assert said[0] == "EHLO check.test"
    assert said.count("MAIL FROM:<>") == 1
    assert said[-2:] == ["RSET", "QUIT"]
    assert exchanger.messages == []


def test_an_address_of_each_deliverys_own_must_be_taken(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    signed = {"envelope": "signed", "return_path_domain": "bounce.example.org"}
    exchanger.answer("rcpt", "550 5.1.1 no such user", recipient="b+x@bounce.example.org")

    found = looked(dns, exchanger, a_sending(return_path="b+x@bounce.example.org", **signed))

    refused = found["b+x@bounce.example.org"]
    assert refused.state is State.FAIL
    assert "bounces are lost (550 5.1.1 no such user)" in refused.says
    assert "b+…@bounce.example.org" in refused.todo
    assert found["news@example.org"].state is State.OK


@pytest.mark.parametrize(
    "reply, state, word",
    [
        ("550 5.1.1 no such user", State.FAIL, "complaints are lost"),
        ("550 no such user here", State.FAIL, "complaints are lost"),
        ("554 5.7.1 relay access denied", State.FAIL, "complaints are lost"),
        ("550 5.4.1 Recipient address rejected: Access denied", State.FAIL, "are lost"),
        ("450 4.2.0 greylisted", State.WARN, "puts us off"),
        ("550 5.7.1 your network is on a blocklist", State.UNKNOWN, "from this machine"),
    ],
)
def test_a_refusal_is_told_from_one_that_is_about_this_machine(
    dns: NameServer, exchanger: SmtpServer, reply: str, state: State, word: str
) -> None:
    exchanger.answer("rcpt", reply, recipient="abuse@example.org")

    found = looked(dns, exchanger)["abuse@example.org"]

    assert found.state is state
    assert word in found.says
    assert reply.split(maxsplit=1)[0] in found.says
    assert found.todo


def test_complaints_come_to_the_top_of_an_organisation_and_replies_where_they_are_asked(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    zone = ZONE | {"news.example.org": {"MX": ["10 mx.example.org"]}}
    sending = a_sending("a@news.example.org", reply_to="office@example.org")

    found = looked(dns, exchanger, sending, sending, zone=zone)

    assert set(found) == {
        "a@news.example.org",
        "office@example.org",
        "postmaster@news.example.org",
        "abuse@example.org",
    }


@pytest.mark.parametrize(
    "step, reply, why",
    [
        ("greeting", "554 5.7.1 go away", "does not let this machine in"),
        ("mail", "550 5.7.1 not from there", "takes no bounces from this machine"),
    ],
)
def test_an_exchanger_that_does_not_speak_to_us_could_not_be_asked(
    dns: NameServer, exchanger: SmtpServer, step: str, reply: str, why: str
) -> None:
    exchanger.answer(step, reply)

    [found] = looked(dns, exchanger).values()

    assert found.state is State.UNKNOWN
    assert why in found.says
    assert "port 25" in found.todo


def test_nothing_is_said_of_bounces_that_come_to_the_relay_itself(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    sending = a_sending(
        return_path="bounces@example.org", host="smtp.sendgrid.net", reply_to="office@example.org"
    )

    assert set(looked(dns, exchanger, sending)) == {
        "office@example.org",
        "postmaster@example.org",
        "abuse@example.org",
    }


def test_an_exchanger_that_hangs_up_without_a_word_has_said_all(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    exchanger.answer("rset", SILENCE, then=Then.CLOSE)

    assert set(states(looked(dns, exchanger)).values()) == {"ok"}


def test_an_international_address_is_not_passed_over_in_silence(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    found = looked(dns, exchanger, a_sending(reply_to="büro@example.org"))

    assert found["büro@example.org"].state is State.UNKNOWN
    assert found["abuse@example.org"].state is State.OK


def test_an_exchanger_that_goes_silent_holds_nobody_up(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    exchanger.answer("rcpt", SILENCE, recipient="abuse@example.org", then=Then.HANG)

    found = looked(dns, exchanger, seconds=1)

    assert states(found) == {
        "news@example.org": "ok",
        "postmaster@example.org": "ok",
        "example.org": "unknown",
    }


@pytest.mark.parametrize(
    "zone, why",
    [
        ({"example.org": BROKEN}, "SERVFAIL"),
        ({"example.org": {"MX": ["0 ."]}}, "takes no mail"),
        ({"example.org": {"TXT": ["x"]}}, "no mail exchanger"),
        ({"example.org": {"MX": ["10 mx.example.org"]}, "mx.example.org": SILENT}, "in time"),
    ],
)
def test_a_domain_without_exchanger_could_not_be_asked(
    dns: NameServer, exchanger: SmtpServer, zone: Zone, why: str
) -> None:
    [found] = looked(dns, exchanger, zone=zone).values()

    assert found.state is State.UNKNOWN
    assert why in found.says


def test_the_second_exchanger_is_asked_when_the_first_is_away(
    dns: NameServer, exchanger: SmtpServer
) -> None:
    zone: Zone = ZONE | {"example.org": {"MX": ["5 a.example.org", "10 mx.example.org"]}}
    zone["a.example.org"] = {"A": ["127.9.9.9"]}  # nobody listens there

    assert set(states(looked(dns, exchanger, zone=zone)).values()) == {"ok"}


def test_the_return_path_that_is_asked_about_reads_back_as_one_of_ours(
    tmp_path: Path, migrated_database_url: str
) -> None:
    with SmtpServer() as relay:
        signed = {"envelope": "signed", "return_path_domain": "bounce.office.example.org"}
        clock = RunningClock(MOMENT)
        office = Installation(tmp_path, migrated_database_url, relay, clock, {"smtp": signed})
        first = sendings(office.app, cards(office.app))[0]

        local = first.return_path.partition("@")[0].upper()
        read = office.app.keys.verify_short(local.partition("+")[2].lower(), Purpose.BOUNCE)
        office.close()

    assert first.return_path_varies
    assert len(local) <= 64
    assert read == (0,)
    with pytest.raises(TokenError):
        office.app.keys.verify_short(local.partition("+")[2].lower(), Purpose.MESSAGE)
