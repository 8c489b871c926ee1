"""What nothing refers to is removed after its days; whatever anything names stays."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from mailer import lists, media, retention
from mailer.db.schema import DigestText, Event, ItemVersion, ListText
from mailer.digests import back_numbers, front_matter, items, papers, unused
from mailer.digests.back_numbers import Heading
from mailer.digests.documents import Document
from mailer.digests.pictures import Picture, Print
from mailer.errors import NotFound
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.smtp_server import SmtpServer

PDF = b"%PDF-1.7 an agenda"
SMALL, LARGE = Print(b"small", "image/png", 60, 40), Print(b"large", "image/png", 120, 80)
PICTURE = Picture(SMALL, LARGE, "A harbour")
KEPT = timedelta(days=90)


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        yield made
        made.close()


def draft(title: str = "News", body: str = "Words.", **more: object) -> front_matter.Draft:
    plain = front_matter.parse(f"---\ntitle: {title}\n---\n{body}", "item.md")
    return replace(plain, **more)  # type: ignore[arg-type]


def add(office: Installation, made: front_matter.Draft) -> int:
    return office.app.database.write(items.add, made, now=office.clock.now())


def edit(office: Installation, item_id: int, made: front_matter.Draft) -> None:
    office.app.database.write(items.edit, item_id, made, now=office.clock.now())


def put(office: Installation, content: bytes = PDF) -> str:
    return office.app.database.write(media.put, content, "application/pdf", now=office.clock.now())


def after(office: Installation, passed: timedelta = KEPT + timedelta(days=1)) -> None:
    office.clock.move(passed)
    retention.forget(office.app)


def there(office: Installation, *contents: bytes) -> list[bytes]:
    """Give which of some contents are kept."""
    known = {hashlib.sha256(one).hexdigest(): one for one in contents}
    return list(map(known.__getitem__, office.app.database.read(media.facts, known)))


def test_what_was_put_in_and_never_used_goes_after_its_days(office: Installation) -> None:
    known = put(office)
    after(office, KEPT - timedelta(days=1))
    assert there(office, PDF)

    after(office, timedelta(days=2))

    with pytest.raises(NotFound):
        office.app.database.read(media.get, known)
    with office.app.database.reading() as session:
        removed = select(Event).where(col(Event.kind) == "medium.removed")
        [event] = session.exec(removed)
    assert event.details == {"hash": known, "why": "nothing refers to it"}


def test_what_an_item_shows_stays(office: Installation) -> None:
    agenda = Document("Agenda", "PDF", PDF)
    add(office, draft(picture=PICTURE, documents=(agenda,)))

    after(office)

    assert set(there(office, b"small", b"large", PDF)) == {b"small", b"large", PDF}


def test_a_picture_that_was_changed_for_another_goes_once_that_is_long_ago(
    office: Installation,
) -> None:
    item = add(office, draft(picture=PICTURE))
    office.clock.move(KEPT * 2)
    other = replace(
        PICTURE, small=replace(SMALL, content=b"s2"), large=replace(LARGE, content=b"l2")
    )
    edit(office, item, draft(picture=other))

    after(office, timedelta(days=1))
    assert set(there(office, b"small", b"large")) == {b"small", b"large"}
    after(office)

    assert set(there(office, b"small", b"large", b"s2", b"l2")) == {b"s2", b"l2"}


def test_what_went_out_stays_though_the_item_shows_another(office: Installation) -> None:
    # Given a digest that went out with a picture, and an item that has none any more
    office.subscribers("kim@example.org")
    item = add(office, draft(picture=PICTURE))
    digest = office.draft(item_ids=(item,))
    office.queue(digest)
    office.work()
    edit(office, item, draft())

    after(office)

    assert set(there(office, b"small", b"large")) == {b"small", b"large"}


@pytest.mark.parametrize("where", ["item", "introduction", "list"])
def test_what_a_written_link_names_stays(office: Installation, where: str) -> None:
    link = f"See [the agenda](https://news.example.org/m/{put(office)}/agenda.pdf)."
    if where == "item":
        add(office, draft(body=link))
    else:
        table, field = (
            (DigestText, "introduction") if where == "introduction" else (ListText, "description")
        )
        office.draft()
        with office.app.database.writing() as session:
            session.execute(sa.update(table).values({field: link}))

    after(office)

    assert there(office, PDF)


def test_a_back_number_stays_until_it_is_removed_and_its_days_have_passed(
    office: Installation, tmp_path: Path
) -> None:
    # Given an old number in the archive, which names a picture that we host
    picture = put(office, b"a picture")
    (tmp_path / "old.html").write_text(f'<title>Old</title><p><img src="/m/{picture}.png">Old')
    paper = papers.read(tmp_path / "old.html")
    with office.app.database.writing() as session:
        heading = Heading("Old", date(2019, 3, 1), "en")
        found, now = lists.get(session, "news"), office.clock.now()
        back = back_numbers.add(session, found, heading, paper, now=now)
    after(office)
    assert set(there(office, paper.content, b"a picture")) == {paper.content, b"a picture"}

    # When it is removed
    office.app.database.write(back_numbers.remove, back, now=office.clock.now())

    # Then its file waits its days too
    after(office, timedelta(days=2))
    assert there(office, paper.content)
    after(office)
    assert there(office, paper.content, b"a picture") == []


def test_what_an_editor_puts_in_again_at_this_moment_stays(office: Installation) -> None:
    # Given a file that was found unused, and an editor who uses it, and is not through yet
    known, database = put(office), office.app.database
    office.clock.move(KEPT + timedelta(days=1))
    now = office.clock.now()
    assert database.read(unused.unused, before=now - KEPT) == [known]
    agenda = Document("Agenda", "PDF", PDF)

    def remove() -> bool:
        return database.write(unused.remove, known, before=now - KEPT, looked_at=now, now=now)

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            items.add(session, draft(documents=(agenda,)), now=now)
            removing = pool.submit(remove)
            with pytest.raises(TimeoutError):
                removing.result(timeout=0.5)  # it waits for the editor

        # Then it is not removed
        assert not removing.result(timeout=20)
    assert there(office, PDF)


def test_what_an_editor_linked_to_since_stays(office: Installation) -> None:
    known, database = put(office), office.app.database
    office.clock.move(KEPT + timedelta(days=1))
    now = office.clock.now()
    add(office, draft(body=f"[Agenda](https://news.example.org/m/{known}/agenda.pdf)"))

    gone = database.write(unused.remove, known, before=now - KEPT, looked_at=now, now=now)

    assert not gone
    assert office.count(ItemVersion) == 1
