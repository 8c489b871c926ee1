"""A worker: ticks and an engine in one process, or several of them under a parent."""

import asyncio
import gc
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from mailer import scheduler
from mailer.app import App

CRASH_WAIT_SECONDS = 2
"""How long a parent waits before it starts a child again that fell over."""

LEAVE_SECONDS = 10
"""How long after its grace a child may take to say goodbye and write down how it went."""

WATCH_SECONDS = 0.5

COLLECT_AFTER = (10_000, 20, 100)
"""Objects that are new when Python looks for garbage among the youngest; 700 by itself."""

log = structlog.get_logger(__name__)


def run(app: App, *, once: bool = False, processes: int = 1, tied: bool = False) -> None:
    """Work until SIGTERM or SIGINT; with `once`, until nothing is due.

    More `processes` than one are children of this one, started again when they fall. `tied` to
    a parent, it also stops when its standard input ends: the parent is gone.
    """
    if processes > 1 and not once:
        asyncio.run(_watch(app, processes))
    else:
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(_run(app, once=once, tied=tied))


async def _watch(app: App, processes: int) -> None:
    stop = stopping()
    children = Children(app, processes)
    await children.watch_until(stop)


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give what makes an event loop: uvloop's where it is installed."""
    try:
        import uvloop  # noqa: PLC0415  (it is an extra)
    except ImportError:
        return None
    return uvloop.new_event_loop


def _spare_the_collector() -> None:
    """Let Python look for garbage seldom, and not among what stays.

    A batch of claims is tens of thousands of objects that all live equally long, and none of
    them is in a cycle: looking through them again and again costs more than sending them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _run(app: App, *, once: bool, tied: bool) -> None:
    stop = stopping()
    if tied:
        _stop_at_end_of_input(stop)
    engine = app.engine()
    _spare_the_collector()
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


def stopping() -> asyncio.Event:
    """Give an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    loop, input_ = asyncio.get_running_loop(), sys.stdin.fileno()

    def ended() -> None:
        loop.remove_reader(input_)  # an input at its end is ready to be read for ever
        stop.set()

    loop.add_reader(input_, ended)


class Children:
    """Worker processes that a parent starts, starts again when they fall, and stops."""

    def __init__(self, app: App, count: int) -> None:
        path = app.config.path
        chosen = ["--config", str(path)] if path else []
        self._command = [sys.executable, "-m", "mailer", *chosen, "worker", "--tied"]
        self._grace = app.settings.delivery.grace_seconds
        self._not_before: dict[int, float] = {}
        self._started = {number: self._start() for number in range(count)}

    async def watch_until(self, stop: asyncio.Event) -> None:
        """Keep all running until `stop` is set; then let them finish."""
        try:
            while not stop.is_set():
                self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), WATCH_SECONDS)
        finally:
            await asyncio.to_thread(self.stop)

    def stop(self) -> None:
        """Ask all to finish, and end those that take longer than their grace."""
        for child in self._started.values():
            child.terminate()
        until = time.monotonic() + self._grace + LEAVE_SECONDS
        for child in self._started.values():
            try:
                child.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _look(self) -> None:
        """Start again what has fallen over, after a moment."""
        for number, child in self._started.items():
            if child.poll() is None:
                continue
            due = self._not_before.setdefault(number, time.monotonic() + CRASH_WAIT_SECONDS)
            if time.monotonic() >= due:
                log.warning("worker.fell", code=child.returncode)
                self._started[number] = self._start()
                del self._not_before[number]

    def _start(self) -> "subprocess.Popen[bytes]":
        # A session of its own: Ctrl-C at a terminal reaches the parent, which asks the child.
        # Its standard input is a pipe that nobody writes to: it ends when the parent does.
        return subprocess.Popen(  # noqa: S603  (our own program)
            self._command, stdin=subprocess.PIPE, start_new_session=True
        )
