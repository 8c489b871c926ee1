"""A relay's limits are kept, its quota replies are waited out, and another route may step in."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col

from mailer import delivery, ledger
from mailer.db.schema import Attempt, Delivery, DeliveryState, RouteState, RouteUse, Suppression
from mailer.delivery import resting
from mailer.delivery.routes import RouteStanding, rest
from mailer.digests import life
from tests.delivery.mails import read
from tests.installation import LATE, LIFE, SENDER, Installation, readers
from tests.smtp_server import SmtpServer

KIM = "kim@example.org"
MINUTE = timedelta(minutes=1)


def route(office: Installation, name: str = "smtp") -> RouteStanding:
    [found] = office.app.database.read(delivery.routes, [name])
    return found


def two_routes(office: Installation, first: SmtpServer, second: SmtpServer, **more: Any) -> None:
    office.reopen(
        smtp={"port": first.port, "fallback": ["second"], **more},
        **{"routes.second": {"host": second.host, "port": second.port, "security": "none"}},
    )


# ------------------------------------------------------------------ allowances


def test_no_more_leaves_in_a_minute_than_the_relay_takes(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"per_minute": 10, "letters_reserve": 0})
    office.subscribers(*readers(25))
    digest = office.queued()

    office.work()
    office.work()
    assert office.sums(digest).sent == 10

    office.clock.move(timedelta(seconds=62))
    office.work()
    assert office.sums(digest).sent == 20

    office.clock.move(timedelta(seconds=62))
    office.work()
    assert relay.taken == dict.fromkeys(readers(25), 1)


def test_a_new_relay_is_warmed_up_day_by_day(office: Installation, relay: SmtpServer) -> None:
    first = f"{office.clock.now():%Y-%m-%d}"
    office.reopen(smtp={"warm_up_on": first, "warm_up_first": 10, "letters_reserve": 0})
    office.subscribers(*readers(25))
    digest = office.queued()

    office.work()
    assert office.sums(digest).sent == 10

    office.clock.move(timedelta(days=1, minutes=16))
    office.work()

    assert relay.taken == dict.fromkeys(readers(25), 1)


def test_digests_leave_a_reserve_to_letters(office: Installation, relay: SmtpServer) -> None:
    office.reopen(smtp={"per_hour": 10, "letters_reserve": 20})
    office.subscribers(KIM, *readers(20))
    digest = office.queued()
    office.work()
    assert office.sums(digest).sent == 8

    letters = [office.letter(KIM) for _ in range(3)]
    office.work()

    assert office.sums(digest).sent == 8
    assert [row.state for row in office.rows() if row.id in letters].count(DeliveryState.SENT) == 2


def test_what_a_killed_worker_had_claimed_counts_until_it_is_known(office: Installation) -> None:
    # Given a worker that died with seven claims
    office.reopen(smtp={"per_day": 10, "letters_reserve": 0})
    office.subscribers(*readers(20))
    digest = office.sending()
    with office.app.database.writing() as session:
        now = office.clock.now()
        dead = ledger.register(session, host="a", boot="b", pid=1, now=now, lease=MINUTE)
        ledger.claim_digest(session, dead, digest, limit=7, now=now)

    # When another works, then only three more are sent
    office.work()
    assert office.sums(digest).sent == 3

    # When the dead one is recovered without its journal, then what it may have sent counts
    office.clock.move(2 * MINUTE)
    office.work()
    assert office.sums(digest).uncertain == 7
    assert office.sums(digest).sent == 3

    # And a day later there is room again
    office.clock.move(timedelta(days=1, minutes=30))
    office.work()
    assert office.sums(digest).sent == 13


def test_rows_that_never_had_their_turn_go_late_and_not_never(
    office: Installation, relay: SmtpServer
) -> None:
    office.reopen(smtp={"per_day": 10, "letters_reserve": 0}, delivery={"digest_give_up_hours": 30})
    office.subscribers(*readers(25))
    digest = office.queued()

    for _ in range(3):
        office.work()
        office.clock.move(timedelta(hours=24, minutes=30))

    assert office.sums(digest).sent == 25
    assert relay.taken == dict.fromkeys(readers(25), 1)


def test_without_allowances_nothing_is_noted(office: Installation) -> None:
    office.subscribers(*readers(25))
    digest = office.queued()
    office.work()

    assert office.sums(digest).sent == 25
    assert office.count(RouteUse) == office.count(RouteState) == 0


# ------------------------------------------------------------------ quota replies


@pytest.mark.parametrize(
    "step, reply",
    [
        ("dot", "550 5.7.233 your tenant has sent its day"),
        ("rcpt", "450 4.7.1 you exceeded your sending limit per day"),
        ("mail", "421 4.7.0 daily quota exceeded"),
        ("dot", "454 Throttling failure: Daily message quota exceeded."),
    ],
)
def test_a_quota_reply_lets_the_route_rest_and_nobody_fails(
    office: Installation, relay: SmtpServer, step: str, reply: str
) -> None:
    # Given a relay that has had enough after six
    office.subscribers(*readers(20))
    relay.answer(step, reply, after=6)
    digest = office.queued()

    # When a worker comes to it
    office.work()

    # Then the route rests, and says why; nobody was failed, suppressed or counted as tried
    resting = route(office)
    assert resting.rests_until is not None
    assert reply[:9] in resting.rest_reason
    sums = office.sums(digest)
    assert (sums.sent, sums.waiting) == (6, 14)
    assert office.count(Suppression) == 0
    asked = office.count(Attempt)

    # While it rests, nothing is tried
    office.clock.move(timedelta(minutes=50))
    office.work()
    assert office.count(Attempt) == asked

    # A rest that did not help is followed by a longer one
    office.clock.move(timedelta(minutes=15))
    office.work()
    longer = route(office).rests_until
    assert longer is not None
    assert longer - office.clock.now() > timedelta(minutes=110)

    # When the relay takes mail again, then each gets it once
    relay.behave()
    office.clock.move(timedelta(hours=2, minutes=5))
    office.work()
    assert relay.taken == dict.fromkeys(readers(20), 1)
    assert office.sums(digest).sent == 20


# ------------------------------------------------------------------ envelope


def test_a_relay_that_takes_one_sender_only_says_what_to_set(
    office: Installation, relay: SmtpServer
) -> None:
    # Given signed return paths, and a relay that knows one sender only
    office.reopen(smtp={"envelope": "signed", "return_path_domain": "bounce.example.org"})
    relay.answer("mail", "554 5.2.252 SendAsDenied; not allowed to send as this address")
    office.subscribers(*readers(5))
    digest = office.queued()

    # When a worker comes to it, then the route pauses and names the setting; nobody failed
    office.work()
    assert "smtp.envelope = “fixed”" in route(office).reason
    assert office.sums(digest).waiting == 5

    # When that is set, then all go from the one sender, each with a token in its Message-ID
    relay.behave()
    office.reopen(smtp={"envelope": "fixed", "return_path": SENDER, "return_path_domain": ""})
    office.app.database.write(delivery.resume_route, "smtp", ["smtp"], now=office.clock.now())
    office.work()
    mails = [one for one in relay.messages if one.recipient in readers(5)]
    assert {one.sender for one in mails} == {SENDER}
    assert len({read(one)["Message-ID"] for one in mails}) == 5
    assert len({read(one)["List-Unsubscribe"] for one in mails}) == 5


# ------------------------------------------------------------------ fallbacks


def test_while_a_route_rests_its_fallback_steps_in(office: Installation, relay: SmtpServer) -> None:
    with SmtpServer() as other:
        two_routes(office, relay, other)
        office.subscribers(*readers(20))
        relay.answer("dot", "550 5.7.233 your tenant has sent its day", after=6)
        digest = office.queued()

        office.work()

        assert relay.taken + other.taken == dict.fromkeys(readers(20), 1)
        assert sum(other.taken.values()) == 14
        by_other = [row for row in office.rows(digest) if row.route == "second"]
        assert {row.reason for row in by_other} == {
            "Taken by the relay of “second”, because “smtp” rests."
        }

        # And when the first is well again, it is taken again
        relay.behave()
        office.clock.move(timedelta(hours=2))
        second = office.queued("More news")
        office.work()
        assert {row.route for row in office.rows(second)} == {"smtp"}


def test_a_relay_out_of_reach_is_given_up_for_a_while(
    office: Installation, relay: SmtpServer
) -> None:
    with SmtpServer() as other:
        two_routes(office, relay, other, port=1, fallback_minutes=10)
        office.subscribers(KIM, *readers(4))
        letter = office.letter(KIM)
        digest = office.queued()

        office.work()
        assert not other.messages

        for minutes in (6, 6, 2):
            office.clock.move(timedelta(minutes=minutes))
            office.work()

        assert office.sums(digest).sent == 5
        assert other.taken[KIM] == 2
        [row] = [row for row in office.rows() if row.id == letter]
        assert (row.state, row.route) == ("sent", "second")


def test_what_waits_again_after_a_detour_is_meant_for_its_own_route(
    office: Installation, relay: SmtpServer
) -> None:
    with SmtpServer() as other:
        two_routes(office, relay, other)
        office.app.database.write(_rest, now=office.clock.now())
        other.answer("rcpt", "450 4.2.1 busy", recipient=KIM)
        office.subscribers(KIM)
        office.letter(KIM)

        office.work()

        [row] = office.rows()
        assert (row.state, row.route, row.tries) == ("queued", "smtp", 1)
        assert office.count(Attempt, col(Attempt.route) == "second") == 1
        assert office.count(Delivery, col(Delivery.route) == "second") == 0


def _rest(session: Any, *, now: Any) -> None:
    rest(session, "smtp", resting.A_DAY, "The relay said: 550 5.7.233", now=now)


# ------------------------------------------------------------------ foretelling


def outlook(office: Installation, digest: int) -> delivery.Outlook:
    known = office.app.settings.all_routes()
    read_ = office.app.database.read
    give_up = timedelta(hours=office.app.settings.delivery.digest_give_up_hours)
    return read_(delivery.outlook, digest, known, now=office.clock.now(), life_of=give_up)


def test_the_end_is_foretold_with_what_else_waits(office: Installation) -> None:
    office.reopen(smtp={"per_minute": 10, "letters_reserve": 0})
    office.subscribers(*readers(25))
    first, second = office.queued(), office.queued("More news")

    ahead = outlook(office, second)

    assert ahead.through_at is not None
    minutes = (ahead.through_at - office.clock.now()) / MINUTE
    assert 4 <= minutes <= 4.2
    assert "UTC (25 at 10 a minute)" in ahead.words
    assert not ahead.is_long
    office.work()
    assert office.sums(first).sent + office.sums(second).sent == 10


def test_a_digest_that_takes_too_long_is_known_beforehand(office: Installation) -> None:
    office.reopen(smtp={"per_day": 5, "letters_reserve": 0})
    office.subscribers(*readers(25))

    assert outlook(office, office.queued()).is_long


def test_a_resting_route_is_told_of_and_the_one_that_is_taken(
    office: Installation, relay: SmtpServer
) -> None:
    office.subscribers(*readers(3))
    two_routes(office, relay, relay)
    office.app.database.write(_rest, now=office.clock.now())

    words = outlook(office, office.queued()).words

    assert words.startswith("“smtp” rests until 2026-12-01 09:00 UTC: The relay said: 550 5.7.233")
    assert words.endswith("“second” is taken instead")


def test_without_limits_nothing_is_foretold(office: Installation) -> None:
    office.subscribers(*readers(3))

    assert outlook(office, office.queued()) == delivery.Outlook()


def test_a_digest_that_was_paused_for_long_has_its_time_anew(
    office: Installation, relay: SmtpServer
) -> None:
    # Given a digest that is paused for a week on its way
    office.subscribers(*readers(5))
    digest = office.sending()
    office.edit(digest, life.pause, "the minister has seen it")
    office.clock.move(timedelta(days=7))

    # When it is resumed, then it goes
    office.edit(digest, life.resume, late=LATE, give_up=LIFE)
    office.work()

    assert relay.taken == dict.fromkeys(readers(5), 1)
