"""The life of a digest: which steps follow which, by whom, and what is new for a list."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from mailer import history, lists
from mailer.address import parse
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import DigestState
from mailer.digests import front_matter, items, life, moments
from mailer.digests.life import Wish
from mailer.errors import MailerError, NotFound, Refused, UsageError
from mailer.history import EDITOR, SYSTEM

LATE = timedelta(hours=12)
Step = Callable[[Session, int], object]


@pytest.fixture
def listed(database: Database, clock: FrozenClock) -> Database:
    with database.writing() as session:
        for slug in ("news", "other"):
            lists.create(
                session,
                lists.NewList(
                    slug=slug, name=slug, sender=parse("n@example.org"), zone="Asia/Tokyo"
                ),
                now=clock.now(),
            )
    return database


def _item(session: Session, clock: FrozenClock, title: str, topic: str = "") -> int:
    text = f"---\ntitle: {title}\ntopic: {topic}\n---\nBody"
    return items.add(session, front_matter.parse(text, "x.md"), now=clock.now())


def test_drafts_are_numbered_by_list_and_dated_in_its_zone(
    listed: Database, clock: FrozenClock
) -> None:
    clock.move(timedelta(hours=8))  # 16:00 UTC: the next day in Tokyo
    with listed.writing() as session:
        made = [
            life.get(session, life.draft(session, Wish(slug, "S", "Hello"), now=clock.now()))
            for slug in ("news", "news", "other")
        ]

    assert [digest.number for digest in made] == [1, 2, 1]
    assert made[0].dated_on.isoformat() == "2026-12-02"


def test_new_items_are_those_in_no_digest_of_the_list_yet(
    listed: Database, clock: FrozenClock
) -> None:
    with listed.writing() as session:
        first, second = _item(session, clock, "A", "Lab"), _item(session, clock, "B", "Dogs")
        wish = Wish("news", "S", new_items=True)
        one = life.draft(session, wish, now=clock.now())
        third = _item(session, clock, "C", "Lab")
        two = life.draft(session, wish, now=clock.now())

        def chosen(digest_id: int) -> list[int]:
            return [written.id for _, written in life.contents(session, digest_id)]

        assert chosen(one) == [first, second]
        assert chosen(two) == [third]
        with pytest.raises(Refused, match="nothing new"):
            life.draft(session, wish, now=clock.now())
        # another list has not had them; a cancelled digest gives its items back
        assert len(chosen(life.draft(session, Wish("other", "S", new_items=True), now=clock.now())))
        life.cancel(session, two, now=clock.now())
        again = life.draft(session, wish, now=clock.now())
        assert chosen(again) == [third]


def test_items_of_one_topic_stand_together(listed: Database, clock: FrozenClock) -> None:
    with listed.writing() as session:
        ids = [_item(session, clock, name, name[0]) for name in ("a1", "b1", "a2")]
        digest_id = life.draft(session, Wish("news", "S", new_items=True), now=clock.now())

        found = [written.id for _, written in life.contents(session, digest_id)]

    assert found == [ids[0], ids[2], ids[1]]


def _schedule(session: Session, digest_id: int, clock: FrozenClock) -> None:
    life.schedule(session, digest_id, None, late=LATE, now=clock.now())


def test_the_whole_way_leaves_its_lines_of_history(listed: Database, clock: FrozenClock) -> None:
    with listed.writing() as session:
        digest_id = life.draft(session, Wish("news", "S", "Hello"), now=clock.now())
        _schedule(session, digest_id, clock)
        digest = life.get(session, digest_id)
        assert life.begin(session, digest, now=clock.now(), by=SYSTEM)
        assert not life.begin(session, digest, now=clock.now(), by=SYSTEM)
        assert life.send(session, digest, now=clock.now(), by=SYSTEM)
        assert life.finish(session, digest, now=clock.now(), by=SYSTEM)

        kinds = [event.kind for event in history.of_digest(session, digest_id)]
        assert life.get(session, digest_id).state is DigestState.SENT

    assert kinds == [
        f"digest.{step}" for step in ("drafted", "scheduled", "queued", "sending", "sent")
    ]


@pytest.mark.parametrize("before", [DigestState.SCHEDULED, DigestState.QUEUED, DigestState.SENDING])
def test_a_pause_ends_where_it_began(
    listed: Database, clock: FrozenClock, before: DigestState
) -> None:
    with listed.writing() as session:
        digest_id = life.draft(session, Wish("news", "S", "Hello"), now=clock.now())
        _schedule(session, digest_id, clock)
        if before is not DigestState.SCHEDULED:
            life.begin(session, life.get(session, digest_id), now=clock.now(), by=SYSTEM)
        if before is DigestState.SENDING:
            life.send(session, life.get(session, digest_id), now=clock.now(), by=SYSTEM)

        life.pause(session, digest_id, "wait", now=clock.now())
        paused = life.get(session, digest_id)
        assert (paused.state, paused.reason) == (DigestState.PAUSED, "wait")
        life.resume(session, digest_id, late=LATE, now=clock.now())

        assert life.get(session, digest_id).state is before


def test_a_scheduled_digest_that_is_edited_is_a_draft_again(
    listed: Database, clock: FrozenClock
) -> None:
    with listed.writing() as session:
        digest_id = life.draft(session, Wish("news", "S", "Hello"), now=clock.now())
        when = moments.local("2026-12-05T09:00", "Asia/Tokyo")
        life.schedule(session, digest_id, when, late=LATE, now=clock.now())

        life.write(session, digest_id, "en", "Better", "Hello")

        found = life.get(session, digest_id)
        assert (found.state, found.due_at) == (DigestState.DRAFT, None)
        assert life.texts(session, digest_id)["en"].subject == "Better"


def test_steps_out_of_order_are_refused(listed: Database, clock: FrozenClock) -> None:
    now = clock.now()
    with listed.writing() as session:
        digest_id = life.draft(session, Wish("news", "S", "Hello"), now=now)
        life.cancel(session, digest_id, now=now)
        steps: list[Step] = [
            lambda session, one: life.schedule(session, one, None, late=LATE, now=now),
            lambda session, one: life.pause(session, one, "x", now=now),
            lambda session, one: life.resume(session, one, late=LATE, now=now),
            lambda session, one: life.cancel(session, one, now=now),
            lambda session, one: life.reopen(session, one, "x", now=now, by=EDITOR),
            lambda session, one: life.write(session, one, "en", "S", ""),
        ]
        for step in steps:
            with pytest.raises(Refused, match=f"digest {digest_id} is cancelled"):
                step(session, digest_id)
        assert life.get(session, digest_id).state is DigestState.CANCELLED


@pytest.mark.parametrize(
    "wish, error",
    [
        (Wish("nowhere", "S"), NotFound),
        (Wish("news", ""), UsageError),
        (Wish("news", "a\nBcc: x@example.org"), UsageError),
        (Wish("news", "x" * 201), UsageError),
        (Wish("news", "S", item_ids=(99,)), NotFound),
    ],
)
def test_a_draft_that_cannot_be_is_refused(
    listed: Database, clock: FrozenClock, wish: Wish, error: type[MailerError]
) -> None:
    with listed.writing() as session, pytest.raises(error):
        life.draft(session, wish, now=clock.now())
