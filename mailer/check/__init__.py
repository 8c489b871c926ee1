"""Whether an installation is ready: settings, database, clock, relay, pages and name servers.

Nothing is changed and nothing is sent. What could not be asked is *could not check*, no fault.
"""

from mailer.check.finding import DNS, Finding, Part, State
from mailer.check.names import Names, Resolver
from mailer.check.own_keys import Published, published, record_line
from mailer.check.running import Wish, check, zone_findings
from mailer.check.sending import Sending
from mailer.check.trying import Tried, try_out

__all__ = [
    "DNS",
    "Finding",
    "Names",
    "Part",
    "Published",
    "Resolver",
    "Sending",
    "State",
    "Tried",
    "Wish",
    "check",
    "published",
    "record_line",
    "try_out",
    "zone_findings",
]
