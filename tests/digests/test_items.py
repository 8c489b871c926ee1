"""Items: read from Markdown, kept in versions, wrong files told by file and line."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.digests import front_matter, items
from mailer.digests.documents import StoredDocument
from mailer.digests.pictures import StoredPicture
from mailer.errors import FileInvalid, NotFound, UsageError
from tests import papers, photos

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
    draft = front_matter.parse(GOOD, "item.md")

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
        front_matter.parse(text, "item.md")

    assert str(caught.value).startswith(f"item.md:{line}: ")
    assert why in str(caught.value)


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "item.md"

    path.write_bytes(b"---\ntitle: \xff\n---\n")
    with pytest.raises(FileInvalid, match="not UTF-8"):
        front_matter.read(path)
    path.write_bytes(b"x" * (front_matter.LARGEST_FILE + 1))
    with pytest.raises(FileInvalid, match="larger than 256 KB"):
        front_matter.read(path)
    with pytest.raises(FileInvalid, match="there is no such file"):
        front_matter.read(tmp_path / "nowhere.md")


def test_a_change_is_a_new_version_and_the_old_one_stays(
    database: Database, clock: FrozenClock
) -> None:
    now = clock.now()
    with database.writing() as session:
        item_id = items.add(session, front_matter.parse(GOOD, "a.md"), now=now)
        changed = front_matter.parse(GOOD.replace("Regional entities meet", "They met"), "a.md")

        assert items.edit(session, item_id, changed, now=now) == 2

        found = items.get(session, item_id)
        assert (found.version.title, found.version.number) == ("They met", 2)
        assert [one.id for one in items.every(session)] == [item_id]


def test_a_translation_belongs_to_its_original(database: Database, clock: FrozenClock) -> None:
    now = clock.now()
    japanese = front_matter.parse("---\ntitle: 会合\nlanguage: ja\n---\n本文", "ja.md")
    with database.writing() as session:
        original = items.add(session, front_matter.parse(GOOD, "a.md"), now=now)
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
        whole = items.get(
            session, items.add(session, front_matter.parse(GOOD, "a"), now=clock.now())
        )
        hours = items.get(
            session, items.add(session, front_matter.parse(timed, "b"), now=clock.now())
        )

        assert items.span(whole.version) == (date(2023, 2, 20), date(2023, 2, 21))
        assert items.span(hours.version) == (datetime(2027, 2, 20, 1, 0, tzinfo=UTC), None)


# ------------------------------------------------------------------------- pictures, documents

SHOWN = """\
---
title: Regional entities meet
picture: hall.jpg
picture_alt: Four colours.
picture_caption: The hall
picture_credit: Kim Lee
documents:
  - file: agenda.pdf
    title: Agenda
  - link: https://example.org/report
    title: Report
    type: PDF
---
Two days.
"""


def a_folder(folder: Path) -> Path:
    (folder / "hall.jpg").write_bytes(photos.photo(photos.scene(800, 600), 6))
    (folder / "agenda.pdf").write_bytes(papers.PDF)
    return folder / "item.md"


def test_an_item_has_the_picture_and_documents_that_lie_beside_it(
    tmp_path: Path, database: Database, clock: FrozenClock
) -> None:
    file = a_folder(tmp_path)
    file.write_text(SHOWN, encoding="utf-8")

    item_id = database.write(items.add, front_matter.read(file), now=clock.now())

    version = database.read(items.get, item_id).version
    assert version.picture is not None
    picture = StoredPicture.load(version.picture)
    assert (picture.alt, picture.caption, picture.credit) == (
        "Four colours.",
        "The hall",
        "Kim Lee",
    )
    assert (picture.small.width, picture.small.height) == (600, 450)
    agenda, report = map(StoredDocument.load, version.documents)
    assert (agenda.title, agenda.kind, agenda.size) == ("Agenda", "PDF", len(papers.PDF))
    assert (report.title, report.kind, report.link) == (
        "Report",
        "PDF",
        "https://example.org/report",
    )


ALT = "picture: hall.jpg\npicture_alt: A hall."


@pytest.mark.parametrize(
    "lines, line, said",
    [
        ("picture: hall.jpg", 3, "a picture needs a “picture_alt”: say in a sentence what is to"),
        ("picture: hall.jpg\npicture_alt: hall.jpg", 4, "a picture needs a “picture_alt”"),
        ("picture_credit: Kim", 3, "“picture_credit” needs a “picture”"),
        ("picture: none.jpg\npicture_alt: A hall.", 3, "there is no file “none.jpg” beside it"),
        ("picture: .\npicture_alt: A hall.", 3, "“.”: Is a directory"),
        ("picture: agenda.pdf\npicture_alt: A hall.", 3, "“agenda.pdf” is not a JPEG, PNG"),
        ("picture:\n  - hall.jpg", 3, "“picture” must be a text on one line"),
        (f"{ALT}\npicture_caption: {'x' * 301}", 5, "“picture_caption” is longer than 300"),
        ("documents: agenda.pdf", 3, "write “documents” like this: a line “- file: agenda.pdf”"),
        ("documents:\n  - agenda.pdf", 3, "write “documents” like this"),
        ("documents:\n  - file: agenda.pdf\n    name: Agenda", 3, "write “documents” like this"),
        ("documents:\n  - file: agenda.pdf", 3, "each document needs a “title”"),
        ("documents:\n  - title: Agenda", 3, "“Agenda” needs either a “file” or a “link”"),
        (
            "documents:\n  - title: Agenda\n    file: agenda.pdf\n    link: https://example.org/",
            3,
            "“Agenda” needs either a “file” or a “link”",
        ),
        ("documents:\n  - title: Agenda\n    link: agenda.pdf", 3, "a link begins with https://"),
        ("documents:\n  - title: Agenda\n    file: none.pdf", 3, "there is no file “none.pdf”"),
        ("documents:\n  - title: Agenda\n    file: hall.jpg", 3, "“hall.jpg” is of a kind that"),
        (
            "documents:\n" + "  - title: Agenda\n    link: https://example.org/\n" * 21,
            3,
            "an item has 20 documents at most",
        ),
    ],
)
def test_a_wrong_picture_or_document_is_told_by_its_line(
    tmp_path: Path, lines: str, line: int, said: str
) -> None:
    file = a_folder(tmp_path)
    file.write_text(f"---\ntitle: A meeting\n{lines}\n---\n", encoding="utf-8")

    with pytest.raises(FileInvalid) as refused:
        front_matter.read(file)

    assert refused.value.line == line
    assert said in refused.value.why


def test_all_documents_of_an_item_have_a_largest_size(tmp_path: Path) -> None:
    file = a_folder(tmp_path)
    os.truncate(tmp_path / "agenda.pdf", 11_000_000)
    agenda = "  - title: Agenda\n    file: agenda.pdf\n"
    file.write_text(f"---\ntitle: A meeting\ndocuments:\n{agenda}{agenda}---\n", encoding="utf-8")

    with pytest.raises(FileInvalid, match="more than 20 MB together"):
        front_matter.read(file)
