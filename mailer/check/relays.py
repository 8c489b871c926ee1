"""What the relays say: are we let in, and may each sender send. No message is ever begun.

MAIL FROM with the return path that would really be used, RCPT TO the owner, then RSET.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mailer.check.finding import Finding, Part, State
from mailer.check.sending import Sending
from mailer.delivery import (
    Lost,
    NotOpened,
    Reply,
    Route,
    Session,
    Step,
    Timeouts,
    is_loopback,
    open_session,
    trust,
)
from mailer.delivery.reply import heard
from mailer.errors import ConfigError

SECONDS_A_STEP = 10
"""How long a relay may take for one answer; real sending is more patient."""

WAITS = Timeouts(
    connect=SECONDS_A_STEP,
    greeting=SECONDS_A_STEP,
    mail=SECONDS_A_STEP,
    rcpt=SECONDS_A_STEP,
)
SOON = timedelta(days=14)
"""How long before its end a certificate is worth a word."""

USEFUL = {
    "size": "SIZE: that a message is too large is seen only once it was sent",
    "8bitmime": "8BITMIME: letters beyond ASCII grow on the way",
    "smtputf8": "SMTPUTF8: international addresses cannot be mailed",
}


@dataclass(slots=True)
class Visit:
    """What one relay showed."""

    findings: list[Finding] = field(default_factory=list)
    greeting: str = ""


def look(route: Route, sendings: Sequence[Sending], *, seconds: float, now: datetime) -> Visit:
    """Visit a relay, within so many seconds."""
    try:
        return asyncio.run(_within(route, sendings, seconds, now))
    except ConfigError as error:
        found = Finding(Part.RELAY, _subject(route), State.FAIL, str(error), "Mend the settings.")
        return Visit([found])


async def _within(
    route: Route, sendings: Sequence[Sending], seconds: float, now: datetime
) -> Visit:
    visit = Visit()
    try:
        async with asyncio.timeout(seconds):
            await _look(visit, route, sendings, now)
    except TimeoutError:
        says = "Could not check all of it: the relay takes too long to answer."
        visit.findings.append(Finding(Part.RELAY, _subject(route), State.UNKNOWN, says))
    return visit


async def _look(visit: Visit, route: Route, sendings: Sequence[Sending], now: datetime) -> None:
    context = trust(route)
    try:
        session = await open_session(replace(route, timeouts=WAITS), context)
    except NotOpened as error:
        visit.findings.append(_not_let_in(route, error.reply))
        return
    try:
        visit.greeting = session.greeting
        visit.findings.extend(_let_in(route, session, context, now))
        for sending in sendings:
            visit.findings.append(await _may_send(session, route, sending))
        with suppress(Lost):  # many hang up without a word
            await session.wire.ask(b"QUIT", WAITS.quit)
    except Lost as error:
        says = f"Could not check all of it: {error}."
        visit.findings.append(Finding(Part.RELAY, _subject(route), State.UNKNOWN, says))
    finally:
        session.wire.abort()


def _subject(route: Route) -> str:
    return f"{route.name} ({route.host}:{route.port})"


ADVICE = {
    Step.CONNECT: "Look at host, port and firewall; many providers close port 25, so try 587.",
    Step.GREETING: "Is this the right port? TLS from the first byte (465) needs security “tls”.",
    Step.EHLO: "Ask whoever runs the relay.",
    Step.STARTTLS: "Use the name that stands in the certificate, or name its authority (ca_file).",
    Step.AUTH: "Look at username, password and auth.",
}


def _not_let_in(route: Route, reply: Reply) -> Finding:
    says = f"The relay cannot be used ({reply.step}): {reply}. No mail leaves by it."
    todo = ADVICE.get(reply.step, ADVICE[Step.EHLO])
    return Finding(Part.RELAY, _subject(route), State.FAIL, says, f"{todo} [{route.path}]")


def _let_in(
    route: Route, session: Session, context: ssl.SSLContext | None, now: datetime
) -> list[Finding]:
    subject = _subject(route)
    how = f"over {session.tls}" if session.tls else "in plain text"
    signed = f", signed in as {route.username}" if route.username else ""
    found = [Finding(Part.RELAY, subject, State.OK, f"The relay lets us in {how}{signed}.")]
    far = not is_loopback(route.host)
    if far and not session.tls:
        says = "Mail to the relay can be read on its way: the session is not protected."
        todo = f"Set {route.path}.security to “starttls” or “tls”, if the relay offers it."
        found.append(Finding(Part.RELAY, subject, State.WARN, says, todo))
    elif far and context is not None and context.verify_mode is ssl.CERT_NONE:
        says = "Nobody checks that the relay is who it says (security “opportunistic”)."
        todo = f"Set {route.path}.security to “starttls”."
        found.append(Finding(Part.RELAY, subject, State.WARN, says, todo))
    found.extend(_lasts(subject, session, now))
    for name, lacks in USEFUL.items():
        if name not in session.extensions:
            says = f"The relay does not offer {lacks}."
            found.append(Finding(Part.RELAY, subject, State.WARN, says, "Nothing, or another one."))
    return found


def _lasts(subject: str, session: Session, now: datetime) -> list[Finding]:
    ends = session.certificate.get("notAfter")
    if not isinstance(ends, str):
        return []
    return certificate(Part.RELAY, subject, ends, now)


def certificate(part: Part, subject: str, ends: str, now: datetime) -> list[Finding]:
    """Judge how long a certificate will do."""
    at = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    if at - now > SOON:
        return []
    says = f"The certificate ends on {at:%Y-%m-%d}."
    return [Finding(part, subject, State.WARN, says, "Have it renewed.")]


async def _may_send(session: Session, route: Route, sending: Sending) -> Finding:
    """Ask whether a sender is allowed, and take the question back."""
    subject = f"{route.name}, {sending.sender}"
    if sending.lists:
        subject += f" ({', '.join(sending.lists)})"
    asked = f"MAIL FROM:<{sending.return_path}>"
    if not sending.return_path.isascii():
        asked += " SMTPUTF8"
    mail = await session.wire.ask(asked.encode(), WAITS.mail)
    reply = heard(Step.MAIL, mail.code, mail.lines)
    if 200 <= mail.code < 300 and sending.owner and sending.owner.isascii():
        rcpt = await session.wire.ask(f"RCPT TO:<{sending.owner}>".encode(), WAITS.rcpt)
        reply = heard(Step.RCPT, rcpt.code, rcpt.lines)
    await session.wire.ask(b"RSET", WAITS.mail)
    return _allowed(subject, sending, reply)


def _allowed(subject: str, sending: Sending, reply: Reply) -> Finding:
    said = f"(after {'MAIL FROM' if reply.step is Step.MAIL else 'RCPT TO'}): {reply}"
    if reply.code is not None and reply.code < 300:
        says = f"The relay takes mail from {sending.return_path}."
        return Finding(Part.RELAY, subject, State.OK, says)
    if reply.code is None or reply.code < 500:
        says = f"Could not check this sender: the relay puts us off {said}."
        return Finding(Part.RELAY, subject, State.UNKNOWN, says, "Try again in some minutes.")
    says = f"The relay refuses mail from {sending.return_path} {said}."
    todo = (
        "Ask whoever runs the relay to allow this sender for your login, take another sender "
        f"(mailer list edit), or name one that is allowed as {sending.path}.return_path."
    )
    return Finding(Part.RELAY, subject, State.FAIL, says, todo)
