"""Makes a backup: every row as of one moment, and every file that belongs to the installation."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from mailer import __version__, config, continuity, departures
from mailer.app import App
from mailer.backups import archive, tables
from mailer.backups.archive import FORMAT, Manifest, Writer
from mailer.db import SCHEMA
from mailer.db.schema import Table
from mailer.errors import Refused

SUFFIX = ".zip"
ROOM = 64_000_000
"""Bytes that must stay free beside a backup."""

LARGEST_FILE = 64_000_000
"""Bytes of a file that goes into a backup; no template or secret is so large."""

KEYS = "keys-from-the-environment"

Progress = Callable[[int, int | None], None]


def name(moment_: str) -> str:
    """Give the name of a backup's file."""
    return f"communique-{moment_}{SUFFIX}"


def make(app: App, target: Path, progress: Progress = lambda _done, _of: None) -> Manifest:
    """Write a backup to a new file, and read it again; give what is in it.

    Everything goes on meanwhile: it is a copy of one moment. Raises Refused when the file is
    there already or would fill the disk.
    """
    _check_room(app, target)
    with archive.writing(target) as writer, app.database.reading() as session:
        manifest = _begin(app, session)
        _files(app, writer)
        _tables(session, writer, progress)
        manifest = replace(manifest, members=tuple(writer.members))
        writer.manifest(manifest)
    with archive.reading(target) as made:
        made.verify()
    return manifest


def _begin(app: App, session: Session) -> Manifest:
    mark = continuity.found(session)
    is_known = mark.stored() if mark else {}
    return Manifest(
        format=FORMAT,
        version=__version__,
        schema=SCHEMA,
        made_at=app.clock.now().isoformat(),
        database="sqlite" if app.database.is_sqlite else "postgresql",
        mark=is_known,
        key_ids=tuple(key.id for key in app.keys.keys),
        unkept=tuple(config.named_by_environment()),
    )


def _tables(session: Session, writer: Writer, progress: Progress) -> None:
    every = Table.metadata.sorted_tables
    for done, table in enumerate(every):
        progress(done, len(every))
        writer.table(table.name, tables.lines(session, table))


def _files(app: App, writer: Writer) -> None:
    folder = app.config.folder
    for role, path in _wanted(app):
        with suppress(FileNotFoundError):
            if path.stat().st_size > LARGEST_FILE:
                raise Refused(f"{path} is too large to be a file of the installation")
            writer.file(_belongs(folder, path), role, path.read_bytes())
    by_environment = any("TOKENS__KEYS" in name.upper() for name in config.named_by_environment())
    if app.config.path and not by_environment:
        return
    # In no file of ours; but without its keys, no link of an old mail works.
    keys = [key.get_secret_value() for key in app.settings.tokens.keys]
    writer.file(KEYS, "keys", "\n".join([*keys, ""]).encode())


def _wanted(app: App) -> Iterator[tuple[str, Path]]:
    if app.config.path:
        yield "settings", app.config.path
    for path in config.named_files(app.config.path):
        yield "secret", path
    own = app.settings.templates.folder
    if own:
        for path in sorted((app.config.folder / own).rglob("*")):
            if path.is_file():
                yield "template", path
    yield "departures", app.config.beside / departures.NAME


def _belongs(folder: Path, path: Path) -> str:
    """Give where a file belongs: below the installation's folder, or elsewhere on the machine."""
    whole = Path(os.path.normpath(path.absolute()))
    if whole.is_relative_to(folder):
        return whole.relative_to(folder).as_posix()
    return "outside" + whole.as_posix()


def _check_room(app: App, target: Path) -> None:
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}")
    needed = _size(app) + ROOM
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise Refused(
            f"too little room in {target.parent}: {free >> 20} MB are free, "
            f"{needed >> 20} MB may be needed"
        )


def _size(app: App) -> int:
    path = app.database.path
    if path is not None:
        return path.stat().st_size
    with app.database.reading() as session:
        statement = text("SELECT pg_database_size(current_database())")
        return int(session.execute(statement).scalar_one())
