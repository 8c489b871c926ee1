"""`mailer serve`: one command, several processes. Pages and ticks here, engines in children.

A busy engine beside request threads in one interpreter makes pages wait for seconds; in a
child it does not.
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta

import structlog

from mailer import scheduler, web
from mailer.accounts import editors
from mailer.app import App
from mailer.worker import Children, fastest_loop, stopping

WEB_GRACE_SECONDS = 10
SET_UP_FOR = timedelta(days=7)
"""How long the link works that makes the first editor; each start prints a fresh one."""

log = structlog.get_logger(__name__)


def run(app: App, *, on_started: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ConfigError when the port cannot be had."""
    settings = app.settings.web
    sock = web.listen(settings.host, settings.port)

    def started() -> None:
        log.info("web.began", url=settings.base_url, host=settings.host, port=web.port_of(sock))
        _say_how_to_begin(app)
        if on_started:
            on_started()

    server = web.Server(web.create(app), sock, grace_seconds=WEB_GRACE_SECONDS, on_started=started)
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(together(app, server))


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


async def together(app: App, server: web.Server) -> None:
    """Serve pages, tick, and keep a worker beside them, until SIGTERM or SIGINT."""
    stop = stopping()
    pages = asyncio.create_task(server.serve())
    pages.add_done_callback(lambda _: stop.set())
    # A busy box must not wait for its own answers: the worker beside it acts upon what is asked.
    ticking = scheduler.start(app, left_to_others=[scheduler.answer_asks])
    try:
        # While it runs, uvicorn has the signals; it gives them back to `stop` when it ends.
        await Children(app, app.settings.delivery.processes).watch_until(stop)
    finally:
        ticking.shutdown(wait=False)
        server.stop()
        await pages
