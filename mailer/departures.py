"""Who left since: a small file beside the database that is only ever added to.

A copy of the database made yesterday does not know who left today. Each leaving, *never write
again* and erasure is one line here, on the disk before it is committed there, so that after a
restore it can be done again. A line names numbers and a keyed hash of the address, never the
address. Several machines on one database have a file each, of what was done on that machine.

    at kind event subscriber list person check

A line that is torn (a power cut) or was changed fails its check and is passed over.
"""

import fcntl
import hmac
import os
import zlib
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from mailer.tokens import Key, KeyRing

NAME = "departures.log"
PRIVATE = 0o600
NOBODY = "-"
KEPT = timedelta(days=400)
"""How long a line is kept: a backup older than that is not made good by this file."""

LARGEST = 200_000_000
"""Bytes read of one file: some two million lines."""


class Kind(StrEnum):
    """What somebody did."""

    LEFT = "left"
    BACK = "back"  # a leaving was undone
    REFUSED = "refused"  # never write again
    COMPLAINED = "complained"
    BARRED = "barred"  # suppressed by an editor
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Departure:
    """One line. `event` is the line of history it stands for, 0 where there is none.

    `person` names the address by `key id:hash`, or is "-" for one who is erased.
    """

    at: datetime
    kind: Kind
    event: int = 0
    subscriber_id: int = 0
    list_id: int = 0
    person: str = NOBODY

    def line(self) -> bytes:
        """Give the line as the file has it."""
        at = self.at.astimezone(UTC).isoformat()
        body = f"{at} {self.kind} {self.event} {self.subscriber_id} {self.list_id} {self.person}"
        return f"{body} {_check(body)}\n".encode("ascii")


def note(info: MutableMapping[Any, Any], departure: Departure, key: str | None = None) -> None:
    """Remember, for the transaction that `info` belongs to, a line to write with its commit.

    `key` is the address in normal form, where it is known better than by the subscriber's id.
    """
    info.setdefault(NAME, []).append((departure, key))


def noted(info: MutableMapping[Any, Any]) -> list[tuple[Departure, str | None]]:
    """Take what was noted."""
    found: list[tuple[Departure, str | None]] = info.pop(NAME, [])
    return found


def write(folder: Path, departures: Sequence[Departure]) -> None:
    """Add lines, and give when they are on the disk. Raises OSError when they cannot be."""
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        # What a power cut left of a line must not spoil the next one.
        torn = b"\n" if size and os.pread(file.fileno(), 1, size - 1) != b"\n" else b""
        file.write(torn + b"".join(one.line() for one in departures))
        os.fsync(file.fileno())


def read(path: Path) -> tuple[list[Departure], int]:
    """Give the lines of a file, oldest first, and how many were not whole."""
    try:
        if path.stat().st_size > LARGEST:
            raise OSError(f"{path} is larger than {LARGEST} bytes: is it the right file?")
        raw = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    lines = [line for line in raw.split(b"\n") if line]
    found = [one for one in map(_read, lines) if one is not None]
    return sorted(found, key=lambda one: (one.at, one.event)), len(lines) - len(found)


def trim(folder: Path, *, now: datetime) -> None:
    """Drop what is older than any backup that this file is meant to make good."""
    path = folder / NAME
    try:
        file = path.open("rb+")
    except FileNotFoundError:
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = [one.line() for one in read(path)[0] if one.at > now - KEPT]
        if sum(map(len, kept)) < os.fstat(file.fileno()).st_size:
            # In place, for who waits for the lock has this very file open.
            file.write(b"".join(kept))
            file.truncate()
            os.fsync(file.fileno())


def person(ring: KeyRing, key: str) -> str:
    """Name an address so that only who has the keys can tell whose it is."""
    first = ring.keys[0]
    return f"{first.id}:{_hash(first, key)}"


def finder(ring: KeyRing, keys: Iterable[str], wanted: Iterable[Departure]) -> dict[str, str]:
    """Give, for the people that departures name, the address in normal form, where known."""
    asked = {one.person for one in wanted} - {NOBODY}
    ids = {int(name.partition(":")[0]) for name in asked}
    used = [one for one in ring.keys if one.id in ids]
    return {name: key for key in keys for name in _names(used, key) if name in asked}


def _names(used: Sequence[Key], key: str) -> Iterator[str]:
    return (f"{one.id}:{_hash(one, key)}" for one in used)


def _hash(key: Key, address: str) -> str:
    return hmac.digest(key.secret, b"communique departure\0" + address.encode(), "sha256")[
        :12
    ].hex()


def _read(line: bytes) -> Departure | None:
    try:
        body, _, check = line.decode("ascii").rpartition(" ")
        if check != _check(body):
            return None
        at, kind, *numbers, name = body.split(" ")
        event, subscriber_id, list_id = map(int, numbers)
        moment = datetime.fromisoformat(at)
        return Departure(moment, Kind(kind), event, subscriber_id, list_id, name)
    except ValueError:
        return None


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
