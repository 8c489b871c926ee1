"""What the measurements share: a fast sink, an office with readers, a program that is timed.

Machines are shared and noisy, so a measurement is a median of several runs, and what matters is
a ratio of two things that were run in turn.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy import insert  # noqa: E402

from mailer.clock import SystemClock  # noqa: E402
from mailer.db.schema import Subscriber, Subscription, SubscriptionState  # noqa: E402
from tests import postgres, smtp_server  # noqa: E402
from tests.installation import Installation, RunningClock  # noqa: E402

CHUNK = 10_000
DOMAINS = 200
MEGABYTE = 1024 * 1024
WATCH_SECONDS = 0.05


@dataclass
class Sink:
    """A sink that runs: each message is a line of its log."""

    port: int
    log: Path
    process: "subprocess.Popen[str]"
    host: str = "127.0.0.1"
    _seen: int = 0

    def finish(self) -> None:
        """Let it write down all it has, and end."""
        self.process.terminate()
        self.process.wait()

    def lines(self) -> Iterator[tuple[float, str, int]]:
        """Give when each message was taken (seconds), for whom, and its bytes."""
        with self.log.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                at, to, size = line.split()[:3]
                yield int(at) / 1e6, to, int(size)


@dataclass(frozen=True)
class Span:
    """What a sink's log says of a run."""

    messages: int
    distinct: int
    seconds: float
    bytes_each: int

    @property
    def rate(self) -> float:
        """Messages a second, between the first and the last dot."""
        return (self.messages - 1) / self.seconds if self.seconds else 0.0

    @classmethod
    def of(cls, sink: Sink) -> "Span":
        """Read it from a sink that has finished."""
        first = last = 0.0
        count = size = 0
        people = set()
        for at, to, length in sink.lines():
            first, last = first or at, max(last, at)
            count, size = count + 1, size + length
            people.add(to)
        return cls(count, len(people), last - first, size // max(count, 1))


@dataclass(frozen=True)
class Cost:
    """What a program used: wall-clock and processor seconds, and the most memory, in MB."""

    seconds: float
    cpu: float
    peak: float


@contextmanager
def fast_sink(folder: Path, *, wait_ms: float = 0) -> Iterator[Sink]:
    """Run the fast sink, compiled once."""
    program = _compiled()
    log = folder / f"sink-{time.monotonic_ns()}.log"
    command = [str(program), str(log), str(wait_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()), log, process)
        finally:
            process.kill()


@contextmanager
def tls_sink(folder: Path) -> Iterator[Sink]:
    """Run a slower sink that speaks TLS from the first byte on."""
    log = folder / f"sink-{time.monotonic_ns()}.log"
    chain = smtp_server.certificate().chain
    command = [sys.executable, str(ROOT / "benchmarks" / "_sink.py"), str(log), "--tls", str(chain)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()), log, process)
        finally:
            process.kill()


def _compiled() -> Path:
    source = ROOT / "benchmarks" / "_fast_sink.c"
    program = Path(tempfile.gettempdir()) / f"fast-sink-{os.getuid()}-{source.stat().st_mtime_ns}"
    if not program.exists():
        compiler = shutil.which("cc") or sys.exit("the fast sink needs a C compiler (Debian: gcc)")
        making = program.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O2", "-o", str(making), str(source)], check=True)
        making.rename(program)
    return program


@contextmanager
def database(wanted: str, folder: Path) -> Iterator[str]:
    """Give the URL of a fresh database; PostgreSQL writes through to the disk, as it would."""
    if wanted == "sqlite":
        yield f"sqlite:///{folder}/mailer.db"
    elif wanted == "postgresql":
        programs = postgres.binaries()
        if programs is None:
            sys.exit("there is no PostgreSQL server on this machine (Debian: postgresql)")
        with postgres.running(programs, durable=True) as server:
            yield server.create("bench")
    else:
        yield wanted


def office(folder: Path, url: str, sink: Any, **settings: Mapping[str, Any]) -> Installation:
    """Make an installation that sends to a sink."""
    clock = RunningClock(SystemClock().now())
    return Installation(
        folder / "office", url, sink, clock, {k: dict(v) for k, v in settings.items()}
    )


def fill(office: Installation, count: int) -> None:
    """Put so many readers on its list, each with a name, straight into the tables."""
    now = office.clock.now()
    for begin in range(1, count + 1, CHUNK):
        numbers = range(begin, min(begin + CHUNK, count + 1))
        people = [
            {
                "id": number,
                "address": f"reader{number}@d{number % DOMAINS}.example.org",
                "key": f"reader{number}@d{number % DOMAINS}.example.org",
                "domain": f"d{number % DOMAINS}.example.org",
                "name": f"Kim Tanaka {number}",
                "created_at": now,
            }
            for number in numbers
        ]
        confirmed = [
            {
                "subscriber_id": number,
                "list_id": office.list_id,
                "state": SubscriptionState.CONFIRMED,
                "created_at": now,
                "confirmed_at": now,
            }
            for number in numbers
        ]
        with office.app.database.writing() as session:
            session.execute(insert(Subscriber), people)
            session.execute(insert(Subscription), confirmed)


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a program to its end and give what it and its children used."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL
    )
    return wait(process, began)


def wait(process: "subprocess.Popen[Any]", began: float) -> Cost:
    """Wait for a program to end and give what it and its children used; it must end well."""
    with _peak(process.pid) as peak:
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{process.args!r} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return Cost(time.monotonic() - began, cpu, max(peak.values(), default=0) / MEGABYTE)


@contextmanager
def _peak(pid: int) -> Iterator[dict[int, int]]:
    """Watch the most memory of a program and its children, in bytes by process.

    What wait4 tells is no good: it begins with the memory of the process that started this one.
    """
    found: dict[int, int] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(WATCH_SECONDS):
            children = Path(f"/proc/{pid}/task/{pid}/children")
            with suppress(OSError, IndexError):  # one that has just ended has no memory any more
                for one in (pid, *map(int, children.read_text().split())):
                    status = Path(f"/proc/{one}/status").read_text()
                    _, _, rest = status.partition("VmHWM:")
                    found[one] = int(rest.split()[0]) * 1024

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def median(values: Iterable[float]) -> float:
    """Give the median."""
    return statistics.median(values)


@dataclass
class Table:
    """Rows that are printed as they come, in columns, and as Markdown."""

    heads: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Keep a row."""
        self.rows.append([str(cell) for cell in cells])

    def __str__(self) -> str:
        lines = [self.heads, ["---"] * len(self.heads), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
