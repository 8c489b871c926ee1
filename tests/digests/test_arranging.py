"""Arranging a draft: words, date, items; what makes a scheduled digest a draft; who began late."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlmodel import Session

from mailer import history, lists
from mailer.address import parse
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import DigestEdition, DigestState, Edition
from mailer.digests import arranging, finding, front_matter, items, life, order
from mailer.digests.arranging import Changed, Words
from mailer.digests.life import Wish
from mailer.digests.order import Way
from mailer.errors import Refused, UsageError


@pytest.fixture
def session(database: Database, clock: FrozenClock) -> Iterator[Session]:
    with database.writing() as session:
        for slug in ("news", "other"):
            new = lists.NewList(
                slug=slug,
                name=slug,
                sender=parse("n@example.org"),
                language="en",
                languages=("en", "fr"),
            )
            lists.create(session, new, now=clock.now())
        yield session


def item(session: Session, clock: FrozenClock, title: str, *, fr: int | None = None) -> int:
    language = "fr" if fr else "en"
    text = f"---\ntitle: {title}\ntopic: Lab\nlanguage: {language}\n---\nBody of {title}"
    draft = front_matter.parse(text, "x.md")
    return items.add(session, draft, now=clock.now(), translates=fr)


def draft(session: Session, clock: FrozenClock, *chosen: int) -> int:
    return life.draft(session, Wish("news", "S", "Hello", chosen), now=clock.now())


def ids(session: Session, digest_id: int) -> list[int]:
    return [one.item_id for one in arranging.order_of(session, digest_id)]


def found(session: Session, digest_id: int, sought: str = "", **more: str) -> list[int]:
    digest = life.get(session, digest_id)
    some = arranging.candidates(session, digest, sought, limit=10, **more)
    return [one.written.id for one in some]


def test_what_another_editor_saved_is_not_overwritten(session: Session, clock: FrozenClock) -> None:
    digest_id = draft(session, clock)
    base = arranging.words(session, digest_id, "en").fingerprint
    first = Words("First", "before", "Hello")
    arranging.write(session, digest_id, "en", first, base=base, now=clock.now())

    with pytest.raises(Changed):
        arranging.write(session, digest_id, "en", Words("Second"), base=base, now=clock.now())

    assert arranging.words(session, digest_id, "en") == first


def test_the_same_words_once_more_are_no_change(session: Session, clock: FrozenClock) -> None:
    digest_id = draft(session, clock)
    words = arranging.words(session, digest_id, "en")

    arranging.write(session, digest_id, "en", words, base="stale", now=clock.now())

    assert "digest.worded" not in {one.kind for one in history.of_digest(session, digest_id)}


def test_words_by_command_keep_the_preheader(session: Session, clock: FrozenClock) -> None:
    digest_id = draft(session, clock)
    life.write(session, digest_id, "en", "S", "Hello", preheader="Two days in Brussels")

    life.write(session, digest_id, "en", "Other", "Hello")

    assert arranging.words(session, digest_id, "en").preheader == "Two days in Brussels"


def test_words_beyond_the_limits_are_refused(session: Session, clock: FrozenClock) -> None:
    digest_id = draft(session, clock)
    for wrong in (
        Words(""),
        Words("x" * 201),
        Words("S", "x" * 201),
        Words("S", "a\nb"),
        Words("S", "", "x" * 50_001),
    ):
        base = arranging.words(session, digest_id, "en").fingerprint
        with pytest.raises(UsageError):
            arranging.write(session, digest_id, "en", wrong, base=base, now=clock.now())


def test_words_of_the_first_language_stay(session: Session, clock: FrozenClock) -> None:
    digest_id = draft(session, clock)
    life.write(session, digest_id, "fr", "Sujet", "")

    arranging.unwrite(session, digest_id, "fr", now=clock.now())

    assert set(life.texts(session, digest_id)) == {"en"}
    with pytest.raises(Refused):
        arranging.unwrite(session, digest_id, "en", now=clock.now())


def test_any_edit_makes_a_scheduled_digest_a_draft(session: Session, clock: FrozenClock) -> None:
    now = clock.now()
    one, two = item(session, clock, "A"), item(session, clock, "B")
    digest_id = draft(session, clock, one, two)
    edition = Edition(
        hash="h", kind="digest", layout="digest", language="en", subject="S", html="", text="",
        created_at=now,
    )  # fmt: skip
    session.add(edition)
    session.flush()

    def scheduled() -> None:
        life.schedule(session, digest_id, None, late=timedelta(hours=1), now=now)
        session.add(DigestEdition(digest_id=digest_id, language="en", edition_id=edition.id or 0))
        session.flush()

    def reorder() -> None:
        arranging.arrange(session, digest_id, lambda old: order.moved(old, one, Way.DOWN), now=now)

    def redate() -> None:
        arranging.settle(session, digest_id, date(2027, 1, 1), "digest", now=now)

    for edit in (reorder, redate):
        scheduled()
        edit()
        assert life.get(session, digest_id).state is DigestState.DRAFT
        assert session.get(DigestEdition, (digest_id, "en")) is None
    kinds = [event.kind for event in history.of_digest(session, digest_id)]
    assert kinds.count("digest.unscheduled") == 2
    assert ids(session, digest_id) == [two, one]


def test_what_is_on_its_way_cannot_be_arranged(session: Session, clock: FrozenClock) -> None:
    one = item(session, clock, "A")
    digest_id = draft(session, clock, one)
    life.cancel(session, digest_id, now=clock.now())

    with pytest.raises(Refused):
        arranging.arrange(session, digest_id, lambda _: (), now=clock.now())
    with pytest.raises(Refused):
        arranging.settle(session, digest_id, date(2027, 1, 1), "digest", now=clock.now())

    assert ids(session, digest_id) == [one]


def test_a_piece_of_news_is_in_a_digest_once(session: Session, clock: FrozenClock) -> None:
    one = item(session, clock, "A")
    other = item(session, clock, "Un", fr=one)
    digest_id = draft(session, clock, one)

    for again in (one, other):
        with pytest.raises(Refused):
            arranging.add(session, digest_id, again, now=clock.now())


def test_candidates_are_those_not_in_it_new_ones_first(
    session: Session, clock: FrozenClock
) -> None:
    old, new, mine = (item(session, clock, title) for title in ("Old", "New", "Mine"))
    french = item(session, clock, "Neuf", fr=new)
    draft(session, clock, old)
    digest_id = draft(session, clock, mine)
    gone = items.get(session, item(session, clock, "Gone")).item
    gone.retired_at = clock.now()
    session.add(gone)
    session.flush()

    assert found(session, digest_id) == [new, old]
    assert found(session, digest_id, "neuf") == [new]  # found by its translation
    assert found(session, digest_id, "body NEW") == [new]
    assert found(session, digest_id, "body nowhere") == []
    assert found(session, digest_id, after=f"0-{new}") == [old]
    assert french not in found(session, digest_id)


def test_candidates_are_sought_in_their_newest_words(session: Session, clock: FrozenClock) -> None:
    one = item(session, clock, "Before")
    text = "---\ntitle: After\ntopic: Lab\n---\nOther"
    items.edit(session, one, front_matter.parse(text, "x.md"), now=clock.now())
    digest_id = draft(session, clock)

    assert found(session, digest_id, "before") == []
    assert found(session, digest_id, "after") == [one]


def test_all_new_items_come_in_at_once(session: Session, clock: FrozenClock) -> None:
    one, two = item(session, clock, "A"), item(session, clock, "B")
    digest_id = draft(session, clock, one)

    assert arranging.add_new(session, digest_id, now=clock.now()) == 1
    assert arranging.add_new(session, digest_id, now=clock.now()) == 0
    assert ids(session, digest_id) == [one, two]


def test_digests_are_found_a_page_at_a_time(session: Session, clock: FrozenClock) -> None:
    made = [draft(session, clock) for _ in range(3)]
    other = life.draft(session, Wish("other", "S", "Hello"), now=clock.now())
    life.cancel(session, made[1], now=clock.now())
    mine = finding.Search([life.get(session, made[0]).list_id])

    first = finding.page(session, mine, limit=2)
    second = finding.page(session, mine, before=made[1], limit=2)
    back = finding.page(session, mine, after=made[0], limit=2)

    assert [one.id for one in first.digests] == [made[2], made[1]]
    assert first.is_first
    assert not first.is_last
    assert [one.id for one in second.digests] == [made[0]]
    assert second.is_last
    assert [one.id for one in back.digests] == [made[2], made[1]]
    assert back.is_first
    drafts = finding.Search(None, DigestState.DRAFT)
    assert [one.id for one in finding.page(session, drafts, limit=9).digests] == [
        other,
        made[2],
        made[0],
    ]
