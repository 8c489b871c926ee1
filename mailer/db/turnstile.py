"""Who may write next to an SQLite file, when several processes want to.

SQLite lets one process write and the others look again now and then, ever more seldom, at last
ten times a second. Who waits beside a busy writer is hardly ever there in the moment between two
of its transactions, and waits for seconds. Here one waits in the turnstile, and looks every
millisecond; whoever has written goes to the end of the line, behind the turnstile.

The turnstile is a lock on the folder (flock), which goes with its process. It only says whose
turn it is: what keeps two from writing at once is SQLite. Where a folder cannot be locked, there
is no line.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

LOOK_SECONDS = 0.001


class Turnstile:
    """Opens the transactions of one database; who has waited `most_seconds` is told it is busy."""

    def __init__(self, path: Path | None, most_seconds: int) -> None:
        self._folder = path.parent if path else None
        self._most_seconds = most_seconds
        self._descriptor: int | None = None

    def begin(self, connection: Connection) -> None:
        """Begin what a connection is for: a transaction that writes from the first, or reads."""
        if not connection.get_execution_options().get("immediate"):
            connection.exec_driver_sql("BEGIN")
            return
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        until = time.monotonic() + self._most_seconds
        driver.execute("PRAGMA busy_timeout=0")
        try:
            with self._in_line(until):
                if not _has_begun(driver, until):
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # it says what is in the way
        finally:
            driver.execute(f"PRAGMA busy_timeout={1000 * self._most_seconds}")

    def close(self) -> None:
        """Let go of the folder, until somebody writes again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def _in_line(self, until: float) -> Iterator[None]:
        """Be the next, after all who were there before; when time runs out, without being it."""
        descriptor = self._opened()
        if descriptor is None or not _has_locked(descriptor, until):
            yield
            return
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _opened(self) -> int | None:
        if self._descriptor is None and self._folder is not None:
            try:
                self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self._folder = None
        return self._descriptor


def _has_locked(descriptor: int, until: float) -> bool:
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
        except OSError:
            return False  # not on this kind of file system
        else:
            return True
    return False


def _has_begun(driver: sqlite3.Connection, until: float) -> bool:
    """Begin to write as soon as nobody else does; False when that has not come to pass."""
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                return False
            time.sleep(LOOK_SECONDS)
        else:
            return True
