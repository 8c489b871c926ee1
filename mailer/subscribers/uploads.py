"""A file that an editor brought to be imported: kept in a private folder while it is needed.

    state/imports/KEY/{people, settled.json, stayed-out.csv, lock}

The folder's key is ours; what the browser called the file is only shown. What was settled about it
stands in a small file that is replaced as a whole. Whoever reads or imports the file holds the
lock, so a free lock tells that a process which began has died, and that it may be gone on with:
an import finds its own batch again.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from mailer import sheets, tokens
from mailer.db import Database
from mailer.errors import FileInvalid, MailerError, NotFound, Refused, UsageError
from mailer.history import By
from mailer.language import translatable
from mailer.subscribers import people, stayed_out, transfer
from mailer.subscribers.arrivals import Import
from mailer.subscribers.people import Left, Reading
from mailer.subscribers.roster import Rules
from mailer.subscribers.transfer import Report, Watch

FOLDER = "imports"
PEOPLE = "people"
SETTLED = "settled.json"
STAYED_OUT = "stayed-out.csv"
LOCK = "lock"
KEY = re.compile(r"[A-Za-z0-9_-]{20,80}")

KEPT = timedelta(days=7)
"""How long a file that nobody goes on with is kept, and the rows that stayed out."""

MOST = 50
"""Files that are kept at once."""

SHOWN = 5
BAD_SHOWN = 20
TOLD_EVERY = 2_000
"""Rows between two notes of how far it is."""

LONGEST_NAME = 200


class Stage(StrEnum):
    """How far a file is."""

    READ = "read"  # it waits for an editor
    TRYING = "trying"  # a dry run goes on
    TRIED = "tried"  # what would happen is known
    TAKING = "taking"  # the import goes on
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Upload:
    """What is settled about a file. `said` maps fields to columns; `counts` are a report's."""

    key: str
    name: str
    list_id: int
    at: str
    stage: Stage = Stage.READ
    said: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    basis: str = ""
    asks: bool = False
    done: int = 0
    total: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    bad: tuple[tuple[str, int, str, str], ...] = ()
    batch: int | None = None
    why: str = ""

    @property
    def is_settled(self) -> bool:
        """Tell whether it is known how those in it agreed."""
        return bool(self.basis) or self.asks


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is understood: what it was taken for, its columns, and its first rows."""

    taken_for: str
    head: tuple[str, ...]
    understood: Mapping[str, str]
    first: tuple[tuple[str, ...], ...]
    origin: str | None


def keep(state: Path, name: str, content: bytes, list_id: int, *, now: datetime) -> Upload:
    """Put a file into a folder of its own; give what is known of it."""
    sweep(state, now=now)
    if len(every(state)) >= MOST:
        raise Refused(TOO_MANY)
    shown = "".join(char for char in name if char.isprintable())[:LONGEST_NAME] or "?"
    made = Upload(tokens.new_key(), shown, list_id, now.isoformat())
    folder = state / FOLDER / made.key
    folder.mkdir(mode=0o700, parents=True)
    with _private(folder / PEOPLE) as file:
        file.write(content)
    _write(state, made)
    return made


def find(state: Path, key: str) -> Upload:
    """Give what is settled about a file; NotFound when it is gone, or never was."""
    if not KEY.fullmatch(key):
        raise NotFound("file", key[:80])
    try:
        known: dict[str, Any] = json.loads((state / FOLDER / key / SETTLED).read_text("utf-8"))
    except (OSError, ValueError):
        raise NotFound("file", key) from None
    stage, bad = Stage(known.pop("stage")), tuple(tuple(one) for one in known.pop("bad"))
    return Upload(**{**known, "key": key}, stage=stage, bad=bad)


def every(state: Path) -> list[Upload]:
    """Give all files that are kept, the newest first."""
    found = []
    for path in (state / FOLDER).glob("*/" + SETTLED):
        with suppress(NotFound):
            found.append(find(state, path.parent.name))
    return sorted(found, key=lambda one: one.at, reverse=True)


def settle(state: Path, upload: Upload, **values: Any) -> Upload:
    """Settle something about a file that waits; Refused while it is read."""
    if is_at_work(state, upload.key) or upload.stage is Stage.DONE:
        raise Refused(AT_WORK)
    changed = replace(upload, **values)
    if (changed.said, changed.encoding) != (upload.said, upload.encoding):
        changed = replace(changed, stage=Stage.READ, counts={}, bad=())
    understood(state, changed)
    _write(state, changed)
    return changed


def drop(state: Path, key: str) -> None:
    """Remove a file and all that is known of it."""
    found = find(state, key)
    if is_at_work(state, key):
        raise Refused(AT_WORK)
    shutil.rmtree(state / FOLDER / found.key)


def shape(state: Path, upload: Upload) -> Shape:
    """Tell how a file is understood; FileInvalid or UsageError when it is not."""
    found = sheets.opened(state / FOLDER / upload.key / PEOPLE, _wanted(upload), name=upload.name)
    first = tuple(line.cells for line in islice(found[0].lines(), SHOWN + 1))
    if not first:
        raise FileInvalid(upload.name, None, "holds no row")
    head = found[0].head or (first[0] if first else ())
    names = tuple(name.strip()[:80] or str(at) for at, name in enumerate(head, start=1))
    try:
        reading = understood(state, upload)
    except UsageError:
        return Shape(found[0].taken_for, names, {}, first, None)
    return Shape(found[0].taken_for, names, reading.columns[0].understood, first, reading.origin)


def understood(state: Path, upload: Upload) -> Reading:
    """Give a file as it is read; FileInvalid or UsageError for one that cannot be."""
    path = state / FOLDER / upload.key / PEOPLE
    found = sheets.opened(path, _wanted(upload), name=upload.name)
    with path.open("rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()
    return people.understand(upload.name, found, said=upload.said, mark=mark)


@dataclass(frozen=True, slots=True)
class Work:
    """With what a file is taken: database, rules, the list's language, who, and the clock."""

    database: Database
    rules: Rules
    language: str
    by: By
    now: Callable[[], datetime]


