"""What replies mean: one table, read from the top, in which every row names its source.

Whether to try again is decided by the first digit of the basic code; the status code (RFC 3463)
and the words refine, for servers mix them: Gmail sends `421 5.7.32` and means “later”. The step
tells whom a reply is about: up to MAIL it is the relay speaking about us. In doubt a row errs
on the side of the address: a suppression too few costs one more refusal, one too many a reader.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache

from mailer.delivery.reply import Reply, Step
from mailer.language import translatable


class Verdict(StrEnum):
    """What becomes of a delivery after a try."""

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    HELD = "held"
    UNCERTAIN = "uncertain"
    REDIRECTED = "redirected"  # a copy went to another address; the reader got nothing


class Blame(StrEnum):
    """Whom a reply is about, and so what it counts against."""

    NOBODY = "nobody"
    RECIPIENT = "recipient"
    DESTINATION = "destination"
    ROUTE = "route"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. `reason` is a sentence for editors, to be looked up in the catalogues.

    A deferred delivery has `due_at`; without `counted` the try does not move it along the
    schedule. `suppress`: no digest may go to this address any more. `pause_route`: the relay
    refuses us, so nothing more should leave by this route until somebody has looked.
    `rest_route`: we have used up what it allows us, and its route waits until there is more.
    """

    verdict: Verdict
    reason: str
    blame: Blame = Blame.NOBODY
    counted: bool = True
    suppress: bool = False
    pause_route: bool = False
    rest_route: bool = False
    due_at: datetime | None = None


# ------------------------------------------------------------------------- meanings

TAKEN = Outcome(Verdict.SENT, translatable("Taken by the relay."))
IN_DOUBT = Outcome(
    Verdict.UNCERTAIN,
    translatable(
        "The relay did not say whether it took the message; nobody can know whether it arrived."
    ),
)
NO_SESSION = Outcome(
    Verdict.DEFERRED,
    translatable(
        "The relay could not be reached, or broke off before the message; tried again soon."
    ),
    counted=False,
)
NOT_SIGNED_IN = Outcome(
    Verdict.DEFERRED,
    translatable(
        "The relay did not let us sign in; its route is paused until an owner has looked."
    ),
    Blame.ROUTE,
    counted=False,
    pause_route=True,
)
SENDER_REFUSED = replace(
    NOT_SIGNED_IN,
    reason=translatable(
        "The relay does not take mail from us; its route is paused until an owner has looked."
    ),
)
OTHER_SENDER = replace(
    NOT_SIGNED_IN,
    reason=translatable(
        "The relay does not let us send as this address; its route is paused until an owner "
        "has looked."
    ),
)
LIMIT_OF_OURS = Outcome(
    Verdict.DEFERRED,
    translatable("We have sent as much as the relay allows for now; its route rests."),
    Blame.ROUTE,
    counted=False,
    rest_route=True,
)
LATER = Outcome(Verdict.DEFERRED, translatable("The other side asked us to come again later."))
SLOWER = replace(
    LIMIT_OF_OURS, reason=translatable("The relay asked us to slow down; its route rests.")
)
SLOWER_THERE = replace(
    LATER,
    reason=translatable("The receiving side takes no more from us for now; tried again later."),
    blame=Blame.DESTINATION,
)
BUSY_MAILBOX = replace(
    LATER,
    reason=translatable("The mailbox takes nothing for now; tried again later."),
    blame=Blame.RECIPIENT,
)
NO_MAILBOX = Outcome(
    Verdict.FAILED,
    translatable("There is no such mailbox; nothing more is sent there."),
    Blame.RECIPIENT,
    suppress=True,
)
CLOSED_MAILBOX = replace(
    NO_MAILBOX, reason=translatable("The mailbox has been closed; nothing more is sent there.")
)
NO_DOMAIN = replace(
    NO_MAILBOX,
    reason=translatable("The domain of the address takes no mail; nothing more is sent there."),
)
FULL_MAILBOX = Outcome(
    Verdict.FAILED, translatable("Returned: the mailbox is full."), Blame.RECIPIENT
)
CROWDED = replace(
    FULL_MAILBOX, reason=translatable("Returned: the mailbox gets more mail than it may take.")
)
NOT_INTERNATIONAL = replace(
    FULL_MAILBOX,
    reason=translatable("Returned: international addresses are not taken on this way."),
)
RECIPIENT_REFUSED = replace(
    FULL_MAILBOX,
    reason=translatable("Returned: the address was refused, without a reason we know."),
)
TOO_LARGE = Outcome(
    Verdict.FAILED, translatable("Refused: the message is too large."), Blame.CONTENT
)
MALFORMED = replace(
    TOO_LARGE, reason=translatable("Refused: something in the message's form is wrong.")
)
MESSAGE_REFUSED = Outcome(
    Verdict.FAILED,
    translatable("Returned: the message was refused, without a reason we know."),
    Blame.DESTINATION,
)
NO_WAY = replace(
    MESSAGE_REFUSED, reason=translatable("Returned: there is no way to the receiving side.")
)
UNABLE = replace(
    MESSAGE_REFUSED, reason=translatable("Returned: the receiving side is not able to take it.")
)
BLOCKED = Outcome(
    Verdict.HELD,
    translatable(
        "The receiving side blocks us; held until an editor decides. The address is not to blame."
    ),
    Blame.DESTINATION,
)

