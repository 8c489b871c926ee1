"""What a domain may publish beyond what mail needs: DNSSEC, MTA-STS, TLS reports, BIMI.

That one is not there is told, and is no fault; one that is there and does not work is worth a word.
"""

from urllib.parse import urlsplit

from mailer.check import dmarc, sts
from mailer.check.allowing import ASK_AGAIN
from mailer.check.domains import zone_of
from mailer.check.finding import Finding, Part, State
from mailer.check.names import Names
from mailer.check.sending import Sending


def findings(names: Names, sending: Sending, *, port: int) -> list[Finding]:
    """Give what there is to say about the domain in From; policies are fetched at `port`."""
    domain = sending.domain
    return [
        _dnssec(names, domain),
        _sts(names, domain, port),
        _tls_reports(names, domain),
        _bimi(names, domain),
    ]


def _found(subject: str, state: State, says: str, todo: str = "") -> Finding:
    return Finding(Part.EXTRAS, subject, state, says, todo)


def _dnssec(names: Names, domain: str) -> Finding:
    subject = f"DNSSEC of {domain}"
    if names.ask(domain, "MX").secure:
        says = "The zone is signed, and the name server that was asked has verified it."
        return _found(subject, State.OK, says)
    zone, problem = zone_of(names, domain)
    signed = names.ask(zone, "DS") if zone else None
    if problem or (signed and signed.problem):
        says = f"Could not check: {problem or (signed and signed.problem)}."
        return _found(subject, State.UNKNOWN, says, ASK_AGAIN)
    if signed and signed.values:
        says = (
            "The zone is signed. The name server that was asked does not say that it verified it."
        )
        return _found(subject, State.OK, says)
    says = "The zone is not signed. Mail does not need it; it keeps others from forging records."
    return _found(subject, State.OK, says)


def _sts(names: Names, domain: str, port: int) -> Finding:
    subject = f"MTA-STS of {domain}"
    records, problem = _records(names, f"_mta-sts.{domain}", "v=STSv1")
    if problem:
        return _unknown(subject, problem)
    if not records:
        says = "Not published. It would have senders insist on TLS for answers and bounces to you."
        return _found(subject, State.OK, says)
    if len(records) > 1 or "id" not in _tags(records[0]):
        says = f"Senders ignore _mta-sts.{domain}: there must be one record, with an id=."
        return _found(subject, State.WARN, says, "Publish it anew, or take it away.")
    try:
        policy = sts.fetch(names, domain, port=port)
    except sts.PolicyInvalid as error:
        says = f"It is announced, and the policy cannot be used: {error}."
        todo = f"See https://mta-sts.{domain}/.well-known/mta-sts.txt, or take _mta-sts away."
        return _found(subject, State.WARN, says, todo)
    return _fits(names, domain, policy)


def _fits(names: Names, domain: str, policy: sts.Policy) -> Finding:
    subject = f"MTA-STS of {domain}"
    hosts = [value.partition(" ")[2] for value in names.ask(domain, "MX").values]
    strangers = [host for host in hosts if not policy.allows(host)]
    if policy.mode == "none" or not strangers:
        says = f"The policy can be read, fits the mail exchangers, and says “{policy.mode}”."
        return _found(subject, State.OK, says)
    lost = policy.mode == "enforce"
    says = f"The policy ({policy.mode}) does not name the mail exchanger {strangers[0]}" + (
        "; large senders give no answers and bounces to it." if lost else "."
    )
    todo = f"Add “mx: {strangers[0]}” to the policy, and change the id= in _mta-sts.{domain}."
    return _found(subject, State.WARN, says, todo)


def _tls_reports(names: Names, domain: str) -> Finding:
    subject = f"TLS reports of {domain}"
    records, problem = _records(names, f"_smtp._tls.{domain}", "v=TLSRPTv1")
    if problem:
        return _unknown(subject, problem)
    if not records:
        says = "None are asked for. They tell how often mail to you came without TLS (RFC 8460)."
        return _found(subject, State.OK, says)
    goals = _tags(records[0]).get("rua", "").split(",")
    sound = all(goal.strip().startswith(("mailto:", "https://")) for goal in goals)
    if len(records) > 1 or not sound:
        says = f"Senders ignore _smtp._tls.{domain}: one record, with rua=mailto: or rua=https://."
        return _found(subject, State.WARN, says, "Publish it anew, or take it away.")
    return _found(subject, State.OK, f"They go to {', '.join(goal.strip() for goal in goals)}.")


def _bimi(names: Names, domain: str) -> Finding:
    """Judge the logo that some mailboxes show beside a message (BIMI, an Internet draft)."""
    subject = f"logo (BIMI) of {domain}"
    records, problem = _records(names, f"default._bimi.{domain}", "v=BIMI1")
    if problem:
        return _unknown(subject, problem)
    if not records:
        says = "None is published. Some mailboxes would show it beside your messages."
        return _found(subject, State.OK, says)
    tags = _tags(records[0])
    picture = tags.get("l", "")
    if len(records) == 1 and not picture:
        return _found(subject, State.OK, "The domain says that it wants none shown.")
    if len(records) > 1 or urlsplit(picture).scheme != "https":
        says = f"Mailboxes ignore default._bimi.{domain}: one record, with l=https://….svg."
        return _found(subject, State.WARN, says, "Publish it anew, or take it away.")
    if not _is_enforced(names, domain):
        says = "It is shown nowhere: DMARC must ask for quarantine or reject, and of all mail."
        return _found(subject, State.WARN, says, "See what is said about DMARC.")
    certified = "" if tags.get("a") else " Gmail and Apple show it with a certificate (a=) only."
    return _found(subject, State.OK, f"It is published, at {picture[:200]}.{certified}")


def _is_enforced(names: Names, domain: str) -> bool:
    try:
        policy = dmarc.discover(names, domain).policy
    except dmarc.Unsure:
        return True  # that it could not be asked is told with DMARC
    return policy is not None and not policy.testing and policy.asks_of(domain) != "none"


def _records(names: Names, name: str, begins: str) -> tuple[list[str], str]:
    answer = names.ask(name, "TXT")
    return [text for text in answer.values if text.startswith(begins)], answer.problem


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _unknown(subject: str, problem: str) -> Finding:
    return _found(subject, State.UNKNOWN, f"Could not be asked: {problem}.", ASK_AGAIN)