def run(state: Path, key: str, work: Work, *, dry_run: bool) -> Upload:
    """Read a file through, or import it; what comes of it is written down. Refused when at work.

    An import that was broken off goes on in its batch.
    """
    with _held(state, key):
        upload = find(state, key)
        if upload.stage is Stage.DONE or not upload.is_settled:
            raise Refused(AT_WORK)
        stage = Stage.TRYING if dry_run else Stage.TAKING
        upload = replace(upload, stage=stage, done=0, total=0, why="")
        _write(state, upload)
        try:
            report = _take(state, upload, work, dry_run=dry_run)
        except MailerError as error:
            upload = replace(upload, stage=Stage.FAILED, why=str(error))
            _write(state, upload)
            return upload
        upload = replace(
            upload,
            stage=Stage.TRIED if dry_run else Stage.DONE,
            counts=report.counts,
            batch=report.batch,
            bad=tuple(
                (one.source[-80:], one.line, one.email[:80], one.why)
                for one in report.stayed_out[:BAD_SHOWN]
            ),
        )
        _write(state, upload)
        if not dry_run:
            (state / FOLDER / key / PEOPLE).unlink()
        return upload


def is_at_work(state: Path, key: str) -> bool:
    """Tell whether somebody reads or imports a file now."""
    try:
        with _held(state, key):
            return False
    except Refused:
        return True


def stayed_out_of(state: Path, key: str) -> Path | None:
    """Give the file of the rows that stayed out, if there are any."""
    path = state / FOLDER / find(state, key).key / STAYED_OUT
    return path if path.exists() else None


def sweep(state: Path, *, now: datetime) -> None:
    """Remove what nobody went on with for long."""
    for one in every(state):
        if datetime.fromisoformat(one.at) < now - KEPT:
            with suppress(Refused, NotFound):
                drop(state, one.key)
    for path in (state / FOLDER).glob("*"):
        # What was begun by a process that died at once.
        is_whole = (path / SETTLED).exists()
        if not is_whole and path.stat().st_mtime < (now - KEPT).timestamp():
            shutil.rmtree(path)


TOO_MANY = translatable("There are 50 files here already. Take one away first.")
AT_WORK = translatable("This file is being read now, or is done with.")


def _wanted(upload: Upload) -> sheets.Wanted:
    return sheets.Wanted(encoding=upload.encoding or None)


def _take(state: Path, upload: Upload, work: Work, *, dry_run: bool) -> Report:
    reading = understood(state, upload)
    wanted = Import(
        upload.list_id, work.language, upload.basis or None, dry_run=dry_run, by=work.by
    )
    told = 0

    def progress(done: int, total: int) -> None:
        nonlocal told, upload
        if done - told >= TOLD_EVERY or done == total:
            told, upload = done, replace(upload, done=done, total=total)
            _write(state, upload)

    path = state / FOLDER / upload.key / STAYED_OUT
    with (
        _private(path) as raw,
        open(raw.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file,
    ):
        write = stayed_out.writer(file, reading)
        some = 0

        def tell(left: Left) -> None:
            nonlocal some
            some += 1
            write(left)

        report = transfer.take(
            work.database, reading, wanted, work.rules, now=work.now, watch=Watch(progress, tell)
        )
    if not some:
        path.unlink()
    return report


def _write(state: Path, upload: Upload) -> None:
    """Write down what is settled, as a whole or not at all."""
    path = state / FOLDER / upload.key / SETTLED
    aside = path.with_suffix(".new")
    with _private(aside) as file:
        file.write(json.dumps(asdict(upload), ensure_ascii=False).encode())
    aside.replace(path)


@contextmanager
def _private(path: Path) -> Iterator[Any]:
    """Open a file anew that only we can read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        yield file


@contextmanager
def _held(state: Path, key: str) -> Iterator[None]:
    """Hold the lock of a file; Refused when another does."""
    folder = state / FOLDER / find(state, key).key
    with _private(folder / LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(AT_WORK) from None
        yield
