"""What replies mean: the table row by row, and what becomes of a delivery."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery import meaning
from mailer.delivery.meaning import RULES, Outcome, rule_for
from mailer.delivery.outcome import (
    SCHEDULE,
    Blame,
    Verdict,
    domain_of,
    read,
    reply_key,
)
from mailer.delivery.reply import Reply, Step, clean, heard, lost, own

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
KIM = "kim@example.org"


def read_now(reply: Reply, *, tries: int = 0, may_repeat: bool = False) -> Outcome:
    return read(reply, may_repeat=may_repeat, tries=tries, now=NOW, not_after=None, jitter=0)


def said(step: Step, line: str) -> Reply:
    """Give the reply that a server's line makes; "lost" stands for a session that broke."""
    if line == "lost":
        return lost(step, "the connection was lost")
    lines = line.split("\n")
    return heard(step, int(lines[0][:3]), [each[4:] for each in lines])


class Row(NamedTuple):
    """What was said at which step, and what it means."""

    step: Step
    line: str
    meaning: Outcome


CONNECT, GREETING, EHLO, STARTTLS, AUTH, _RSET, MAIL, RCPT, DATA, DOT = Step

GMAIL_RATE = (
    "The user you are trying to contact is receiving mail at a rate that prevents additional "
    "messages from being delivered."
)
GMAIL_UNSOLICITED = (
    "Our system has detected an unusual rate of unsolicited mail originating from your IP address."
)
SES_UNVERIFIED = (
    "Message rejected: Email address is not verified. The following identities failed the check "
    "in region EU-WEST-1: office@office.example"
)
SEND_AS = (
    "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
    "Failed to process message"
)
MS_DMARC = (
    "Access denied, sending domain office.example does not meet the required authentication level."
)

