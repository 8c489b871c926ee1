"""How long does a worker take to stop, when its relay answers late? One digest, one SIGTERM.

    python benchmarks/stopping.py [--connections 10] [--wait 5000] [--grace 60]

The sink answers each dot after so many milliseconds. In the middle of a digest the worker is
asked to stop: what is between dot and answer is waited for, nothing more is begun, and nothing
may be in doubt afterwards. A second worker then sends the rest. The exit code says whether all
held.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import _bench

from tests.installation import readers, wait_for

MOST_SECONDS = 10


def main() -> int:
    """Run, print, and give the exit code."""
    options = _options()
    with (
        tempfile.TemporaryDirectory() as name,
        _bench.fast_sink(Path(name), wait_ms=options.wait) as sink,
    ):
        url = f"sqlite:///{name}/mailer.db"
        smtp = {"connections": options.connections}
        office = _bench.office(
            Path(name), url, sink, smtp=smtp, delivery={"grace_seconds": options.grace}
        )
        office.subscribers(*readers(4 * options.connections))
        digest = office.queued("Stopped in the middle")
        with office.worker() as process:
            wait_for(lambda: office.sums(digest).sent >= options.connections, seconds=60)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(60 + options.grace)
            took = time.monotonic() - began
        stopped = office.sums(digest)
        office.work()
        sink.finish()
        most = max(Counter(to for _, to, _ in sink.lines()).values())
        sums = office.sums(digest)
        office.close()
    print(
        f"stopped after {took:.1f} s; then {stopped.sent} sent, {stopped.uncertain} uncertain of "
        f"{stopped.recipients}; in the end {sums.sent} sent, nobody more than {most} times"
    )
    good = took < MOST_SECONDS and not stopped.uncertain and sums.sent == sums.recipients
    return 0 if good and most == 1 else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--wait", type=float, default=5000, metavar="MS")
    parser.add_argument("--grace", type=int, default=60, metavar="SECONDS")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
