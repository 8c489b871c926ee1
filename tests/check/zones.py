"""Zones to be judged: good ones, broken ones, and those of somebody who means harm."""

from tests.name_server import BROKEN, Zone

KEY_2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"
    "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0/IzW7yWR7QkrmBL7jTKEn5u+qKhbwKfB"
    "stIs+bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW/VDL5AaWTg0nLVkjRo9z+40RQzuV"
    "aE8AkAFmxZzow3x+VJYKdjykkJ0iT9wCS0DRTXu269V264Vf/3jvredZiKRkgwlL9xNAwxXFg0x/XFw005UWVRIkdgcKW"
    "TjpBP2dPwVZ4WWC+9aGVd+Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmwIDAQAB"
)
"""The public half of a well-known sample key (of the pages of JSON Web Tokens)."""

RELAY: Zone = {
    "relay.example.net": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"], "A": ["192.0.2.25"]},
}

GOOD: Zone = {
    **RELAY,
    "example.org": {
        "SOA": ["ns.example.org"],
        "MX": ["10 mx.example.org"],
        "TXT": ["v=spf1 mx include:relay.example.net ~all", "something-verification=1"],
    },
    "mx.example.org": {"A": ["198.51.100.25"], "AAAA": ["2001:db8::25"]},
    "news._domainkey.example.org": {"TXT": [f"v=DKIM1; k=rsa; p={KEY_2048}"]},
    "_dmarc.example.org": {"TXT": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org"]},
    "mail.example.org": {"A": ["192.0.2.7"]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mail.example.org"]},
}
"""A domain with everything as it should be."""


def texts(*records: str, at: str = "example.org") -> Zone:
    """Give a zone with the TXT records of one name."""
    return {at: {"TXT": records}}


def chain(links: int) -> Zone:
    """Give a record that includes the next, and so on."""
    return {
        f"c{number}.example.org": {"TXT": [f"v=spf1 include:c{number + 1}.example.org ~all"]}
        for number in range(links)
    } | texts("v=spf1 ~all", at=f"c{links}.example.org")


NINE = [f"h{number}.example.org" for number in range(9)]
MANY = " ".join(f"ip4:10.{number}.0.0/16" for number in range(250))

SPF: dict[str, tuple[Zone, str]] = {
    "good": (GOOD, "ok"),
    "none": (texts("hello"), "fail"),
    "no such domain": (texts("hello", at="org"), "fail"),
    "two records": (texts("v=spf1 mx ~all", "v=spf1 a ~all"), "fail"),
    "a typing error": (texts("v=spf1 ipv4:192.0.2.1 ~all"), "fail"),
    "a broken network": (texts("v=spf1 ip4:192.0.2.300 ~all"), "fail"),
    "include of nothing": (texts("v=spf1 include:gone.example.org ~all"), "fail"),
    "includes itself": (texts("v=spf1 include:example.org ~all"), "fail"),
    "a loop of two": (
        texts("v=spf1 include:b.example.org ~all")
        | texts("v=spf1 include:example.org ~all", at="b.example.org"),
        "fail",
    ),
    "too many lookups": (texts("v=spf1 include:c0.example.org ~all") | chain(12), "fail"),
    "too many void lookups": (
        texts("v=spf1 a:x.example.org a:y.example.org a:z.example.org ~all"),
        "fail",
    ),
    "everybody": (texts("v=spf1 +all"), "fail"),
    "no end": (texts("v=spf1 ip4:192.0.2.0/24"), "warn"),
    "a question for an end": (texts("v=spf1 ip4:192.0.2.0/24 ?all"), "warn"),
    "ptr": (texts("v=spf1 ptr ip4:192.0.2.0/24 ~all"), "warn"),
    "nine lookups": (
        texts(f"v=spf1 {' '.join(f'a:{host}' for host in NINE)} ~all")
        | {host: {"A": ["192.0.2.1"]} for host in NINE},
        "warn",
    ),
    "redirect": (texts("v=spf1 redirect=relay.example.net") | RELAY, "ok"),
    "an alias": (
        {"example.org": {"CNAME": ["other.example.org"]}}
        | texts("v=spf1 ip4:192.0.2.1 ~all", at="other.example.org"),
        "ok",
    ),
    "letters beyond ASCII": (texts("v=spf1 include:m\u00fcnchen.example ~all"), "fail"),
    "control characters": (texts("v=spf1 include:\x1b[2J.example ~all"), "fail"),
    "a very long one": (texts(f"v=spf1 {MANY} ~all"), "ok"),
    "a broken name server": ({"example.org": BROKEN}, "unknown"),
    "a broken include": (
        texts("v=spf1 include:b.example.org ~all") | {"b.example.org": BROKEN},
        "unknown",
    ),
}
"""Each with the state that its finding must have, where the owner named no hosts."""

DMARC: dict[str, tuple[Zone, str]] = {
    "good": (GOOD, "ok"),
    "none": ({"example.org": {"TXT": ["hello"]}}, "fail"),
    "another text": ({"_dmarc.example.org": {"TXT": ["hello"]}}, "fail"),
    "two records": (
        {"_dmarc.example.org": {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}},
        "fail",
    ),
    "no policy": ({"_dmarc.example.org": {"TXT": ["v=DMARC1; sp=none"]}}, "fail"),
    "asks for nothing": (
        {"_dmarc.example.org": {"TXT": ["v=DMARC1; p=none; rua=mailto:a@example.org"]}},
        "warn",
    ),
    "no reports": ({"_dmarc.example.org": {"TXT": ["v=DMARC1; p=reject"]}}, "warn"),
    "in test": (
        {"_dmarc.example.org": {"TXT": ["v=DMARC1; p=reject; t=y; rua=mailto:a@example.org"]}},
        "warn",
    ),
    "an old tag": (
        {"_dmarc.example.org": {"TXT": ["v=DMARC1; p=reject; pct=50; rua=mailto:a@example.org"]}},
        "warn",
    ),
    "reports to strangers": (
        {"_dmarc.example.org": {"TXT": ["v=DMARC1; p=reject; rua=mailto:a@reports.example.net"]}},
        "warn",
    ),
    "reports to a service": (
        {
            "_dmarc.example.org": {"TXT": ["v=DMARC1; p=reject; rua=mailto:a@reports.example.net"]},
            "example.org._report._dmarc.reports.example.net": {"TXT": ["v=DMARC1"]},
            "reports.example.net": {"MX": ["10 mx.example.net"]},
            "mx.example.net": {"A": ["192.0.2.26"]},
        },
        "ok",
    ),
    "a broken name server": ({"_dmarc.example.org": BROKEN}, "unknown"),
}
