"""Exports of other programs: who left, bounced or never confirmed there is on no list here."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from mailer import sheets, subscribers
from mailer.db.schema import Subscription, SuppressionReason
from mailer.errors import UsageError
from mailer.sheets import Wanted
from mailer.subscribers import Import, Reading, Report
from mailer.subscribers.consent import CONFIRMED, UNSUBSCRIBED
from tests.sheets.read import zipped
from tests.subscribers.conftest import Roster

SAMPLES = Path(__file__).parents[1] / "samples" / "imports"
MAILCHIMP = SAMPLES / "mailchimp"
BASIS = "moved from there"
REQUEST, EDITOR, BOUNCE = (
    SuppressionReason.REQUEST,
    SuppressionReason.EDITOR,
    SuppressionReason.BOUNCE,
)


def read(path: Path, origin: str | None = None) -> Reading:
    found = sheets.opened(path, Wanted())
    return subscribers.understand(path.name, found, said={}, origin=origin)


def take(roster: Roster, reading: Reading) -> Report:
    wanted = Import(roster.list_id, "en", basis=BASIS)
    now = roster.clock.now
    return subscribers.take(roster.database, reading, wanted, roster.rules, now=now)


def states(roster: Roster) -> dict[str, str]:
    with roster.database.reading() as session:
        head, *rows = subscribers.members(session, roster.list_id)
    return {row[0].partition("@")[0]: row[head.index("state")] for row in rows}


def suppressed(roster: Roster) -> dict[str, tuple[SuppressionReason, str]]:
    found = roster.database.read(subscribers.suppressions)
    return {one.key.partition("@")[0]: (one.reason, one.note) for one in found}


def mailchimp(folder: Path) -> Path:
    files = {one.stem + "__csv": one.read_bytes() for one in MAILCHIMP.iterdir()}
    return zipped(folder / "audience_export_0a1b2c.zip", **files)


@pytest.mark.parametrize(
    "file, origin, on_list, off, why",
    [
        (
            "listmonk.csv",
            None,
            {"ana": "confirmed"},
            {"ben": (EDITOR, "blocklisted in listmonk")},
            {"cleo": "disabled in listmonk"},
        ),
        (
            "listmonk-list.csv",
            None,
            {"ana": "confirmed", "ben": "unsubscribed"},
            {},
            {"cleo": "never confirmed in listmonk"},
        ),
        (
            "mailman3-members.txt",
            "mailman3",
            {"ana": "confirmed", "ben": "confirmed", "cleo": "confirmed"},
            {},
            {},
        ),
        (
            "postorius.csv",
            "mailman3",
            {"ana": "confirmed"},
            {"ben": (BOUNCE, "bounced in Mailman")},
            {"cleo": "delivery is disabled in Mailman"},
        ),
        (
            "phplist.csv",
            None,
            {"ana": "confirmed"},
            {"ben": (REQUEST, "blacklisted in phpList")},
            {"cleo": "never confirmed in phpList", "dan": "disabled in phpList"},
        ),
    ],
)
def test_only_who_was_on_the_list_there_comes_here(
    roster: Roster,
    file: str,
    origin: str | None,
    on_list: dict[str, str],
    off: dict[str, tuple[SuppressionReason, str]],
    why: dict[str, str],
) -> None:
    report = take(roster, read(SAMPLES / file, origin))

    assert states(roster) == on_list
    assert suppressed(roster) == off
    assert {one.email.partition("@")[0]: one.why for one in report.stayed_out} == why
    assert sum(report.counts.values()) == 2 * report.rows


def test_mailchimps_zip_is_read_as_it_comes(roster: Roster, tmp_path: Path) -> None:
    reading = read(mailchimp(tmp_path))

    report = take(roster, reading)

    assert reading.origin == "mailchimp"
    assert (report.confirmed, report.left, report.suppressed, report.rows) == (2, 1, 1, 4)
    assert states(roster) == {"ana": "confirmed", "dan": "confirmed", "ben": "unsubscribed"}
    assert suppressed(roster) == {"cleo": (BOUNCE, "cleaned in Mailchimp")}


def test_when_they_opted_in_and_left_is_kept(roster: Roster, tmp_path: Path) -> None:
    take(roster, read(mailchimp(tmp_path)))

    [evidence] = [one.details for one in roster.events() if one.details.get("opted_in_at") and
                  one.kind == "subscription.confirmed"]  # fmt: skip
    assert evidence["basis"] == BASIS
    assert (evidence["opted_in_at"], evidence["remote"], evidence["confirmed_at"]) == (
        "2020-01-02 03:04:05", "192.0.2.1", "2020-01-02 03:05:00",
    )  # fmt: skip
    assert left_at(roster) == datetime(2022, 3, 4, 5, 6, 7, tzinfo=UTC)


def left_at(roster: Roster) -> datetime | None:
    def read(session: Session) -> datetime | None:
        statement = select(Subscription).where(col(Subscription.state) == UNSUBSCRIBED)
        return session.exec(statement).one().left_at

    return roster.database.read(read)


def test_who_left_elsewhere_is_not_brought_back_by_a_later_file(
    roster: Roster, tmp_path: Path
) -> None:
    take(roster, read(mailchimp(tmp_path)))
    later = tmp_path / "later.csv"
    later.write_text("email\nben@example.org\ncleo@example.org\n")

    report = take(roster, read(later))

    assert report.confirmed == 0
    assert [one.why for one in report.stayed_out] == [
        "left the list; only they themselves can come back",
        "must not be mailed: bounce",
    ]


def test_who_is_on_the_list_here_stays_though_they_left_there(
    roster: Roster, tmp_path: Path
) -> None:
    roster.add("ben@example.org")

    report = take(roster, read(mailchimp(tmp_path)))

    assert roster.state("ben@example.org") is CONFIRMED
    assert [one.why for one in report.stayed_out] == [
        "unsubscribed in Mailchimp, but is on the list here; ask them"
    ]


def test_a_suppression_that_is_here_already_stays_as_it_is(roster: Roster, tmp_path: Path) -> None:
    with roster.database.writing() as session:
        complaint = SuppressionReason.COMPLAINT
        subscribers.suppress(session, "cleo@example.org", complaint, now=roster.clock.now())

    report = take(roster, read(mailchimp(tmp_path)))

    assert (report.suppressed, report.already) == (0, 1)
    assert suppressed(roster) == {"cleo": (SuppressionReason.COMPLAINT, "")}


def test_a_program_that_is_not_known_is_told() -> None:
    with pytest.raises(UsageError, match="there are: listmonk, mailman3, phplist, mailchimp"):
        subscribers.origin("majordomo")
