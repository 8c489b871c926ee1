"""A backup instead of what is there: nothing is deleted, and never while anybody is at work."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer import backups, scheduler, subscribers
from mailer.app import App
from mailer.backups import Wanted
from mailer.backups.making import make
from mailer.db import Database
from mailer.errors import FileInvalid, Refused
from mailer.ledger import Journal, boot_id
from mailer.tokens import new_key
from tests.installation import Installation
from tests.postgres import Postgres

KIM, LEE = "kim@example.org", "lee@example.org"


def replaced(office: Installation, source: Path, *, settings: bool = False) -> backups.Restored:
    office.app.close()
    wanted = Wanted(source, office.folder, replace=True, settings=settings)
    return backups.restore(wanted, clock=office.clock)


def backed_up(office: Installation, folder: Path) -> Path:
    target = folder / "copy.zip"
    make(office.app, target)
    return target


def test_what_was_there_is_set_aside_whole(own_office: Installation, tmp_path: Path) -> None:
    # Given a backup, and one who came after it
    office = own_office
    office.subscribers(KIM)
    source = backed_up(office, tmp_path)
    office.subscribers(LEE)

    # When the backup is put in place
    done = replaced(office, source)

    # Then only the first is there, and the state before is where it says
    with App.open(office.config, clock=office.clock) as app:
        assert app.database.read(subscribers.by_address, KIM)
        with pytest.raises(Exception, match="no subscriber"):
            app.database.read(subscribers.by_address, LEE)
    assert addresses_aside(office, done.aside) == {KIM, LEE}


def addresses_aside(office: Installation, where: str) -> set[str]:
    if office.app.database.is_sqlite:
        [file] = Path(where).glob("*.sqlite3")
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT address FROM subscribers").fetchall()
        return {address for (address,) in found}
    schema = where.removeprefix("schema ")
    database = Database(office.url)
    with database.reading() as session:
        rows = session.execute(sa.text(f'SELECT address FROM "{schema}".subscribers')).scalars()
        found_there = set(rows)
    database.close()
    return found_there


def test_a_worker_that_is_alive_is_not_robbed_of_its_database(
    own_office: Installation, tmp_path: Path
) -> None:
    office = own_office
    office.subscribers(KIM)
    source = backed_up(office, tmp_path)
    journal = Journal.create(office.app.config.state, 77, boot=boot_id(), capacity=4)

    with pytest.raises(Refused, match="at work here; stop it first"):
        replaced(office, source)

    journal.close(remove=True)
    with App.open(office.config, clock=office.clock) as app:
        assert app.database.read(subscribers.by_address, KIM)


def test_a_backup_that_cannot_be_put_in_place_leaves_all_as_it_was(
    own_office: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = own_office
    office.subscribers(KIM)
    source = backed_up(office, tmp_path)

    # Rows that do not fit: no file of ours has such, and a check of hashes does not see it.
    def broken(*_: object) -> int:
        raise FileInvalid(source, None, "the rows of lists do not fit")

    monkeypatch.setattr("mailer.backups.tables.fill", broken)
    with pytest.raises(FileInvalid, match="do not fit"):
        replaced(office, source)

    with App.open(office.config, clock=office.clock) as app:
        assert app.database.read(subscribers.by_address, KIM)


def test_settings_stay_unless_they_are_asked_for_and_keys_that_are_missing_are_told(
    own_office: Installation, tmp_path: Path
) -> None:
    # Given a backup, and then other keys, as somebody may set who lost the old ones
    office = own_office
    source = backed_up(office, tmp_path)
    old, office.keys = office.keys, [new_key()]
    office.reopen()

    # When it is put in place, without and then with the settings of that time
    kept = replaced(office, source)
    office.clock.move(timedelta(minutes=1))
    taken = replaced(office, source, settings=True)

    # Then only the latter has the old keys again
    assert (kept.lost_keys, taken.lost_keys) == (1, 0)
    assert old[0] in office.config.read_text(encoding="utf-8")
    [aside] = [one for one in office.folder.glob("set-aside-*") if (one / "config.toml").exists()]
    assert office.keys[0] in (aside / "config.toml").read_text(encoding="utf-8")


@pytest.fixture
def copy_of(
    tmp_path: Path, request: pytest.FixtureRequest, fresh_names: Callable[[], str]
) -> Callable[[Installation], str]:
    """Give what copies an office's database, as somebody does by hand; it gives the URL."""

    def copy(office: Installation) -> str:
        office.app.database.close()
        if office.app.database.path is not None:
            with (
                closing(sqlite3.connect(office.app.database.path)) as now,
                closing(sqlite3.connect(tmp_path / "old.db")) as old,
            ):
                now.backup(old)
            return f"sqlite:///{tmp_path}/old.db"
        server: Postgres = request.getfixturevalue("postgresql")
        return server.create(fresh_names(), template=office.url.rpartition("/")[2])

    return copy


def test_an_older_database_that_somebody_put_back_is_noticed(
    own_office: Installation, copy_of: Callable[[Installation], str]
) -> None:
    # Given a copy of the database, and what happened since: one left, and the mark moved on
    office = own_office
    office.subscribers(KIM, LEE)
    office.sending()
    scheduler.keep_mark(office.app)
    old = copy_of(office)
    office.clock.move(timedelta(minutes=1))
    kim = office.subscriber(KIM) or 0
    office.app.database.write(subscribers.leave, kim, office.list_id, {}, now=office.clock.now())
    scheduler.keep_mark(office.app)

    # When somebody puts the copy in its place, and anything opens it
    office.url = old
    office.reopen()

    # Then what waits is held, who left is off, and the next who opens it finds nothing to do
    assert sum(one.waiting for one in office.held()) == 2
    standing = office.app.database.read(subscribers.standing_of, kim, office.list_id)
    assert standing.state == "unsubscribed"
    assert office.app.look_back() is None
    office.app.close()


def test_a_second_machine_is_not_alarmed_by_what_the_first_has_put_right(
    own_office: Installation, copy_of: Callable[[Installation], str], tmp_path: Path
) -> None:
    # Given two machines on one database, and a copy put back that the first has noticed
    office = own_office
    office.subscribers(KIM)
    scheduler.keep_mark(office.app)
    old = copy_of(office)
    office.clock.move(timedelta(minutes=1))
    scheduler.keep_mark(office.app)
    second = tmp_path / "second"
    shutil.copytree(office.folder / "state", second / "state")
    office.url = old
    office.reopen()
    digest = office.sending()

    # When the second opens it
    shutil.copy(office.config, second / "config.toml")
    with App.open(second / "config.toml", clock=office.clock):
        pass

    # Then what was queued since goes
    assert office.held() == []
    assert office.sums(digest).waiting == 1
    office.app.close()
