"""What is known of well-known relays and blocklists, from their operators' own pages.

These change now and then, so that what is missing by this table is a warning and no fault.
"""

import re

INCLUDES = (
    (r"smtp\.office365\.com|.*\.mail\.protection\.outlook\.com", "spf.protection.outlook.com"),
    (r"smtp(-relay)?\.gmail\.com", "_spf.google.com"),
    (r"email-smtp(-fips)?\.[a-z0-9-]+\.amazonaws\.com", "amazonses.com"),
    (r"smtp(\.eu)?\.mailgun\.org", "mailgun.org"),
    (r"smtp(-broadcasts)?\.postmarkapp\.com", "spf.mtasv.net"),
    (r"smtp(\.eu)?\.sendgrid\.net", "sendgrid.net"),
    (r"in(-v3)?\.mailjet\.com", "spf.mailjet.com"),
    (r"smtp-relay\.(brevo|sendinblue)\.com", "spf.brevo.com"),
    (r"ssl0\.ovh\.net|(pro|ex)\d*\.mail\.ovh\.(net|ca)", "mx.ovh.com"),
    (r"mail\.infomaniak\.com", "spf.infomaniak.ch"),
    (r"smtp\.fastmail\.com", "spf.messagingengine.com"),
    (r"mail\.gandi\.net", "_mailcust.gandi.net"),
)
"""What a relay's customers include in the SPF record of the return path's domain."""

OWN_RETURN_PATH = frozenset(
    {"amazonses.com", "spf.mtasv.net", "sendgrid.net", "spf.mailjet.com", "spf.brevo.com"}
)
"""Includes of relays that put a return path of their own in place of ours: amazonses.com,
pm.mtasv.net, em….example.org, bnc3.mailjet.com, sender-sib.com, or a name below the customer's
domain that leads there. SPF is asked of that one, and what bounces comes to them."""


REWRITES = frozenset({"amazonses.com"})
"""Includes of relays that write Date and Message-ID anew, which a signature of ours covers."""


def include_of(host: str) -> str:
    """Give what a relay wants to be included; nothing for one that is not known."""
    wanted = (name for pattern, name in INCLUDES if re.fullmatch(pattern, host.lower()))
    return next(wanted, "")


def puts_its_own(host: str) -> bool:
    """Tell whether a relay puts a return path of its own in place of ours."""
    return include_of(host) in OWN_RETURN_PATH


def breaks_signatures(host: str) -> bool:
    """Tell whether a relay changes what a signature of ours is over."""
    return include_of(host) in REWRITES


# ------------------------------------------------------------------------- lists

TEST_DOMAINS = {
    "dbl.spamhaus.org": "dbltest.com",
    "dbl.dq.spamhaus.net": "dbltest.com",
    "multi.surbl.org": "test.surbl.org",
    "multi.uribl.com": "test.uribl.com",
}
"""The domain that a list of domains always lists, where it is not that of RFC 5782, 5: TEST."""


def tested_by(zone: str) -> str:
    """Give the domain that a list always lists, so that one can see whether it answers."""
    wanted = (test for name, test in TEST_DOMAINS.items() if f".{zone}".endswith(f".{name}"))
    return next(wanted, "test")
