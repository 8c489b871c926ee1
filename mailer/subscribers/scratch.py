"""A folder for what an import keeps for a moment: gone afterwards, also what a killed one left.

A lock goes with its process, so a folder whose lock is free is nobody's any more.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "mailer-rows-"
LOCK = "lock"

YOUNG_SECONDS = 60
"""A lock so young may be about to be taken by whoever made it."""


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that only we can read, and remove those of imports that were killed."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, Path(name, LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Path(name)


def _sweep() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Another sweep may be quicker, and what is locked is somebody's.
        with suppress(OSError):
            if _is_ours(path):
                _remove(path)


def _is_ours(path: Path) -> bool:
    """Tell whether a path is a folder of this user's, and not a link to one."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _remove(path: Path) -> None:
    with (path / LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - os.fstat(lock.fileno()).st_mtime > YOUNG_SECONDS:
            shutil.rmtree(path)
