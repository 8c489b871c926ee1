"""A worker: ticks and an engine in one process, or several of them under a parent."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import structlog

from mailer import scheduler
from mailer.app import App
from mailer.delivery import Engine

CRASH_WAIT_SECONDS = 2
"""How long a parent waits before it starts a child again that fell over."""

log = structlog.get_logger(__name__)


def run(app: App, *, once: bool = False, tied: bool = False) -> None:
    """Work until SIGTERM or SIGINT; with `once`, until nothing is due.

    `tied` to a parent, it also stops when its standard input ends: the parent is gone.
    """
    asyncio.run(_run(app, once=once, tied=tied))


async def _run(app: App, *, once: bool, tied: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if tied:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    engine = Engine(app.database, app.clock, app.turns, app.routes, app.pacing)
    if once:
        await asyncio.to_thread(scheduler.tick_once, app)
        await engine.run(stop, once=True)
        await asyncio.to_thread(scheduler.close_digests, app)
        return
    ticking = scheduler.start(app)
    try:
        await engine.run(stop)
    finally:
        ticking.shutdown(wait=False)


class Children:
    """Worker processes that a parent starts, starts again when they fall, and stops."""

    def __init__(self, arguments: Sequence[str], count: int) -> None:
        self._command = [sys.executable, "-m", "mailer", *arguments, "worker", "--tied"]
        self._started = {number: self._start() for number in range(count)}
        self._not_before: dict[int, float] = {}

    def watch(self) -> None:
        """Start again what has fallen over."""
        for number, child in self._started.items():
            code = child.poll()
            if code is None:
                continue
            due = self._not_before.setdefault(number, time.monotonic() + CRASH_WAIT_SECONDS)
            if time.monotonic() >= due:
                log.warning("worker.fell", code=code)
                self._started[number] = self._start()
                del self._not_before[number]

    def stop(self, grace_seconds: float) -> None:
        """Ask all to finish, and end those that take longer than their grace."""
        for child in self._started.values():
            child.terminate()
        until = time.monotonic() + grace_seconds + CRASH_WAIT_SECONDS
        for child in self._started.values():
            try:
                child.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        # A session of its own: Ctrl-C at a terminal reaches the parent, which asks the child.
        # Its standard input is a pipe that nobody writes to: it ends when the parent does.
        return subprocess.Popen(  # noqa: S603  (our own program)
            self._command, stdin=subprocess.PIPE, start_new_session=True
        )
