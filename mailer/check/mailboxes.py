"""Whether what comes back is taken in: replies, bounces, complaints, asked of the domain's own MX.

Asked as a bounce would come: MAIL FROM:<>, RCPT TO each address, RSET. No message is begun, and
only addresses of the office's own are asked about.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mailer.check import dmarc, known
from mailer.check.domains import NULL_MX
from mailer.check.finding import Finding, Part, State
from mailer.check.names import Names
from mailer.check.relays import WAITS
from mailer.check.sending import Sending
from mailer.delivery import Lost, NotOpened, Reply, Route, Session, Step, open_session, trust
from mailer.delivery.meaning import RELAYING, Blame, rule_for
from mailer.delivery.reply import heard

SMTP_PORT = 25
MOST_TRIED = 3
"""Addresses of exchangers that are tried before a domain could not be checked."""

ELSEWHERE = (
    "Many networks close port 25 on the way out; try it from another machine, or leave it out: "
    'check.skip = ["mailboxes"]'
)
LATER = "Try again in some minutes: many servers put off whom they see for the first time."


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address of the office's own: what comes there, and what to do when nothing can."""

    address: str
    what: str
    todo: str

    @property
    def domain(self) -> str:
        """Give the domain whose exchanger takes its mail."""
        return self.address.rpartition("@")[2]


def wanted(names: Names, sendings: Iterable[Sending]) -> list[Mailbox]:
    """Give the addresses that mail from these senders brings answers to."""
    found = [box for one in sendings for box in _of(names, one)]
    return list({box.address.lower(): box for box in reversed(found)}.values())[::-1]


def _of(names: Names, one: Sending) -> list[Mailbox]:
    make = "Make it a mailbox or an alias of one (RFC 2142)."
    other = "Make it a mailbox, or name another: mailer list edit --reply-to"
    return [
        *_return_path(one),
        *(Mailbox(address, "replies of readers", other) for address in one.replies),
        Mailbox(f"postmaster@{one.domain}", "reports of mail servers", make),
        Mailbox(f"abuse@{_organisation(names, one.domain)}", "complaints", make),
    ]


def _return_path(one: Sending) -> list[Mailbox]:
    """Give where bounces come; nothing where the relay has them come to itself."""
    if known.puts_its_own(one.route.host):
        return []
    todo = f"Make it a mailbox that somebody reads, or set {one.path}.return_path to one."
    if one.return_path_varies:
        todo = (
            f"Let the mail server take every address b+…@{one.envelope}: Postfix calls it "
            "recipient_delimiter, others sub-addressing or catch-all."
        )
    return [Mailbox(one.return_path, "bounces", todo)]


def _organisation(names: Names, domain: str) -> str:
    """Give where abuse@ must be: at the top of the organisation's names (RFC 2142, 2)."""
    try:
        return dmarc.discover(names, domain).organisation
    except dmarc.Unsure:
        return domain


def look(
    names: Names,
    boxes: Sequence[Mailbox],
    hello: str | None,
    *,
    seconds: float,
    port: int,
) -> list[Finding]:
    """Ask about each address, all domains side by side, within so many seconds."""
    by_domain: dict[str, list[Mailbox]] = {}
    for box in boxes:
        by_domain.setdefault(box.domain, []).append(box)
    visits = [_Visit(names, domain, mine, hello, port) for domain, mine in by_domain.items()]
    return asyncio.run(_all(visits, seconds))


async def _all(visits: Sequence["_Visit"], seconds: float) -> list[Finding]:
    found = await asyncio.gather(*(visit.made(seconds) for visit in visits))
    return [finding for mine in found for finding in mine]


