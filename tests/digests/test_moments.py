"""Local times: what a clock change skips is refused, what it doubles means the first."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.digests import moments
from mailer.errors import MomentInvalid

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_local_time_becomes_a_moment() -> None:
    when = moments.local("2026-12-01T09:00", "Europe/Brussels")

    assert when.at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert (when.text, when.zone, when.doubled) == ("2026-12-01T09:00", "Europe/Brussels", False)


def test_a_time_that_the_clocks_skip_is_refused_with_the_next_that_exists() -> None:
    with pytest.raises(MomentInvalid, match=r"next time that does is 2027-03-28T03:30"):
        moments.local("2027-03-28T02:30", "Europe/Berlin")


def test_a_time_that_comes_twice_means_the_first_and_says_so() -> None:
    when = moments.local("2027-10-31T02:30", "Europe/Berlin")

    assert when.at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert when.doubled


def test_a_zone_that_skipped_a_whole_day_is_no_trap() -> None:
    # Samoa went from 29 to 31 December 2011.
    with pytest.raises(MomentInvalid, match="does not exist"):
        moments.local("2011-12-30T10:00", "Pacific/Apia")


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-12-01", "2026-13-01T09:00", "2026-12-01T25:00", "1-12-2026 9:00", ""]
)
def test_what_is_no_local_time_is_refused(text: str) -> None:
    with pytest.raises(MomentInvalid, match="is not a local time"):
        moments.local(text, "UTC")


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(MomentInvalid, match="there is no time zone"):
        moments.local("2026-12-01T09:00", name)


def test_a_digest_is_due_ahead_and_within_five_years() -> None:
    assert moments.due("2026-11-23T13:01", "Europe/Brussels", now=NOW).at > NOW

    with pytest.raises(MomentInvalid, match=r"has passed; it is now 2026-11-23 13:00"):
        moments.due("2026-11-23T12:30", "Europe/Brussels", now=NOW)
    with pytest.raises(MomentInvalid, match="is the year right"):
        moments.due("2062-12-01T09:00", "UTC", now=NOW)


def test_an_item_has_days_or_moments() -> None:
    assert moments.day_or_time("2027-02-20", "Asia/Tokyo") == date(2027, 2, 20)
    assert moments.day_or_time("2027-02-20T10:00", "Asia/Tokyo") == datetime(
        2027, 2, 20, 1, 0, tzinfo=UTC
    )


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001  (wall clocks)
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]),
)
def test_a_time_that_is_taken_reads_back_the_same(naive: datetime, zone: str) -> None:
    text = naive.isoformat(timespec="minutes")
    try:
        when = moments.local(text, zone)
    except MomentInvalid:
        return  # skipped by a change of clocks

    assert when.at.astimezone(moments.zone(zone)).strftime("%Y-%m-%dT%H:%M") == text
