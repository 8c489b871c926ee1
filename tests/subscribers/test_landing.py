"""What a chunk at once does with people is what it would do with each of them alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlmodel import col

from mailer import sheets, subscribers
from mailer.db.schema import (
    AddressChange,
    Organisation,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from mailer.subscribers import Import, Reading, Report, transfer
from tests.subscribers.conftest import Roster

HEAD = "email,name,entered,confirmed,blacklisted,htmlemail,organisation,country,language"
"""phpList's, so that there are all kinds of fates; the rest it leaves to us."""

PEOPLE = (
    "new0@example.org,New,2024-01-02 03:04:05,1,0,1,Customs,Fiji,fr",
    "Known@Example.org,Other,,1,0,1,Port,,",
    "nameless@example.org,Named,,1,0,1,Customs,Fiji,",
    "waits@example.org,,,1,0,1,,,",
    "left@example.org,,,1,0,1,Customs,Fiji,",
    "bounced@example.org,,,1,0,1,,,",
    "barred@example.org,,,1,0,1,,,",
    "elsewhere@example.org,Named,,1,0,1,Customs,Fiji,",
    "old@example.org,,,1,0,1,,,",
    "erased@example.org,,,1,0,1,,,",
    "black@example.org,,,1,1,1,,,",
    "known@example.org,,,1,0,1,,,",
    "unconfirmed@example.org,,,0,0,1,,,",
    "no address,,,1,0,1,,,",
    "new1@example.org,Zoë,,1,0,1,Customs,Fiji,",
    "new2@example.org,,,1,0,1,Port,,ja",
)

PEOPLE_AFTER = {
    "new0@example.org": ("New", "Customs", "fr", "confirmed"),
    "new1@example.org": ("Zoë", "Customs", "en", "confirmed"),
    "new2@example.org": ("", "Port", "ja", "confirmed"),
    "elsewhere@example.org": ("Named", "Customs", "en", "confirmed"),
    "known@example.org": ("Known", None, "en", "confirmed"),
    "nameless@example.org": ("", None, "en", "confirmed"),
    "waits@example.org": ("", None, "en", "confirmed"),
    "left@example.org": ("", None, "en", "unsubscribed"),
    "moved@example.org": ("", None, "en", "confirmed"),
}

Take = Callable[..., Report]


