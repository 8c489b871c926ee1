"""Items: read from Markdown, kept in versions, wrong files told by file and line."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.digests import items
from mailer.errors import FileInvalid, NotFound, UsageError

GOOD = """\
---
title: Regional entities meet
starts: 2023-02-20
ends: 2023-02-21
timezone: Europe/Brussels
place: Brussels, Belgium
topic: Capacity building
organiser: WCO
language: en
link: https://office.example.org/18
---

Two days, **six regions**.
"""


def test_an_item_is_what_its_file_says() -> None:
    draft = items.parse(GOOD, "item.md")

    assert draft.title == "Regional entities meet"
    assert (draft.starts, draft.ends, draft.timezone) == (
        "2023-02-20",
        "2023-02-21",
        "Europe/Brussels",
    )
    assert draft.body == "Two days, **six regions**."
    assert draft.link == "https://office.example.org/18"


@pytest.mark.parametrize(
    "text, line, why",
    [
        ("", 1, "must begin with a line “---”"),
        ("Title\n", 1, "must begin with a line “---”"),
        ("---\ntitle: x\n", 2, "the second line “---” is missing"),
        ("---\nplace: x\n---\n", 1, "needs a title"),
        ("---\ntitle: a\ntitel: b\n---\n", 3, "there is no key “titel”"),
        ("---\ntitle: [a, b]\n---\n", 2, "must be a text on one line"),
        ("---\ntitle: a\n  bad: : x\n---\n", 3, ""),
        ("---\n- a\n---\n", 2, "key: value"),
        ("---\ntitle: a\nstarts: soon\n---\n", 3, "not a local time"),
        ("---\ntitle: a\nstarts: 2023-02-30\n---\n", 3, "is not a date"),
        ("---\ntitle: a\nstarts: 2023-02-21\nends: 2023-02-20\n---\n", 4, "ends before it starts"),
        ("---\ntitle: a\nends: 2023-02-20\n---\n", 3, "needs a “starts”"),
        (
            "---\ntitle: a\nstarts: 2023-02-20\nends: 2023-02-20T10:00\n---\n",
            4,
            "give both ends an hour, or neither",
        ),
        ("---\ntitle: a\ntimezone: Mars/Olympus\n---\n", 3, "there is no time zone"),
        (
            "---\ntitle: a\nstarts: 2027-03-28T02:30\ntimezone: Europe/Berlin\n---\n",
            3,
            "does not exist",
        ),
        ("---\ntitle: a\nlanguage: english!\n---\n", 3, "not a language code"),
        ("---\ntitle: a\nlink: javascript:alert(1)\n---\n", 3, "begins with https://"),
        ("---\ntitle: a\nlink: https://x y\n---\n", 3, "no spaces"),
        (f"---\ntitle: {'a' * 400}\n---\n", 2, "longer than 300 characters"),
        ('---\ntitle: "a\\u202eb"\n---\n', 2, "cannot be seen"),
    ],
)
def test_a_wrong_file_is_told_by_file_and_line(text: str, line: int, why: str) -> None:
    with pytest.raises(FileInvalid) as caught:
        items.parse(text, "item.md")

    assert str(caught.value).startswith(f"item.md:{line}: ")
    assert why in str(caught.value)


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "item.md"

    path.write_bytes(b"---\ntitle: \xff\n---\n")
    with pytest.raises(FileInvalid, match="not UTF-8"):
        items.read(path)
    path.write_bytes(b"x" * (items.LARGEST_FILE + 1))
    with pytest.raises(FileInvalid, match="larger than 256 KB"):
        items.read(path)
    with pytest.raises(FileInvalid, match="there is no such file"):
        items.read(tmp_path / "nowhere.md")


def test_a_change_is_a_new_version_and_the_old_one_stays(
    database: Database, clock: FrozenClock
) -> None:
    now = clock.now()
    with database.writing() as session:
        item_id = items.add(session, items.parse(GOOD, "a.md"), now=now)
        changed = items.parse(GOOD.replace("Regional entities meet", "They met"), "a.md")

        assert items.edit(session, item_id, changed, now=now) == 2

        found = items.get(session, item_id)
        assert (found.version.title, found.version.number) == ("They met", 2)
        assert [one.id for one in items.every(session)] == [item_id]


def test_a_translation_belongs_to_its_original(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    japanese = items.parse("---\ntitle: 会合\nlanguage: ja\n---\n本文", "ja.md")
    with database.writing() as session:
        original = items.add(session, items.parse(GOOD, "a.md"), now=now)
        items.add(session, japanese, now=now, translates=original)

        group = items.get(session, original).item.group_id
        found = items.translation(session, group, "ja")
        assert found is not None
        assert found.version.title == "会合"
        assert items.translation(session, group, "fr") is None
        with pytest.raises(UsageError, match="has its words in “ja” already"):
            items.add(session, japanese, now=now, translates=original)
        with pytest.raises(UsageError, match="as a translation"):
            items.edit(session, original, japanese, now=now)


def test_an_item_that_is_not_there_is_named(database: Database) -> None:
    with database.reading() as session, pytest.raises(NotFound, match="item “7”"):
        items.some(session, [7])


def test_days_stay_days_and_hours_become_moments(database: Database, clock: FrozenClock) -> None:
    timed = "---\ntitle: a\nstarts: 2027-02-20T10:00\ntimezone: Asia/Tokyo\n---\n"
    with database.writing() as session:
        whole = items.get(session, items.add(session, items.parse(GOOD, "a"), now=clock.now()))
        hours = items.get(session, items.add(session, items.parse(timed, "b"), now=clock.now()))

        assert items.span(whole.version) == (date(2023, 2, 20), date(2023, 2, 21))
        assert items.span(hours.version) == (datetime(2027, 2, 20, 1, 0, tzinfo=UTC), None)
