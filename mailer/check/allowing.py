"""What SPF has to say about the domain in MAIL FROM: one sound record that allows the relay."""

from collections.abc import Iterator
from ipaddress import ip_network

from mailer.check import known, spf
from mailer.check.finding import Finding, Part, State, txt_line
from mailer.check.names import Names
from mailer.check.sending import Sending
from mailer.check.spf import Client, Result, Survey

MANY_LOOKUPS = 8
"""From here on the next include may be one too many."""

ASK_AGAIN = "Try again, or name another name server: mailer check --resolver 9.9.9.9"
INCLUDE = "include:"


def findings(names: Names, sending: Sending) -> list[Finding]:
    """Give what there is to say about SPF for one sender."""
    found = spf.survey(names, sending.envelope)
    return [*record(found, sending), *_hosts(names, found, sending)]


def record(found: Survey, sending: Sending) -> list[Finding]:
    """Judge the record itself, whoever sends."""
    domain = sending.envelope
    if found.unsure:
        says = f"Could not be asked: {found.unsure}."
        return [Finding(Part.SPF, domain, State.UNKNOWN, says, ASK_AGAIN)]
    if not found.records or len(found.records) > 1 or found.broken:
        return [_broken(found, sending)]
    if found.ending == "+":
        says = "The record lets everybody in the world send in this domain’s name (+all)."
        paste = txt_line(domain, _ending_softly(found.record))
        return [Finding(Part.SPF, domain, State.FAIL, says, "End it with ~all or -all.", paste)]
    if doubts := list(_doubts(found, domain)):
        return doubts
    spent = f"{found.lookups} of {spf.MOST_LOOKUPS} lookups"
    says = f"One record, {spent}, ends with {found.ending}all."
    return [Finding(Part.SPF, domain, State.OK, says)]


def _broken(found: Survey, sending: Sending) -> Finding:
    domain = sending.envelope
    if not found.records:
        says = f"{domain} publishes no SPF record; many receivers refuse its mail."
        paste = txt_line(domain, _fresh(sending))
        return Finding(Part.SPF, domain, State.FAIL, says, "Add one to the zone.", paste)
    if len(found.records) > 1:
        says = f"There are {len(found.records)} SPF records; receivers then believe none."
        paste = txt_line(domain, spf.merged(found.records))
        return Finding(Part.SPF, domain, State.FAIL, says, "Put one in their place.", paste)
    says = f"Receivers take the record for broken: {found.broken}."
    return Finding(Part.SPF, domain, State.FAIL, says, f"Mend it. It says now: {found.record}")


def _doubts(found: Survey, domain: str) -> Iterator[Finding]:
    if found.ending in {"", "?"}:
        says = "The record does not say what to do with mail from anywhere else."
        paste = txt_line(domain, _ending_softly(found.record))
        yield Finding(Part.SPF, domain, State.WARN, says, "End it with ~all.", paste)
    if found.uses_ptr:
        says = "The record uses “ptr”, which receivers are told to leave out (RFC 7208, 5.5)."
        yield Finding(Part.SPF, domain, State.WARN, says, "Name networks or hosts instead.")
    if found.lookups >= MANY_LOOKUPS:
        says = f"The record needs {found.lookups} of the {spf.MOST_LOOKUPS} lookups it may have."
        yield Finding(Part.SPF, domain, State.WARN, says, "Take out what is not used any more.")


def _hosts(names: Names, found: Survey, sending: Sending) -> list[Finding]:
    """Judge whether the record allows the hosts from which the relay sends."""
    if found.broken or found.unsure or not found.record:
        return []
    if sending.route.sends_from:
        return [_allowed(names, one, found, sending) for one in sending.route.sends_from]
    include = known.include_of(sending.route.host)
    subject = f"{sending.envelope}, relay {sending.route.host}"
    if not include:
        says = "Could not check: it is not known where the relay sends from."
        todo = (
            "Ask whoever runs the relay what to put into SPF, and write it into the settings, "
            f"in [{sending.path}]."
        )
        paste = f'sends_from = ["{INCLUDE}spf.relay.example"]'
        return [Finding(Part.SPF, subject, State.UNKNOWN, says, todo, paste)]
    if include in found.includes:
        return [Finding(Part.SPF, subject, State.OK, f"The record includes {include}.")]
    if known.puts_its_own(sending.route.host):
        says = "The relay puts a return path of its own in, and SPF is asked of that one."
        return [Finding(Part.SPF, subject, State.OK, says)]
    says = f"The relay’s operator asks for {INCLUDE}{include}, and the record has it not."
    todo = "Add it, as long as the operator’s own page asks for it."
    paste = txt_line(sending.envelope, spf.with_mechanism(found.record, f"{INCLUDE}{include}"))
    return [Finding(Part.SPF, subject, State.WARN, says, todo, paste)]


def _allowed(names: Names, where: str, found: Survey, sending: Sending) -> Finding:
    subject = f"{sending.envelope}, {where}"
    result, why = _judged(names, where, found, sending)
    if result is Result.PASS:
        return Finding(Part.SPF, subject, State.OK, "The record allows it.")
    if result is Result.TEMPERROR:
        says = f"Could not be asked: {why}."
        return Finding(Part.SPF, subject, State.UNKNOWN, says, ASK_AGAIN)
    says = f"Mail from there gets “{result}”: the record does not allow it. {why}".strip()
    paste = txt_line(sending.envelope, spf.with_mechanism(found.record, mechanism(where)))
    return Finding(Part.SPF, subject, State.FAIL, says, "Put this in place of the record.", paste)


def _judged(names: Names, where: str, found: Survey, sending: Sending) -> tuple[Result, str]:
    if where.startswith(INCLUDE):
        there = where.removeprefix(INCLUDE).lower() in found.includes
        return (Result.PASS if there else Result.NEUTRAL), ""
    network = ip_network(where)
    # The ends of a network stand for it: what SPF allows it allows by networks.
    for ip in (network[0], network[-1]):
        client = Client(ip, sending.return_path, sending.route.hello)
        verdict = spf.judge(names, sending.envelope, client)
        if verdict.result is not Result.PASS:
            return verdict.result, verdict.why
    return Result.PASS, ""


def mechanism(where: str) -> str:
    """Give what allows a network or an include."""
    if where.startswith(INCLUDE):
        return where
    network = ip_network(where)
    bare = str(network[0]) if network.num_addresses == 1 else str(network)
    return f"ip{network.version}:{bare}"


def _fresh(sending: Sending) -> str:
    include = known.include_of(sending.route.host)
    wanted = [mechanism(one) for one in sending.route.sends_from]
    wanted = wanted or [f"{INCLUDE}{include}" if include else "mx"]
    return " ".join(["v=spf1", *wanted, "~all"])


def _ending_softly(text: str) -> str:
    words = [word for word in text.split() if word.lower().lstrip("+-~?") != "all"]
    return " ".join([*words, "~all"])