TABLE = [
    # Taken, lost, in doubt
    Row(DOT, "250 2.0.0 Ok: queued as 4C1F2", meaning.TAKEN),
    Row(DOT, "251 ok", meaning.TAKEN),
    Row(DOT, "lost", meaning.IN_DOUBT),
    Row(DOT, "354 go on", meaning.IN_DOUBT),
    *(Row(step, "lost", meaning.NO_SESSION) for step in Step if step is not DOT),
    # The relay about itself and our signing in
    Row(GREETING, "421 4.3.2 too many connections", meaning.NO_SESSION),
    Row(GREETING, "554 5.7.1 blocked using zen.spamhaus.org", meaning.NO_SESSION),
    Row(GREETING, "521 5.3.2 this host takes no mail", meaning.NO_SESSION),
    Row(EHLO, "421 4.7.0 try again later", meaning.NO_SESSION),
    Row(EHLO, "550 5.7.1 your name is not to my taste", meaning.SENDER_REFUSED),
    Row(STARTTLS, "454 4.7.0 TLS not available", meaning.NO_SESSION),
    Row(STARTTLS, "501 5.5.4 no parameters allowed", meaning.NOT_SIGNED_IN),
    Row(AUTH, "454 4.7.0 temporary authentication failure", meaning.NO_SESSION),
    Row(AUTH, "535 5.7.8 username and password not accepted", meaning.NOT_SIGNED_IN),
    Row(AUTH, "534 5.7.9 application-specific password required", meaning.NOT_SIGNED_IN),
    Row(AUTH, "538 5.7.11 encryption required", meaning.NOT_SIGNED_IN),
    Row(AUTH, "504 5.5.4 unrecognised authentication type", meaning.NOT_SIGNED_IN),
    Row(AUTH, "525 5.7.1 unauthorized IP address", meaning.NOT_SIGNED_IN),
    Row(MAIL, "530 5.7.0 must issue a STARTTLS command first", meaning.NOT_SIGNED_IN),
    Row(MAIL, "530 5.7.57 client not authenticated to send mail", meaning.NOT_SIGNED_IN),
    Row(RCPT, "530 5.7.1 authentication required", meaning.NOT_SIGNED_IN),
    Row(DATA, "530 5.7.0 authentication required", meaning.NOT_SIGNED_IN),
    # MAIL: about us
    Row(MAIL, "421 4.7.0 [TSS04] Messages temporarily deferred", meaning.SLOWER),
    Row(MAIL, "451 4.3.0 mail server temporarily rejected message", meaning.LATER),
    Row(MAIL, "452 4.3.1 insufficient system storage", meaning.LATER),
    Row(MAIL, "550 5.7.1 sender not allowed", meaning.SENDER_REFUSED),
    Row(MAIL, "550 denied", meaning.SENDER_REFUSED),
    Row(MAIL, "553 5.1.8 domain of sender address does not exist", meaning.SENDER_REFUSED),
    Row(MAIL, "553 5.1.7 bad sender's mailbox syntax", meaning.SENDER_REFUSED),
    Row(MAIL, "501 5.5.4 syntax error in parameters", meaning.SENDER_REFUSED),
    Row(MAIL, "550 5.4.5 Daily sending quota exceeded", meaning.LIMIT_OF_OURS),
    Row(MAIL, "550 5.7.233 messages exceed the tenant's day", meaning.LIMIT_OF_OURS),
    Row(MAIL, "554 5.2.252 SendAsDenied; office@office.example", meaning.OTHER_SENDER),
    Row(MAIL, "553 5.7.1 <b@x.example>: rejected: not owned by user a", meaning.OTHER_SENDER),
    Row(RCPT, "452 4.5.3 too many recipients", meaning.SLOWER),
    Row(MAIL, "552 message size exceeds fixed maximum message size", meaning.TOO_LARGE),
    Row(MAIL, "552 5.3.4 message too big for system", meaning.TOO_LARGE),
    # Not now
    Row(RCPT, "450 4.2.0 <kim@example.org>: Recipient address rejected: Greylisted", meaning.LATER),
    Row(RCPT, "451 4.7.1 greylisting in action, please come back later", meaning.LATER),
    Row(RCPT, "451 4.7.1 later", meaning.SLOWER_THERE),
    Row(RCPT, "451 try again", meaning.LATER),
    Row(RCPT, "450 4.1.2 <kim@example.org>: Domain not found", meaning.LATER),
    Row(RCPT, "451 4.5.3 too many recipients", meaning.SLOWER_THERE),
    Row(RCPT, "452 4.2.2 over quota", meaning.BUSY_MAILBOX),
    Row(RCPT, "452 4.1.1 mailbox full", meaning.LATER),
    Row(RCPT, "452 mailbox full", meaning.BUSY_MAILBOX),
    Row(RCPT, f"450 4.2.1 {GMAIL_RATE}", meaning.BUSY_MAILBOX),
    Row(RCPT, "450 4.2.1 Peak SMTP relay limit exceeded for customer", meaning.LIMIT_OF_OURS),
    Row(RCPT, "421 4.3.2 service shutting down", meaning.LATER),
    Row(DOT, f"421 4.7.28 {GMAIL_UNSOLICITED}", meaning.SLOWER_THERE),
    Row(DOT, "421 5.7.32 the sending domain is not aligned", meaning.SLOWER_THERE),
    Row(DOT, "421 4.4.5 Server busy, try again later", meaning.SLOWER_THERE),
    Row(DOT, "451 4.7.500 Server busy. Please try again later", meaning.SLOWER_THERE),
    Row(DOT, "451 4.3.0 queue file write error", meaning.LATER),
    Row(DOT, "454 Throttling failure: Maximum sending rate exceeded.", meaning.LIMIT_OF_OURS),
    Row(DOT, "454 Throttling failure: Daily message quota exceeded.", meaning.LIMIT_OF_OURS),
    Row(DATA, "451 4.7.0 not yet", meaning.SLOWER_THERE),
    Row(RCPT, "450 5.1.1 unknown for now", meaning.LATER),
    # The message
    Row(DOT, "552 5.3.4 message size exceeds limit", meaning.TOO_LARGE),
    Row(DOT, "552 5.2.3 message exceeds the mailbox's limit", meaning.TOO_LARGE),
    Row(DOT, "552 message size exceeds maximum", meaning.TOO_LARGE),
    Row(RCPT, "554 5.3.4 too large for this host", meaning.TOO_LARGE),
    Row(DOT, "554 5.6.0 malformed message", meaning.MALFORMED),
    Row(DOT, "550 5.6.11 invalid characters", meaning.MALFORMED),
    Row(RCPT, "553 5.6.7 non-ASCII addresses not permitted", meaning.NOT_INTERNATIONAL),
    Row(MAIL, "550 5.6.7 non-ASCII addresses not permitted", meaning.NOT_INTERNATIONAL),
    Row(DOT, "554 5.6.9 UTF-8 header message cannot be transferred", meaning.NOT_INTERNATIONAL),
    # Us, though it is said later
    Row(DOT, "554 5.2.252 SendAsDenied; office@office.example not allowed", meaning.OTHER_SENDER),
    Row(DOT, f"554 5.2.0 {SEND_AS}", meaning.OTHER_SENDER),
    Row(DOT, "550 5.1.8 Access denied, bad outbound sender AS(42003)", meaning.SENDER_REFUSED),
    Row(DOT, "550 5.7.60 client has no permissions to send as this sender", meaning.OTHER_SENDER),
    Row(RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", meaning.SENDER_REFUSED),
    Row(DOT, "550 5.7.708 traffic not accepted from this IP", meaning.SENDER_REFUSED),
    Row(DOT, "550 5.7.705 tenant has exceeded threshold", meaning.SENDER_REFUSED),
    Row(DOT, "550 5.7.501 Access denied, spam abuse detected", meaning.SENDER_REFUSED),
    Row(DOT, "550 5.7.233 your tenant exceeded its daily limit", meaning.LIMIT_OF_OURS),
    Row(DOT, "554 5.2.2 mailbox submission quota exceeded", meaning.LIMIT_OF_OURS),
    Row(DOT, "554 5.1.90 you have reached your daily limit", meaning.LIMIT_OF_OURS),
    Row(DOT, "550 5.4.5 Daily user sending limit exceeded", meaning.LIMIT_OF_OURS),
    Row(DOT, f"554 {SES_UNVERIFIED}", meaning.SENDER_REFUSED),
    Row(DOT, "550 Unauthenticated senders not allowed", meaning.SENDER_REFUSED),
    Row(DOT, "550 The from address does not match a verified identity", meaning.SENDER_REFUSED),
    Row(RCPT, "554 5.7.1 <kim@example.org>: Relay access denied", meaning.SENDER_REFUSED),
    Row(RCPT, "550 5.7.1 Unable to relay", meaning.SENDER_REFUSED),
    Row(RCPT, "550 5.7.1 <kim@example.org>... Relaying denied", meaning.SENDER_REFUSED),
    Row(RCPT, "550 relay not permitted", meaning.SENDER_REFUSED),
    Row(
        RCPT,
        "553 that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        meaning.SENDER_REFUSED,
    ),
    Row(
        RCPT, "553 5.7.1 <a@b.example>: Sender address rejected: not owned", meaning.SENDER_REFUSED
    ),
    Row(RCPT, "504 5.5.2 <localhost>: Helo command rejected", meaning.SENDER_REFUSED),
    Row(RCPT, "550 Sender verify failed", meaning.SENDER_REFUSED),
    Row(RCPT, "550 5.7.1 Your account has been disabled", meaning.SENDER_REFUSED),
    # The mailbox
    Row(
        RCPT,
        "550 5.1.1 The email account that you tried to reach does not exist",
        meaning.NO_MAILBOX,
    ),
    Row(RCPT, "550 5.1.1 User unknown in local recipient table", meaning.NO_MAILBOX),
    Row(RCPT, "511 5.1.1 sorry", meaning.NO_MAILBOX),
    Row(RCPT, "550 5.1.1 unknown; is it in your account's address book?", meaning.NO_MAILBOX),
    Row(DOT, "550 5.1.1 no such user", meaning.NO_MAILBOX),
    Row(RCPT, "553 5.1.3 bad syntax", meaning.NO_MAILBOX),
    Row(RCPT, "550 5.1.6 has moved", meaning.NO_MAILBOX),
    Row(RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", meaning.NO_DOMAIN),
    Row(RCPT, "556 5.1.10 the domain takes no mail", meaning.NO_DOMAIN),
    Row(RCPT, "556 domain does not accept mail", meaning.NO_DOMAIN),
    Row(RCPT, "550 5.1.2 Domain not found", meaning.NO_DOMAIN),
    Row(
        RCPT,
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        meaning.NO_MAILBOX,
    ),
    Row(RCPT, "550 5.5.0 Requested action not taken: mailbox unavailable", meaning.NO_MAILBOX),
    Row(RCPT, "550 Host unknown", meaning.NO_DOMAIN),
    Row(RCPT, "550 sorry, no mailbox here by that name (#5.1.1)", meaning.NO_MAILBOX),
    Row(RCPT, "550 No such user here", meaning.NO_MAILBOX),
    Row(RCPT, "550 Unrouteable address", meaning.NO_MAILBOX),
    Row(RCPT, "551 not our customer", meaning.NO_MAILBOX),
    Row(RCPT, "553 5.3.0 <kim@example.org>... User unknown", meaning.NO_MAILBOX),
    Row(RCPT, "550 5.1.0 <kim@example.org>: recipient does not exist", meaning.NO_MAILBOX),
    Row(
        DOT, "554 delivery error: dd This user doesn't have a yahoo.com account", meaning.NO_MAILBOX
    ),
    Row(DOT, "554 delivery error: dd This account has been disabled [-5]", meaning.CLOSED_MAILBOX),
    Row(
        RCPT,
        "550 5.2.1 The email account that you tried to reach is disabled",
        meaning.CLOSED_MAILBOX,
    ),
    Row(RCPT, f"550 5.2.1 {GMAIL_RATE}", meaning.CROWDED),
    Row(RCPT, "554 5.2.122 the recipient's hourly receive limit", meaning.CROWDED),
    Row(RCPT, "552 5.2.2 The recipient's inbox is out of storage space", meaning.FULL_MAILBOX),
    Row(RCPT, "552 mailbox is full", meaning.FULL_MAILBOX),
    Row(DOT, "552 requested action aborted", meaning.FULL_MAILBOX),
    Row(RCPT, "550 User quota exceeded", meaning.FULL_MAILBOX),
    # Our standing there
    Row(RCPT, "550 5.7.1 blocked", meaning.BLOCKED),
    Row(DOT, "550 5.7.26 this mail is unauthenticated: SPF or DKIM is required", meaning.BLOCKED),
    Row(DOT, "550 5.7.25 the sending IP has no PTR record", meaning.BLOCKED),
    Row(DOT, f"550 5.7.515 {MS_DMARC}", meaning.BLOCKED),
    Row(DOT, "550 5.7.509 the sender's domain does not pass DMARC", meaning.BLOCKED),
    Row(RCPT, "550 5.7.133 sender not authenticated for group", meaning.BLOCKED),
    Row(RCPT, "550 5.7.1 you are not allowed to send mail to this group", meaning.BLOCKED),
    Row(RCPT, "550 5.7.606 Access denied, banned sending IP 192.0.2.1", meaning.BLOCKED),
    Row(DOT, "554 5.7.9 Message not accepted for policy reasons", meaning.BLOCKED),
    Row(
        DOT,
        "554 Message not allowed - [PH01] Email not accepted for policy reasons",
        meaning.BLOCKED,
    ),
    Row(RCPT, "553 5.7.1 [BL21] the IP is in Spamhaus's list", meaning.BLOCKED),
    Row(DOT, "550 5.7.1 content rejected as spam", meaning.BLOCKED),
    Row(RCPT, "550 Administrative prohibition", meaning.BLOCKED),
    Row(RCPT, "554 user unknown; your host is on our blacklist", meaning.BLOCKED),
    # The rest
    Row(RCPT, "550 5.4.6 routing loop", meaning.NO_WAY),
    Row(RCPT, "550 5.4.4 unable to route", meaning.NO_WAY),
    Row(RCPT, "550 5.3.5 system incorrectly configured", meaning.UNABLE),
    Row(RCPT, "500 5.3.0 command failed", meaning.RECIPIENT_REFUSED),
    Row(RCPT, "503 5.5.1 nested MAIL command", meaning.LATER),
    Row(RCPT, "550 no", meaning.RECIPIENT_REFUSED),
    Row(RCPT, "550 Requested action not taken: mailbox unavailable", meaning.RECIPIENT_REFUSED),
    Row(RCPT, "551 user not local", meaning.RECIPIENT_REFUSED),
    Row(RCPT, "555 5.5.4 unsupported option", meaning.RECIPIENT_REFUSED),
    Row(RCPT, "550 #5.1.0 Address rejected.", meaning.RECIPIENT_REFUSED),
    Row(DATA, "554 5.5.1 no valid recipients", meaning.MESSAGE_REFUSED),
    Row(DOT, "554 Transaction failed", meaning.MESSAGE_REFUSED),
    Row(DATA, "250 thank you", meaning.LATER),
]


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row.step}: {row.line[:50]}") for row in TABLE]
)
def test_a_reply_has_the_meaning_of_its_row(row: Row) -> None:
    assert rule_for(said(row.step, row.line)).meaning == row.meaning


