"""Which domains belong together, because one provider takes their mail, and what it likes. Pure.

Providers count a sender over all domains they serve, and Google asks for limits by MX and not by
the recipient's domain (support.google.com/mail/answer/81126): that is what a group is. Nobody
publishes rates for a sender without a name. These begin where none is known to object and end
well below what larger senders are known to send; who tells us to slow down is believed, whatever
is written here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from mailer import config
from mailer.delivery.pace import Terms


@dataclass(frozen=True, slots=True)
class Provider:
    """Who takes mail for many: domains of its own, its mail exchangers, messages a minute."""

    name: str
    domains: tuple[str, ...]
    exchanges: tuple[str, ...]
    start: int
    most: int


PROVIDERS = (
    Provider(
        "google",
        ("gmail.com", "googlemail.com"), ("google.com", "googlemail.com"), 300, 3000,
    ),
    Provider(
        "microsoft",  # mailboxes of persons; those of offices are another gate
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr",
         "hotmail.de", "outlook.fr", "outlook.de", "outlook.jp", "live.fr", "live.co.uk"),
        ("olc.protection.outlook.com",), 120, 1200,
    ),
    Provider("microsoft-365", (), ("mail.protection.outlook.com", "mx.microsoft"), 120, 1200),
    Provider(
        "yahoo",
        ("yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk", "yahoo.fr",
         "yahoo.de", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.com.br", "yahoo.co.in",
         "myyahoo.com", "verizon.net"),
        ("yahoodns.net",), 120, 1200,
    ),
    Provider("apple", ("icloud.com", "me.com", "mac.com"), ("icloud.com",), 60, 600),
    Provider(
        "united-internet",
        ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com"),
        ("gmx.net", "web.de", "mail.com"), 60, 600,
    ),
    Provider("ionos", (), ("kundenserver.de", "ionos.de", "ionos.com"), 60, 600),
    Provider("t-online", ("t-online.de",), ("t-online.de",), 30, 300),
    Provider("orange", ("orange.fr", "wanadoo.fr"), ("orange.fr",), 30, 300),
    Provider("free", ("free.fr",), ("free.fr",), 30, 300),
    Provider("la-poste", ("laposte.net",), ("laposte.net",), 30, 300),
    Provider("sfr", ("sfr.fr", "neuf.fr"), ("sfr.fr",), 30, 300),
    Provider("libero", ("libero.it", "virgilio.it"), ("libero.it", "iol.it"), 30, 300),
    Provider("comcast", ("comcast.net",), ("comcast.net",), 60, 600),
    Provider("docomo", ("docomo.ne.jp",), ("docomo.ne.jp",), 30, 300),
    Provider("au", ("ezweb.ne.jp", "au.com"), ("au.com", "ezweb.ne.jp"), 30, 300),
    Provider("softbank", ("softbank.ne.jp", "i.softbank.jp"), ("softbank.ne.jp",), 30, 300),
    Provider("yahoo-japan", ("yahoo.co.jp", "ybb.ne.jp"), ("yahoo.co.jp",), 60, 600),
    Provider("naver", ("naver.com",), ("naver.com",), 30, 300),
    Provider("qq", ("qq.com", "foxmail.com"), ("qq.com",), 30, 300),
    Provider("netease", ("163.com", "126.com", "yeah.net"), ("netease.com",), 30, 300),
    Provider("mail-ru", ("mail.ru", "bk.ru", "list.ru", "inbox.ru"), ("mail.ru",), 30, 300),
    Provider("yandex", ("yandex.ru", "yandex.com", "ya.ru"), ("yandex.ru", "yandex.net"), 60, 600),
    Provider("proton", ("proton.me", "protonmail.com", "pm.me"), ("protonmail.ch",), 60, 600),
    Provider("fastmail", ("fastmail.com",), ("messagingengine.com",), 60, 600),
    Provider("zoho", ("zohomail.com",), ("zoho.com", "zoho.eu", "zoho.in"), 60, 600),
    Provider("mimecast", (), ("mimecast.com", "mimecast.co.za", "mimecast-offshore.com"), 60, 600),
    Provider("proofpoint", (), ("pphosted.com", "ppe-hosted.com"), 60, 600),
    Provider("barracuda", (), ("barracudanetworks.com",), 60, 600),
    Provider("messagelabs", (), ("messagelabs.com",), 60, 600),
)  # fmt: skip

BY_NAME = {one.name: one for one in PROVIDERS}
BY_DOMAIN = {domain: one.name for one in PROVIDERS for domain in one.domains}
_BY_EXCHANGE = {suffix: one.name for one in PROVIDERS for suffix in one.exchanges}

ANY_START, ANY_MOST = 60, 600
"""Messages a minute for a domain of which nothing is known."""

ROUTE = ""
"""The group of all that goes by a route."""

ROUTE_START = 600
"""Messages a minute of a relay that asked for less, where it did not show what it takes."""

ROUTE_HOLD = timedelta(minutes=1)
"""A relay that finds us too fast counts seconds or minutes; its route rests besides."""

ROUTE_STEP = 4
"""A relay does not mind being tried: it only says so again."""

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
"""What a host is called. A zone may hold any octets, and a group's name stands in a command that
an owner is told to type."""

_LABELS = 3
"""An exchanger whose name has so many labels is one of several under what is above it."""


def by_exchanges(hosts: Iterable[str]) -> str:
    """Give the group of a domain by its mail exchangers, the best first; empty for none.

    An operator that the table does not know is named by what stands above its exchangers.

    >>> by_exchanges(["aspmx.l.google.com"]), by_exchanges(["mx1.hoster.example"])
    ('google', 'hoster.example')
    """
    for host in hosts:
        name = host.lower().rstrip(".")
        if not _HOST.fullmatch(name):
            continue
        labels = name.split(".")
        for at in range(len(labels)):
            if known := _BY_EXCHANGE.get(".".join(labels[at:])):
                return known
        return ".".join(labels[1:] if len(labels) >= _LABELS else labels)
    return ""


def terms(route: config.Route, group: str) -> Terms:
    """Give what a route's settings and the table say of a group."""
    reserve = route.letters_reserve
    if group == ROUTE:
        return Terms(ROUTE_START, reserve=reserve, hold=ROUTE_HOLD, step=ROUTE_STEP)
    provider = BY_NAME.get(group)
    start, most = (provider.start, provider.most) if provider else (ANY_START, ANY_MOST)
    if limit := route.group_limits.get(group):
        return Terms(min(start, limit), limit, reserve, is_given=True)
    if route.pace is config.Pace.PROVIDERS:
        return Terms(start, most, reserve, is_given=True)
    return Terms(start, reserve=reserve)
