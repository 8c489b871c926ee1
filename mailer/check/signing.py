"""What DKIM and DMARC have to say: a sound key, a policy, and domains that belong together."""

from collections.abc import Iterator

from mailer.check import dkim, dmarc, known
from mailer.check.allowing import ASK_AGAIN
from mailer.check.dkim import KeyInvalid, KeyRecord
from mailer.check.dmarc import Policy
from mailer.check.finding import Finding, Part, State, txt_line
from mailer.check.names import Names
from mailer.check.sending import Sending

FIND_SELECTOR = (
    "Send yourself a test letter and look at its source: the header DKIM-Signature has d=…; s=…;. "
    "Write them into the settings, in [{path}]. Without such a header, ask whoever runs the relay "
    "to sign, or sign here: mailer dkim new-key {domain}"
)


# ------------------------------------------------------------------------- DKIM


def key(names: Names, sending: Sending) -> list[Finding]:
    """Judge the key by which the relay signs."""
    selector = sending.route.dkim_selector
    domain = sending.route.dkim_domain or sending.domain
    if sending.is_signed and known.breaks_signatures(sending.route.host):
        return [_broken(sending)]
    if (sending.is_signed or sending.has_new_key) and not selector:
        return []  # by a key of our own: see `own_keys`
    if not selector:
        says = "Could not check: the settings do not say by which key the relay signs."
        paste = f'dkim_domain = "{domain}"\ndkim_selector = "…"'
        todo = FIND_SELECTOR.format(path=sending.path, domain=sending.domain)
        return [Finding(Part.DKIM, domain, State.UNKNOWN, says, todo, paste)]
    at = f"{selector}._domainkey.{domain}"
    answer = names.ask(at, "TXT")
    if answer.problem:
        says = f"Could not be asked: {answer.problem}."
        return [Finding(Part.DKIM, at, State.UNKNOWN, says, ASK_AGAIN)]
    if len(answer.values) != 1:
        says = f"There are {len(answer.values)} keys here; one is needed for signatures to count."
        todo = "Ask whoever runs the relay for the record, or for the right selector."
        return [Finding(Part.DKIM, at, State.FAIL, says, todo)]
    try:
        found = dkim.read(answer.values[0])
    except KeyInvalid as error:
        says = f"Receivers cannot use this key: {error}."
        return [Finding(Part.DKIM, at, State.FAIL, says, "Publish it anew, whole.")]
    return list(judged(at, found)) or [
        Finding(Part.DKIM, at, State.OK, f"A key of {found.bits} bits ({found.kind}).")
    ]


def _broken(sending: Sending) -> Finding:
    says = "This relay writes Date and Message-ID anew, which breaks the signatures made here."
    todo = f"Let the relay sign for {sending.domain}, and then here: mailer dkim remove"
    subject = f"{sending.domain} by {sending.name}"
    return Finding(Part.DKIM, subject, State.WARN, says, todo)


def judged(at: str, found: KeyRecord) -> Iterator[Finding]:
    """Give what is wrong with a key that is published."""
    if found.revoked:
        yield _bad_key(at, "The key was revoked (p= is empty).", "Let the relay sign by another.")
        return
    if not found.sha256:
        yield _bad_key(at, "The key is for SHA-1 only, which receivers refuse.", "Take h= out.")
    if not found.for_mail:
        yield _bad_key(at, "The key is not for mail (s=).", "Take s= out.")
    if found.kind == "rsa" and found.bits < dkim.LEAST_BITS:
        says = f"The key has {found.bits} bits; receivers refuse fewer than {dkim.LEAST_BITS}."
        yield _bad_key(at, says, f"Ask for one of {dkim.GOOD_BITS}.")
    elif found.kind == "rsa" and found.bits < dkim.GOOD_BITS:
        says = f"The key has {found.bits} bits; {dkim.GOOD_BITS} are usual."
        todo = "Ask for a longer one when it is changed next."
        yield Finding(Part.DKIM, at, State.WARN, says, todo)
    if found.testing:
        says = "The key is in test (t=y): receivers may treat the mail as unsigned."
        yield Finding(Part.DKIM, at, State.WARN, says, "Take t=y out.")


def _bad_key(at: str, says: str, todo: str) -> Finding:
    return Finding(Part.DKIM, at, State.FAIL, says, todo)


# ------------------------------------------------------------------------- DMARC


def policy(names: Names, sending: Sending) -> list[Finding]:
    """Judge the policy that holds for the domain in From, and what it will find."""
    domain = sending.domain
    try:
        found = dmarc.discover(names, domain)
        if found.several_at or found.policy is None or found.policy.wrong:
            return [_no_policy(found, sending)]
        doubts = list(_doubts(names, found.policy, sending))
        says = f"_dmarc.{found.policy.at} asks for “{found.policy.asks_of(domain)}” with reports."
        good = [Finding(Part.DMARC, domain, State.OK, says)]
        return [*(doubts or good), _alignment(names, found, sending)]
    except dmarc.Unsure as error:
        says = f"Could not be asked: {error}."
        return [Finding(Part.DMARC, domain, State.UNKNOWN, says, ASK_AGAIN)]


