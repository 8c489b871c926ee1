"""`mailer list cadence` at the command line."""

import pytest

from tests.cli.conftest import Office


def test_a_cadence_is_set_shown_changed_and_ended(meetings: Office) -> None:
    meetings.ok("list", "cadence", "meetings", "--weekly", "monday", "--at", "9:00")
    shown = meetings.ok("list", "cadence", "meetings", "--json").json
    assert (shown["every"], shown["day"], shown["at"]) == ("week", "mon", "09:00")
    assert shown["timezone"] == "Europe/Brussels"
    assert shown["then"] == "queue"
    assert len(shown["next"]) == 5

    meetings.ok("list", "cadence", "meetings", "--then", "draft", "--subject", "{list}: {date}")
    shown = meetings.ok("list", "cadence", "meetings", "--json").json
    assert (shown["at"], shown["then"], shown["subject"]) == ("09:00", "draft", "{list}: {date}")

    lines = meetings.ok("list", "cadence", "meetings", "--monthly", "last").lines
    assert "every     month" in lines

    meetings.ok("list", "cadence", "meetings", "--off")
    assert meetings.ok("list", "cadence", "meetings", "--json").json["every"] is None
    assert "drafted by hand" in meetings.ok("list", "cadence", "meetings").err


@pytest.mark.parametrize(
    "options, says",
    [
        (["--at", "09:00"], "--weekly mon"),
        (["--weekly", "mon"], "--at 09:00"),
        (["--weekly", "noday", "--at", "09:00"], "mon, tue"),
        (["--weekly", "mon", "--monthly", "1", "--at", "09:00"], "choose one"),
        (["--weekly", "mon", "--at", "25:00"], "not an hour"),
        (["--monthly", "32", "--at", "09:00"], "day of the month"),
        (["--every-second", "mon", "--at", "09:00"], "--from"),
        (["--every-second", "mon", "--from", "2026-12-08", "--at", "09:00"], "is a tue"),
        (["--every-second", "mon", "--from", "soon", "--at", "09:00"], "2026-12-01"),
        (["--weekly", "mon", "--from", "2026-12-07", "--at", "09:00"], "--every-second"),
        (["--weekly", "mon", "--at", "09:00", "--subject", "{who}"], "{who}"),
        (["--off", "--at", "09:00"], "goes alone"),
    ],
)
def test_a_cadence_that_cannot_be_is_refused_with_what_to_write(
    meetings: Office, options: list[str], says: str
) -> None:
    before = meetings.dump()

    ended = meetings.run("list", "cadence", "meetings", *options)

    assert ended.code == 2
    assert says in ended.err
    assert meetings.dump() == before
