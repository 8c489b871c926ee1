"""Who left since: a small file beside the database that is only ever added to.

A copy of the database made yesterday does not know who left today. Each leaving, *never write
again* and erasure is one line here, on the disk before it is committed there, so that after a
restore it can be done again. So is a change of address. A line names numbers and a keyed hash of
the address, never the address; that of a change is the one thing sealed with our key, for as
long as its reader is known. Several machines on one database have a file each, of what was done
on that machine.

    at kind event subscriber list person [change sealed] check

A line that is torn (a power cut) or was changed fails its check and is passed over.
"""

import base64
import fcntl
import hmac
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from mailer import sealing
from mailer.errors import ConfigError
from mailer.tokens import Key, KeyRing

NAME = "departures.log"
PRIVATE = 0o600
NOBODY = "-"
KEPT = timedelta(days=400)
"""How long a line is kept: a backup older than that is not made good by this file."""

SEALED = "address of a departure"
"""What is sealed: nothing else that the keys have sealed is taken for it."""

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
    MOVED = "moved"  # to another address
    RETURNED = "returned"  # a change of address was undone


@dataclass(frozen=True, slots=True)
class Departure:
    """One line. `event` is the line of history it stands for, 0 where there is none.

    `person` names the address by `key id:hash`, or is "-" for one who is erased. `change` and
    `sealed` are of changes of address: their number, and the new address as `seal` gives it.
    """

    at: datetime
    kind: Kind
    event: int = 0
    subscriber_id: int = 0
    list_id: int = 0
    person: str = NOBODY
    change: int = 0
    sealed: str = NOBODY

    def line(self) -> bytes:
        """Give the line as the file has it."""
        at = self.at.astimezone(UTC).isoformat()
        body = f"{at} {self.kind} {self.event} {self.subscriber_id} {self.list_id} {self.person}"
        if self.change:
            body += f" {self.change} {self.sealed}"
        return f"{body} {_check(body)}\n".encode("ascii")


def note(info: MutableMapping[Any, Any], departure: Departure, key: str | None = None) -> None:
    """Remember, for the transaction that `info` belongs to, a line to write with its commit.

    `key` is the address in normal form, where it is known better than by the subscriber's id; of
    a change of address it is the new one as typed.
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
    _rewrite(folder, lambda lines: [one for one in lines if one.at > now - KEPT])


def movers(folder: Path) -> set[int]:
    """Give the subscribers of whom the file holds a sealed address."""
    try:
        raw = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return set()
    # Most lines are none of these, and need not be read whole.
    lines = (_read(line) for line in raw.split(b"\n") if f" {Kind.MOVED} ".encode() in line)
    return {one.subscriber_id for one in lines if one is not None and one.sealed != NOBODY}


def unseal(folder: Path, subscriber_ids: Collection[int]) -> None:
    """Blank the sealed addresses of people who are forgotten."""

    def blank(lines: list[Departure]) -> list[Departure]:
        return [
            replace(one, sealed=NOBODY) if one.subscriber_id in subscriber_ids else one
            for one in lines
        ]

    _rewrite(folder, blank)


def _rewrite(folder: Path, change: Callable[[list[Departure]], list[Departure]]) -> None:
    path = folder / NAME
    try:
        file: BinaryIO = path.open("rb+")
    except FileNotFoundError:
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = [one.line() for one in change(read(path)[0])]
        if sum(map(len, kept)) < os.fstat(file.fileno()).st_size:
            # In place, for who waits for the lock has this very file open.
            file.write(b"".join(kept))
            file.truncate()
            os.fsync(file.fileno())


def seal(ring: KeyRing, address: str) -> str:
    """Give an address so that only who has the keys can read it."""
    sealed, key_id = sealing.seal(ring, address.encode(), SEALED)
    return f"{key_id}:{base64.urlsafe_b64encode(sealed).decode('ascii')}"


def opened(ring: KeyRing, sealed: str) -> str | None:
    """Give what `seal` was given; None when it was blanked, or its key is not in the ring."""
    key_id, _, body = sealed.partition(":")
    try:
        raw = base64.urlsafe_b64decode(body)
        return sealing.unseal(ring, raw, SEALED, key_id=int(key_id)).decode()
    except (ValueError, ConfigError):
        return None


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
        at, kind, event, subscriber_id, list_id, name, *more = body.split(" ")
        change, sealed = more or ("0", NOBODY)
        return Departure(
            at=datetime.fromisoformat(at),
            kind=Kind(kind),
            event=int(event),
            subscriber_id=int(subscriber_id),
            list_id=int(list_id),
            person=name,
            change=int(change),
            sealed=sealed,
        )
    except ValueError:
        return None


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
