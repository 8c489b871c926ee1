"""When digests are due: days by the list's clock, through changes of clocks and of minds."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.digests import cadence
from mailer.digests.cadence import Cadence, Every, Then
from mailer.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY = date(2026, 12, 7)


def weekly(day: int = 1, hour: str = "09:00", since: datetime = LONG_AGO) -> Cadence:
    return Cadence(Every.WEEK, day, time.fromisoformat(hour), since)


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_a_weekly_digest_is_due_from_its_hour_on() -> None:
    before, after = at("2026-12-07T08:59"), at("2026-12-07T09:00")

    assert cadence.latest(weekly(), BERLIN, now=before) == date(2026, 11, 30)
    assert cadence.latest(weekly(), BERLIN, now=after) == MONDAY


def test_of_several_missed_days_the_last_one_counts() -> None:
    assert cadence.latest(weekly(), BERLIN, now=at("2026-12-26T12:00")) == date(2026, 12, 21)


def test_nothing_is_due_from_before_there_was_a_cadence() -> None:
    since = at("2026-12-07T12:00")

    assert cadence.latest(weekly(since=since), BERLIN, now=at("2026-12-13T12:00")) is None
    assert cadence.latest(weekly(since=since), BERLIN, now=at("2026-12-14T09:00")) == date(
        2026, 12, 14
    )


def test_every_second_week_counts_from_its_anchor_both_ways() -> None:
    rhythm = Cadence(Every.FORTNIGHT, 1, time(9), LONG_AGO, anchor=MONDAY)

    assert [MONDAY + timedelta(weeks=n) for n in range(-3, 4) if n % 2 == 0] == [
        day for day in (MONDAY + timedelta(days=n) for n in range(-21, 22)) if rhythm.falls_on(day)
    ]


@pytest.mark.parametrize(
    "day, falls",
    [
        (1, ["2027-01-01", "2027-02-01", "2027-03-01"]),
        (31, ["2027-01-31", "2027-02-28", "2027-03-31"]),
        (30, ["2027-01-30", "2027-02-28", "2027-03-30"]),
    ],
)
def test_a_month_without_the_day_takes_its_last(day: int, falls: list[str]) -> None:
    rhythm = Cadence(Every.MONTH, day, time(9), LONG_AGO)
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(90)]

    assert [each.isoformat() for each in days if rhythm.falls_on(each)] == falls


def test_an_hour_that_clocks_skip_means_the_next_there_is() -> None:
    spring = date(2027, 3, 28)

    assert weekly(7, "02:30").moment(spring, BERLIN) == at("2027-03-28T03:30")


def test_an_hour_that_comes_twice_means_the_first() -> None:
    autumn = date(2027, 10, 31)

    assert weekly(7, "02:30").moment(autumn, BERLIN) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone, begins",
    [(BERLIN, "2027-03-20"), (BERLIN, "2027-10-23"), (APIA, "2011-12-22")],
)
@pytest.mark.parametrize("hour", ["00:00", "02:30", "23:59"])
def test_each_day_is_met_once_however_clocks_change(zone: ZoneInfo, begins: str, hour: str) -> None:
    # Given a digest on each day of the week, and a tick every ten minutes for a fortnight
    start = at(f"{begins}T12:00", zone)
    rhythms = [weekly(day, hour, since=datetime(2000, 1, 1, tzinfo=UTC)) for day in range(1, 8)]

    # When each tick acts on days that nobody has acted on
    acted: list[date] = []
    for step in range(14 * 144):
        now = start.astimezone(UTC) + timedelta(minutes=10 * step)
        for rhythm in rhythms:
            found = cadence.latest(rhythm, zone, now=now)
            if found is not None and found not in acted:
                acted.append(found)

    # Then no day was left out, not even one that the calendar left out, and none came twice
    within = [start.date() + timedelta(days=n) for n in range(1, 13)]
    assert [day for day in sorted(acted) if day in within] == within


@given(
    day=st.integers(1, 7),
    hour=st.times(),
    now=st.datetimes(datetime(2026, 3, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis wants naive bounds
)
def test_what_was_due_is_never_ahead_and_what_comes_never_behind(
    day: int, hour: time, now: datetime
) -> None:
    rhythm = Cadence(Every.WEEK, day, hour.replace(microsecond=0, second=0), LONG_AGO)

    found = cadence.latest(rhythm, BERLIN, now=now)
    ahead = cadence.upcoming(rhythm, BERLIN, 2, now=now)

    assert found is not None
    assert rhythm.moment(found, BERLIN) <= now < ahead[0] < ahead[1]
    assert ahead[0].date() - found == timedelta(days=7)


def test_an_hour_that_moves_behind_us_on_the_day_itself_does_not_lose_the_day() -> None:
    noon = at("2026-12-07T12:00")

    new = cadence.changed(weekly(hour="15:00"), weekly(hour="09:00"), BERLIN, [], now=noon)

    assert cadence.latest(new, BERLIN, now=noon) == MONDAY


def test_an_hour_that_moves_ahead_after_the_digest_went_gives_no_second() -> None:
    noon = at("2026-12-07T12:00")

    new = cadence.changed(weekly(hour="09:00"), weekly(hour="15:00"), BERLIN, [MONDAY], now=noon)

    # The day is met again, and it is in the table of those acted upon.
    assert cadence.latest(new, BERLIN, now=at("2026-12-07T15:01")) == MONDAY


def test_another_day_of_the_week_does_not_reach_back() -> None:
    friday = at("2026-12-11T12:00")

    new = cadence.changed(weekly(1), weekly(2), BERLIN, [MONDAY], now=friday)

    assert cadence.latest(new, BERLIN, now=friday) is None
    assert cadence.upcoming(new, BERLIN, 1, now=friday)[0].date() == date(2026, 12, 15)


def test_a_cadence_comes_back_from_its_column_as_it_was() -> None:
    rhythm = Cadence(
        Every.FORTNIGHT, 1, time(9, 30), LONG_AGO, Then.DRAFT, MONDAY, "{list}: {date}"
    )

    assert Cadence.load(rhythm.stored()) == rhythm


@pytest.mark.parametrize("text", ["", "9", "24:00", "9.30", "09:00:00", "٠٩:٠٠", "nine"])
def test_what_is_no_hour_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="09:00"):
        cadence.hour_of(text)


def test_a_pattern_names_only_what_we_know() -> None:
    cadence.check_pattern("{list} {number}: {date}")

    with pytest.raises(UsageError, match=r"\{editor\}"):
        cadence.check_pattern("{list} by {editor}")


def test_a_value_with_braces_is_not_filled_again() -> None:
    assert cadence.fill("{list}!", {"list": "{date}", "date": "x"}) == "{date}!"
