"""What the zones must have: domains that take mail, and names of hosts that lead back to them."""

from ipaddress import ip_network

from mailer.check.allowing import ASK_AGAIN
from mailer.check.finding import Finding, Part, State
from mailer.check.names import Answer, Names, reverse
from mailer.check.sending import Sending
from mailer.delivery import is_loopback, machine_name

NULL_MX = "0 ."
"""“This domain takes no mail” (RFC 7505)."""

MOST_LABELS = 8
"""Names on the way up to a zone that are asked about."""


def takes_mail(names: Names, domain: str, what: str) -> Finding:
    """Judge a domain in From or in the return path: it must be there, and take mail."""
    exchanges = names.ask(domain, "MX")
    if exchanges.problem:
        return _unknown(Part.DOMAIN, domain, exchanges)
    if exchanges.values == (NULL_MX,):
        says = f"This domain says that it takes no mail (null MX), so it cannot be {what}."
        return Finding(Part.DOMAIN, domain, State.FAIL, says, "Take another domain, or an MX.")
    hosts = [value.partition(" ")[2] for value in exchanges.values]
    known = [_addresses(names, host) for host in hosts or [domain]]
    if any(answer.values for answer in known):
        return _found(domain, hosts, what)
    if unsure := [answer for answer in known if answer.problem]:
        return _unknown(Part.DOMAIN, domain, unsure[0])
    if hosts:
        says = f"Its mail exchanger ({hosts[0]}) has no address; what is sent to it is lost."
        return Finding(Part.DOMAIN, domain, State.FAIL, says, "Give it an A or AAAA record.")
    why = "no such domain" if exchanges.no_such_name else "neither an MX nor an address for it"
    says = f"There is {why}; receivers refuse it as {what}."
    return Finding(Part.DOMAIN, domain, State.FAIL, says, "Publish an MX record for it.")


def _found(domain: str, hosts: list[str], what: str) -> Finding:
    if hosts:
        says = f"It takes mail, at {', '.join(hosts[:3])}."
        return Finding(Part.DOMAIN, domain, State.OK, says)
    says = f"It has an address and no MX; some receivers do not like that of {what}."
    return Finding(Part.DOMAIN, domain, State.WARN, says, "Publish an MX record for it.")


def authority(names: Names, domain: str, what: str) -> list[Finding]:
    """Judge whether the zone of a domain is served: Yahoo refuses mail where it has no SOA."""
    zone, problem = zone_of(names, domain)
    if problem:
        return [_unknown(Part.DOMAIN, domain, Answer(problem=problem))]
    if zone:
        return []
    says = f"Its zone has no SOA record; receivers that look for one refuse it as {what}."
    todo = "Ask whoever runs its name servers: a zone without one is not set up to its end."
    return [Finding(Part.DOMAIN, domain, State.WARN, says, todo)]


def zone_of(names: Names, domain: str) -> tuple[str, str]:
    """Give the zone that a domain is in, or nothing and, where it could not be asked, why."""
    labels = domain.split(".")
    for at in range(min(len(labels) - 1, MOST_LABELS)):
        name = ".".join(labels[at:])
        answer = names.ask(name, "SOA")
        if answer.values or answer.problem:
            return (name, "") if answer.values else ("", answer.problem)
    return "", ""


def hello(names: Names, sending: Sending) -> list[Finding]:
    """Judge the name we give to a relay, and the names of the addresses it sends from."""
    found = [] if is_loopback(sending.route.host) else [_greeting(names, sending)]
    networks = [one for one in sending.route.sends_from if not one.startswith("include:")]
    single = [one for one in map(ip_network, networks) if one.num_addresses == 1]
    return found + [_reverse(names, str(one[0])) for one in single]


def _greeting(names: Names, sending: Sending) -> Finding:
    name = sending.route.hello or machine_name()
    todo = f"Set {sending.path}.hello to this machine’s full name."
    if name.startswith(("localhost", "[")) or "." not in name:
        says = f"We greet relay {sending.route.host} as “{name}”; some relays refuse that."
        return Finding(Part.HELLO, name, State.WARN, says, todo)
    answer = _addresses(names, name)
    if answer.problem:
        return _unknown(Part.HELLO, name, answer)
    if not answer.values:
        says = f"We greet relay {sending.route.host} by this name, and it has no address."
        return Finding(Part.HELLO, name, State.WARN, says, todo)
    return Finding(Part.HELLO, name, State.OK, "The name we greet relays with has an address.")


def _reverse(names: Names, address: str) -> Finding:
    """Judge whether an address has a name that leads back to it."""
    pointers = names.ask(reverse(address), "PTR")
    if pointers.problem:
        return _unknown(Part.HELLO, address, pointers)
    todo = "Whoever gave you the address can set its reverse name (PTR)."
    if not pointers.values:
        says = "This address has no name (PTR); large receivers refuse mail from it."
        return Finding(Part.HELLO, address, State.FAIL, says, todo)
    name = pointers.values[0]
    forward = _addresses(names, name)
    if forward.problem:
        return _unknown(Part.HELLO, address, forward)
    if address not in forward.values:
        says = f"Its name {name} does not lead back to it; large receivers refuse mail from it."
        return Finding(Part.HELLO, address, State.FAIL, says, todo)
    if _is_generic(name, address):
        says = f"Its name {name} looks like that of a home; give it one of yours."
        return Finding(Part.HELLO, address, State.WARN, says, todo)
    return Finding(Part.HELLO, address, State.OK, f"Its name is {name}, which leads back to it.")


def _is_generic(name: str, address: str) -> bool:
    parts = address.split(".")
    forms = ("-".join(parts), ".".join(parts), "-".join(parts[::-1]), ".".join(parts[::-1]))
    return len(parts) == 4 and any(form in name for form in forms)


def _addresses(names: Names, host: str) -> Answer:
    """Give the addresses of a host, of both kinds."""
    found = [names.ask(host, kind) for kind in ("A", "AAAA")]
    values = tuple(value for answer in found for value in answer.values)
    problem = next((answer.problem for answer in found if answer.problem), "")
    return Answer(values, problem="" if values else problem)


def _unknown(part: Part, subject: str, answer: Answer) -> Finding:
    says = f"Could not be asked: {answer.problem}."
    return Finding(part, subject, State.UNKNOWN, says, ASK_AGAIN)
