"""Whether an installation is ready: settings, database, clock, relay, pages and name servers."""

from mailer.check.finding import DNS, Finding, Part, State
from mailer.check.names import Resolver

__all__ = ["DNS", "Finding", "Part", "Resolver", "State"]