def test_every_row_of_the_table_is_needed() -> None:
    used = {rule_for(said(row.step, row.line)) for row in TABLE}

    assert [rule for rule in RULES if rule not in used] == []


def test_every_row_names_its_source() -> None:
    assert all(rule.source for rule in RULES)


# ------------------------------------------------------------- what must never happen

ANY_REPLY = st.builds(
    Reply,
    step=st.sampled_from(Step),
    code=st.none() | st.integers(200, 599),
    enhanced=st.none()
    | st.builds("{}.{}.{}".format, st.sampled_from("245"), st.integers(0, 8), st.integers(0, 260)),
    text=st.sampled_from([row.line[4:] for row in TABLE]),
)


@given(ANY_REPLY)
def test_only_a_success_at_the_dot_is_sent(reply: Reply) -> None:
    taken = reply.step is DOT and reply.code is not None and reply.code // 100 == 2

    assert (read_now(reply).verdict is Verdict.SENT) == taken


@given(ANY_REPLY)
def test_a_reply_that_is_not_permanent_fails_nobody(reply: Reply) -> None:
    outcome = read_now(reply)

    if reply.code is None or reply.code < 500:
        assert outcome.verdict is not Verdict.FAILED
        assert outcome.verdict is not Verdict.HELD


@given(ANY_REPLY)
def test_only_a_permanent_refusal_of_the_recipient_suppresses(reply: Reply) -> None:
    outcome = read_now(reply)

    if outcome.suppress:
        assert outcome.verdict is Verdict.FAILED
        assert outcome.blame is Blame.RECIPIENT
        assert reply.step in {RCPT, DATA, DOT}
        assert reply.code is not None
        assert reply.code >= 500
        assert not (reply.enhanced or "").startswith("5.7.")