@pytest.fixture(params=[1, 3, 1000])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a chunk have so many rows; the first chunk, which begins the batch, has one."""
    monkeypatch.setattr(transfer, "FIRST", 1)
    monkeypatch.setattr(transfer, "FEWEST", request.param)
    monkeypatch.setattr(transfer, "MOST", request.param)


@pytest.fixture
def take(roster: Roster, tmp_path: Path) -> Take:
    """Give a way to import all of them."""
    path = tmp_path / "people.csv"
    path.write_text("\n".join([HEAD, *PEOPLE, ""]), encoding="utf-8")

    def taken(basis: str | None, **more: Any) -> Report:
        wanted = Import(roster.list_id, "en", basis=basis, **more)
        now = roster.clock.now
        return subscribers.take(roster.database, read(path), wanted, roster.rules, now=now)

    return taken


def read(path: Path) -> Reading:
    found = sheets.opened(path, sheets.Wanted())
    return subscribers.understand(path.name, found, said={}, mark="1")


@pytest.mark.parametrize("basis", ["signed up", None])
@pytest.mark.parametrize("hashed", [False, True], ids=["by-key", "by-hash"])
@pytest.mark.usefixtures("at_once")
def test_many_at_once_are_judged_as_each_alone(
    roster: Roster, take: Take, basis: str | None, *, hashed: bool
) -> None:
    # Given people of all kinds, and what looking at each of them alone would come to
    people_of_before(roster, hashed=hashed)
    foreseen = take(basis, dry_run=True)

    # When they are taken by the chunk
    report = take(basis)

    # Then it is that
    assert report.counts == foreseen.counts
    assert [(one.line, one.why) for one in report.stayed_out] == [
        (one.line, one.why) for one in foreseen.stayed_out
    ]


@pytest.mark.usefixtures("at_once")
def test_many_at_once_become_what_each_alone_becomes(roster: Roster, take: Take) -> None:
    people_of_before(roster, hashed=True)
    before = {event.id for event in roster.events()}

    take("signed up")

    assert people(roster) == PEOPLE_AFTER
    new = [event for event in roster.events() if event.id not in before]
    assert sorted((event.kind, event.details["line"]) for event in new) == [
        ("subscription.confirmed", line) for line in (2, 5, 9, 16, 17)
    ]
    assert new[0].details == {
        "via": "import",
        "basis": "signed up",
        "batch": 1,
        "line": 2,
        "opted_in_at": "2024-01-02 03:04:05",
    }


@pytest.mark.usefixtures("at_once")
def test_a_letter_goes_to_each_of_many_once(roster: Roster, take: Take) -> None:
    people_of_before(roster, hashed=False)
    before = len(roster.letters())

    take(None)

    to = [(letter.address, letter.language) for letter in roster.letters()[before:]]
    assert sorted(to) == [
        ("elsewhere@example.org", "en"),
        ("new0@example.org", "fr"),
        ("new1@example.org", "en"),
        ("new2@example.org", "ja"),
    ]


@pytest.mark.usefixtures("at_once")
def test_nobody_gets_the_number_of_somebody_who_is_gone(roster: Roster, take: Take) -> None:
    first = take("signed up")
    before = numbers(roster)
    assert first.batch is not None
    subscribers.undo(roster.database, first.batch, now=roster.clock.now())

    take("signed up")

    assert len(numbers(roster)) == len(before)
    assert not numbers(roster) & before


def numbers(roster: Roster) -> set[int]:
    with roster.database.reading() as session:
        return {int(one or 0) for one in session.execute(select(col(Subscriber.id))).scalars()}


def people_of_before(roster: Roster, *, hashed: bool) -> None:
    """Let there be somebody for every reason to stay out, or to be let alone."""
    now = roster.clock.now()
    for name in ("known", "nameless", "left", "elsewhere", "erased", "old"):
        roster.add(f"{name}@example.org")
    roster.subscribe("waits@example.org")
    person = roster.standing("left@example.org").subscriber_id
    roster.database.write(subscribers.leave, person, roster.list_id, {}, now=now)
    for name, scope in (("bounced", 0), ("barred", roster.list_id)):
        reason = SuppressionReason.BOUNCE
        key = f"{name}@example.org"
        roster.database.write(subscribers.suppress, key, reason, now=now, list_id=scope)
    gone = roster.standing("erased@example.org").subscriber_id
    with roster.database.writing() as session:
        known, _ = subscribers.by_address(session, "known@example.org")
        known.name = "Known"
        moved, _ = subscribers.by_address(session, "old@example.org")
        moved.address = moved.key = "moved@example.org"
        elsewhere, _ = subscribers.by_address(session, "elsewhere@example.org")
        assert moved.id is not None
        change = AddressChange(
            subscriber_id=moved.id,
            old_address="old@example.org",
            address="moved@example.org",
            asked_at=now,
            done_at=now,
        )
        session.add_all([known, moved, change])
        session.execute(delete(Subscription).where(col(Subscription.subscriber_id) == elsewhere.id))
    if hashed:
        roster.database.write(subscribers.erase, gone, now=now)


def people(roster: Roster) -> dict[str, tuple[str, str | None, str | None, str | None]]:
    """Give all who have an address: name, organisation, language, and how they stand."""
    statement = (
        select(
            col(Subscriber.key),
            col(Subscriber.name),
            col(Organisation.name),
            col(Subscription.language),
            col(Subscription.state),
        )
        .outerjoin(Organisation, col(Organisation.id) == col(Subscriber.organisation_id))
        .outerjoin(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(col(Subscriber.key).is_not(None))
    )
    with roster.database.reading() as session:
        return {str(key): tuple(more) for key, *more in session.execute(statement)}
