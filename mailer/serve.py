"""`mailer serve`: one command, several processes. Pages and ticks here, engines in children.

A busy engine beside request threads in one interpreter makes pages wait for seconds; in a
child it does not.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from mailer import scheduler, web
from mailer.accounts import editors
from mailer.app import App
from mailer.config import Web
from mailer.worker import Children, fastest_loop, stopping

WEB_GRACE_SECONDS = 10
SET_UP_FOR = timedelta(days=7)
"""How long the link works that makes the first editor; each start prints a fresh one."""

log = structlog.get_logger(__name__)


@dataclass
class Listening:
    """The socket that readers come in by: it stays open while an installation begins anew."""

    sock: socket.socket | None = None

    def of(self, settings: Web) -> socket.socket:
        """Give the socket, for one life of the pages; ConfigError when the port cannot be had."""
        if self.sock is None:
            self.sock = web.listen(settings.host, settings.port)
        return self.sock.dup()  # a server closes what it was given


def run(
    app: App, listening: Listening | None = None, *, on_started: Callable[[], None] | None = None
) -> bool:
    """Serve until SIGTERM or SIGINT, or until the settings were changed: then True.

    Raises ConfigError when the port cannot be had. Whoever is told True opens the installation
    again and serves on; connections of meanwhile wait at the socket.
    """
    settings = app.settings.web
    sock = (listening or Listening()).of(settings)

    def started() -> None:
        log.info("web.began", url=settings.base_url, host=settings.host, port=web.port_of(sock))
        _say_how_to_begin(app)
        if on_started:
            on_started()

    server = web.Server(web.create(app), sock, grace_seconds=WEB_GRACE_SECONDS, on_started=started)
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        return runner.run(together(app, server, renews=True))


def _say_how_to_begin(app: App) -> None:
    """Print the link by which the first editor comes in, while there is none."""
    if app.database.read(editors.are_there):
        return
    until = app.clock.now() + SET_UP_FOR
    link = app.links.set_up(expires_at=until)
    sys.stderr.write(
        f"Nobody can sign in yet. Open this link to make yourself the owner; it works until "
        f"somebody has, for {SET_UP_FOR.days} days at most:\n  {link}\n"
    )
    sys.stderr.flush()


async def together(app: App, server: web.Server, *, renews: bool = False) -> bool:
    """Serve pages, tick, and keep a worker beside them, until SIGTERM or SIGINT.

    With `renews`, also until the settings were changed, and then True. The workers finish first,
    while pages are still answered; only then do the pages stop.
    """
    stop, over = stopping(), asyncio.Event()
    anew = asyncio.Event()
    if renews:
        app.begin_anew = _from_any_thread(anew.set, over.set)
    told = asyncio.create_task(stop.wait())
    told.add_done_callback(lambda _: over.set())
    pages = asyncio.create_task(server.serve())
    pages.add_done_callback(lambda _: over.set())
    # A busy box must not wait for its own answers: the worker beside it acts upon what is asked.
    ticking = scheduler.start(app, left_to_others=[scheduler.answer_asks])
    try:
        # While it runs, uvicorn has the signals; it gives them back to `stop` when it ends.
        await Children(app, app.settings.delivery.processes).watch_until(over)
    finally:
        ticking.shutdown(wait=False)
        server.stop()
        await pages
        await asyncio.sleep(0)  # in which a signal that uvicorn gave back reaches `stop`
        told.cancel()
    return anew.is_set() and not stop.is_set()


def _from_any_thread(*deeds: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def do() -> None:
        for deed in deeds:
            loop.call_soon_threadsafe(deed)

    return do