@given(ANY_REPLY)
def test_a_paused_route_fails_nobody_and_counts_no_try(reply: Reply) -> None:
    outcome = read_now(reply)

    if outcome.pause_route or outcome.rest_route:
        assert (outcome.verdict, outcome.blame) == (Verdict.DEFERRED, Blame.ROUTE)
        assert not outcome.counted
        assert outcome.due_at == NOW


@given(ANY_REPLY)
def test_only_what_is_deferred_is_due_again(reply: Reply) -> None:
    outcome = read_now(reply)

    assert (outcome.due_at is not None) == (outcome.verdict is Verdict.DEFERRED)


@given(ANY_REPLY, st.sampled_from([530, 534, 535, 538]))
def test_a_refusal_to_let_us_in_pauses_the_route_at_any_step(reply: Reply, code: int) -> None:
    refused = Reply(reply.step, code, reply.enhanced, reply.text)

    assert read_now(refused).pause_route


@given(ANY_REPLY)
def test_uncertain_is_only_what_was_lost_after_the_dot(reply: Reply) -> None:
    if read_now(reply).verdict is Verdict.UNCERTAIN:
        assert reply.step is DOT
        assert reply.code is None or 300 <= reply.code < 400


# ---------------------------------------------------------------------- again, and when


@pytest.mark.parametrize("tries", range(10))
def test_a_deferred_delivery_follows_the_schedule(tries: int) -> None:
    waits = [300, 900, 1800, 3600, 7200, 14400, 21600, 21600, 21600, 21600]

    outcome = read_now(said(RCPT, "451 later"), tries=tries)

    assert outcome.verdict is Verdict.DEFERRED
    assert outcome.due_at == NOW + timedelta(seconds=waits[tries])
    assert outcome.counted


