"""A change of address: confirmed at the new one, told to the old one, and nobody brought back."""

from datetime import timedelta

import pytest

from mailer import address, subscribers
from mailer.db.schema import DeliveryKind, SuppressionReason
from mailer.subscribers import Wish
from tests import rows
from tests.subscribers.conftest import EVIDENCE, Roster

OLD, NEW = "kim@old.example", "kim@new.example"
COMPLAINT, EDITOR, REQUEST = (
    SuppressionReason.COMPLAINT,
    SuppressionReason.EDITOR,
    SuppressionReason.REQUEST,
)
MOVE, MOVED = DeliveryKind.MOVE, DeliveryKind.MOVED


@pytest.fixture
def kim(roster: Roster) -> int:
    """Give the number of a reader who is on the list under the old address."""
    roster.add(OLD)
    return roster.standing(OLD).subscriber_id


def ask(roster: Roster, person: int, to: str = NEW) -> int:
    """Ask for a change of address; give its number, 0 when no letter was mailed."""
    wish = Wish(address.parse(to), roster.list_id, "en", EVIDENCE, network="192.0.2.1")
    now = roster.clock.now()
    roster.database.write(subscribers.ask_move, person, wish, roster.rules, now=now)
    letters = [one for one in roster.letters() if one.kind is MOVE and one.key == to]
    return int(letters[-1].context["change"]) if letters else 0


def move(roster: Roster, change: int) -> bool:
    now = roster.clock.now()
    return roster.database.write(
        subscribers.move, change, roster.list_id, EVIDENCE, roster.rules, now=now
    )


def undo(roster: Roster, change: int) -> bool:
    return roster.database.write(subscribers.undo_move, change, EVIDENCE, now=roster.clock.now())


def test_nothing_changes_until_the_new_address_says_yes(roster: Roster, kim: int) -> None:
    change = ask(roster, kim)

    assert roster.state(OLD) == "confirmed"
    assert move(roster, change)
    assert move(roster, change)  # a second press
    assert roster.standing(NEW).subscriber_id == kim
    assert roster.state(NEW) == "confirmed"
    [told] = [one for one in roster.letters() if one.kind is MOVED]
    assert (told.address, told.context["other_address"]) == (OLD, "k…@new.example")
    assert roster.history().count("subscriber.moved") == 1


def test_a_digest_that_waits_goes_to_the_new_address(roster: Roster, kim: int) -> None:
    now = roster.clock.now()
    with roster.database.writing() as session:
        digest = rows.a_digest(session, roster.list_id, now=now)
        rows.recipients(session, digest, [kim], now=now)

    move(roster, ask(roster, kim))

    [row] = [one for one in roster.letters() if one.digest_id]
    assert (row.address, row.key, row.domain) == (NEW, NEW, "new.example")


def test_the_old_address_takes_it_back(roster: Roster, kim: int) -> None:
    change = ask(roster, kim)
    move(roster, change)

    assert undo(roster, change)
    assert undo(roster, change)

    assert roster.standing(OLD).subscriber_id == kim
    assert not move(roster, change)  # the link at the new address is dead
    assert roster.database.read(subscribers.changes, kim) == 2


def test_the_old_address_takes_back_what_was_moved_on_and_on(roster: Roster, kim: int) -> None:
    first = ask(roster, kim)
    move(roster, first)
    roster.clock.move(timedelta(hours=1))
    move(roster, ask(roster, kim, "third@else.example"))

    assert undo(roster, first)

    assert roster.state(OLD) == "confirmed"


def test_two_become_one_and_old_links_leave_for_both(roster: Roster, kim: int) -> None:
    roster.subscribe(NEW)  # pending: the press at the new address confirms it

    assert move(roster, ask(roster, kim))

    other = roster.standing(NEW).subscriber_id
    assert other != kim
    assert roster.state(NEW) == "confirmed"
    roster.database.write(subscribers.leave, kim, roster.list_id, EVIDENCE, now=roster.clock.now())
    assert roster.state(NEW) == "unsubscribed"


def test_who_had_left_under_the_new_address_is_not_brought_back(roster: Roster, kim: int) -> None:
    roster.add(NEW)
    other = roster.standing(NEW).subscriber_id
    roster.database.write(
        subscribers.leave, other, roster.list_id, EVIDENCE, now=roster.clock.now()
    )

    assert move(roster, ask(roster, kim))

    assert roster.state(NEW) == "unsubscribed"
    assert roster.database.read(subscribers.size, roster.list_id) == 0


def test_who_became_one_are_two_again(roster: Roster, kim: int) -> None:
    roster.add(NEW)
    other = roster.standing(NEW).subscriber_id
    change = ask(roster, kim)
    move(roster, change)
    assert roster.database.read(subscribers.size, roster.list_id) == 1

    assert undo(roster, change)

    assert roster.standing(OLD).subscriber_id == kim
    assert (roster.state(OLD), roster.state(NEW)) == ("confirmed", "confirmed")
    assert roster.standing(NEW).subscriber_id == other


def test_an_address_that_must_not_be_mailed_is_not_asked(roster: Roster, kim: int) -> None:
    now = roster.clock.now()
    roster.database.write(subscribers.suppress, NEW, COMPLAINT, now=now)

    assert ask(roster, kim) == 0
    assert "subscriber.move_refused" in roster.history()


def test_what_one_list_must_not_mail_follows_the_person(roster: Roster, kim: int) -> None:
    now, list_id = roster.clock.now(), roster.list_id
    roster.database.write(subscribers.suppress, OLD, EDITOR, now=now, list_id=list_id)

    move(roster, ask(roster, kim))

    assert roster.database.read(subscribers.reasons, NEW, list_id) == {EDITOR}


def test_who_is_forgotten_after_a_merge_is_forgotten_under_both(roster: Roster, kim: int) -> None:
    roster.add(NEW)
    change = ask(roster, kim)
    move(roster, change)

    assert roster.database.write(subscribers.erase, kim, now=roster.clock.now())

    for typed in (OLD, NEW):
        assert roster.database.read(subscribers.reasons, typed, None) == {REQUEST}
    assert {one.address for one in roster.letters()} == {None}
    assert roster.database.read(subscribers.size, roster.list_id) == 0


def test_a_change_names_no_address_once_nobody_can_take_it_back(roster: Roster, kim: int) -> None:
    move(roster, ask(roster, kim))
    ask(roster, kim, "stranger@else.example")
    roster.clock.move(timedelta(days=90))
    before = roster.clock.now() - timedelta(days=30)

    forget, now = subscribers.forget_moves, roster.clock.now()
    assert roster.database.write(forget, before=before, now=now) == 2

    assert roster.database.write(forget, before=before, now=now) == 0
    assert roster.database.read(subscribers.changes, kim) == 1  # and old fresh links stay ended
    assert roster.state(NEW) == "confirmed"