class _Visit:
    """One visit to the exchanger of a domain."""

    def __init__(
        self, names: Names, domain: str, boxes: Sequence[Mailbox], hello: str | None, port: int
    ) -> None:
        self._names = names
        self._domain = domain
        self._boxes = boxes
        self._hello = hello
        self._port = port
        self._found: list[Finding] = []

    async def made(self, seconds: float) -> list[Finding]:
        """Give what was found, and for the rest one finding that says why it was not."""
        try:
            async with asyncio.timeout(seconds):
                why = await self._tried()
        except TimeoutError:
            why = "it takes too long to answer"
        if why:
            says = f"Could not check: {why}."
            self._found.append(
                Finding(Part.MAILBOXES, self._domain, State.UNKNOWN, says, ELSEWHERE)
            )
        return self._found

    async def _tried(self) -> str:
        """Ask the first exchanger that lets us in; give why none did."""
        addresses, why = await asyncio.to_thread(exchangers, self._names, self._domain)
        for host, address in addresses[:MOST_TRIED]:
            route = Route("mx", address, self._port, hello=self._hello, timeouts=WAITS)
            try:
                session = await open_session(route, await asyncio.to_thread(trust, route))
            except NotOpened as error:
                why = f"{host} does not let this machine in ({error.reply})"
                continue
            try:
                return await self._asked(session, host)
            except Lost as error:
                return f"{host} broke off ({error})"
            finally:
                session.wire.abort()
        return why

    async def _asked(self, session: Session, host: str) -> str:
        mail = await session.wire.ask(b"MAIL FROM:<>", WAITS.mail)
        if mail.code >= 300:
            return f"{host} takes no bounces from this machine ({heard(Step.MAIL, *mail)})"
        for box in self._boxes:
            self._found.append(await _asked_about(session, box, host))
        with suppress(Lost):  # whoever hangs up now has said all that was asked
            await session.wire.ask(b"RSET", WAITS.mail)
            await session.wire.ask(b"QUIT", WAITS.quit)
        return ""


async def _asked_about(session: Session, box: Mailbox, host: str) -> Finding:
    if not box.address.isascii():
        says = "Could not check: international addresses are not asked about."
        return Finding(Part.MAILBOXES, box.address, State.UNKNOWN, says, "Write to it by hand.")
    asked = f"RCPT TO:<{box.address}>".encode()
    return judged(box, host, heard(Step.RCPT, *await session.wire.ask(asked, WAITS.rcpt)))


def judged(box: Mailbox, host: str, reply: Reply) -> Finding:
    """Tell what an exchanger's answer says about a mailbox."""
    code = reply.code or 400
    if code < 300:
        says = f"{host} takes mail for it, so {box.what} arrive."
        return Finding(Part.MAILBOXES, box.address, State.OK, says)
    if code < 500:
        says = f"{host} puts us off ({reply})."
        return Finding(Part.MAILBOXES, box.address, State.WARN, says, LATER)
    is_gone = rule_for(reply).meaning.blame is Blame.RECIPIENT or RELAYING.search(reply.text)
    if is_gone:
        says = f"{host} refuses it, so {box.what} are lost ({reply})."
        return Finding(Part.MAILBOXES, box.address, State.FAIL, says, box.todo)
    says = f"Could not check: {host} takes no mail from this machine ({reply})."
    return Finding(Part.MAILBOXES, box.address, State.UNKNOWN, says, ELSEWHERE)


def exchangers(names: Names, domain: str) -> tuple[list[tuple[str, str]], str]:
    """Give exchangers with an address each, the preferred first, and why there is none.

    A domain without MX is its own exchanger (RFC 5321, 5.1).
    """
    answer = names.ask(domain, "MX")
    if answer.problem or answer.values == (NULL_MX,):
        return [], answer.problem or "it says that it takes no mail (null MX)"
    values = [value.partition(" ") for value in answer.values]
    listed = sorted((int(level), host) for level, _, host in values)
    found: list[tuple[str, str]] = []
    why = "it has no mail exchanger with an address"
    for host in [host for _, host in listed] or [domain]:
        for kind in ("A", "AAAA"):
            lives = names.ask(host, kind)
            why = lives.problem or why
            found.extend((host, value) for value in lives.values[:1])
    return found, why