@pytest.mark.parametrize("jitter, seconds", [(-1, 240), (0, 300), (0.5, 330), (1, 360), (7, 360)])
def test_jitter_moves_a_wait_by_a_fifth_at_most(jitter: float, seconds: int) -> None:
    outcome = read(
        said(RCPT, "451 later"),
        may_repeat=False,
        tries=0,
        now=NOW,
        not_after=None,
        jitter=jitter,
    )

    assert outcome.due_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("tries", [0, 5])
def test_a_lost_session_before_the_dot_is_tried_soon_and_not_counted(tries: int) -> None:
    outcome = read_now(lost(CONNECT, "Connection refused"), tries=tries)

    assert (outcome.verdict, outcome.blame) == (Verdict.DEFERRED, Blame.NOBODY)
    assert outcome.due_at == NOW + timedelta(minutes=1)
    assert not outcome.counted


def test_a_digest_in_doubt_is_uncertain() -> None:
    outcome = read_now(lost(DOT, "no answer within 600 seconds"))

    assert (outcome.verdict, outcome.due_at) == (Verdict.UNCERTAIN, None)


def test_a_letter_in_doubt_goes_again_after_ten_minutes() -> None:
    outcome = read_now(lost(DOT, "no answer within 600 seconds"), may_repeat=True)

    assert outcome.verdict is Verdict.DEFERRED
    assert outcome.due_at == NOW + timedelta(minutes=10)
    assert outcome.counted


