"""What is said of zones, each on a real name server, beside what checkdmarc says of them.

The independent opinion is about the record alone; ours is about what an owner has to do. Where
the two differ, the table says why.
"""

from collections.abc import Callable, Iterator

import checkdmarc.dmarc
import checkdmarc.spf
import checkdmarc.utils
import dns.resolver
import pytest

from mailer.check import (
    Finding,
    Part,
    Resolver,
    Sending,
    State,
    allowing,
    signing,
    spf,
    zone_findings,
)
from tests.check.conftest import a_sending, worst
from tests.check.zones import DMARC, GOOD, KEY_2048, SPF, texts
from tests.name_server import BROKEN, NameServer, Zone

DOMAIN = "example.org"

OTHER_OPINIONS = {
    "everybody": "it warns of +all; we say it fails, for so anybody may pass as the office",
    "a broken name server": "it has no word for *could not check*",
    "a broken include": "it has no word for *could not check*",
    "no policy": "it warns; without p= and without reports there is no policy (RFC 9989, 4.10.1)",
}


Opinions = Callable[[Zone], tuple[Resolver, dns.resolver.Resolver]]


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer({}) as made:
        yield made


@pytest.fixture
def ask(server: NameServer) -> Opinions:
    """Publish a zone; give who asks for us, and who asks for the independent checker."""

    def published(zone: Zone) -> tuple[Resolver, dns.resolver.Resolver]:
        server.zone = zone
        checkdmarc.utils.DNS_CACHE.clear()
        theirs = dns.resolver.Resolver(configure=False)
        theirs.nameservers = ["127.0.0.1"]
        theirs.port = server.port
        return Resolver(server.address, seconds=20), theirs

    return published


def of(part: Part, found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.part is part]


@pytest.mark.parametrize("name", SPF)
def test_an_spf_record_is_judged_as_by_an_independent_checker(ask: Opinions, name: str) -> None:
    zone, expected = SPF[name]
    names, theirs = ask(zone)
    ours = worst(allowing.record(spf.survey(names, DOMAIN), a_sending()))
    other = checkdmarc.spf.check_spf(DOMAIN, resolver=theirs, timeout=2)

    assert ours == expected
    agrees = other["valid"] == (ours is not State.FAIL)
    assert agrees == (name not in OTHER_OPINIONS), other


@pytest.mark.parametrize("name", DMARC)
def test_a_dmarc_policy_is_judged_as_by_an_independent_checker(ask: Opinions, name: str) -> None:
    zone, expected = DMARC[name]
    sending = a_sending(dkim_selector="news")
    names, theirs = ask(zone)
    ours = worst(signing.policy(names, sending))
    other = checkdmarc.dmarc.check_dmarc(DOMAIN, resolver=theirs, timeout=2)

    assert ours == expected
    agrees = other["valid"] == (ours is not State.FAIL)
    assert agrees == (name not in OTHER_OPINIONS), other


def test_a_domain_that_is_as_it_should_be_has_nothing_but_good_findings(
    ask: Opinions, sending: Sending
) -> None:
    names, _ = ask(GOOD)
    found = zone_findings(names, sending)

    assert {one.part for one in found} == {
        Part.DOMAIN, Part.SPF, Part.DKIM, Part.DMARC, Part.HELLO,
    }  # fmt: skip
    assert [one for one in found if one.state is not State.OK] == []


def test_a_host_that_spf_does_not_allow_is_named_with_the_record_that_would(ask: Opinions) -> None:
    sending = a_sending(sends_from=["203.0.113.0/28", "include:other.example.net"])
    names, _ = ask(GOOD)
    found = of(Part.SPF, zone_findings(names, sending))

    assert [one.state for one in found] == [State.OK, State.FAIL, State.FAIL]
    assert found[1].paste == (
        'example.org. IN TXT "v=spf1 mx include:relay.example.net ip4:203.0.113.0/28 ~all"'
    )
    assert "include:other.example.net ~all" in found[2].paste