# ---------------------------------------------------------------------------- words


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


RELAYING = _words(
    r"relay(?:ing)?\b.{0,20}\b(?:denied|not permitted|not allowed|prohibited)",
    r"(?:unable|not permitted|not allowed|refus\w+) to relay",
    r"list of allowed rcpthosts",
    r"auth(?:entication)? (?:is )?required|must (?:first )?authenticate|please authenticate",
    r"client was not authenticated|unauthenticated senders?\b",
)
SEND_AS = _words(
    r"send ?as ?denied|permissions? to send (?:as|on)\b|not owned by user",
    r"not (?:allowed|authori[sz]ed|permitted) to send (?:as|from|on behalf)\b",
)
SENDER = _words(
    r"bad outbound sender|sender address rejected|sender verify failed",
    r"not (?:allowed|authori[sz]ed|permitted) to send(?! (?:\w+ ){0,2}to\b)",
    r"domain of sender",
    r"(?:sender|from) (?:address|domain|identity)\b.{0,60}"
    r"\b(?:not (?:owned|logged|verified|match)|unverified|do(?:es)? not (?:exist|match))",
    r"(?:address|identity) is not verified|verified sender",
    r"(?:helo|ehlo) (?:command|name)\b.{0,20}\b(?:rejected|invalid)",
    r"unauthori[sz]ed ip\b|not (?:yet )?activated|\byour (?:\w+ )?account\b",
)
OUR_LIMIT = _words(
    r"\b(?:daily|hourly|monthly|sending|submission|relay)\b[^.;]{0,40}\b(?:quota|limit|rate)\b",
    r"\b(?:quota|limit)\b[^.;]{0,30}\bper (?:hour|day|month)\b",
    r"exceeded (?:your\b|the maximum number of (?:messages|recipients))",
    r"throttling failure|maximum credits",
)
SIZE = _words(
    r"\b(?:message|mail|size)\b.{0,40}\bexceeds?\b.{0,40}\b(?:size|limit|maximum)",
    r"\bsize (?:limit|exceed)|too (?:large|big)",
)
FULL = _words(
    r"over ?quota|quota\b.{0,20}\bexceeded|exceed(?:s|ed)?\b.{0,20}\b(?:quota|storage)",
    r"\b(?:mailbox|account|user|recipient|inbox|storage)\b.{0,20}\bfull",
    r"out of storage|insufficient (?:disk )?(?:space|storage)",
)
RATE = _words(
    r"\brate\b|too (?:many|quickly|fast|much)|throttl|temporarily deferred|server busy",
    r"unusual(?:ly)? (?:rate|traffic|volume)|unexpected volume|blocked|reputation",
)
GREYLISTED = _words(r"gr[ae]y.?list")
POLICY = _words(
    r"\b(?:spam|virus|malware|phish|unsolicited|suspicious|bulk mail)",
    r"\b(?:block|black|deny|ban)\W?(?:ned|ed|list)|\b(?:dnsbl|rbl|spamcop|barracuda)\b",
    r"reputation|\bpolic(?:y|ies)\b|prohibit|not accepted from|access denied",
    r"\b(?:spf|dkim|dmarc|ptr)\b|reverse dns|content (?:rejected|filter)",
)
UNKNOWN = _words(
    r"(?:no such|unknown|invalid|non.?existent) (?:local |virtual |e-?mail )?"
    r"(?:user|mailbox|mail ?drop|recipient|account|address|person|local.?part|alias)",
    r"\b(?:user|mail ?box|recipient|account|address(?:ee)?|person)\b.{0,60}?"
    r"\b(?:unknown|not (?:be )?(?:found|known|exist|listed)|do(?:es)?(?: not|n.?t) exist"
    r"|no longer (?:exist|valid|active|available|in use|here))",
    r"do(?:es)?(?: not|n.?t) have an? .{0,40}\baccount",
    r"not (?:a )?(?:known|valid|local) (?:user|mailbox|recipient|address|account)",
    r"no (?:mailbox|user|account|person|one) (?:here )?(?:by|with|of) that (?:name|address)",
    r"no mailbox here|un(?:rout|deliver)e?able address|mailbox not found|not our (?:user|customer)",
)
CLOSED = _words(
    r"\b(?:user|mail ?box|account|recipient|address)\b.{0,40}"
    r"\b(?:disabled|deactivated|inactive|closed|expired|terminated|discontinued|cancell?ed)"
)
NO_HOST = _words(r"\b(?:domain|host)\b.{0,30}\b(?:not found|do(?:es)?(?: not|n.?t) exist|unknown)")
UNAVAILABLE = _words(r"mailbox unavailable")
REFUSED = _words(r"recipient address rejected: access denied")