@pytest.mark.parametrize("line", ["451 4.7.1 later", "lost"])
def test_past_its_last_date_a_deferred_delivery_has_failed(line: str) -> None:
    outcome = read(
        said(RCPT, line),
        may_repeat=False,
        tries=3,
        now=NOW,
        not_after=NOW - timedelta(seconds=1),
        jitter=0,
    )

    assert (outcome.verdict, outcome.suppress, outcome.due_at) == (Verdict.FAILED, False, None)


def test_a_delivery_that_would_be_due_after_its_last_date_has_failed() -> None:
    ask = {"may_repeat": False, "tries": 0, "now": NOW, "jitter": 0.0}
    reply = said(RCPT, "451 later")

    late = read(reply, not_after=NOW + timedelta(minutes=4), **ask)  # type: ignore[arg-type]
    in_time = read(reply, not_after=NOW + timedelta(minutes=5), **ask)  # type: ignore[arg-type]

    assert (late.verdict, in_time.verdict) == (Verdict.FAILED, Verdict.DEFERRED)


def test_a_delivery_that_waits_for_its_route_does_not_fail_by_date() -> None:
    outcome = read(
        said(AUTH, "535 5.7.8 wrong password"),
        may_repeat=False,
        tries=9,
        now=NOW,
        not_after=NOW - timedelta(days=1),
        jitter=0,
    )

    assert (outcome.verdict, outcome.pause_route) == (Verdict.DEFERRED, True)


def test_the_schedule_only_grows() -> None:
    assert list(SCHEDULE) == sorted(SCHEDULE)


def test_reasons_are_sentences_without_anything_to_fill_in() -> None:
    for rule in RULES:
        assert re.fullmatch(r"[A-Z][^{}%!]+\.", rule.meaning.reason), rule.meaning.reason


def test_our_own_refusals_mean_what_they_should() -> None:
    too_large = own(MAIL, 552, "5.3.4", "not sent: too large")
    not_international = own(RCPT, 553, "5.6.7", "not sent: no SMTPUTF8")
    broken = own(MAIL, 554, "5.6.0", "lines that do not end with CRLF")
    no_tls = own(STARTTLS, 530, "5.7.10", "STARTTLS is not offered")
    untrusted = own(STARTTLS, 554, "5.7.5", "the certificate cannot be trusted")

    assert read_now(too_large) == meaning.TOO_LARGE
    assert read_now(not_international) == meaning.NOT_INTERNATIONAL
    assert not read_now(not_international).suppress
    assert read_now(broken) == meaning.MALFORMED
    assert read_now(no_tls).pause_route
    assert read_now(untrusted).pause_route


# ------------------------------------------------------------------------ reply's text