def test_a_missing_record_is_given_to_paste(ask: Opinions) -> None:
    sending = a_sending(host="smtp.postmarkapp.com")
    names, _ = ask(texts("hello"))
    [found] = of(Part.SPF, zone_findings(names, sending))

    assert found.paste == 'example.org. IN TXT "v=spf1 include:spf.mtasv.net ~all"'


def test_a_known_relay_that_is_not_included_is_a_warning(ask: Opinions) -> None:
    names, _ = ask(GOOD)
    found = of(Part.SPF, zone_findings(names, a_sending(host="smtp.eu.mailgun.org")))

    assert [one.state for one in found] == [State.OK, State.WARN]
    assert "include:mailgun.org ~all" in found[1].paste


@pytest.mark.parametrize(
    "host",
    [
        "email-smtp.eu-central-1.amazonaws.com",
        "smtp-broadcasts.postmarkapp.com",
        "smtp.sendgrid.net",
        "in-v3.mailjet.com",
        "smtp-relay.brevo.com",
    ],
)
def test_a_relay_with_a_return_path_of_its_own_asks_nothing_of_our_record(
    ask: Opinions, host: str
) -> None:
    names, _ = ask(GOOD)
    unsigned = zone_findings(names, a_sending(host=host))
    signed = zone_findings(names, a_sending(host=host, dkim_selector="news"))

    assert [one.state for one in of(Part.SPF, unsigned)] == [State.OK, State.OK]
    assert of(Part.DMARC, unsigned)[-1].state is State.UNKNOWN
    assert "the relay’s own" in of(Part.DMARC, unsigned)[-1].says
    assert of(Part.DMARC, signed)[-1].state is State.OK
    assert "the return path is the relay’s" in of(Part.DMARC, signed)[-1].says


def test_nothing_is_claimed_of_a_relay_that_nobody_knows(ask: Opinions) -> None:
    names, _ = ask(GOOD)
    found = zone_findings(names, a_sending())

    unknown = [one for one in found if one.state is State.UNKNOWN]
    assert [one.part for one in unknown] == [Part.SPF, Part.DKIM]
    assert 'sends_from = ["include:' in unknown[0].paste
    assert "DKIM-Signature" in unknown[1].todo


@pytest.mark.parametrize(
    "record, state, word",
    [
        (f"v=DKIM1; p={KEY_2048}", State.OK, "2048 bits"),
        (f"v=DKIM1; t=y; p={KEY_2048}", State.WARN, "in test"),
        (f"v=DKIM1; h=sha1; p={KEY_2048}", State.FAIL, "SHA-1"),
        (f"v=DKIM1; s=other; p={KEY_2048}", State.FAIL, "not for mail"),
        (f"v=DKIM1; p={KEY_2048[:200]}", State.FAIL, "cut off"),
        ("v=DKIM1; p=", State.FAIL, "revoked"),
        ("hello", State.FAIL, "cannot use"),
    ],
)
def test_a_key_is_judged(ask: Opinions, record: str, state: State, word: str) -> None:
    zone = GOOD | texts(record, at="news._domainkey.example.org")
    names, _ = ask(zone)
    [found] = signing.key(names, a_sending(dkim_selector="news"))

    assert found.state is state
    assert word in found.says


def test_two_keys_none_and_a_broken_server_are_told_apart(ask: Opinions) -> None:
    at = "news._domainkey.example.org"
    sending = a_sending(dkim_selector="news")
    said = []
    for zone in (texts("a", "b", at=at), texts("a"), {at: BROKEN}):
        names, _ = ask(dict(zone))
        said.append(signing.key(names, sending)[0].state)

    assert said == [State.FAIL, State.FAIL, State.UNKNOWN]


