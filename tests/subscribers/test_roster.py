"""Joining, confirming, leaving, coming back: each with its letter and its line of history."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session

from mailer import ledger, subscribers
from mailer.db.schema import (
    Actor,
    DeliveryKind,
    MailingList,
    OptIn,
    SuppressionReason,
)
from mailer.errors import NotFound, Refused
from mailer.subscribers import Confirmed, ConfirmLink, Limits, Rules
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from mailer.subscribers.roster import require_list_open
from tests import rows
from tests.subscribers.conftest import EVIDENCE, Roster

CONFIRMATION = DeliveryKind.CONFIRMATION
WEEK = timedelta(days=7)


def suppress(roster: Roster, reason: SuppressionReason) -> None:
    roster.database.write(subscribers.suppress, "kim@example.org", reason, now=roster.clock.now())


def reasons(roster: Roster) -> set[SuppressionReason]:
    return roster.database.read(subscribers.reasons, "kim@example.org", roster.list_id)


# ------------------------------------------------------------------------- joining


def test_an_opt_in_waits_for_its_confirmation(roster: Roster) -> None:
    roster.subscribe("Kim@Example.org", language="ja", name="Kim Lee")

    standing = roster.standing()
    assert (standing.state, standing.language) == (PENDING, "ja")
    assert standing.address == "Kim@example.org"
    [letter] = roster.letters()
    assert (letter.kind, letter.address, letter.language) == (CONFIRMATION, "Kim@example.org", "ja")
    assert letter.due_at == roster.clock.now()
    assert letter.context == {
        "ask": 1,
        "asked_at": roster.clock.now().isoformat(),
        "expires_at": (roster.clock.now() + WEEK).isoformat(),
    }


def test_the_evidence_of_an_opt_in_is_kept(roster: Roster) -> None:
    roster.subscribe()
    roster.confirm()

    _, asked, confirmed = roster.events()
    assert (asked.kind, asked.actor, asked.details) == (
        "subscription.asked",
        Actor.READER,
        EVIDENCE,
    )
    assert (confirmed.kind, confirmed.actor) == ("subscription.confirmed", Actor.READER)
    assert confirmed.details == {"page": "/c/…"}
    person = roster.standing().subscriber_id
    assert {asked.subscriber_id, confirmed.subscriber_id} == {person}
    assert {asked.list_id, confirmed.list_id} == {roster.list_id}
    assert (asked.at, confirmed.at) == (roster.clock.now(),) * 2


def test_a_confirmation_confirms_once(roster: Roster) -> None:
    roster.subscribe()
    link = roster.link()

    assert roster.confirm(link) is Confirmed.NOW
    assert roster.confirm(link) is Confirmed.ALREADY

    assert roster.state() is CONFIRMED
    assert roster.kinds() == [CONFIRMATION, DeliveryKind.WELCOME]
    assert roster.history() == ["subscription.asked", "subscription.confirmed"]


def test_asking_again_sends_the_letter_again_and_any_of_them_confirms(roster: Roster) -> None:
    roster.subscribe()
    first = roster.link()
    roster.subscribe()

    assert roster.link() == first
    assert roster.kinds() == [CONFIRMATION, CONFIRMATION]
    assert roster.confirm(first) is Confirmed.NOW


def test_who_is_on_the_list_is_told_so(roster: Roster) -> None:
    roster.add()

    roster.subscribe(language="ja")

    [letter] = roster.letters()
    assert (letter.kind, letter.language) == (DeliveryKind.ALREADY, "ja")
    assert roster.state() is CONFIRMED
    assert roster.standing().language == "en"


def test_a_link_of_an_earlier_time_does_not_confirm(roster: Roster) -> None:
    # Given somebody who joined, left, and asks again
    roster.subscribe()
    old = roster.link()
    roster.confirm(old)
    roster.leave()
    assert roster.confirm(old) is Confirmed.LEFT
    roster.subscribe()

    # When the first letter's link is followed
    outcome = roster.confirm(old)

    # Then it is the second one that counts
    assert outcome is Confirmed.LEFT
    assert roster.state() is PENDING
    assert roster.confirm() is Confirmed.NOW
    assert roster.kinds().count(DeliveryKind.WELCOME) == 2


def test_a_list_may_do_without_confirmation(roster: Roster) -> None:
    with roster.database.writing() as session:
        session.execute(update(MailingList).values(opt_in=OptIn.SINGLE))

    roster.subscribe()

    assert roster.state() is CONFIRMED
    assert roster.kinds() == [DeliveryKind.WELCOME]
    assert roster.history() == ["subscription.asked", "subscription.confirmed"]


def test_a_list_that_ended_takes_nobody(roster: Roster) -> None:
    with roster.database.writing() as session:
        require_list_open(session, roster.list_id)
        session.execute(update(MailingList).values(retired_at=roster.clock.now()))

    with pytest.raises(Refused, match="has ended"):
        roster.database.read(require_list_open, roster.list_id)
    with pytest.raises(NotFound):
        roster.database.read(require_list_open, 404)


def test_a_name_that_is_known_stays(roster: Roster) -> None:
    roster.subscribe(name="Kim Lee")
    roster.subscribe(name="Somebody Else")

    with roster.database.reading() as session:
        found, _ = subscribers.by_address(session, "kim@example.org")
    assert (found.name, found.domain) == ("Kim Lee", "example.org")


# ------------------------------------------------------------------------- suppressed


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCE, SuppressionReason.REQUEST])
def test_a_fresh_opt_in_lifts_what_it_disproves(roster: Roster, reason: SuppressionReason) -> None:
    suppress(roster, reason)

    roster.subscribe()
    assert roster.kinds() == [CONFIRMATION]
    assert reasons(roster) == {reason}
    roster.confirm()

    assert reasons(roster) == set()
    assert roster.state() is CONFIRMED


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.EDITOR])
def test_who_complained_is_not_written_to(roster: Roster, reason: SuppressionReason) -> None:
    suppress(roster, reason)

    roster.subscribe()

    assert roster.letters() == []
    assert roster.history() == ["subscription.refused"]
    with pytest.raises(NotFound):
        roster.state()


def test_who_complained_after_asking_cannot_confirm_it_away(roster: Roster) -> None:
    roster.subscribe()
    suppress(roster, SuppressionReason.COMPLAINT)

    roster.confirm()

    assert reasons(roster) == {SuppressionReason.COMPLAINT}


# ------------------------------------------------------------------------- limited


def test_one_address_gets_three_letters_a_day(roster: Roster) -> None:
    roster.rules = Rules(limits=Limits(per_address=3))

    for _ in range(9):
        roster.subscribe()
        roster.clock.move(timedelta(hours=1))
    assert len(roster.letters()) == 3
    assert roster.history().count("subscription.limited") == 6

    roster.clock.move(timedelta(days=1))
    roster.subscribe()
    assert len(roster.letters()) == 4


def test_the_limit_of_one_address_is_over_all_lists(roster: Roster) -> None:
    roster.rules = Rules(limits=Limits(per_address=2))
    with roster.database.writing() as session:
        others = [
            rows.a_list(session, f"news-{number}", now=roster.clock.now()) for number in range(3)
        ]

    for list_id in (roster.list_id, *others):
        roster.list_id = list_id
        roster.subscribe()

    letters = roster.letters()
    assert len(letters) == 2
    assert [letter.due_at for letter in letters] == [
        roster.clock.now(),
        roster.clock.now() + Limits().gap,
    ]


def test_a_full_network_delays_letters_and_their_end(roster: Roster) -> None:
    roster.rules = Rules(limits=Limits(per_network=1))

    for number in range(3):
        roster.subscribe(f"reader{number}@example.org")

    nine = roster.clock.now() + timedelta(hours=1)
    ten = nine + timedelta(hours=1)
    letters = roster.letters()
    assert [letter.due_at for letter in letters] == [roster.clock.now(), nine, ten]
    assert letters[-1].context["expires_at"] == (ten + WEEK).isoformat()
    assert letters[-1].not_after == ten + roster.rules.letter_life


def test_an_editor_is_not_limited(roster: Roster) -> None:
    roster.rules = Rules(limits=Limits(per_address=1, per_network=1, per_hour=1))

    for _ in range(3):
        roster.subscribe(network=None)

    assert len(roster.letters()) == 3


# ------------------------------------------------------------------------- added


def test_an_editor_adds_somebody_on_a_basis(roster: Roster) -> None:
    assert roster.add(basis="signed up at the meeting") is None

    assert roster.state() is CONFIRMED
    assert roster.letters() == []
    event = roster.events()[-1]
    assert (event.kind, event.actor) == ("subscription.confirmed", Actor.EDITOR)
    assert event.details["basis"] == "signed up at the meeting"
    with roster.database.reading() as session:
        _, [subscription] = subscribers.by_address(session, "kim@example.org")
    assert subscription.basis == "signed up at the meeting"
    assert subscription.confirmed_at == roster.clock.now()


def test_who_was_asked_can_be_added(roster: Roster) -> None:
    roster.subscribe()

    assert roster.add() is None

    assert roster.state() is CONFIRMED


def test_nobody_is_added_against_their_word(roster: Roster) -> None:
    roster.add()
    assert roster.add() is CONFIRMED
    roster.leave()
    assert roster.add() is UNSUBSCRIBED
    suppress(roster, SuppressionReason.BOUNCE)
    assert roster.add() is SuppressionReason.BOUNCE

    assert roster.state() is UNSUBSCRIBED


# ------------------------------------------------------------------------- leaving


def test_a_leaving_is_at_once_and_once(roster: Roster) -> None:
    roster.add()
    first = roster.leave()
    roster.clock.move(timedelta(minutes=1))

    assert roster.leave() == first
    assert first is not None
    standing = roster.standing()
    assert (standing.state, standing.left_event) == (UNSUBSCRIBED, first)
    assert standing.left_at == roster.clock.now() - timedelta(minutes=1)
    assert roster.history().count("subscription.left") == 1
    assert roster.events()[-1].details == {**EVIDENCE, "was": "confirmed"}


def test_who_was_only_asked_can_leave_too(roster: Roster) -> None:
    roster.subscribe()
    link = roster.link()

    roster.leave()

    assert roster.state() is UNSUBSCRIBED
    assert roster.confirm(link) is Confirmed.LEFT


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_leaving_can_be_undone(roster: Roster, confirmed: bool) -> None:
    roster.subscribe()
    if confirmed:
        roster.confirm()
    before = roster.state()
    event = roster.leave()
    assert event is not None

    assert roster.undo(event)

    assert roster.state() is before
    assert roster.standing().left_at is None
    assert not roster.undo(event)
    assert roster.history().count("subscription.resumed") == 1


def test_only_the_last_leaving_can_be_undone(roster: Roster) -> None:
    roster.add()
    first = roster.leave()
    assert first is not None
    roster.undo(first)
    roster.clock.move(timedelta(minutes=1))
    second = roster.leave()

    assert second not in {None, first}
    assert not roster.undo(first)
    assert roster.state() is UNSUBSCRIBED


def test_a_reason_for_leaving_is_kept_as_written(roster: Roster) -> None:
    roster.add()
    event = roster.leave()
    assert event is not None
    person = roster.standing().subscriber_id

    for why in ("too many", "on second thought"):
        roster.database.write(
            subscribers.say_why, person, roster.list_id, event, why, now=roster.clock.now()
        )

    assert roster.history().count("subscription.left_because") == 1
    assert roster.events()[-1].details == {"why": "too many", "event": event}


def test_pressing_unsubscribe_mails_a_link_to_who_is_on_the_list(roster: Roster) -> None:
    roster.unsubscribe()
    assert roster.letters() == []
    roster.add()

    roster.unsubscribe()

    [letter] = roster.letters()
    assert letter.kind is DeliveryKind.LEAVE
    assert roster.state() is CONFIRMED
    assert roster.history()[-1] == "subscription.leave_asked"


# ------------------------------------------------------------------------- never again


def test_never_again_means_all_lists(roster: Roster) -> None:
    # Given somebody on two lists
    roster.add()
    here = roster.list_id
    roster.list_id = roster.database.write(rows.a_list, "other", now=roster.clock.now())
    roster.add()

    # When they refuse at one of them
    roster.refuse()

    # Then they are on none, and not mailed
    for list_id in (here, roster.list_id):
        roster.list_id = list_id
        assert roster.state() is UNSUBSCRIBED
    assert reasons(roster) == {SuppressionReason.REQUEST}
    roster.refuse()
    assert roster.history().count("subscriber.refused") == 1


def test_a_refusal_is_not_undone_by_an_old_link(roster: Roster) -> None:
    roster.add()
    event = roster.leave()
    assert event is not None
    roster.undo(event)
    roster.clock.move(timedelta(minutes=1))
    roster.refuse()

    assert not roster.undo(event)
    assert roster.leave() is None
    assert roster.state() is UNSUBSCRIBED


def test_a_leaving_is_not_undone_after_a_refusal(roster: Roster) -> None:
    roster.add()
    event = roster.leave()
    assert event is not None
    roster.refuse()

    assert not roster.undo(event)


def test_only_their_own_fresh_opt_in_brings_back_who_refused(roster: Roster) -> None:
    roster.subscribe()
    roster.refuse()
    assert roster.add() is SuppressionReason.REQUEST

    roster.subscribe()
    roster.confirm()

    assert roster.state() is CONFIRMED
    assert reasons(roster) == set()


# ------------------------------------------------------------------------- nobody


@pytest.mark.parametrize("link", [ConfirmLink(404, 1, 1), ConfirmLink(1, 404, 1)])
def test_who_was_never_there_is_not_found(roster: Roster, link: ConfirmLink) -> None:
    roster.subscribe()

    with pytest.raises(NotFound):
        roster.confirm(link)


def test_one_who_was_erased_is_not_found(roster: Roster) -> None:
    roster.add()
    person = roster.standing().subscriber_id

    with roster.database.writing() as session:
        found, _ = subscribers.by_address(session, "kim@example.org")
        found.address = found.key = None
        session.add(found)

    with pytest.raises(NotFound):
        roster.database.read(subscribers.standing_of, person, roster.list_id)


def test_what_is_posted_is_in_the_same_transaction(roster: Roster) -> None:
    def fail_late(session: Session) -> None:
        subscribers.subscribe(session, roster.wish(), roster.rules, now=roster.clock.now())
        raise KeyError

    with pytest.raises(KeyError):
        roster.database.write(fail_late)

    assert roster.letters() == []
    assert roster.database.read(ledger.letters_waiting) == 0
    assert roster.history() == []
