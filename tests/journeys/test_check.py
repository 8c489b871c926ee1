"""An owner asks whether all is ready: of a good office, and of one with three faults in it.

With a real relay, a real name server and the real pages, all on loopback.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from mailer import cli, ledger, web
from mailer.check import Finding, Part, State, Wish, check, mailboxes
from mailer.db.schema import Event
from tests.check.zones import KEY_2048
from tests.installation import SENDER, Installation, RunningClock, wait_for
from tests.name_server import BROKEN, NameServer, Zone
from tests.smtp_server import SmtpServer
from tests.time_server import TimeServer
from tests.web.conftest import serving

DOMAIN = "office.example.org"
LIST = "zen.example"
ZONE: Zone = {
    f"2.0.0.127.{LIST}": {"A": ["127.0.0.2"]},
    DOMAIN: {
        "SOA": [f"ns.{DOMAIN}"],
        "MX": [f"10 mx.{DOMAIN}"],
        "TXT": ["v=spf1 ip4:192.0.2.0/24 include:spf.relay.example ~all"],
    },
    f"mx.{DOMAIN}": {"A": ["127.0.0.1"]},
    "spf.relay.example": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]},
    f"r1._domainkey.{DOMAIN}": {"TXT": [f"v=DKIM1; k=rsa; p={KEY_2048}"]},
    "7.100.51.198.in-addr.arpa": {"PTR": ["mail.relay.example"]},
    "mail.relay.example": {"A": ["198.51.100.7"]},
    f"_dmarc.{DOMAIN}": {"TXT": [f"v=DMARC1; p=reject; rua=mailto:dmarc@{DOMAIN}"]},
}
ROUTE = {
    "sends_from": ["include:spf.relay.example", "198.51.100.7"],
    "dkim_domain": DOMAIN,
    "dkim_selector": "r1",
}


@dataclass
class Ready:
    """An office with everything as it should be, and what its faults are planted in."""

    office: Installation
    relay: SmtpServer
    exchanger: SmtpServer
    dns: NameServer

    def look(self, *only: Part) -> list[Finding]:
        wish = Wish(only, resolver=self.dns.address)
        return check(self.office.config, wish, clock=self.office.clock)

    def worse(self, *only: Part) -> list[Finding]:
        """Give what is not ok, but for the room on the machine that tests run on."""
        return [
            one
            for one in self.look(*only)
            if one.state is not State.OK and one.part is not Part.DISK
        ]


def greeting(at: datetime) -> str:
    return f"220 relay.test ESMTP; {format_datetime(at)}"


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with NameServer(ZONE) as made:
        yield made


@pytest.fixture
def ready(
    tmp_path: Path, migrated_database_url: str, dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ready]:
    dns.zone = ZONE
    sock = web.listen("127.0.0.1", 0)
    with (
        SmtpServer(size=10_000_000) as relay,
        SmtpServer() as exchanger,
        TimeServer() as time_server,
    ):
        # The world's exchangers listen on port 25, which a test may not open.
        monkeypatch.setattr(mailboxes, "SMTP_PORT", exchanger.port)
        relay.answer("greeting", greeting(datetime.now(UTC)))
        base_url = f"http://127.0.0.1:{web.port_of(sock)}/news/"
        settings: dict[str, dict[str, Any]] = {"smtp": ROUTE, "web": {"base_url": base_url}}
        settings["check"] = {"time_server": time_server.address, "ip_blocklists": [LIST]}
        clock = RunningClock(datetime.now(UTC))
        office = Installation(tmp_path / "o", migrated_database_url, relay, clock, settings)
        office.config.chmod(0o600)
        with serving(office.app, sock):
            yield Ready(office, relay, exchanger, dns)
        office.close()


def test_a_good_office_is_told_so(ready: Ready) -> None:
    clock = ready.office.clock
    with ready.office.at_work():
        wait_for(lambda: ready.office.app.database.read(ledger.working, now=clock.now()))
        before = ready.office.count(Event)
        found, everything = ready.worse(), ready.look()
        after = ready.office.count(Event)

    # That its pages are on loopback is the one thing that is not as it will be.
    assert [(one.part, one.state) for one in found] == [(Part.PAGES, State.WARN)]
    assert "this machine alone" in found[0].says
    assert {one.part for one in everything} >= set(Part)
    assert ready.relay.messages == ready.exchanger.messages == []
    assert ready.relay.commands("DATA") == ready.exchanger.commands("DATA") == []
    assert after == before


def test_three_planted_faults_are_named_each_with_what_to_do(ready: Ready) -> None:
    ready.dns.zone = ZONE | {
        DOMAIN: {
            "SOA": [f"ns.{DOMAIN}"],
            "MX": [f"10 mx.{DOMAIN}"],
            "TXT": ["v=spf1 ip4:192.0.2.0/24 ~all"],
        }
    }
    ready.relay.answer("mail", f"550 5.7.60 {SENDER} may not be used by this login")
    ready.office.clock.move(timedelta(minutes=10))

    failed = [one for one in ready.worse() if one.state is State.FAIL]

    spf = [one for one in failed if one.part is Part.SPF]
    assert spf[0].paste == (
        f'{DOMAIN}. IN TXT "v=spf1 ip4:192.0.2.0/24 include:spf.relay.example ~all"'
    )
    senders = [one for one in failed if one.part is Part.RELAY]
    assert SENDER in senders[0].subject
    assert "may not be used by this login" in senders[0].says
    assert all("return_path" in one.todo for one in senders)
    clocks = [one for one in failed if one.part is Part.CLOCK]
    assert {one.subject for one in clocks} >= {"web.base_url", f"relay {ready.relay.host}"}
    assert all("10 minutes ahead of" in one.says for one in clocks)
    assert {one.part for one in failed} == {Part.SPF, Part.RELAY, Part.CLOCK}


def test_our_own_pages_are_no_witness_that_our_clock_is_right(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_CHECK__TIME_SERVER", "")
    ready.relay.behave()

    found = {one.subject: one.state for one in ready.look(Part.CLOCK)}

    server = {} if ready.office.app.database.path else {"database server": State.OK}
    alone = {} if server else {"clock": State.UNKNOWN}
    assert found == {"time zones": State.OK, **server, **alone}


def test_what_comes_back_and_is_refused_is_a_fault(ready: Ready) -> None:
    ready.exchanger.answer("rcpt", "550 5.1.1 unknown", recipient=f"abuse@{DOMAIN}")

    found = {one.subject: one.state for one in ready.look(Part.MAILBOXES)}

    assert found.pop(f"abuse@{DOMAIN}") is State.FAIL
    assert found == {
        SENDER: State.OK,
        f"owner@{DOMAIN}": State.OK,
        f"postmaster@{DOMAIN}": State.OK,
    }


def test_what_cannot_be_asked_is_no_fault(ready: Ready) -> None:
    names = (DOMAIN, f"_dmarc.{DOMAIN}", f"r1._domainkey.{DOMAIN}")
    ready.dns.zone = dict.fromkeys(names, BROKEN)
    ready.relay.answer("mail", "451 4.7.1 greylisted, come again")

    found = ready.worse(Part.RELAY, Part.DOMAIN, Part.SPF, Part.DKIM, Part.DMARC)

    assert {one.state for one in found} == {State.UNKNOWN}
    assert {one.part for one in found} == {
        Part.RELAY, Part.DOMAIN, Part.SPF, Part.DKIM, Part.DMARC,
    }  # fmt: skip


def test_the_command_prints_the_same_and_ends_as_cron_needs_it(
    ready: Ready, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        options = ["check", "--resolver", ready.dns.address, *arguments]
        code = cli.run(["--config", str(ready.office.config), *options])
        return code, capsys.readouterr().out

    parts = "dns,relay"
    assert command("--only", parts, "--quiet") == (0, "")
    assert command("--only", "pages")[0] == 0
    assert command("--only", "pages", "--strict")[0] == 1

    ready.dns.zone = ZONE | {DOMAIN: {"SOA": ["ns"], "MX": [f"10 mx.{DOMAIN}"]}}
    code, out = command("--only", parts, "--list", "news")
    assert code == 1
    assert "✗ fail" in out
    record = "v=spf1 include:spf.relay.example ip4:198.51.100.7 ~all"
    assert f'\n{DOMAIN}. IN TXT "{record}"\n' in out
    code, out = command("--only", "spf", "--json")
    assert json.loads(out)["counts"] == {"ok": 0, "warn": 0, "fail": 1, "unknown": 0}
    assert json.loads(out)["findings"][0]["state"] == "fail"
