"""`mailer`, by a clock that can be moved: the file named by CLOCK says by how many seconds.

    CLOCK=/tmp/seconds python -m tests.journeys.moved_clock --config … worker

The boot clock, by which leases and connections go, is left alone.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from mailer import app
from mailer.backups import restoring
from mailer.cli.tree import main
from mailer.clock import SystemClock

FILE = "CLOCK"


class MovedClock(SystemClock):
    """The machine's clock, so many seconds ahead."""

    def now(self) -> datetime:
        return super().now() + moved_by(Path(os.environ[FILE]))


def moved_by(file: Path) -> timedelta:
    """Give how far a clock is ahead."""
    return timedelta(seconds=float(file.read_text() or 0))


if __name__ == "__main__":
    for module in (app, restoring):
        module.SystemClock = MovedClock  # type: ignore[attr-defined]
    main()
