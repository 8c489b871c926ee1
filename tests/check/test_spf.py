"""SPF: what a receiver would find, by the rules of RFC 7208."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import pytest

from mailer.check import spf
from mailer.check.names import Answer
from mailer.check.spf import Client, Result


class Zone:
    """Names with their records; what is in `broken` cannot be asked."""

    def __init__(
        self, records: Mapping[str, Mapping[str, Sequence[str]]], broken: Sequence[str] = ()
    ) -> None:
        self._records = records
        self._broken = broken

    def ask(self, name: str, kind: str) -> Answer:
        if name in self._broken:
            return Answer(problem="SERVFAIL")
        records = self._records.get(name)
        return Answer(tuple((records or {}).get(kind, ())), no_such_name=records is None)


NET = Zone(
    {
        "mx.example.org": {"A": ["192.0.2.10"], "AAAA": ["2001:db8::10"]},
        "relay.example.net": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]},
        "soft.example.net": {"TXT": ["v=spf1 ~all"]},
        "example.org": {"A": ["192.0.2.1"], "MX": ["10 mx.example.org"]},
        "7.2.0.192.in-addr.yes.example.org": {"A": ["127.0.0.2"]},
        "news.example.org": {"A": ["127.0.0.2"]},
        **{f"ten{n}.example.org": {"TXT": ["v=spf1 ?all"], "A": ["10.0.0.1"]} for n in range(12)},
    },
    broken=("ill.example.org",),
)


def judged(record: str, ip: str, sender: str = "news@example.org") -> spf.Verdict:
    zone = {name: dict(found) for name, found in NET._records.items()}
    zone["example.org"] = {**zone["example.org"], "TXT": [record]}
    client = Client(ip_address(ip), sender, "mail.example.org")
    return spf.judge(Zone(zone, ("ill.example.org",)), "example.org", client)


@pytest.mark.parametrize(
    "record, ip, expected",
    [
        ("v=spf1 -all", "192.0.2.1", "fail"),
        ("v=spf1 ~all", "192.0.2.1", "softfail"),
        ("v=spf1 ?all", "192.0.2.1", "neutral"),
        ("v=spf1 all", "192.0.2.1", "pass"),
        ("v=spf1", "192.0.2.1", "neutral"),
        ("V=SPF1 IP4:192.0.2.1 -ALL", "192.0.2.1", "pass"),
        ("v=spf1  ip4:192.0.2.0/24   -all ", "192.0.2.200", "pass"),
        ("v=spf1 ip4:192.0.2.7/24 -all", "192.0.2.200", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "2001:db8::1", "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
        ("v=spf1 -ip4:192.0.2.1 +all", "192.0.2.1", "fail"),
        ("v=spf1 a -all", "192.0.2.1", "pass"),
        ("v=spf1 a/24 -all", "192.0.2.99", "pass"),
        ("v=spf1 a:mx.example.org//64 -all", "2001:db8::99", "pass"),
        ("v=spf1 mx -all", "192.0.2.10", "pass"),
        ("v=spf1 mx -all", "2001:db8::10", "pass"),
        ("v=spf1 mx -all", "192.0.2.11", "fail"),
        ("v=spf1 include:relay.example.net -all", "203.0.113.5", "pass"),
        ("v=spf1 include:soft.example.net ?all", "203.0.113.5", "neutral"),
        ("v=spf1 redirect=relay.example.net", "203.0.113.5", "pass"),
        ("v=spf1 redirect=relay.example.net", "198.51.100.1", "fail"),
        ("v=spf1 ?all redirect=relay.example.net", "203.0.113.5", "neutral"),
        ("v=spf1 redirect=gone.example.net", "203.0.113.5", "permerror"),
        ("v=spf1 include:gone.example.net -all", "203.0.113.5", "permerror"),
        ("v=spf1 include:ill.example.org -all", "203.0.113.5", "temperror"),
        ("v=spf1 ip4:203.0.113.5 include:ill.example.org -all", "203.0.113.5", "pass"),
        ("v=spf1 exists:%{ir}.%{v}.yes.example.org -all", "192.0.2.7", "pass"),
        ("v=spf1 exists:%{ir}.%{v}.yes.example.org -all", "192.0.2.8", "fail"),
        ("v=spf1 exists:%{l}.%{d2} -all", "192.0.2.8", "pass"),
        ("v=spf1 ptr -all", "192.0.2.1", "fail"),
        ("v=spf1 a:x.example.org a:y.example.org a:z.example.org -all", "192.0.2.1", "permerror"),
        ("v=spf1 unknown=yes exp=why.example.org -all", "192.0.2.1", "fail"),
        ("v=spf1 ip4 -all", "192.0.2.1", "permerror"),
        ("v=spf1 ip4:2001:db8::1 -all", "192.0.2.1", "permerror"),
        ("v=spf1 a/33 -all", "192.0.2.1", "permerror"),
        ("v=spf1 include -all", "192.0.2.1", "permerror"),
        ("v=spf1 all:x", "192.0.2.1", "permerror"),
        ("v=spf1 redirect=a.example redirect=b.example", "192.0.2.1", "permerror"),
        ("v=spf1 nonsense -all", "192.0.2.1", "permerror"),
        ("v=spf1 exists:%{q} -all", "192.0.2.1", "permerror"),
        ("v=spf1 include:\u00e9.example -all", "192.0.2.1", "permerror"),
        ("v=spf10 -all", "192.0.2.1", "none"),
    ],
)
def test_what_a_receiver_finds(record: str, ip: str, expected: str) -> None:
    assert judged(record, ip).result == expected


def test_ten_lookups_are_allowed_and_the_eleventh_breaks_it() -> None:
    ten = " ".join(f"include:ten{number}.example.org" for number in range(10))

    assert judged(f"v=spf1 {ten} -all", "192.0.2.1").result is Result.FAIL
    assert judged(f"v=spf1 {ten} a -all", "192.0.2.1").result is Result.PERMERROR


def test_a_survey_counts_what_it_would_cost_at_worst() -> None:
    zone = Zone(
        {
            "example.org": {"TXT": ["v=spf1 a:gone.example.org include:b.example.org ~all"]},
            "b.example.org": {"TXT": ["v=spf1 ptr redirect=c.example.org"]},
            "c.example.org": {"TXT": ["v=spf1 -all"]},
        }
    )

    found = spf.survey(zone, "example.org")

    assert (found.lookups, found.voids, found.ending) == (4, 1, "~")
    assert found.includes == ["b.example.org"]
    assert found.uses_ptr
    assert found.broken == found.unsure == ""


@pytest.mark.parametrize(
    "macro, expected",
    [
        # The examples of RFC 7208, 7.4.
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("100%%%_%-", "100% %20"),
    ],
)
def test_macros(macro: str, expected: str) -> None:
    client = Client(ip_address("192.0.2.3"), "strong-bad@email.example.com")

    assert spf.expand(macro, "email.example.com", client) == expected


def test_a_mechanism_is_put_before_the_end() -> None:
    added = spf.with_mechanism("v=spf1 mx ~all", "include:relay.example.net")

    assert added == "v=spf1 mx include:relay.example.net ~all"
    assert spf.with_mechanism("v=spf1 mx", "ip4:192.0.2.1") == "v=spf1 mx ip4:192.0.2.1"


def test_two_records_become_one() -> None:
    assert spf.merged(("v=spf1 mx ~all", "v=spf1 mx a -all")) == "v=spf1 mx a -all"