# ---------------------------------------------------------------------------- table

ANY = frozenset(Step)
BEGIN = frozenset({Step.CONNECT, Step.GREETING})
SESSION = frozenset({Step.EHLO, Step.STARTTLS, Step.AUTH})
EHLO = frozenset({Step.EHLO})
MAIL = frozenset({Step.MAIL})
RCPT = frozenset({Step.RCPT})
DATA = frozenset({Step.DATA, Step.DOT})
DOT = frozenset({Step.DOT})
TO = RCPT | DATA

ALL = r".*"
VAGUE = r"|5\.[01235]\.0"
"""No status code, or one that says nothing: then the words decide."""
UNCLEAR = r"(?!5\.1\.([1236]|10)$|5\.2\.1$).*"
"""Any but those that speak of the mailbox and nothing else."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: a reply at one of `steps` that fits all three patterns means this.

    `code` and `status` have to match in full; `code` is "lost" where no reply came, `status` is
    empty where it had no status code. `source` says where it is written.
    """

    steps: AbstractSet[Step]
    code: str
    status: str
    words: re.Pattern[str] | None
    meaning: Outcome
    source: str

    def fits(self, reply: Reply) -> bool:
        """Tell whether this row is about the reply."""
        code = "lost" if reply.code is None else str(reply.code)
        return (
            reply.step in self.steps
            and _whole(self.code).fullmatch(code) is not None
            and _whole(self.status).fullmatch(reply.enhanced or "") is not None
            and (self.words is None or self.words.search(reply.text) is not None)
        )


_whole = cache(re.compile)

