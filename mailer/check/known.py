"""What well-known relays ask their customers to include in SPF.

From the operators' own pages on setting up a sending domain: Microsoft 365, Google Workspace,
Amazon SES, Mailgun, Postmark, SendGrid, Mailjet, Brevo, OVHcloud, Infomaniak, Fastmail, Gandi.
They change now and then, so that what is missing is a warning and no fault.
"""

import re

INCLUDES = (
    (r"smtp\.office365\.com|.*\.mail\.protection\.outlook\.com", "spf.protection.outlook.com"),
    (r"smtp(-relay)?\.gmail\.com", "_spf.google.com"),
    (r"email-smtp\.[a-z0-9-]+\.amazonaws\.com", "amazonses.com"),
    (r"smtp(\.eu)?\.mailgun\.org", "mailgun.org"),
    (r"smtp(-broadcasts)?\.postmarkapp\.com", "spf.mtasv.net"),
    (r"smtp(\.eu)?\.sendgrid\.net", "sendgrid.net"),
    (r"in(-v3)?\.mailjet\.com", "spf.mailjet.com"),
    (r"smtp-relay\.(brevo|sendinblue)\.com", "spf.brevo.com"),
    (r"(ssl0|pro\d+\.mail)\.ovh\.net", "mx.ovh.com"),
    (r"mail\.infomaniak\.com", "spf.infomaniak.ch"),
    (r"smtp\.fastmail\.com", "spf.messagingengine.com"),
    (r"mail\.gandi\.net", "_mailcust.gandi.net"),
)


def include_of(host: str) -> str:
    """Give what a relay wants to be included; nothing for one that is not known."""
    wanted = (name for pattern, name in INCLUDES if re.fullmatch(pattern, host.lower()))
    return next(wanted, "")


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
