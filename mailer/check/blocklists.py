"""Whether addresses and domains stand on lists of senders of spam (RFC 5782); off unless named.

A list is believed only where it lists its own test entry and not the opposite: some refuse public
resolvers, some were closed down and list the whole world, and neither says anything about us.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from mailer.check import dmarc, known
from mailer.check.finding import Finding, Part, State
from mailer.check.names import Names, is_address, reverse
from mailer.check.sending import Sending
from mailer.config import Check

REFUSAL = re.compile(r"127\.0\.0\.1|127\.255\.255\.\d+")
"""Answers that are about whoever asks: URIBL's and SURBL's, and Spamhaus's range of errors."""

LONGEST_LABEL = 20
"""A longer part of a list's name is a customer's key, which is not shown."""

LONGEST_REASON = 200
OWN_RESOLVER = (
    "Ask by a name server of your own (mailer check --resolver), or with the key that the list’s "
    "operator gives."
)


@dataclass(frozen=True, slots=True)
class _List:
    """One list: its zone, and the names of an entry that it must have and of one it must not."""

    zone: str
    listed: str
    unlisted: str

    @property
    def shown(self) -> str:
        return ".".join(part for part in self.zone.split(".") if len(part) <= LONGEST_LABEL)


def findings(
    names: Names, wanted: Check, sendings: Sequence[Sending], base_url: str
) -> Iterator[Finding]:
    """Give what the lists that the settings name say about senders, relays and the pages."""
    if wanted.ip_blocklists:
        hosts = {one: _reversed(one) for one in _addresses(sendings)}
        if not hosts:
            says = "Could not check: it is not known from which addresses the relay sends."
            todo = "Name them in the relay’s settings (sends_from)."
            yield Finding(Part.BLOCKLISTS, "addresses", State.UNKNOWN, says, todo)
        for zone in wanted.ip_blocklists if hosts else ():
            yield from _looked(names, _List(zone, "2.0.0.127", "1.0.0.127"), hosts)
    domains = {one: one for one in _domains(names, sendings, base_url)}
    for zone in wanted.domain_blocklists:
        yield from _looked(names, _List(zone, known.tested_by(zone), "invalid"), domains)


def _addresses(sendings: Iterable[Sending]) -> list[str]:
    """Give the single addresses from which relays send."""
    named = dict.fromkeys(where for one in sendings for where in one.route.sends_from)
    networks = [ip_network(where) for where in named if not where.startswith("include:")]
    return [str(network[0]) for network in networks if network.num_addresses == 1]


def _reversed(address: str) -> str:
    return reverse(address).removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _domains(names: Names, sendings: Iterable[Sending], base_url: str) -> list[str]:
    """Give the domains of senders, return paths and links, and those they belong to."""
    named = [domain for one in sendings for domain in (one.domain, one.envelope)]
    host = urlsplit(base_url).hostname or ""
    if "." in host and not is_address(host):
        named.append(host)
    return list(dict.fromkeys(one for name in named for one in (name, _organisation(names, name))))


def _organisation(names: Names, domain: str) -> str:
    try:
        return dmarc.discover(names, domain).organisation
    except dmarc.Unsure:
        return domain


def _looked(names: Names, one: _List, subjects: dict[str, str]) -> list[Finding]:
    """Ask one list about everything; `subjects` gives the name under which each is listed."""
    if why := _unfit(names, one):
        says = f"Could not check: {why}."
        return [Finding(Part.BLOCKLISTS, one.shown, State.UNKNOWN, says, OWN_RESOLVER)]
    found = [_about(names, one, subject, name) for subject, name in subjects.items()]
    bad = [finding for finding in found if finding is not None]
    if bad:
        return bad
    says = f"Not listed: {', '.join(subjects)}."
    return [Finding(Part.BLOCKLISTS, one.shown, State.OK, says)]


def _unfit(names: Names, one: _List) -> str:
    """Say why a list cannot be believed; nothing when it can."""
    test = names.ask(f"{one.listed}.{one.zone}", "A")
    opposite = names.ask(f"{one.unlisted}.{one.zone}", "A")
    if test.problem or opposite.problem:
        return test.problem or opposite.problem
    if any(map(REFUSAL.fullmatch, (*test.values, *opposite.values))):
        return "the list does not answer this name server"
    if not test.values:
        return "the list does not list its own test entry, so it is gone or answers nothing here"
    if opposite.values or not all(value.startswith("127.") for value in test.values):
        return "the list lists everything, so it was closed down"
    return ""


def _about(names: Names, one: _List, subject: str, name: str) -> Finding | None:
    """Tell what a list says about one address or domain; None when it says nothing."""
    answer = names.ask(f"{name}.{one.zone}", "A")
    about = f"{subject} on {one.shown}"
    if answer.problem or any(map(REFUSAL.fullmatch, answer.values)):
        says = f"Could not check: {answer.problem or 'the list refuses the question'}."
        return Finding(Part.BLOCKLISTS, about, State.UNKNOWN, says, OWN_RESOLVER)
    codes = [value for value in answer.values if value.startswith("127.")]
    if not codes:
        return None
    reasons = names.ask(f"{name}.{one.zone}", "TXT").values
    reason = f": {reasons[0][:LONGEST_REASON]}" if reasons else ""
    says = f"It is listed ({', '.join(codes)}){reason}. Receivers that use the list refuse mail."
    todo = "Find and end what caused it, then ask the list’s operator to take it off."
    return Finding(Part.BLOCKLISTS, about, State.FAIL, says, todo)