@pytest.mark.parametrize(
    "settings, return_path, state, word",
    [
        ({"dkim_selector": "news"}, "b@bounce.example.org", State.OK, "same organisation"),
        ({"dkim_selector": "news"}, "b@relay.example.net", State.WARN, "Only the signature"),
        (
            {"dkim_selector": "x", "dkim_domain": "relay.example.net"},
            "",
            State.WARN,
            "Only the return path",
        ),
        (
            {"dkim_selector": "x", "dkim_domain": "relay.example.net"},
            "b@relay.example.net",
            State.FAIL,
            "DMARC fails",
        ),
        ({}, "b@relay.example.net", State.UNKNOWN, "only a signature"),
    ],
)
def test_who_vouches_for_the_domain_in_from(
    ask: Opinions, settings: dict[str, str], return_path: str, state: State, word: str
) -> None:
    sending = a_sending(return_path=return_path, **settings)
    names, _ = ask(GOOD)
    found = signing.policy(names, sending)[-1]

    assert found.state is state
    assert word in found.says


def test_a_strict_policy_wants_the_very_same_domain(ask: Opinions) -> None:
    zone = GOOD | texts(
        "v=DMARC1; p=reject; aspf=s; rua=mailto:a@example.org", at="_dmarc.example.org"
    )
    names, _ = ask(zone)
    found = signing.policy(names, a_sending(return_path="b@bounce.example.org"))

    assert found[-1].state is State.UNKNOWN
    assert "another organisation" in found[-1].says


@pytest.mark.parametrize(
    "zone, state, word",
    [
        ({"example.org": {"MX": ["0 ."]}}, State.FAIL, "takes no mail"),
        ({"example.org": {"MX": ["10 gone.example.org"]}}, State.FAIL, "has no address"),
        ({"example.org": {"A": ["192.0.2.1"]}}, State.WARN, "no MX"),
        ({"example.org": {"TXT": ["x"]}}, State.FAIL, "neither"),
        ({"org": {"TXT": ["x"]}}, State.FAIL, "no such domain"),
        ({"example.org": BROKEN}, State.UNKNOWN, "SERVFAIL"),
    ],
)
def test_a_domain_must_take_mail(ask: Opinions, zone: Zone, state: State, word: str) -> None:
    names, _ = ask(zone)
    found = of(Part.DOMAIN, zone_findings(names, a_sending()))[0]

    assert found.state is state
    assert word in found.says


@pytest.mark.parametrize(
    "changes, state, word",
    [
        ({}, State.OK, "leads back"),
        ({"7.2.0.192.in-addr.arpa": {"TXT": ["x"]}}, State.FAIL, "no name"),
        ({"7.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org"]}}, State.FAIL, "not lead back"),
        (
            {
                "7.2.0.192.in-addr.arpa": {"PTR": ["192-0-2-7.isp.example"]},
                "192-0-2-7.isp.example": {"A": ["192.0.2.7"]},
            },
            State.WARN,
            "a home",
        ),
        ({"7.2.0.192.in-addr.arpa": BROKEN}, State.UNKNOWN, "SERVFAIL"),
    ],
)
def test_an_address_has_a_name_that_leads_back(
    ask: Opinions, changes: Zone, state: State, word: str, sending: Sending
) -> None:
    names, _ = ask(GOOD | changes)
    found = of(Part.HELLO, zone_findings(names, sending))[-1]

    assert found.state is state
    assert word in found.says


@pytest.mark.parametrize(
    "hello, state", [("localhost", State.WARN), ("gone.example.org", State.WARN)]
)
def test_the_name_we_greet_with(ask: Opinions, hello: str, state: State) -> None:
    names, _ = ask(GOOD)
    [found] = of(Part.HELLO, zone_findings(names, a_sending(hello=hello)))

    assert found.state is state


@pytest.mark.parametrize(
    "zone, states",
    [
        (GOOD, [State.OK]),
        ({"news.example.org": {"MX": ["10 mx.example.org"]}} | GOOD, [State.OK]),
        (GOOD | {"example.org": {"MX": ["10 mx.example.org"]}}, [State.OK, State.WARN]),
        ({"example.org": {"TXT": ["x"]}}, [State.FAIL]),
    ],
)
def test_a_zone_must_have_a_beginning(ask: Opinions, zone: Zone, states: list[State]) -> None:
    domain = "news.example.org" if "news.example.org" in zone else DOMAIN
    names, _ = ask(zone)
    found = of(Part.DOMAIN, zone_findings(names, a_sending(sender=f"a@{domain}")))

    assert [one.state for one in found] == states
