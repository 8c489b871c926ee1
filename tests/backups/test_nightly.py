"""A backup each night: once, whoever ticks; the newest kept; and a failure told."""

from datetime import timedelta

from mailer import backups, facts, scheduler
from mailer.backups import nightly
from mailer.db.schema import DeliveryKind
from tests.installation import OWNER, Installation


def begun(office: Installation) -> None:
    """Let the nights be counted, as the first tick of an installation does."""
    assert backups.is_due(office.app)
    assert not backups.begin(office.app)


def test_it_is_made_once_a_night_whoever_ticks(office: Installation) -> None:
    begun(office)
    assert not backups.is_due(office.app)

    office.clock.move(timedelta(hours=24))

    with office.second() as other:
        assert backups.is_due(office.app)
        assert backups.is_due(other)
        assert [backups.begin(office.app), backups.begin(other)] == [True, False]
        assert not backups.is_due(other)


def test_it_is_made_in_a_process_of_its_own_and_noted(office: Installation) -> None:
    begun(office)
    office.clock.move(timedelta(hours=24))

    scheduler.back_up(office.app)

    [file] = nightly.kept(office.folder / "backups")
    made = office.app.database.read(facts.get, nightly.MADE)
    assert made is not None
    assert made.value["file"] == str(file)
    with backups.reading(file) as reader:
        reader.verify()


def test_the_newest_are_kept_and_nobody_else_s_files_touched(office: Installation) -> None:
    office.reopen(backup={"keep": 2})
    folder = office.folder / "backups"
    folder.mkdir()
    mine = folder / "communique-before-the-move.zip"
    mine.touch()

    paths = []
    for _ in range(4):
        paths.append(nightly.for_tonight(office.app)[0])
        office.clock.move(timedelta(days=1))

    assert set(folder.iterdir()) == {mine, *paths[2:]}


def test_one_that_fails_is_told_to_the_owner(
    office: Installation,
) -> None:
    begun(office)
    (office.folder / "backups").write_text("a file where the folder should be")
    office.clock.move(timedelta(hours=24))

    scheduler.back_up(office.app)

    failed = office.app.database.read(facts.get, nightly.FAILED)
    assert failed is not None
    assert "backups" in failed.value["why"]
    [letter] = office.rows()
    assert (letter.kind, letter.address) == (DeliveryKind.NOTICE, OWNER)


def test_none_is_made_where_the_settings_say_so(office: Installation) -> None:
    begun(office)
    office.reopen(backup={"nightly": False})
    office.clock.move(timedelta(hours=24))

    assert not backups.is_due(office.app)
