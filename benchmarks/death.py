"""Is every recipient accounted for when workers are killed? One digest, many deaths.

    python benchmarks/death.py [--recipients 5000] [--kills 10] [--seed 1] [--wait 5]
                               [--beside] [--database sqlite|postgresql|URL]

A digest goes to a sink that writes down each recipient at the final dot. Its worker is killed
(kill -9, the whole process group) at random moments while the sink has between 10 and 90 % of
the messages; at one of them the sink is just holding its answers to dots. Each time a new
worker is started; the last may finish. Then the ledger is compared with the sink's log,
recipient by recipient: nobody may be lost, nobody may have it twice, and no kill may leave more
in doubt than it had connections. With `--beside` a second worker works all the time beside
those that are killed, and no answers are held. The exit code says whether all held.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from mailer.clock import SystemClock  # noqa: E402
from mailer.db.schema import Delivery, DigestState  # noqa: E402
from mailer.ledger import Journal, Mark, Sums  # noqa: E402
from tests import postgres  # noqa: E402
from tests.installation import Installation, RunningClock, readers, wait_for  # noqa: E402

CONNECTIONS = 4
DOMAINS = 50
PATIENCE_SECONDS = 300


@dataclass
class Sink:
    """A running sink, and what it has written down."""

    port: int
    log: Path
    process: "subprocess.Popen[str]"
    host: str = "127.0.0.1"

    def taken(self) -> Counter[str]:
        """Count the messages for each recipient."""
        return Counter(line.split()[1] for line in self.log.read_text().splitlines())

    def count(self) -> int:
        """Count the messages."""
        return self.log.read_bytes().count(b"\n")

    def hold(self) -> None:
        """Let no dot be answered any more; when this returns, one waits."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("hold", file=self.process.stdin, flush=True)
        assert self.process.stdout.readline().startswith("held")


@dataclass
class Kill:
    """One death: when, and what the worker was just doing."""

    at: int
    held: bool
    worker: int = 0
    dots: int = 0
    uncertain: int = 0
    uncertain_in_sink: int = 0


@dataclass
class Verdict:
    """How the ledger and the sink's log compare at the end."""

    recipients: int
    sums: Sums
    kills: list[Kill]
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Say what is wrong, if anything is."""
        named = {
            "lost": self.lost,
            "doubled": self.doubled,
            "said to be sent, and not in the sink": self.untrue,
        }
        found = [f"{len(who)} {what}: {who[:5]}" for what, who in named.items() if who]
        found += [
            f"kill at {kill.at}: {kill.uncertain} uncertain on {CONNECTIONS} connections"
            for kill in self.kills
            if kill.uncertain > CONNECTIONS
        ]
        if self.sums.recipients != self.recipients:
            found.append(f"{self.sums.recipients} recipients of {self.recipients}")
        if self.sums.open:
            found.append(f"{self.sums.open} are still open")
        return found


def main() -> int:
    """Run, print, and give the exit code."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder, _database(options.database, folder) as url:
        verdict = run(
            Path(folder),
            url,
            recipients=options.recipients,
            kills=options.kills,
            seed=options.seed,
            wait=options.wait,
            beside=options.beside,
        )
    show(verdict)
    return 1 if verdict.problems else 0


def run(  # noqa: PLR0913  (what may be chosen)
    folder: Path,
    url: str,
    *,
    recipients: int,
    kills: int,
    seed: int,
    wait: float,
    beside: bool = False,
) -> Verdict:
    """Send one digest through that many deaths, and compare."""
    plan = _plan(recipients, kills, random.Random(seed), may_hold=not beside)
    with _sink(folder / "sink.log", wait=wait) as sink:
        clock = RunningClock(SystemClock().now())
        office = Installation(
            folder / "office", url, sink, clock, {"smtp": {"connections": CONNECTIONS}}
        )
        office.subscribers(*readers(recipients, domains=DOMAINS))
        digest = office.queued("Whatever happens")
        with office.worker() if beside else nullcontext():
            wait_for(lambda: not beside or _journals(office), seconds=PATIENCE_SECONDS)
            for kill in plan:
                _kill(office, sink, kill)
            with office.worker() as process:
                wait_for(
                    lambda: office.digest(digest).state is DigestState.SENT,
                    seconds=PATIENCE_SECONDS,
                )
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        verdict = Verdict(recipients, office.sums(digest), plan)
        _compare(verdict, office.rows(digest), sink)
        office.close()
    return verdict


