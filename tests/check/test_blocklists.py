"""What lists of senders of spam say, each a zone on a real name server."""

from collections.abc import Iterator

import pytest

from mailer.check import Finding, Part, Resolver, State, blocklists
from mailer.config import Check
from tests.check.conftest import a_sending
from tests.name_server import BROKEN, NameServer, Zone

IPS = "zen.example"
DOMAINS = "dbl.spamhaus.org"
SOUND: Zone = {
    f"2.0.0.127.{IPS}": {"A": ["127.0.0.2"]},
    f"dbltest.com.{DOMAINS}": {"A": ["127.0.1.2"]},
    "_dmarc.example.org": {"TXT": ["v=DMARC1; p=none"]},
}


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer({}) as made:
        yield made


def looked(
    server: NameServer,
    zone: Zone,
    *,
    ips: str = IPS,
    domains: str = DOMAINS,
    sends_from: tuple[str, ...] = ("192.0.2.7", "198.51.100.0/24"),
) -> list[Finding]:
    server.zone = zone
    wanted = Check(ip_blocklists=ips, domain_blocklists=domains)
    sending = a_sending(sender="a@news.example.org", sends_from=list(sends_from))
    names = Resolver(server.address, seconds=20)
    base = "https://pages.example.net/news/"
    return list(blocklists.findings(names, wanted, [sending], base))


def test_nothing_is_asked_unless_lists_are_named(server: NameServer) -> None:
    server.asked.clear()

    assert looked(server, SOUND, ips="", domains="") == []
    assert not [name for name, _ in server.asked if name.endswith((IPS, DOMAINS))]


def test_who_is_on_no_list_is_told_so(server: NameServer) -> None:
    found = looked(server, SOUND)

    assert [one.state for one in found] == [State.OK, State.OK]
    assert found[0].says == "Not listed: 192.0.2.7."
    assert found[1].says == "Not listed: news.example.org, example.org, pages.example.net."
    assert {one.part for one in found} == {Part.BLOCKLISTS}


def test_who_is_listed_is_told_why_in_the_lists_words(server: NameServer) -> None:
    listed: Zone = {
        f"7.2.0.192.{IPS}": {"A": ["127.0.0.10"], "TXT": ["https://zen.example/7"]},
        f"example.org.{DOMAINS}": {"A": ["127.0.1.2"]},
    }

    found = looked(server, SOUND | listed)

    assert [one.state for one in found] == [State.FAIL, State.FAIL]
    assert found[0].subject == f"192.0.2.7 on {IPS}"
    assert "127.0.0.10" in found[0].says
    assert "https://zen.example/7" in found[0].says
    assert found[1].subject == f"example.org on {DOMAINS}"
    assert "take it off" in found[1].todo


@pytest.mark.parametrize(
    "zone, why",
    [
        ({}, "gone or answers nothing"),
        ({f"2.0.0.127.{IPS}": {"A": ["127.255.255.254"]}}, "does not answer this name server"),
        ({f"2.0.0.127.{IPS}": {"A": ["127.0.0.1"]}}, "does not answer this name server"),
        (
            {
                f"2.0.0.127.{IPS}": {"A": ["127.0.0.2"]},
                f"1.0.0.127.{IPS}": {"A": ["127.0.0.2"]},
            },
            "lists everything",
        ),
        ({f"2.0.0.127.{IPS}": {"A": ["203.0.113.9"]}}, "lists everything"),
        ({f"2.0.0.127.{IPS}": BROKEN}, "SERVFAIL"),
        (SOUND | {f"7.2.0.192.{IPS}": {"A": ["127.255.255.255"]}}, "refuses the question"),
    ],
)
def test_a_list_that_cannot_be_believed_is_no_fault_of_ours(
    server: NameServer, zone: Zone, why: str
) -> None:
    [found] = looked(server, zone, domains="")

    assert found.state is State.UNKNOWN
    assert why in found.says
    assert "--resolver" in found.todo


def test_a_relay_whose_addresses_nobody_knows_cannot_be_looked_up(server: NameServer) -> None:
    [found] = looked(server, SOUND, domains="", sends_from=("include:relay.example.net",))

    assert found.state is State.UNKNOWN
    assert "sends_from" in found.todo


def test_an_address_of_the_newer_kind_is_looked_up_digit_by_digit(server: NameServer) -> None:
    name = ".".join(reversed("20010db8000000000000000000000007"))
    listed: Zone = {f"{name}.{IPS}": {"A": ["127.0.0.3"]}}

    [found] = looked(server, SOUND | listed, domains="", sends_from=("2001:db8::7",))

    assert found.state is State.FAIL


def test_the_key_in_the_name_of_a_list_is_not_shown(server: NameServer) -> None:
    key = "abcdefghijklmnopqrstuvwxyz"
    zone: Zone = {f"dbltest.com.{key}.dbl.dq.spamhaus.net": {"A": ["127.0.1.2"]}}

    [found] = looked(server, zone, ips="", domains=f"{key}.dbl.dq.spamhaus.net")

    assert found.state is State.OK
    assert found.subject == "dbl.dq.spamhaus.net"


@pytest.mark.parametrize("wrong", ["zen", "http://zen.example/", "a b..example"])
def test_what_is_no_list(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a list"):
        Check(ip_blocklists=wrong)