def _no_policy(found: dmarc.Found, sending: Sending) -> Finding:
    at = f"_dmarc.{found.organisation}"
    if found.several_at:
        at = f"_dmarc.{found.several_at}"
        says = f"{at} has several DMARC records; receivers then believe none."
    elif found.policy is None:
        says = "There is no DMARC record; large receivers ask bulk senders for one."
    else:
        at = f"_dmarc.{found.policy.at}"
        says = f"Receivers take {at} for none: {found.policy.wrong}."
    paste = txt_line(at, f"v=DMARC1; p=none; rua=mailto:{_postbox(sending)}")
    todo = "Publish one; once its reports show only mail of yours, ask for quarantine."
    return Finding(Part.DMARC, sending.domain, State.FAIL, says, todo, paste)


def _postbox(sending: Sending) -> str:
    return sending.owner or f"dmarc@{sending.domain}"


def _doubts(names: Names, found: Policy, sending: Sending) -> Iterator[Finding]:
    domain, at = sending.domain, f"_dmarc.{found.at}"
    asks = found.asks_of(domain)
    if asks == "none":
        says = f"{at} asks receivers to do nothing with forged mail (p=none)."
        todo = "Once its reports show only mail of yours, ask for quarantine."
        yield Finding(Part.DMARC, domain, State.WARN, says, todo)
    if found.testing:
        says = f"{at} is in test (t=y): receivers do less than it asks."
        yield Finding(Part.DMARC, domain, State.WARN, says, "Take t=y out when you are sure.")
    if found.historic:
        says = f"{at} has tags that receivers ignore now: {', '.join(found.historic)}."
        yield Finding(Part.DMARC, domain, State.WARN, says, "Take them out.")
    if not found.reports:
        says = f"{at} asks for no reports, so nobody sees what fails."
        paste = txt_line(at, f"{found.text.rstrip('; ')}; rua=mailto:{_postbox(sending)}")
        yield Finding(Part.DMARC, domain, State.WARN, says, "Name an address for them.", paste)
    for address in found.reports:
        yield from _report(names, address, found, sending)


def _report(names: Names, address: str, found: Policy, sending: Sending) -> Iterator[Finding]:
    """Judge whether reports may go to another organisation (RFC 9990, 4)."""
    host = address.rpartition("@")[2].lower()
    if _organisation(names, host) == _organisation(names, found.at):
        return
    at = f"{found.at}._report._dmarc.{host}"
    answer = names.ask(at, "TXT")
    if answer.problem:
        says = f"Could not check whether {host} takes reports: {answer.problem}."
        yield Finding(Part.DMARC, sending.domain, State.UNKNOWN, says, ASK_AGAIN)
    elif not any(text.startswith("v=DMARC1") for text in answer.values):
        says = f"Reports go to {host}, which does not say that it takes them; none will come."
        todo = f"Whoever runs {host} publishes this, or name an address of yours."
        paste = txt_line(at, "v=DMARC1")
        yield Finding(Part.DMARC, sending.domain, State.WARN, says, todo, paste)


def _organisation(names: Names, domain: str) -> str:
    return dmarc.discover(names, domain).organisation


def _alignment(names: Names, found: dmarc.Found, sending: Sending) -> Finding:
    """Tell by which of SPF and DKIM the mail will be known as the domain's own."""
    assert found.policy is not None
    subject = f"{sending.domain} by {sending.name}"
    own = known.puts_its_own(sending.route.host)
    by_spf = not own and _belongs(names, found, sending.domain, sending.envelope, "aspf")
    signs = _signs(sending)
    by_dkim = bool(signs) and _belongs(names, found, sending.domain, signs, "adkim")
    if by_spf and (by_dkim or not signs):
        says = "The return path is of the same organisation" + (
            ", and so is the signature." if signs else "."
        )
        return Finding(Part.DMARC, subject, State.OK, says)
    envelope = f"return path ({'the relay’s own' if own else sending.envelope})"
    if own and by_dkim:
        says = "The signature makes the mail this domain’s own; the return path is the relay’s."
        return Finding(Part.DMARC, subject, State.OK, says)
    if by_dkim:
        says = f"Only the signature makes the mail this domain’s own; the {envelope} does not."
        todo = f"If the relay allows, set {sending.path}.return_path_domain to a name below it."
        return Finding(Part.DMARC, subject, State.WARN, says, todo)
    if by_spf:
        says = f"Only the return path makes it this domain’s own; the signature ({signs}) does not."
        todo = "Mail that is forwarded will fail. Ask the relay to sign for the domain in From."
        return Finding(Part.DMARC, subject, State.WARN, says, todo)
    if not signs:
        says = f"The {envelope} is of another organisation: only a signature can pass DMARC."
        todo = FIND_SELECTOR.format(path=sending.path, domain=sending.domain)
        return Finding(Part.DMARC, subject, State.UNKNOWN, says, todo)
    says = f"Neither the {envelope} nor the signature ({signs}) is of this domain: DMARC fails."
    todo = "Ask the relay to sign for the domain in From, or take another sender."
    return Finding(Part.DMARC, subject, State.FAIL, says, todo)


def _signs(sending: Sending) -> str:
    """Give the domain of the signature that will count; empty when it is not known."""
    if sending.is_signed:
        return sending.domain
    return sending.route.dkim_domain or (sending.domain if sending.route.dkim_selector else "")


def _belongs(names: Names, found: dmarc.Found, domain: str, other: str, tag: str) -> bool:
    assert found.policy is not None
    if domain == other:
        return True
    return not found.policy.is_strict(tag) and _organisation(names, other) == found.organisation