def show(verdict: Verdict) -> None:
    """Print what happened, kill by kill, and how it came out."""
    print(
        f"{'kill':>4} {'sink had':>9} {'dot held':>9} {'open dots':>10} {'uncertain':>10} in sink"
    )
    for number, kill in enumerate(verdict.kills, 1):
        held = "yes" if kill.held else ""
        print(
            f"{number:>4} {kill.at:>9} {held:>9} {kill.dots:>10} {kill.uncertain:>10} "
            f"{kill.uncertain_in_sink:>7}"
        )
    sums = verdict.sums
    print(
        f"recipients {sums.recipients}: sent {sums.sent}, uncertain {sums.uncertain}, "
        f"open {sums.open}; lost {len(verdict.lost)}, doubled {len(verdict.doubled)}"
    )
    for problem in verdict.problems:
        print(f"NOT WELL: {problem}")


def _plan(recipients: int, kills: int, chance: random.Random, *, may_hold: bool) -> list[Kill]:
    """Choose when to kill: between 10 and 90 %, once while a dot is held if that may be."""
    moments = sorted(chance.sample(range(recipients // 10, recipients * 9 // 10), kills))
    held = chance.randrange(kills) if may_hold else None
    return [Kill(at, number == held) for number, at in enumerate(moments)]


def _kill(office: Installation, sink: Sink, kill: Kill) -> None:
    """Start a worker, and kill it when the sink has so many messages."""
    before = _journals(office)
    with office.worker() as process:
        wait_for(lambda: _journals(office) - before, seconds=PATIENCE_SECONDS)
        [path] = _journals(office) - before
        wait_for(lambda: sink.count() >= kill.at, seconds=PATIENCE_SECONDS)
        if kill.held:
            sink.hold()
            time.sleep(0.05)  # so that the other connections come to their dots as well
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kill.at = sink.count()
    kill.worker = int(path.stem)
    kill.dots = _dots(path)


def _journals(office: Installation) -> set[Path]:
    return set(office.app.config.state.glob("*.journal"))


def _dots(path: Path) -> int:
    """Count the messages that are between dot and answer."""
    journal = Journal.open(path)
    dots = Counter(journal.marks().values())[Mark.SENDING]
    journal.close()
    return dots


def _compare(verdict: Verdict, rows: list[Delivery], sink: Sink) -> None:
    taken = sink.taken()
    by_worker = {kill.worker: kill for kill in verdict.kills}
    for row in rows:
        assert row.address is not None
        times = taken.pop(row.address, 0)
        if times > 1:
            verdict.doubled.append(row.address)
        if row.state == "uncertain":
            kill = by_worker[row.worker_id or 0]
            kill.uncertain += 1
            kill.uncertain_in_sink += times
        elif times == 0:
            (verdict.untrue if row.state == "sent" else verdict.lost).append(row.address)
    assert not taken, f"the sink has mail for strangers: {list(taken)[:5]}"


@contextmanager
def _sink(log: Path, *, wait: float) -> Iterator[Sink]:
    command = [sys.executable, str(ROOT / "benchmarks" / "_sink.py"), str(log)]
    command += ["--wait", str(wait), "--hold"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield Sink(int(process.stdout.readline()), log, process)
        finally:
            process.kill()


@contextmanager
def _database(wanted: str, folder: str) -> Iterator[str]:
    """Give the URL of a fresh database; PostgreSQL writes through to the disk, as it would."""
    if wanted == "sqlite":
        yield f"sqlite:///{folder}/mailer.db"
    elif wanted == "postgresql":
        programs = postgres.binaries()
        if programs is None:
            sys.exit("there is no PostgreSQL server on this machine (Debian: postgresql)")
        with postgres.running(programs, durable=True) as server:
            yield server.create("death")
    else:
        yield wanted


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--recipients", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wait", type=float, default=5, metavar="MS")
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--database", default="sqlite", metavar="sqlite|postgresql|URL")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
