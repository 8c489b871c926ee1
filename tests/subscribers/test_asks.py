"""What comes in by the box is kept, acted upon once, and gone."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from mailer import subscribers
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.db.schema import (
    Ask,
    AskAction,
    Delivery,
    DeliveryKind,
    Event,
    MailingList,
    Subscriber,
    Subscription,
    Tally,
)
from mailer.errors import NotFound
from mailer.subscribers import Asked, Limits, Rules
from mailer.subscribers.consent import CONFIRMED, PENDING
from tests import rows
from tests.subscribers.conftest import EVIDENCE, Roster


def asked(
    roster: Roster,
    typed: str = "kim@example.org",
    *,
    action: AskAction = AskAction.SUBSCRIBE,
    trapped: bool = False,
    remote: str = "198.51.100.7",
) -> None:
    one = Asked(action, roster.list_id, typed, "ja", remote, trapped, EVIDENCE)
    roster.database.write(subscribers.ask, one, now=roster.clock.now())


def answer(roster: Roster, *, limit: int = 100) -> int:
    return roster.database.write(
        subscribers.answer, roster.rules, now=roster.clock.now(), limit=limit
    )


def test_an_ask_is_only_kept(roster: Roster) -> None:
    asked(roster, remote="2001:db8:1:2:3::9")

    with roster.database.reading() as session:
        [kept] = session.execute(select(Ask)).scalars()
    assert (kept.address, kept.language, kept.network) == (
        "kim@example.org",
        "ja",
        "2001:db8:1:2::/64",
    )
    assert kept.asked_at == roster.clock.now()
    assert roster.letters() == []
    assert roster.database.read(subscribers.waiting_asks) == 1


def test_an_answered_ask_is_gone_and_its_evidence_stays(roster: Roster) -> None:
    asked(roster)
    then = roster.clock.now()
    roster.clock.move(timedelta(seconds=3))

    assert answer(roster) == 1
    assert answer(roster) == 0

    assert roster.database.read(subscribers.waiting_asks) == 0
    assert roster.state() is PENDING
    [letter] = roster.letters()
    assert (letter.kind, letter.language) == (DeliveryKind.CONFIRMATION, "ja")
    assert roster.events()[-1].details == {**EVIDENCE, "asked_at": then.isoformat()}


def test_the_other_button_leads_to_the_other_letter(roster: Roster) -> None:
    roster.add()
    asked(roster, action=AskAction.UNSUBSCRIBE)

    answer(roster)

    assert roster.kinds() == [DeliveryKind.LEAVE]
    assert roster.state() is CONFIRMED


def test_a_trapped_ask_does_nothing_but_a_line_of_history(roster: Roster) -> None:
    asked(roster, trapped=True)

    assert answer(roster) == 1

    assert roster.letters() == []
    assert roster.history() == ["ask.trapped"]
    with pytest.raises(NotFound):
        roster.state()


def test_asks_are_taken_oldest_first_and_some_at_a_time(roster: Roster) -> None:
    for number in range(5):
        asked(roster, f"reader{number}@example.org")

    assert [answer(roster, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    letters = [letter.key for letter in roster.letters()]
    assert letters == [f"reader{number}@example.org" for number in range(5)]


def test_one_that_cannot_be_done_costs_no_other(roster: Roster) -> None:
    # Given asks of which one has no good address, and one a list that has ended
    with roster.database.writing() as session:
        ended = rows.a_list(session, "ended", now=roster.clock.now())
        session.execute(
            update(MailingList)
            .where(col(MailingList.id) == ended)
            .values(retired_at=roster.clock.now())
        )
    here = roster.list_id
    asked(roster, "not an address")
    roster.list_id = ended
    asked(roster, "late@example.org")
    roster.list_id = here
    asked(roster)

    # When they are answered
    taken = answer(roster)

    # Then the good one is done, and none comes back
    assert taken == 3
    assert [letter.key for letter in roster.letters()] == ["kim@example.org"]
    assert roster.database.read(subscribers.waiting_asks) == 0


def test_one_that_nobody_foresaw_does_not_stop_the_rest(
    roster: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a defect of ours that one address meets (there is none known to test with)
    from mailer.subscribers import asks, newcomers

    carry_out, enter = asks._carry_out, newcomers.enter

    def defective(session, one, rules, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        carry_out(session, one, rules, now)
        if one.address.startswith("odd"):
            raise ZeroDivisionError

    def defective_too(session, wishes, rules, *, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        enter(session, wishes, rules, now=now)
        if any(one.address.key.startswith("odd") for one in wishes):
            raise ZeroDivisionError

    monkeypatch.setattr(asks, "_carry_out", defective)
    monkeypatch.setattr(newcomers, "enter", defective_too)
    asked(roster, "odd@example.org")
    asked(roster)

    # When asks are answered
    taken = answer(roster)

    # Then nothing of that one is left half done
    assert taken == 2
    assert [letter.key for letter in roster.letters()] == ["kim@example.org"]


def test_the_same_person_is_not_mailed_for_every_press(roster: Roster) -> None:
    roster.rules = Rules()
    for _ in range(50):
        asked(roster)

    answer(roster)

    assert len(roster.letters()) == 1


@pytest.mark.timeout(120)
def test_workers_that_answer_at_once_neither_wait_for_ever_nor_exceed_a_limit(
    migrated_database_url: str, clock: FrozenClock
) -> None:
    # Given asks of few people, many times over, and workers with a database each
    databases = [Database(migrated_database_url) for _ in range(3)]
    roster = Roster(databases[0], clock, databases[0].write(rows.a_list, now=clock.now()))
    roster.rules = Rules(limits=Limits(per_address=1, gap=timedelta(0)))
    for number in range(60):
        asked(roster, f"reader{number * 7 % 12}@example.org", remote=f"192.0.2.{number % 3}")

    # When all answer at once
    errors: list[Exception] = []

    def work(database: Database) -> None:
        try:
            while database.write(subscribers.answer, roster.rules, now=clock.now(), limit=5):
                pass
        except Exception as error:  # noqa: BLE001  (told by the test)
            errors.append(error)

    threads = [threading.Thread(target=work, args=[database]) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    # Then each ask was acted upon once, and each person got one letter
    assert errors == []
    assert Counter(roster.history()) == {"subscription.asked": 12, "subscription.limited": 48}
    with roster.database.reading() as session:
        letters = Counter(session.execute(select(col(Delivery.key))).scalars())
    assert letters == Counter(f"reader{number}@example.org" for number in range(12))
    for database in databases:
        database.close()


def test_many_who_are_new_are_answered_just_as_each_alone_would_be(roster: Roster) -> None:
    # Given forty people of one network who came one by one, which is more than one hour takes
    for number in range(40):
        roster.subscribe(f"alone{number:02}@example.org", network="192.0.2.1", language="ja")

    with roster.database.writing() as session:
        session.execute(delete(Tally))  # the others' share of the installation's hour is as free

    # When forty others come at once
    for number in range(40):
        asked(roster, f"group{number:02}@example.org", remote="192.0.2.2")
    assert answer(roster) == 40

    # Then letters, limits, subscriptions and evidence are the same
    group, alone = came(roster, "group"), came(roster, "alone")
    assert group == alone
    assert len({letter["due_at"] for letter, *_ in group}) > 1


def test_of_two_presses_for_one_address_the_second_is_limited_as_ever(roster: Roster) -> None:
    roster.rules = Rules(limits=Limits())
    asked(roster)
    asked(roster)
    asked(roster, "jo@example.org")

    answer(roster)

    assert sorted(str(letter.key) for letter in roster.letters()) == [
        "jo@example.org",
        "kim@example.org",
    ]
    assert sorted(roster.history()) == [
        "subscription.asked",
        "subscription.asked",
        "subscription.limited",
    ]


def came(roster: Roster, whose: str) -> list[tuple[dict[str, object], ...]]:
    """Give what there is of some people, in order, without what names one of them."""
    names = {"id", "key", "address", "subscriber_id", "worker_id"}
    with roster.database.reading() as session:
        people = select(Subscriber).where(col(Subscriber.key).startswith(whose))
        found = []
        for person in session.execute(people.order_by(col(Subscriber.key))).scalars():
            about = [
                session.execute(
                    select(table).where(col(table.subscriber_id) == person.id)
                ).scalar_one()
                for table in (Delivery, Subscription, Event)
            ]
            kept = [one.model_dump(exclude=names) for one in (*about, person)]
            kept[2]["details"].pop("asked_at", None)
            found.append(tuple(kept))
    return found
