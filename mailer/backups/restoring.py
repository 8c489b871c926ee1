"""Puts a backup in place: in a fresh folder, or instead of what is there, which is set aside.

The file is read to its end and found whole before anything is touched. Afterwards all that is
not settled is held, and who left since is taken off again: see `mailer.continuity`.
"""

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from mailer import config, continuity, departures, sample
from mailer.app import App
from mailer.backups import aside, tables
from mailer.backups.archive import PRIVATE, Manifest, Member, Reader, reading
from mailer.clock import Clock, SystemClock
from mailer.config import Config
from mailer.continuity import Aftermath, Past
from mailer.db import SCHEMA, Database, migrate, newer
from mailer.db.schema import Worker
from mailer.departures import Departure
from mailer.errors import ConfigError, DatabaseError, Refused
from mailer.ledger import Journal
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
    """What came of it. `aside` says where the state before is; `lost_keys` counts keys missing."""

    manifest: Manifest
    aftermath: Aftermath
    config: Path
    aside: str = ""
    lost_keys: int = 0


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
        return _fill(wanted, reader, clock, progress)
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not was_there:
            folder.rmdir()
        raise


def _replace(wanted: Wanted, reader: Reader, clock: Clock, progress: Progress) -> Restored:
    folder = wanted.folder
    _refuse_if_at_work(config.load(folder / SETTINGS), clock.now())
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
        _name_database(settings, wanted.database)
    database = Database(config.load(settings).database_url)
    try:
        _refuse_if_filled(database)
        _rows(database, reader, progress)
    except BaseException:
        database.close()
        raise
    migrate.upgrade(database, now=clock.now())
    database.close()
    with App.open(settings, clock=clock, is_restoring=True) as app:
        done = app.settle_after(_past(app, wanted, reader))
        assert done is not None
        known = {key.id for key in app.keys.keys}
        lost = len(set(reader.manifest.key_ids) - known)
    return Restored(reader.manifest, done, settings, where, lost)


def _rows(database: Database, reader: Reader, progress: Progress) -> None:
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
        _name_files(settings, reader)


def _files(reader: Reader) -> Iterator[Member]:
    """Give the files that belong into the folder; keys are in the settings or beside them."""
    has_settings = any(one.role == "settings" for one in reader.manifest.files)
    for one in reader.manifest.files:
        if one.role != "keys" or has_settings:
            yield one


def _name_files(settings: Path, reader: Reader) -> None:
    """Let settings of a backup name its files by where they are now, not by where they were."""
    text = settings.read_text(encoding="utf-8")
    for named in config.named_files(settings):
        if now := _copy_of(named, settings.parent, reader.manifest):
            for before in (json.dumps(str(named), ensure_ascii=False), f"'{named}'"):
                text = text.replace(before, json.dumps(now, ensure_ascii=False))
    settings.write_text(text, encoding="utf-8")


def _copy_of(named: Path, folder: Path, manifest: Manifest) -> str | None:
    """Give the file of the backup that is to be named instead; None when all is well as it is.

    A file from elsewhere on the machine is named where it was for as long as one is there. One
    from the folder that was backed up is known by the end of its path.
    """
    members = {one.path for one in manifest.files}
    elsewhere = f"outside{named.as_posix()}"
    if elsewhere in members:
        return None if named.exists() else elsewhere
    if named.is_relative_to(folder):
        return None
    ends = ("/".join(named.parts[at:]) for at in range(1, len(named.parts)))
    return next((end for end in ends if end in members), None)


def _name_database(settings: Path, url: str) -> None:
    """Let the settings name another database; ConfigError when that cannot be written there."""
    lines, inside, done = settings.read_text(encoding="utf-8").splitlines(), False, False
    for at, line in enumerate(lines):
        if line.strip().startswith("["):
            inside = line.strip() == "[database]"
        elif inside and line.split("=")[0].strip() in {"url", "url_file"}:
            lines[at], done = f"url = {json.dumps(url)}", True
    if not done:
        lines += ["", "[database]", f"url = {json.dumps(url)}"]
    settings.write_text("\n".join([*lines, ""]), encoding="utf-8")
    if config.load(settings).settings.database.url != url:
        raise ConfigError(["database.url: the environment names another database"])


def _refuse_if_filled(database: Database) -> None:
    path = database.path
    if (path is not None and path.exists()) or (path is None and database.revision()):
        raise Refused(f"{database} is there already; name another by --database, or say --replace")


def _refuse_if_at_work(found: Config, now: datetime) -> None:
    """Refuse while anybody works on the installation, unless it is known to be dead."""
    dead = set()
    for journal in Journal.others(found.beside):
        if not journal.proves_death():
            journal.close()
            raise Refused("Communiqué is at work here; stop it first (serve, or every worker)")
        dead.add(journal.worker_id)
        journal.close()
    database = Database(found.database_url)
    try:
        working = database.read(_others_at_work, dead, now) if database.revision() else []
    except DatabaseError:
        working = []  # what cannot be read is to be replaced, that is why we are here
    finally:
        database.close()
    if working:
        raise Refused(f"a worker is at work on {', '.join(working)}; stop it first")


def _others_at_work(session: Session, dead: set[int], now: datetime) -> list[str]:
    statement = select(col(Worker.id), col(Worker.host)).where(
        col(Worker.ended_at).is_(None), col(Worker.lease_until) >= now
    )
    here = platform.node()
    return sorted(
        {host for id_, host in session.execute(statement) if id_ not in dead or host != here}
    )


def _check_room(wanted: Wanted, manifest: Manifest) -> None:
    there = next(
        path for path in (wanted.folder, *wanted.folder.absolute().parents) if path.exists()
    )
    free, needed = shutil.disk_usage(there).free, 2 * manifest.size + ROOM
    if free < needed:
        raise Refused(
            f"too little room in {there}: {free >> 20} MB are free, {needed >> 20} MB may be needed"
        )