# fmt: off
ROWS = (
    # The message was taken, or the session broke.
    (DOT, "2..", ALL, None, TAKEN, "RFC 5321, 4.2.5"),
    (DOT, "lost|3..", ALL, None, IN_DOUBT, "RFC 1047; RFC 5321, 4.5.3.2.6"),
    (ANY, "lost", ALL, None, NO_SESSION, "RFC 5321, 4.5.4.1"),

    # The relay about itself, and about our signing in.
    (ANY, "53[0458]", ALL, None, NOT_SIGNED_IN, "RFC 4954, 6; RFC 3207, 4"),
    (BEGIN, ALL, ALL, None, NO_SESSION, "RFC 5321, 3.1; RFC 7504, 2"),
    (SESSION, "4..", ALL, None, NO_SESSION, "RFC 4954, 6; RFC 3207, 4"),
    (EHLO, "5..", ALL, None, SENDER_REFUSED, "RFC 5321, 4.1.4"),
    (SESSION, "5..", ALL, None, NOT_SIGNED_IN, "RFC 4954, 4; RFC 3207, 4"),

    # Not now.
    (ANY, "4..", ALL, OUR_LIMIT, LIMIT_OF_OURS, "Amazon SES: 454; Google relay: 450 4.2.1"),
    (RCPT, "452", r"4\.5\.3", None, SLOWER, "RFC 5321, 4.5.3.1.10; Yahoo: messages a connection"),
    (MAIL, "4..", ALL, RATE, SLOWER, "Yahoo: 421 4.7.0 [TSS04]"),
    (TO, "4..", r"[45]\.2\.[12]", None, BUSY_MAILBOX, "RFC 3463, 3.3; Google: 450 4.2.1"),
    (TO, "4..", r"|4\.[03]\.[01]", FULL, BUSY_MAILBOX, "RFC 5321, 4.2.3: 452"),
    (TO, "4..", ALL, GREYLISTED, LATER, "RFC 6647, 2"),
    (TO, "4..", r"[45]\.(7\.\d+|4\.5)", None, SLOWER_THERE, "Google: 421 4.7.28, 421 5.7.32"),
    (TO, "4..", ALL, RATE, SLOWER_THERE, "Yahoo: 451 [TSS]; Microsoft: 451 4.7.500"),
    (ANY, "4..", ALL, None, LATER, "RFC 5321, 4.2.1"),

    # Never, and it is the message.
    (ANY, "5..", r"5\.6\.(7|8|9|10)", None, NOT_INTERNATIONAL, "RFC 6531, 3.5 and 4.2"),
    (ANY, "5..", r"5\.(3\.4|2\.3)", None, TOO_LARGE, "RFC 1870, 6.1; RFC 3463, 3.3"),
    (MAIL, "552", r"", None, TOO_LARGE, "RFC 1870, 6.1"),
    (TO, "55[24]", VAGUE, SIZE, TOO_LARGE, "RFC 1870, 6.1"),
    (ANY, "5..", r"5\.6\.\d+", None, MALFORMED, "RFC 3463, 3.7; Microsoft: 5.6.11"),

    # Never, and it is us: up to MAIL always, later by what is said.
    (MAIL, "5..", r"5\.(1\.90|7\.23[23])", None, LIMIT_OF_OURS, "Microsoft: recipients a day"),
    (MAIL, "5..", ALL, OUR_LIMIT, LIMIT_OF_OURS, "Google relay: 550 5.4.5"),
    (MAIL | TO, "5..", r"5\.(2\.252|7\.60)", None, OTHER_SENDER, "Microsoft: SendAsDenied"),
    (MAIL, "5..", ALL, SEND_AS, OTHER_SENDER, "Postfix: sender login; Microsoft; SES"),
    (MAIL, "5..", ALL, None, SENDER_REFUSED, "RFC 5321, 3.3"),
    (TO, "5..", r"5\.1\.[78]", None, SENDER_REFUSED, "RFC 3463, 3.2; Microsoft: 5.1.8"),
    (TO, "5..", r"5\.1\.90", None, LIMIT_OF_OURS, "Microsoft: recipients a day"),
    (TO, "5..", r"5\.7\.23[23]", None, LIMIT_OF_OURS, "Microsoft: the tenant's day"),
    (TO, "5..", r"5\.7\.(57|64)", None, SENDER_REFUSED, "Microsoft: send as; relay"),
    (TO, "5..", r"5\.7\.50[123]", None, SENDER_REFUSED, "Microsoft: account banned"),
    (TO, "5..", r"5\.7\.7(05|08|50)", None, SENDER_REFUSED, "Microsoft: tenant banned"),
    (TO, "5..", r"5\.7\.(2\d|3\d|509|515)", None, BLOCKED, "RFC 7372; Google; Microsoft: 5.7.515"),
    (TO, "5..", r"5\.2\.12[12]", None, CROWDED, "Microsoft: received in an hour"),
    (TO, "5..", UNCLEAR, RELAYING, SENDER_REFUSED, "Postfix, Exim, qmail, Exchange, Google relay"),
    (TO, "5..", UNCLEAR, SEND_AS, OTHER_SENDER, "Postfix: sender login; Microsoft; SES"),
    (TO, "5..", UNCLEAR, SENDER, SENDER_REFUSED, "Postfix, Exim, Exchange, SES, SendGrid, Brevo"),
    (TO, "5..", r"|5\.[02457]\.\d+", OUR_LIMIT, LIMIT_OF_OURS, "Google: 5.4.5; Microsoft: 5.2.2"),

    # Never, and it is the mailbox.
    (TO, "5..", r"5\.1\.(2|10)", None, NO_DOMAIN, "RFC 3463, 3.2; RFC 7505, 4.1"),
    (TO, "556", ALL, None, NO_DOMAIN, "RFC 7504, 3"),
    (TO, "5..", r"5\.1\.[136]", None, NO_MAILBOX, "RFC 3463, 3.2"),
    (TO, "5..", r"5\.2\.1", RATE, CROWDED, "Google: 550 5.2.1"),
    (TO, "5..", r"5\.2\.1", None, CLOSED_MAILBOX, "RFC 3463, 3.3"),
    (TO, "5..", r"5\.2\.2", None, FULL_MAILBOX, "RFC 3463, 3.3"),
    (TO, "5..", r"5\.4\.1", REFUSED, NO_MAILBOX, "Microsoft: 5.4.1, edge blocking"),
    (TO, "5..", r"5\.5\.0", UNAVAILABLE, NO_MAILBOX, "Microsoft: 5.5.0"),

    # Never, and it is our standing there: whatever it says, the address is not to blame.
    (TO, "5..", r"5\.7\.\d+", None, BLOCKED, "RFC 3463, 3.8; Google, Yahoo, Microsoft"),
    (TO, "5..", VAGUE, POLICY, BLOCKED, "Yahoo: 554 for policy reasons; Exim; GMX"),

    # Never, and only the words tell why.
    (TO, "55.", VAGUE, FULL, FULL_MAILBOX, "RFC 5321, 4.2.3: 552"),
    (TO, "55.", VAGUE, NO_HOST, NO_DOMAIN, "sendmail; Postfix"),
    (TO, "55.", VAGUE, UNKNOWN, NO_MAILBOX, "Exim, qmail, sendmail; Yahoo: 554 dd"),
    (TO, "55.", VAGUE, CLOSED, CLOSED_MAILBOX, "Yahoo: 554 dd"),
    (TO, "552", r"", None, FULL_MAILBOX, "RFC 5321, 4.2.3"),

    # The rest.
    (TO, "5..", r"5\.4\.\d+", None, NO_WAY, "RFC 3463, 3.5"),
    (TO, "5..", r"5\.3\.[1-9]\d*", None, UNABLE, "RFC 3463, 3.4"),
    (TO, "503", ALL, None, LATER, "RFC 5321, 4.2.2: a new session begins in order"),
    (RCPT, "5..", ALL, None, RECIPIENT_REFUSED, "RFC 5321, 3.3"),
    (DATA, "5..", ALL, None, MESSAGE_REFUSED, "RFC 5321, 3.3"),
    (ANY, ALL, ALL, None, LATER, "RFC 5321, 4.3.2: a reply that does not belong to its step"),
)
# fmt: on

RULES = tuple(Rule(*row) for row in ROWS)


def rule_for(reply: Reply) -> Rule:
    """Give the first row that is about a reply; the last one is about any."""
    return next(rule for rule in RULES if rule.fits(reply))
