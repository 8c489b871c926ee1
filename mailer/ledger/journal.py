"""What a worker was doing when it died: one byte a claim, in a memory-mapped file.

Between the final dot and the relay's 250 nobody can know. A commit before every dot would be
too dear, so the worker marks SENDING here (0.1 µs), and the page cache keeps the mark when the
process is killed. The order makes it safe: mark SENDING, then check the lease, then the dot.
Whoever reads CLAIMED under an expired lease therefore knows that no dot will follow.

The file is locked while its worker lives; a free lock proves its death on this host. A mark
may be lost with the machine, so a journal of another boot proves nothing.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import IO

import structlog

HEADER = struct.Struct("<8sQd36s")  # magic, worker id, lease deadline (boot time), boot id
SLOT = struct.Struct("<QB7x")  # delivery id, mark
MAGIC = b"COMMJNL1"
SUFFIX = ".journal"
_DEADLINE = struct.Struct("<d")
_DEADLINE_AT = 16
_MARK_AT = 8

log = structlog.get_logger(__name__)


class Mark(IntEnum):
    """How far a claimed row came."""

    FREE = 0
    CLAIMED = 1
    SENDING = 2
    ACCEPTED = 3


KNOWN = frozenset(Mark)


class Journal:
    """The journal of a worker: its own to write, or another's to read."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        """Take over an open file; ValueError when it is not a journal."""
        if os.fstat(file.fileno()).st_size < HEADER.size:
            raise ValueError(f"{path} is too short for a journal")
        self.path = path
        self._file = file
        self._map = mmap.mmap(file.fileno(), 0)
        if self._map[: len(MAGIC)] != MAGIC:
            self._map.close()
            raise ValueError(f"{path} is not a journal")
        _, self.worker_id, _, boot = HEADER.unpack_from(self._map, 0)
        self.boot = boot.rstrip(b"\0").decode("ascii", "replace")
        self._capacity = (len(self._map) - HEADER.size) // SLOT.size
        self._at: dict[int, int] = {}  # where each row's mark is
        self._free = [self._offset(slot) for slot in range(self._capacity - 1, -1, -1)]

    @classmethod
    def create(cls, folder: Path, worker_id: int, *, boot: str, capacity: int) -> "Journal":
        """Make and lock the journal of a worker that begins its life."""
        path = folder / f"{worker_id}{SUFFIX}"
        making = path.with_suffix(".new")
        file = making.open("w+b")
        try:
            # Real blocks: a full disk must be met here, not as a signal in the middle of a send.
            os.posix_fallocate(file.fileno(), 0, HEADER.size + capacity * SLOT.size)
            file.write(HEADER.pack(MAGIC, worker_id, 0.0, boot.encode("ascii")[:36]))
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            making.rename(path)
        except OSError:
            file.close()
            making.unlink(missing_ok=True)
            raise
        return cls(path, file)

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open the journal of another worker, for reading; ValueError when it is not one."""
        file = path.open("r+b")
        try:
            return cls(path, file)
        except ValueError:
            file.close()
            raise

    @classmethod
    def others(cls, folder: Path) -> "Iterator[Journal]":
        """Open the journals in a folder, one's own among them; each is the caller's to close."""
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                yield cls.open(path)
            except FileNotFoundError:
                continue  # its worker has ended since
            except (OSError, ValueError) as error:
                log.warning("journal.unreadable", file=path.name, why=str(error))

    @property
    def deadline(self) -> float:
        """Give the boot time until which the worker holds its lease."""
        return float(_DEADLINE.unpack_from(self._map, _DEADLINE_AT)[0])

    @deadline.setter
    def deadline(self, boottime: float) -> None:
        _DEADLINE.pack_into(self._map, _DEADLINE_AT, boottime)

    def proves_death(self) -> bool:
        """Tell whether the worker is gone; from then on this process holds its lock."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def claim(self, ids: Iterable[int]) -> None:
        """Note rows that were just claimed."""
        for delivery_id in ids:
            offset = self._free.pop()
            self._at[delivery_id] = offset + _MARK_AT
            SLOT.pack_into(self._map, offset, delivery_id, Mark.CLAIMED)

    def mark(self, delivery_id: int, mark: Mark) -> None:
        """Say how far a row came."""
        self._map[self._at[delivery_id]] = mark

    def forget(self, ids: Iterable[int]) -> None:
        """Drop rows whose settling is committed."""
        for delivery_id in ids:
            at = self._at.pop(delivery_id, None)
            if at is not None:
                self._map[at] = Mark.FREE
                self._free.append(at - _MARK_AT)

    def marks(self) -> dict[int, Mark]:
        """Give every row that is noted, with how far it came."""
        found: dict[int, Mark] = {}
        for slot in range(self._capacity):
            delivery_id, mark = SLOT.unpack_from(self._map, self._offset(slot))
            if mark != Mark.FREE:
                # What no worker writes tells nothing, and that is what “in doubt” means.
                found[delivery_id] = Mark(mark) if mark in KNOWN else Mark.SENDING
        return found

    def close(self, *, remove: bool = False) -> None:
        """Let go of the file; `remove` it when nothing in it is needed any more."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._map.close()
        self._file.close()

    @staticmethod
    def _offset(slot: int) -> int:
        return HEADER.size + slot * SLOT.size


def boot_id() -> str:
    """Give what tells this run of the machine from every other, or "" where nothing does."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""
