"""Puts a backup in place: in a fresh folder, or instead of what is there, which is set aside.

The file is read to its end and found whole before anything is touched. Afterwards all that is
not settled is held, and who left since is taken off again: see `mailer.continuity`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mailer import config, continuity, departures, sample
from mailer.app import App
from mailer.backups import aside, renaming, tables
from mailer.backups.archive import PRIVATE, Manifest, Member, Reader, reading
from mailer.backups.at_work import refuse_if_at_work
from mailer.clock import Clock, SystemClock
from mailer.continuity import Aftermath, Past
from mailer.db import SCHEMA, Database, newer
from mailer.departures import Departure
from mailer.errors import Refused
from mailer.ledger.journal import SUFFIX as JOURNAL

SETTINGS = "config.toml"
ROOM = 64_000_000

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be restored, and how.

    `folder` is a fresh one, or with `replace` the installation's. `database` is the URL of a
    database to fill instead of the one the settings name. With `settings` the files that are
    there are set aside for those of the backup. `departures` is a file saved from elsewhere.
    """

    source: Path
    folder: Path
    replace: bool = False
    settings: bool = False
    database: str | None = None
    departures: Path | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it. `aside` says where the state before is; `lost_keys` counts keys missing.

    `renamed` are settings that named a place elsewhere, with what they name now.
    """

    manifest: Manifest
    aftermath: Aftermath
    config: Path
    aside: str = ""
    lost_keys: int = 0
    renamed: tuple[tuple[str, str], ...] = ()


def restore(
    wanted: Wanted, *, clock: Clock | None = None, progress: Progress = lambda _done, _of: None
) -> Restored:
    """Put a backup in place. Raises what is wrong with it, or why not; then all is as before."""
    with reading(wanted.source) as reader:
        if reader.manifest.schema > SCHEMA:
            raise newer(reader.manifest.schema)
        reader.verify()
        _check_room(wanted, reader.manifest)
        if wanted.replace:
            return _replace(wanted, reader, clock or SystemClock(), progress)
        return _afresh(wanted, reader, clock or SystemClock(), progress)


def _afresh(wanted: Wanted, reader: Reader, clock: Clock, progress: Progress) -> Restored:
    folder = wanted.folder
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty; name a new folder, or say --replace")
    was_there = folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _put_files(reader, folder, missing_only=False)
        renamed = renaming.templates(folder / SETTINGS, reader.manifest)
        if wanted.database is None:
            renamed += renaming.database_file(folder / SETTINGS)
        done = _fill(wanted, reader, clock, progress)
        return replace(done, renamed=tuple(renamed))
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            folder.rmdir()
        raise


def _replace(wanted: Wanted, reader: Reader, clock: Clock, progress: Progress) -> Restored:
    folder = wanted.folder
    refuse_if_at_work(config.load(folder / SETTINGS), now=clock.now())
    stamp = folder / f"set-aside-{clock.now():%Y%m%dT%H%M%SZ}"
    with ExitStack() as undo:
        if wanted.settings:
            undo.push(_files_aside(reader, folder, stamp))
        _put_files(reader, folder, missing_only=True)
        aside.move(list((folder / "state").glob(f"*{JOURNAL}")), stamp)
        database = Database(config.load(folder / SETTINGS).database_url)
        undo.callback(database.close)
        where = undo.enter_context(aside.set_aside(database, stamp))
        return _fill(wanted, reader, clock, progress, where=where)


def _files_aside(reader: Reader, folder: Path, stamp: Path) -> Callable[..., bool]:
    """Set aside the files that the backup has too; give what moves them back after an error."""
    ours = [folder / one.path for one in _files(reader) if one.role != "departures"]
    stamp.mkdir(mode=0o700, exist_ok=True)
    moved = {}
    for path in ours:
        if path.exists():
            moved[path] = stamp / path.relative_to(folder)
            moved[path].parent.mkdir(parents=True, exist_ok=True)
            path.rename(moved[path])

    def leave(kind: object, *_: object) -> bool:
        if kind is not None:
            aside.back(moved)
        return False

    return leave


def _fill(
    wanted: Wanted, reader: Reader, clock: Clock, progress: Progress, *, where: str = ""
) -> Restored:
    settings = wanted.folder / SETTINGS
    if wanted.database:
        renaming.database(settings, wanted.database)
    database = Database(config.load(settings).database_url)
    try:
        _refuse_if_filled(database)
        _rows(database, reader, progress)
    except BaseException:
        database.close()
        raise
    from mailer.db import migrate  # noqa: PLC0415  (Alembic is large; a worker goes without)

    migrate.upgrade(database, now=clock.now())
    database.close()
    with App.open(settings, clock=clock, is_restoring=True) as app:
        done = app.settle_after(_past(app, wanted, reader))
        assert done is not None
        known = {key.id for key in app.keys.keys}
        lost = len(set(reader.manifest.key_ids) - known)
    return Restored(reader.manifest, done, settings, where, lost)


def _rows(database: Database, reader: Reader, progress: Progress) -> None:
    from mailer.db import migrate  # noqa: PLC0415  (as above)

    migrate.build(database, reader.manifest.schema)
    with database.connect() as connection:
        if database.is_sqlite:
            raw = connection.connection.driver_connection
            raw.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        try:
            with connection.begin():
                every = tables.reflected(connection)
                for done, table in enumerate(every):
                    progress(done, len(every))
                    member = reader.manifest.tables.get(table.name)
                    if member is not None:
                        tables.fill(connection, table, reader.lines(member), reader.path)
        finally:
            connection.invalidate()


def _past(app: App, wanted: Wanted, reader: Reader) -> Past:
    """Give what is known beside the database: its mark, and who left, from wherever it is told."""
    found: set[Departure] = set()
    for path in (app.config.beside / departures.NAME, wanted.departures):
        if path is not None:
            found.update(departures.read(path)[0])
    lines = sorted(found, key=lambda one: (one.at, one.event))
    source = f"a backup of {reader.manifest.moment:%Y-%m-%d %H:%M} UTC was restored"
    return Past(continuity.remembered(app.config.beside), lines, source, is_certain=True)


def _put_files(reader: Reader, folder: Path, *, missing_only: bool) -> None:
    settings = folder / SETTINGS
    are_kept = missing_only and settings.exists()
    for one in _files(reader):
        target = folder / one.path
        if missing_only and target.exists():
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(reader.content(one))
    if not settings.exists():
        keys = [one for one in reader.manifest.files if one.role == "keys"]
        found = reader.content(keys[0]).decode().split() if keys else []
        settings.write_text(sample.render({"tokens": {"keys": found}}), encoding="utf-8")
        settings.chmod(PRIVATE)
    if not are_kept:
        renaming.secrets(settings, reader.manifest)


def _files(reader: Reader) -> Iterator[Member]:
    """Give the files that belong into the folder; keys are in the settings or beside them."""
    has_settings = any(one.role == "settings" for one in reader.manifest.files)
    for one in reader.manifest.files:
        if one.role != "keys" or has_settings:
            yield one


def _refuse_if_filled(database: Database) -> None:
    path = database.path
    if (path is not None and path.exists()) or (path is None and database.revision()):
        raise Refused(f"{database} is there already; name another by --database, or say --replace")


def _check_room(wanted: Wanted, manifest: Manifest) -> None:
    there = next(
        path for path in (wanted.folder, *wanted.folder.absolute().parents) if path.exists()
    )
    free, needed = shutil.disk_usage(there).free, 2 * manifest.size + ROOM
    if free < needed:
        raise Refused(
            f"too little room in {there}: {free >> 20} MB are free, {needed >> 20} MB may be needed"
        )
