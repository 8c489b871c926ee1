"""A provider that asks for less gets less, one that refuses us gets nothing; all others go on."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlmodel import select

from mailer import check, delivery, ledger, scheduler
from mailer.app import App
from mailer.db.schema import DeliveryKind, DomainGroup, Pace, Suppression
from mailer.delivery.paces import GroupStanding
from tests.delivery.mails import read
from tests.installation import OWNER, Installation, readers
from tests.name_server import BROKEN, NameServer, Zone
from tests.smtp_server import SmtpServer, Taken

SLOW_DOWN = "421 4.7.28 our system has detected an unusual rate of mail"
BLOCKED = "554 5.7.1 message refused by policy"
HOLD = timedelta(minutes=10, seconds=1)
MINUTE = timedelta(minutes=1)
PATIENCE_TURNS = 40


def at(domain: str, count: int) -> list[str]:
    return [f"reader{number}@{domain}" for number in range(count)]


def answers(reply: str, *domains: str) -> Callable[[str, str, list[str]], str | None]:
    """Let a relay say something to whoever writes to some domains."""

    def rule(step: str, _sender: str, recipients: list[str]) -> str | None:
        is_theirs = any(one.rpartition("@")[2] in domains for one in recipients)
        return reply if step == "rcpt" and is_theirs else None

    return rule


def group(office: Installation, name: str) -> GroupStanding:
    found = office.app.database.read(delivery.paces, ["smtp"])
    return next(one for one in found if one.group == name)


def taken(relay: SmtpServer, domain: str) -> int:
    return sum(count for one, count in relay.taken.items() if one.endswith(f"@{domain}"))


def letter_of(message: Taken) -> str:
    body = read(message).get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def at_more_than(per_minute: int, moments: list[float]) -> bool:
    """Tell whether messages came faster than a pace and its burst let them."""
    assert moments
    return len(moments) > per_minute / 60 * (moments[-1] - moments[0] + 5) + 5


@contextmanager
def at_work(app: App) -> Iterator[None]:
    """Run a second worker on the same ledger, in a thread."""
    stop = threading.Event()

    async def run() -> None:
        ended = asyncio.Event()
        running = asyncio.create_task(app.engine().run(ended))
        await asyncio.to_thread(stop.wait)
        ended.set()
        await running

    thread = threading.Thread(target=asyncio.run, args=[run()])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def until_sent(office: Installation, digest: int, step: timedelta = MINUTE) -> int:
    """Work and let time pass until a digest is through; give how many steps that took."""
    for turns in range(PATIENCE_TURNS):
        office.work()
        if office.digest(digest).state == "sent":
            return turns
        office.clock.move(step)
    raise AssertionError(f"not sent: {office.sums(digest)}")


# --------------------------------------------------------------------- slowed down


def test_a_provider_that_asks_for_less_holds_up_nobody_else(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*at("gmail.com", 60), *at("googlemail.com", 20), *readers(120))
    relay.rule = answers(SLOW_DOWN, "gmail.com", "googlemail.com")
    digest = office.queued()

    office.work()

    # Everybody else has theirs; that provider waits, whatever the domain, and nobody is to blame
    sums = office.sums(digest)
    assert (sums.sent, sums.open) == (120, 80)
    google = group(office, "google")
    assert google.state(office.clock.now()) == "held"
    assert "4.7.28" in google.pace.reason
    assert office.count(Suppression) == 0
    waiting = [row for row in office.rows(digest) if row.state == "queued" and not row.tries]
    assert waiting
    assert all("google" in row.reason for row in waiting)

    # When it has calmed down, the rest goes, at half the pace
    relay.rule = None
    office.clock.move(HOLD)
    office.work()
    assert not at_more_than(150, [one.at for one in relay.messages[120:]])
    until_sent(office, digest)

    assert set(relay.taken.values()) == {1}
    assert office.sums(digest).sent == 200


def test_the_line_tells_what_is_held_and_why(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*at("gmail.com", 30))
    relay.rule = answers(SLOW_DOWN, "gmail.com")
    digest = office.queued()
    office.work()

    ahead = office.app.database.read(
        delivery.outlook,
        digest,
        office.app.settings.all_routes(),
        now=office.clock.now(),
        life_of=timedelta(hours=72),
    )

    assert "“google” is held until" in ahead.words
    assert "4.7.28" in ahead.words
    assert "reader" not in ahead.words


def test_one_mailbox_that_puts_us_off_slows_down_nobody(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers("kim@small.example", "lee@small.example")
    relay.answer("rcpt", "451 4.7.1 try again later", recipient="kim@small.example")
    digest = office.queued()

    office.work()

    assert office.row("lee@small.example", digest).state == "sent"
    assert office.count(Pace) == 0


def test_without_anybody_asking_nothing_is_noted(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*at("gmail.com", 50))
    digest = office.queued()

    office.work()

    assert office.sums(digest).sent == 50
    assert office.count(Pace) == office.count(DomainGroup) == 0


def test_a_relay_that_asks_for_less_is_used_at_half_of_what_it_took(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(400))
    relay.answer("mail", "454 4.7.0 Throttling failure: Maximum sending rate exceeded", after=200)
    digest = office.queued()
    office.work()
    before = len(relay.messages)
    assert before < 400

    relay.behave()
    office.clock.move(2 * MINUTE)
    office.work()

    whole = group(office, "")
    assert whole.pace.per_minute > 0
    assert not at_more_than(whole.pace.per_minute, [one.at for one in relay.messages[before:]])
    until_sent(office, digest)
    assert set(relay.taken.values()) == {1}


# -------------------------------------------------------------------- given paces


def test_by_the_table_of_providers_nobody_gets_more_than_they_like(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"pace": "providers"})
    office.subscribers(*at("orange.fr", 30), *readers(40, domains=40))
    digest = office.queued()

    office.work()

    # Thirty a minute to begin with, and in a burst what five seconds hold; others go at once
    assert taken(relay, "orange.fr") <= 5
    assert office.sums(digest).sent == 40 + taken(relay, "orange.fr")
    waiting = [row.due_at for row in office.rows(digest) if row.state == "queued"]
    assert len(set(waiting)) == len(waiting)

    began = office.clock.now()
    until_sent(office, digest, timedelta(seconds=4))
    minutes = (office.clock.now() - began) / MINUTE
    assert 25 / 30 <= minutes <= 30 / 27 + 1
    assert set(relay.taken.values()) == {1}


def test_a_limit_of_the_owners_own_is_kept(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"group_limits": {"partner.example": 12}})
    office.subscribers(*at("partner.example", 20), *readers(20))
    digest = office.queued()

    office.work()
    assert taken(relay, "partner.example") <= 3
    assert office.sums(digest).sent == 20 + taken(relay, "partner.example")
    office.clock.move(MINUTE)
    office.work()

    assert taken(relay, "partner.example") <= 3 + 12


def test_a_limit_that_is_made_lower_holds_at_once(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"group_limits": {"partner.example": 60}})
    office.subscribers(*at("partner.example", 20))
    office.queued()
    office.work()
    before = taken(relay, "partner.example")

    office.reopen(smtp={"group_limits": {"partner.example": 6}})
    office.clock.move(MINUTE)
    office.work()

    assert taken(relay, "partner.example") == before + 1


def test_a_domain_of_a_provider_has_a_limit_of_its_own_if_it_is_named(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"group_limits": {"googlemail.com": 12}})
    office.subscribers(*at("googlemail.com", 20), *at("gmail.com", 20))
    office.queued()

    office.work()

    assert taken(relay, "gmail.com") == 20
    assert taken(relay, "googlemail.com") <= 8


def test_letters_go_before_the_digests_in_line(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"group_limits": {"partner.example": 12}})
    office.subscribers(*at("partner.example", 40), "kim@partner.example")
    office.queued()
    office.work()

    office.letter("kim@partner.example", DeliveryKind.WELCOME)
    office.work()

    assert office.row("kim@partner.example").state == "sent"


def test_two_digests_share_a_pace_evenly(office: Installation, relay: SmtpServer) -> None:
    other = office.a_list("other")
    office.reopen(smtp={"group_limits": {"partner.example": 60}})
    for list_id in (office.list_id, other):
        office.subscribers(*at("partner.example", 60), list_id=list_id)
    digests = [office.queued("News"), office.queued("Other", slug="other")]

    for _ in range(12):
        office.work()
        office.clock.move(timedelta(seconds=5))

    first, second = (office.sums(digest).sent for digest in digests)
    assert first + second >= 40
    assert abs(first - second) <= 16


def test_two_workers_share_a_pace(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"group_limits": {"partner.example": 120}})
    office.subscribers(*at("partner.example", 100))
    digest = office.sending()

    with office.second() as other, at_work(other), office.at_work():
        relay.wait_for(25, seconds=40)

    moments = [one.at for one in relay.messages]
    for begin, moment in enumerate(moments):
        held = sum(moment <= one <= moment + 5 for one in moments[begin:])
        assert held <= 120 / 60 * (5 + 5) + 3
    assert office.sums(digest).sent == len(relay.messages)
    assert set(relay.taken.values()) == {1}


# ------------------------------------------------------------------------- stopped


def test_a_provider_that_refuses_us_is_stopped_and_the_owner_told(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(delivery={"batch": 10})
    office.subscribers(*readers(30), *at("gmail.com", 60))
    relay.rule = answers(BLOCKED, "gmail.com")
    digest = office.queued()

    office.work()

    google = group(office, "google")
    assert google.state(office.clock.now()) == "stopped"
    rows = [row for row in office.rows(digest) if (row.address or "").endswith("@gmail.com")]
    refused = [row for row in rows if row.tries]
    assert len(refused) <= 30
    assert all(row.state == "queued" and row.due_at is None for row in rows)
    assert office.sums(digest).sent == 30
    assert office.count(Suppression) == 0
    [notice] = [one for one in relay.messages if one.recipient == OWNER]
    assert "mailer route resume smtp --group google" in letter_of(notice)

    # A letter still goes
    relay.rule = None
    office.letter("reader0@gmail.com")
    office.work()
    assert taken(relay, "gmail.com") == 1

    # When the owner resumes it, what was held goes; what was refused, when it is asked for
    now = office.clock.now()
    office.app.database.write(delivery.resume_group, "smtp", "google", now=now)
    reason = delivery.stopped_reason("smtp", "google")
    assert office.app.database.write(ledger.let_held_go, reason, now=now) == 60 - len(refused)
    office.work()
    assert office.sums(digest).sent == 90 - len(refused)


# ----------------------------------------------------------------------- forgotten


def test_after_a_quiet_day_a_pace_that_was_asked_for_is_forgotten(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*at("gmail.com", 30))
    relay.rule = answers(SLOW_DOWN, "gmail.com")
    office.queued()
    office.work()

    scheduler.tidy(office.app)
    assert office.count(Pace) == 1
    office.clock.move(timedelta(days=1, minutes=11))
    scheduler.tidy(office.app)

    assert office.count(Pace) == 0


def test_a_stopped_group_is_not_forgotten(office: Installation, relay: SmtpServer) -> None:
    office.subscribers(*at("gmail.com", 30))
    relay.rule = answers(BLOCKED, "gmail.com")
    office.queued()
    office.work()

    office.clock.move(timedelta(days=100))
    scheduler.tidy(office.app)

    assert group(office, "google").state(office.clock.now()) == "stopped"


def test_a_given_pace_is_remembered_for_a_month(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"pace": "providers"})
    office.subscribers("kim@orange.fr")
    office.queued()
    office.work()

    for days, remembered in ((29, 1), (2, 0)):
        office.clock.move(timedelta(days=days))
        scheduler.tidy(office.app)
        assert office.count(Pace) == remembered


# ---------------------------------------------------------------------- exchangers


def test_a_domain_that_could_not_be_asked_about_is_asked_about_later(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"pace": "providers"})
    office.subscribers("kim@one.example")
    office.queued()
    office.work()

    with NameServer({"one.example": BROKEN}) as names:
        scheduler.ask_about_domains(office.app, check.Resolver(names.address, seconds=10))
    assert known(office) == {"one.example": "one.example"}

    office.clock.move(timedelta(hours=1, minutes=1))
    scheduler.tidy(office.app)
    assert known(office) == {}


def test_domains_with_the_same_exchangers_are_one_group(
    office: Installation, relay: SmtpServer
) -> None:
    zone: Zone = {
        "one.example": {"MX": ["10 aspmx.l.google.com", "5 alt.aspmx.l.google.com"]},
        "two.example": {"MX": ["1 smtp.google.com"]},
        "null.example": {"MX": ["0 ."]},
    }
    everybody = [f"kim@{domain}" for domain in (*zone, "none.example")]
    office.reopen(smtp={"pace": "providers"})
    office.subscribers(*everybody)
    digest = office.queued()
    office.work()
    assert office.sums(digest).sent == 4

    with NameServer(zone) as names:
        resolver = check.Resolver(names.address, seconds=10)
        scheduler.ask_about_domains(office.app, resolver)
        scheduler.ask_about_domains(office.app, resolver)
        asked = Counter(names.asked)

    assert known(office) == {
        "one.example": "google",
        "two.example": "google",
        "null.example": "null.example",
        "none.example": "none.example",
    }
    assert set(asked.values()) == {1}

    office.clock.move(timedelta(minutes=11))
    second = office.queued("More")
    office.work()
    assert office.sums(second).sent == 4
    assert group(office, "google").state(office.clock.now()) == "paced"


def known(office: Installation) -> dict[str, str]:
    with office.app.database.reading() as session:
        return {one.domain: one.group_name for one in session.exec(select(DomainGroup))}


# ------------------------------------------------------------------------ fairness


def test_two_digests_at_once_share_a_whole_run(office: Installation, relay: SmtpServer) -> None:
    other = office.a_list("other")
    for list_id in (office.list_id, other):
        office.subscribers(*readers(600), list_id=list_id)
    digests = [office.sending("Aaaa"), office.sending("Bbbb", slug="other")]

    office.work()

    subjects = [b"Subject: Aaaa" in one.content for one in relay.messages]
    assert all(office.sums(digest).sent == 600 for digest in digests)
    for share in (0.25, 0.5, 0.75):
        some = subjects[: int(1200 * share)]
        assert 0.4 <= sum(some) / len(some) <= 0.6
