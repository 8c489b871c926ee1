"""When a digest will be through, at what its relay allows."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.allowance import WARM, Allowance, WarmUp
from mailer.delivery.forecast import Job, rate, through_at
from mailer.ledger import LENGTHS, SLOTS, Use, Used, Window
from tests.conftest import MOMENT

MINUTE, HOUR, DAY = LENGTHS.values()
NOTHING = Used()


def after(count: int, *, used: Used = NOTHING, **limits: int) -> timedelta:
    allowance = Allowance({Window(name): limit for name, limit in limits.items()})
    at = through_at([Job(MOMENT, count)], allowance, used, now=MOMENT)
    assert at is not None
    return at - MOMENT


def test_what_fits_goes_at_once() -> None:
    assert after(30, minute=30) == timedelta(0)


def test_two_thousand_at_thirty_a_minute_take_a_little_over_an_hour() -> None:
    assert timedelta(minutes=66) <= after(2000, minute=30) <= timedelta(minutes=68)


def test_what_the_day_does_not_hold_goes_on_tomorrow() -> None:
    through = after(2000, minute=30, day=600)

    assert timedelta(days=3) < through < timedelta(days=3, hours=2)


def test_what_was_sent_before_counts() -> None:
    used = Used(5, {Window.HOUR: (Use(MOMENT + timedelta(minutes=20), 25),)})

    assert after(1, hour=30, used=used) == timedelta(minutes=20)


def test_one_job_waits_for_another_and_for_its_hour() -> None:
    jobs = [Job(MOMENT, 60), Job(MOMENT + timedelta(seconds=30), 30)]

    at = through_at(jobs, Allowance({Window.MINUTE: 30}), NOTHING, now=MOMENT)

    assert at == MOMENT + 2 * (MINUTE + SLOTS[Window.MINUTE])


def test_beyond_a_year_nothing_is_foretold() -> None:
    jobs = [Job(MOMENT, 1000)]

    assert through_at(jobs, Allowance({Window.DAY: 2}), NOTHING, now=MOMENT) is None


def test_the_rate_is_what_is_left_to_digests() -> None:
    assert rate(Allowance({Window.MINUTE: 30, Window.DAY: 10_000}, 10), MOMENT) == (
        "27 a minute, 9,000 a day"
    )


# ---------------------------------------------------------------------- a warm-up


def warming(first: int = 200, percent: int = 50, **limits: int) -> Allowance:
    warm_up = WarmUp(MOMENT.date(), first, percent)
    return Allowance({Window(name): limit for name, limit in limits.items()}, warm_up=warm_up)


def test_a_warm_up_allows_half_as_much_again_each_day() -> None:
    days = [warming().limit(Window.DAY, MOMENT + day * DAY) for day in range(-1, 4)]

    assert days == [200, 200, 300, 450, 675]


def test_a_warm_up_ends_where_nobody_looks_askance() -> None:
    last = WarmUp(date(2026, 1, 1), WARM // 2, 100)

    assert last.limit(MOMENT.replace(year=2026, month=1, day=1)) == WARM // 2
    assert last.limit(MOMENT.replace(year=2026, month=1, day=2)) is None


def test_a_warm_up_never_allows_more_than_the_relay_does() -> None:
    allowance = warming(per_day := 200, day=250)

    assert allowance.limit(Window.DAY, MOMENT) == per_day
    assert allowance.limit(Window.DAY, MOMENT + 5 * DAY) == 250


def test_a_warm_up_is_foretold_as_it_grows() -> None:
    through = through_at([Job(MOMENT, 200 + 300 + 450)], warming(), NOTHING, now=MOMENT)

    assert through is not None
    assert timedelta(days=1) < through - MOMENT < timedelta(days=4)


def test_the_rate_of_a_warm_up_says_that_it_grows() -> None:
    assert rate(warming(minute=60), MOMENT) == "60 a minute, 200 a day and 50% more each day"


@given(
    st.integers(1, 300),
    st.dictionaries(st.sampled_from(Window), st.integers(5, 50), min_size=1),
)
def test_nothing_is_foretold_sooner_than_the_limits_let_it(
    count: int, limits: dict[Window, int]
) -> None:
    at = through_at([Job(MOMENT, count)], Allowance(limits), NOTHING, now=MOMENT)

    assert at is not None
    for window, limit in limits.items():
        assert at - MOMENT >= LENGTHS[window] * ((count - 1) // limit)
