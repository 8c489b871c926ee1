"""Asking name servers, with three kinds of answer: there it is, there is none, could not ask.

Whatever a stranger's zone holds comes out of here cut to size; nothing raises.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

import dns.exception
import dns.flags
import dns.name
import dns.resolver
import dns.reversename

from mailer.errors import UsageError

SECONDS_A_QUESTION = 5
"""How long one question may take, with all its tries."""

MOST_VALUES = 100
"""Values of one answer that are looked at."""

LONGEST_VALUE = 20_000
"""Characters of a value that are looked at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a name server said. With a `problem` it is not known whether there is anything.

    `secure`: the name server says that it has verified the answer by DNSSEC.
    """

    values: tuple[str, ...] = ()
    no_such_name: bool = False
    problem: str = ""
    secure: bool = False

    @property
    def is_void(self) -> bool:
        """Tell whether there is none for certain (RFC 7208, 4.6.4)."""
        return not self.values and not self.problem


class Names(Protocol):
    """Whoever can be asked about names."""

    def ask(self, name: str, kind: str) -> Answer:
        """Give the records of a kind: TXT joined to one text, MX as “10 mx.example.org”."""
        ...


class Resolver:
    """Asks the name servers of this machine, or the one that is named; remembers what it heard.

    After `seconds` nobody is asked any more. Raises UsageError for a server that is none.
    """

    def __init__(
        self,
        server: str = "",
        *,
        seconds: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timer = timer
        self._until = timer() + seconds
        self._known: dict[tuple[str, str], Answer] = {}
        self._lock = threading.Lock()
        self._problem = ""
        self._resolver: dns.resolver.Resolver | None = None
        try:
            self._resolver = _resolver(server)
            # RFC 6840, 5.7: who sets AD in a question is told whether the answer was verified.
            self._resolver.flags = dns.flags.RD | dns.flags.AD
        except dns.resolver.NoResolverConfiguration:
            self._problem = "this machine names no name server (/etc/resolv.conf)"

    def ask(self, name: str, kind: str) -> Answer:
        """Give the records of a kind at a name."""
        key = (name.lower().rstrip("."), kind)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._asked(*key)
            with self._lock:
                self._known[key] = known
        return known

    def _asked(self, name: str, kind: str) -> Answer:
        left = self._until - self._timer()
        if self._resolver is None:
            return Answer(problem=self._problem)
        if left <= 0:
            return Answer(problem="no time was left to ask")
        try:
            found = self._resolver.resolve(
                dns.name.from_text(name),
                kind,
                lifetime=min(left, SECONDS_A_QUESTION),
                raise_on_no_answer=False,
                search=False,
            )
        except dns.resolver.NXDOMAIN:
            return Answer(no_such_name=True)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return Answer(problem=_why(error))
        rows = list(found.rrset or ())[:MOST_VALUES]
        values = tuple(sorted(_value(row, kind)[:LONGEST_VALUE] for row in rows))
        return Answer(values, secure=bool(found.response.flags & dns.flags.AD))


def reverse(address: str) -> str:
    """Give the name under which an address is looked up (in-addr.arpa, ip6.arpa)."""
    return dns.reversename.from_address(address).to_text(omit_final_dot=True)


def _resolver(server: str) -> dns.resolver.Resolver:
    if not server:
        return dns.resolver.Resolver()
    host, port = _server(server)
    made = dns.resolver.Resolver(configure=False)
    made.nameservers = [host]
    made.port = port
    return made


def _server(text: str) -> tuple[str, int]:
    """Read 192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or [2001:db8::1]:5353."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, _, port = host[1:].partition("]")
        port = port.removeprefix(":") or "53"
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not is_address(host) or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise UsageError(f"“{text}” is not a name server: write it like 127.0.0.1:5353")
    return host, int(port)


def is_address(host: str) -> bool:
    """Tell whether a host is written as an address and not as a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _value(row: Any, kind: str) -> str:
    if kind == "TXT":
        return b"".join(row.strings).decode("utf-8", "backslashreplace")
    if kind == "MX":
        return f"{row.preference} {row.exchange.to_text(omit_final_dot=True)}"
    if kind == "SOA":
        return str(row.mname.to_text(omit_final_dot=True))
    return str(row.to_text()).rstrip(".")


def _why(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "the name server did not answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the name servers answer with an error (SERVFAIL or the like)"
    if isinstance(error, dns.exception.DNSException | ValueError):
        return f"this cannot be asked of a name server ({type(error).__name__})"
    return "no name server can be reached"
