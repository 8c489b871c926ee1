"""A pace is kept over any span, halved when asked, raised step by step, and stopped by refusals."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery import pace as paces
from mailer.delivery.groups import by_exchanges
from mailer.delivery.pace import BURST, HOLD, HORIZON, LONGEST, Pace, Terms
from tests.conftest import MOMENT

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TERMS = Terms(start=60, most=600, reserve=10, is_given=True)
LEARNED = Terms(start=60, reserve=10)


def fresh(terms: Terms = TERMS) -> Pace:
    return paces.begun(terms, MOMENT)


def slowed(pace: Pace, at: datetime, terms: Terms = TERMS) -> Pace:
    return paces.slowed(pace, terms, "421 4.7.28", at)


# ------------------------------------------------------------------------ keeping


@st.composite
def traffic(draw: st.DrawFn) -> list[tuple[datetime, bool]]:
    """Give messages that want to go, in order: when, and whether it is a letter."""
    gaps = draw(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=300))
    at, wishes = MOMENT, []
    for milliseconds, is_letter in gaps:
        at += timedelta(milliseconds=milliseconds)
        wishes.append((at, is_letter))
    return wishes


@given(traffic(), st.integers(1, 600), st.integers(0, 90))
def test_no_span_of_time_sees_more_than_the_pace_and_a_burst(
    wishes: list[tuple[datetime, bool]], per_minute: int, reserve: int
) -> None:
    terms = Terms(per_minute, per_minute, reserve, is_given=True)
    pace, gone = fresh(terms), []

    for at, is_letter in wishes:
        take = paces.of_letter if is_letter else paces.of_digest
        pace, later = take(pace, terms, at)
        if later is None:
            gone.append(at)

    for first, begin in enumerate(gone):
        for last in range(first, len(gone)):
            span = gone[last] - begin + BURST
            assert last - first + 1 <= span / MINUTE * per_minute + 2


@given(traffic(), st.integers(1, 600))
def test_whoever_is_sent_away_comes_later_and_within_the_horizon(
    wishes: list[tuple[datetime, bool]], per_minute: int
) -> None:
    terms = Terms(per_minute, per_minute, is_given=True)
    pace = fresh(terms)

    for at, is_letter in wishes:
        take = paces.of_letter if is_letter else paces.of_digest
        pace, later = take(pace, terms, at)
        assert later is None or at <= later <= at + HORIZON + MINUTE


def test_those_in_line_come_once_more_and_go() -> None:
    pace, waiting = fresh(), []
    for number in range(200):
        pace, later = paces.of_digest(pace, TERMS, MOMENT)
        if later is not None:
            waiting.append((later, number))

    times = 0
    while waiting and times < 1000:
        times += 1
        at, number = waiting.pop(0)
        pace, later = paces.of_digest(pace, TERMS, max(at, MOMENT))
        if later is not None:
            waiting.append((later, number))

    assert times <= 200


def test_a_pace_that_nobody_asked_for_is_none() -> None:
    pace = fresh(LEARNED)

    for _ in range(10_000):
        pace, later = paces.of_digest(pace, LEARNED, MOMENT)
        assert later is None
    assert paces.room(pace, LEARNED, MOMENT).digests >= 10_000


def test_a_pace_that_was_kept_obeys_the_terms_of_today() -> None:
    fast, without = replace(fresh(), per_minute=300), replace(fresh(), per_minute=0)
    lower = Terms(start=30, most=30, is_given=True)

    assert [paces.under(one, lower).per_minute for one in (fast, without)] == [30, 30]
    assert [paces.under(one, LEARNED) for one in (fast, without)] == [fast, without]


def test_letters_have_a_reserve_that_digests_do_not_touch() -> None:
    pace, later = fresh(), None
    while later is None:
        pace, later = paces.of_digest(pace, TERMS, MOMENT)

    pace, later = paces.of_letter(pace, TERMS, MOMENT)

    assert later is None


def test_letters_take_what_digests_leave() -> None:
    pace, gone = fresh(), 0
    for second in range(60):
        pace, later = paces.of_letter(pace, TERMS, MOMENT + second * SECOND)
        gone += later is None

    assert gone >= 54


@given(st.integers(1, 6000), st.integers(0, 90), st.integers(0, 120))
def test_the_room_is_what_there_are_slots_for(per_minute: int, reserve: int, passed: int) -> None:
    terms = Terms(per_minute, per_minute, reserve, is_given=True)
    pace, later = fresh(terms), None
    while later is None:
        pace, later = paces.of_digest(pace, terms, MOMENT)

    now = MOMENT + passed * SECOND
    room = paces.room(pace, terms, now)

    for _ in range(room.digests):
        pace, later = paces.of_digest(pace, terms, now)
        assert later is None
    assert paces.of_digest(pace, terms, now)[1] is not None


# ----------------------------------------------------------------------- learning


def test_told_to_slow_down_a_pace_is_halved_and_held_off_for_ten_minutes() -> None:
    pace = slowed(fresh(), MOMENT)

    assert pace.per_minute == 30
    assert pace.is_held(MOMENT + HOLD - SECOND)
    assert paces.of_digest(pace, TERMS, MOMENT)[1] == MOMENT + HOLD
    assert paces.of_letter(pace, TERMS, MOMENT)[1] == MOMENT + HOLD
    assert paces.of_digest(pace, TERMS, MOMENT + HOLD)[1] is None


def test_what_was_under_way_halves_it_only_once() -> None:
    pace = fresh()
    for second in range(20):
        pace = slowed(pace, MOMENT + second * SECOND)

    assert pace.per_minute == 30
    assert pace.held_until == MOMENT + HOLD


def test_while_it_does_not_help_it_is_held_longer_and_slower_and_never_for_good() -> None:
    pace, at, waits = fresh(), MOMENT, []
    for _ in range(12):
        pace = slowed(pace, at)
        assert pace.held_until is not None
        waits.append(pace.held_until - at)
        at = pace.held_until

    assert waits[:5] == [HOLD * factor for factor in (1, 2, 4, 8, 12)]
    assert waits[-1] == HOLD * LONGEST
    assert pace.per_minute == 1


def test_where_there_was_no_pace_it_is_half_of_what_was_taken() -> None:
    assert paces.slowed(fresh(LEARNED), LEARNED, "", MOMENT, measured=840).per_minute == 420
    assert paces.slowed(fresh(LEARNED), LEARNED, "", MOMENT).per_minute == 30


def test_a_pace_recovers_step_by_step_by_what_is_taken() -> None:
    pace, found = slowed(fresh(), MOMENT), []
    at = MOMENT + HOLD
    for _ in range(10):
        pace = paces.took(pace, TERMS, pace.per_minute * paces.STEP_MINUTES, at)
        found.append(pace.per_minute)

    assert found[:3] == [45, 60, 75]
    assert pace.holds == 0


@given(st.lists(st.integers(1, 10_000), max_size=200))
def test_no_pace_rises_beyond_the_most(taken: list[int]) -> None:
    pace = fresh()
    for count in taken:
        before = pace.per_minute
        pace = paces.took(pace, TERMS, count, MOMENT)
        assert before <= pace.per_minute <= min(before + max(15, before // 8), 600)


def test_what_is_taken_while_it_is_held_off_raises_nothing() -> None:
    pace = paces.took(slowed(fresh(), MOMENT), TERMS, 10_000, MOMENT + SECOND)

    assert (pace.per_minute, pace.taken) == (30, 0)


def test_five_refusals_in_a_row_stop_a_group() -> None:
    pace = fresh()
    for _ in range(4):
        pace = paces.refused(pace, "554 5.7.1 blocked", MOMENT)
    assert pace.stopped_at is None

    pace = paces.refused(pace, "554 5.7.1 blocked", MOMENT)

    assert (pace.stopped_at, pace.reason) == (MOMENT, "554 5.7.1 blocked")
    assert paces.room(pace, TERMS, MOMENT).digests == 0
    assert paces.of_letter(pace, TERMS, MOMENT)[1] is None


def test_one_refusal_in_ten_stops_nothing_and_one_in_three_does() -> None:
    for every, stops in ((10, False), (3, True)):
        pace = fresh()
        for number in range(300):
            if number % every:
                pace = paces.took(pace, TERMS, 1, MOMENT)
            else:
                pace = paces.refused(pace, "", MOMENT)
        assert (pace.stopped_at is not None) is stops


def test_resumed_it_goes_on_at_the_pace_there_was() -> None:
    stopped = replace(slowed(fresh(), MOMENT), stopped_at=MOMENT, strikes=20, reason="blocked")

    pace = paces.resumed(stopped, MOMENT + MINUTE)

    assert (pace.per_minute, pace.stopped_at, pace.strikes, pace.reason) == (30, None, 0, "")
    assert paces.of_digest(pace, TERMS, MOMENT + MINUTE)[1] is None


# ------------------------------------------------------------------------- groups


def test_a_domain_belongs_to_whom_its_best_exchanger_belongs() -> None:
    assert by_exchanges(["ASPMX.L.GOOGLE.COM.", "alt1.aspmx.l.google.com"]) == "google"
    assert by_exchanges(["office-example.mail.protection.outlook.com"]) == "microsoft-365"
    assert by_exchanges(["outlook-com.olc.protection.outlook.com"]) == "microsoft"
    assert by_exchanges(["mx1.hoster.example", "mx2.hoster.example"]) == "hoster.example"
    assert by_exchanges(["hoster.example"]) == "hoster.example"
    assert by_exchanges(["notgoogle.com"]) == "notgoogle.com"
    assert by_exchanges([]) == ""


def test_no_group_is_called_what_a_shell_would_run() -> None:
    assert (
        by_exchanges(["mx1.`reboot`.example", "mx.a;b.example", "mx.a|b.example", "mx. x.y"]) == ""
    )
    assert by_exchanges(["mx1.$(reboot).example", "mx2.hoster.example"]) == "hoster.example"
