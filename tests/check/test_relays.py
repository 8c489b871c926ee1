"""What a relay says to `mailer check`, from a real one on loopback that misbehaves when told to."""

from datetime import UTC, datetime

import pytest

from mailer.check import Finding, State, relays
from mailer.config import Auth, Security
from mailer.delivery import Route
from tests.check.conftest import a_sending
from tests.smtp_server import SILENCE, SmtpServer, Then


def looked(server: SmtpServer, *, seconds: float = 20, **settings: object) -> list[Finding]:
    route = Route(
        name="smtp",
        host=server.host,
        port=server.port,
        **{"security": Security.NONE, **settings},  # type: ignore[arg-type]  # a test's choice
    )
    sending = a_sending(return_path="b+x@bounce.example.org")
    return relays.look(route, [sending], seconds=seconds, now=datetime.now(UTC)).findings


def test_a_good_relay_is_asked_for_each_sender_and_takes_no_message() -> None:
    with SmtpServer(size=10_000_000) as server:
        found = looked(server)

    assert [one.state for one in found] == [State.OK, State.OK]
    assert "news@example.org" in found[1].subject
    said = server.commands()
    assert "MAIL FROM:<b+x@bounce.example.org>" in said
    assert said[-3:] == ["RCPT TO:<owner@example.org>", "RSET", "QUIT"]


@pytest.mark.parametrize(
    "step, reply, state",
    [
        ("mail", "550 5.7.60 not you", State.FAIL),
        ("rcpt", "554 5.7.1 relaying denied", State.FAIL),
        ("mail", "451 4.7.1 later", State.UNKNOWN),
        ("rcpt", "450 4.2.0 greylisted", State.UNKNOWN),
    ],
)
def test_a_sender_that_is_refused_is_told_in_the_relays_words(
    step: str, reply: str, state: State
) -> None:
    with SmtpServer(size=10_000_000) as server:
        server.answer(step, reply)
        found = looked(server)[-1]

    assert found.state is state
    assert reply in found.says
    assert found.todo


def test_a_wrong_password_is_a_fault() -> None:
    with SmtpServer(size=10_000_000, users={"office": "secret"}) as server:
        [found] = looked(server, auth=Auth.PLAIN, username="office", password="wrong")

    assert found.state is State.FAIL
    assert "535" in found.says
    assert "password" in found.todo
    assert "wrong name or password" in found.says


def test_a_certificate_is_trusted_by_its_authority_only() -> None:
    with SmtpServer(size=10_000_000, security="starttls") as server:
        [bad] = looked(server, security=Security.STARTTLS)
        good = looked(server, security=Security.STARTTLS, ca_file=server.ca_file)

    assert bad.state is State.FAIL
    assert "certificate" in bad.says
    # The certificate of tests lasts a day, and that is soon.
    assert [one.state for one in good] == [State.OK, State.WARN, State.OK]
    assert "TLSv1" in good[0].says


def test_a_relay_that_offers_little_is_a_warning() -> None:
    with SmtpServer(size=10_000_000, smtputf8=False) as server:
        found = looked(server)

    assert [one.state for one in found] == [State.OK, State.WARN, State.OK]


def test_a_relay_that_is_not_there_is_a_fault() -> None:
    with SmtpServer(size=10_000_000) as server:
        pass

    [found] = looked(server)

    assert found.state is State.FAIL
    assert "(connect)" in found.says


def test_a_relay_that_hangs_up_without_a_word_has_said_all() -> None:
    with SmtpServer(size=10_000_000) as server:
        server.answer("quit", SILENCE, then=Then.CLOSE)
        found = looked(server)

    assert [one.state for one in found] == [State.OK, State.OK]


def test_a_relay_that_goes_silent_could_not_be_checked() -> None:
    with SmtpServer(size=10_000_000) as server:
        server.answer("mail", SILENCE, then=Then.HANG)
        found = looked(server, seconds=0.5)[-1]

    assert found.state is State.UNKNOWN


def test_a_relay_that_hangs_up_could_not_be_checked() -> None:
    with SmtpServer(size=10_000_000) as server:
        server.answer("mail", SILENCE, then=Then.CLOSE)
        found = looked(server)[-1]

    assert found.state is State.UNKNOWN