@pytest.mark.parametrize(
    "line, enhanced, text",
    [
        ("550 5.1.1 no such user", "5.1.1", "no such user"),
        ("550-5.1.1 no such\n550 5.1.1 user", "5.1.1", "no such user"),
        ("550 #5.1.0 Address rejected.", "5.1.0", "Address rejected."),
        ("550; 5.7.515 Access denied", "5.7.515", "Access denied"),
        ("550 (5.1.1) no", "5.1.1", "no"),
        ("550 no mailbox (#5.1.1)", "5.1.1", "no mailbox (#5.1.1)"),
        ("550 5.1.1.9 is an address", None, "5.1.1.9 is an address"),
        ("550 5.1.1000 is nothing", None, "5.1.1000 is nothing"),
        ("550 user 5.1.1 is unknown", None, "user 5.1.1 is unknown"),
        ("550", None, ""),
        ("250 2.0.0", "2.0.0", ""),
    ],
)
def test_the_status_code_is_parted_from_the_words(
    line: str, enhanced: str | None, text: str
) -> None:
    reply = said(RCPT, line)

    assert (reply.enhanced, reply.text) == (enhanced, text)


@pytest.mark.parametrize("code", [-1, 0, 199, 600, 999])
def test_a_code_that_is_none_counts_as_a_loss(code: int) -> None:
    assert heard(RCPT, code, ["what"]).code is None


@given(st.text())
def test_cleaned_text_is_short_printable_and_stays_so(text: str) -> None:
    cleaned = clean(text)

    assert cleaned.isprintable()
    assert len(cleaned.encode()) <= 1000
    assert clean(cleaned) == cleaned


# --------------------------------------------------------------- the same text elsewhere


@pytest.mark.parametrize(
    "one, other",
    [
        (
            (
                "554 5.2.252 SendAsDenied; kim@a.example cannot send [AB1.prod.mx.example]",
                "kim@a.example",
            ),
            (
                "554 5.2.252 SendAsDenied; lee@b.example cannot send [CD2.prod.mx.example]",
                "lee@b.example",
            ),
        ),
        (
            ("550 5.1.8 Access denied, bad outbound sender AS(42003) [F8:2026-12-01T09:00]", KIM),
            (
                "550 5.1.8 Access denied, bad outbound sender AS(42004) [0B:2026-12-01T09:01]",
                "x@b.org",
            ),
        ),
        (
            ("550 <kim@example.org>: unknown at mx1.example.org (192.0.2.1)", KIM),
            ("550 <lee@example.net>: unknown at mx7.example.net (2001:db8::9)", "lee@example.net"),
        ),
        (
            ("550 kim is over 250 messages, see https://a.example/kim?id=7", KIM),
            ("550 Lee is over 1250 messages, see https://b.example/lee?id=8", "lee@example.net"),
        ),
        (
            ("554 refused, id 4C1F2-8812 at 1733043600", KIM),
            ("554 refused, id 9ZZ11-1 at 1733043999", "lee@example.net"),
        ),
    ],
)
def test_the_same_words_have_the_same_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert reply_key(*one) == reply_key(*other) != ""


@pytest.mark.parametrize(
    "one, other",
    [
        ("550 5.1.1 user unknown", "550 5.1.8 bad outbound sender"),
        ("550 5.1.1 denied", "550 5.1.8 denied"),
        ("550 denied", "554 denied"),
        ("550 利用者不明", "550 容量超過"),
    ],
)
def test_other_words_or_codes_have_another_key(one: str, other: str) -> None:
    assert reply_key(one, KIM) != reply_key(other, KIM)


def test_a_key_keeps_codes_and_words() -> None:
    text = "550 5.1.8 <kim@example.org>: Bad SENDER [AB12.mx3]"

    assert reply_key(text, KIM) == "550 5.1.8 bad sender"


@given(st.text(max_size=300), st.text(max_size=30))
def test_a_key_is_made_of_anything(text: str, address: str) -> None:
    assert len(reply_key(text, address)) <= 200


@pytest.mark.parametrize(
    "address, domain",
    [
        (KIM, "example.org"),
        ("Kim@EXAMPLE.org.", "example.org"),
        ('"a@b"@xn--bcher-kva.example', "xn--bcher-kva.example"),
    ],
)
def test_the_domain_of_an_address_is_compared_in_lower_case(address: str, domain: str) -> None:
    assert domain_of(address) == domain
