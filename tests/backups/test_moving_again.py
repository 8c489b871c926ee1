"""A change of address since the backup is done again; the file that says so keeps it sealed."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import address, backups, continuity, departures, scheduler, subscribers
from mailer.app import App
from mailer.backups import Wanted
from mailer.backups.making import make
from mailer.backups.restoring import Restored
from mailer.db.schema import DeliveryKind
from mailer.errors import NotFound
from mailer.subscribers import Wish
from mailer.tokens import new_key
from tests.installation import Installation

OLD, NEW, THIRD = "kim@old.example", "Kim.New@new.example", "kim@third.example"


@dataclass
class Past:
    """An office, a backup of it, and where it comes back to."""

    office: Installation
    source: Path
    again: Path
    url: str

    def restored(self) -> Restored:
        log = self.office.app.config.beside / departures.NAME
        wanted = Wanted(self.source, self.again, database=self.url, departures=log)
        return backups.restore(wanted, clock=self.office.clock)


@pytest.fixture
def past(office: Installation, tmp_path: Path, elsewhere: str) -> Past:
    """Give an office with one reader, of whom the backup knows the old address."""
    office.subscribers(OLD, "new@example.org")
    source = tmp_path / "copy.zip"
    make(office.app, source)
    office.clock.move(timedelta(hours=1))
    return Past(office, source, tmp_path / "again", elsewhere)


def ask(office: Installation, who: int, to: str) -> int:
    wish = Wish(address.parse(to), office.list_id, "en", {}, network="192.0.2.1")
    now, rules = office.clock.now(), office.app.rules
    office.app.database.write(subscribers.ask_move, who, wish, rules, now=now)
    asked = [one for one in office.rows() if one.kind is DeliveryKind.MOVE]
    return int(asked[-1].context["change"])


def move(office: Installation, who: int, to: str) -> int:
    """Change an address, as its reader does by two letters; give the number of the change."""
    change = ask(office, who, to)
    now, rules = office.clock.now(), office.app.rules
    assert office.app.database.write(subscribers.move, change, office.list_id, {}, rules, now=now)
    office.clock.move(timedelta(minutes=1))
    return change


def log_of(office: Installation) -> str:
    return (office.app.config.beside / departures.NAME).read_text()


def who_is(app: App, typed: str) -> int | None:
    try:
        return app.database.read(subscribers.by_address, address.parse(typed).key)[0].id
    except NotFound:
        return None


def test_mail_goes_to_the_new_address_again(past: Past) -> None:
    office = past.office
    kim = office.subscriber(OLD) or 0
    change = move(office, kim, NEW)

    done = past.restored()

    assert done.aftermath.departures == {"moved": 1}
    with App.open(done.config, clock=office.clock) as app:
        assert (who_is(app, NEW), who_is(app, OLD)) == (kim, None)
        found = app.database.read(subscribers.by_address, NEW.lower())[0]
        assert found.address == NEW  # as it was typed
        # and the letter at the old address still takes it back
        now = office.clock.now()
        assert app.database.write(subscribers.undo_move, change, {}, now=now)
        assert who_is(app, OLD) == kim


def test_a_change_that_the_backup_saw_asked_for_is_done_again(
    office: Installation, tmp_path: Path, elsewhere: str
) -> None:
    # Given a backup made between the letter to the new address and the press on its button
    office.subscribers(OLD)
    kim = office.subscriber(OLD) or 0
    change = ask(office, kim, NEW)
    source = tmp_path / "copy.zip"
    make(office.app, source)
    office.clock.move(timedelta(hours=1))
    now, rules = office.clock.now(), office.app.rules
    office.app.database.write(subscribers.move, change, office.list_id, {}, rules, now=now)

    done = Past(office, source, tmp_path / "again", elsewhere).restored()

    with App.open(done.config, clock=office.clock) as app:
        assert who_is(app, NEW) == kim
        assert app.database.read(subscribers.change, change).is_done


def test_who_moved_on_and_who_took_it_back_are_where_they_wanted_to_be(past: Past) -> None:
    # Given one who moved twice, and one whose change was undone
    office = past.office
    kim, lee = office.subscriber(OLD) or 0, office.subscriber("new@example.org") or 0
    move(office, kim, NEW)
    office.clock.move(timedelta(hours=1))
    move(office, kim, THIRD)
    mistaken = move(office, lee, "stranger@else.example")
    now = office.clock.now()
    assert office.app.database.write(subscribers.undo_move, mistaken, {}, now=now)

    done = past.restored()

    assert done.aftermath.departures == {"moved": 3, "returned": 1}
    with App.open(done.config, clock=office.clock) as app:
        assert who_is(app, THIRD) == kim
        assert who_is(app, "new@example.org") == lee
        assert who_is(app, "stranger@else.example") is None


def test_a_change_that_the_backup_knew_is_taken_back_again(
    office: Installation, tmp_path: Path, elsewhere: str
) -> None:
    office.subscribers(OLD)
    kim = office.subscriber(OLD) or 0
    change = move(office, kim, NEW)
    source = tmp_path / "copy.zip"
    make(office.app, source)
    office.clock.move(timedelta(hours=1))
    office.app.database.write(subscribers.undo_move, change, {}, now=office.clock.now())

    done = Past(office, source, tmp_path / "again", elsewhere).restored()

    with App.open(done.config, clock=office.clock) as app:
        assert (who_is(app, OLD), who_is(app, NEW)) == (kim, None)


def test_two_who_became_one_are_one_again(past: Past) -> None:
    office = past.office
    kim, other = office.subscriber(OLD) or 0, office.subscriber("new@example.org") or 0
    move(office, kim, "new@example.org")

    done = past.restored()

    with App.open(done.config, clock=office.clock) as app:
        assert (who_is(app, "new@example.org"), who_is(app, OLD)) == (other, None)
        assert app.database.read(subscribers.size, office.list_id) == 1


def test_the_file_names_no_new_address_and_keeps_none_of_who_is_erased(past: Past) -> None:
    # Given one whose new address the file holds, for who has the keys
    office = past.office
    kim = office.subscriber(OLD) or 0
    move(office, kim, NEW)
    folder = office.app.config.beside
    [line] = departures.read(folder / departures.NAME)[0]
    assert "new.example" not in log_of(office).lower()
    assert departures.opened(office.app.keys, line.sealed) == NEW

    # When they are erased
    office.app.database.write(subscribers.erase, kim, now=office.clock.now())

    # Then nobody can read it there, and a restore forgets them again
    assert line.sealed not in log_of(office)
    done = past.restored()
    assert done.aftermath.departures == {"unknown": 1, "erased": 1}
    with App.open(done.config, clock=office.clock) as app:
        assert (who_is(app, NEW), who_is(app, OLD)) == (None, None)


def test_who_became_another_and_was_erased_is_not_back_at_the_former_address(past: Past) -> None:
    office = past.office
    kim, other = office.subscriber(OLD) or 0, office.subscriber("new@example.org") or 0
    move(office, kim, "new@example.org")
    office.app.database.write(subscribers.erase, other, now=office.clock.now())

    done = past.restored()

    with App.open(done.config, clock=office.clock) as app:
        assert (who_is(app, OLD), who_is(app, "new@example.org")) == (None, None)
        assert app.database.read(subscribers.size, office.list_id) == 0


def test_another_machine_forgets_the_address_of_who_was_erased_too(past: Past) -> None:
    # Given a line on this machine, and an erasure that was done on another
    office = past.office
    kim = office.subscriber(OLD) or 0
    move(office, kim, NEW)
    [line] = departures.read(office.app.config.beside / departures.NAME)[0]
    with office.second() as other:
        other.database.before_commit = continuity.Noting(past.again.with_name("two"), other.keys)
        other.database.write(subscribers.erase, kim, now=office.clock.now())
    assert line.sealed in log_of(office)

    scheduler.trim_departures(office.app)

    assert line.sealed not in log_of(office)
    assert departures.movers(office.app.config.beside) == set()


def test_without_the_key_the_old_address_stays(past: Past) -> None:
    office = past.office
    kim = office.subscriber(OLD) or 0
    office.keys.insert(0, new_key())
    office.reopen()
    move(office, kim, NEW)

    done = past.restored()  # with the keys of the backup

    assert done.aftermath.departures == {"unknown": 1}
    with App.open(done.config, clock=office.clock) as app:
        assert who_is(app, OLD) == kim
