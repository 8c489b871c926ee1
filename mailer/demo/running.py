"""From the command to addresses to open, and back to nothing: the demo's processes and folder.

Pages, inbox and SMTP port are in this process, the worker is a child, as with `mailer serve`.
"""

import asyncio
import errno
import signal
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mailer import config, serve, web
from mailer.app import App
from mailer.demo import inbox, intake, office, telling
from mailer.demo.office import Gone, Office
from mailer.demo.postbox import Postbox
from mailer.demo.telling import talk
from mailer.errors import ConfigError

HOST = "127.0.0.1"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a stop by another program, and a terminal that is closed."""

MOST_PORTS = 50
"""Ports tried, one after the other, when the one asked for is taken."""

GRACE_SECONDS = 2
SENDING_SECONDS = 60
"""How long the first digest may take before the addresses are printed without it."""

LOOK_SECONDS = 0.1


def run(port: int) -> None:
    """Show an office at work on a port, or on the next one that is free, until stopped.

    Raises ConfigError when no port can be had.
    """
    if config.forget_environment():
        talk("The MAILER_… variables that are set here do not count for the demo.")
    # From here on a stop unwinds the blocks below, and the folder goes with them.
    for name in STOPS:
        signal.signal(name, signal.default_int_handler)
    try:
        with (
            TemporaryDirectory(prefix="communique-demo-", ignore_cleanup_errors=True) as folder,
            listen(port) as pages,
            intake.bind() as mail,
        ):
            _work(Path(folder), pages, mail)
    except KeyboardInterrupt:
        pass  # before there was anything to see
    talk("The demo has ended, and its folder is gone.")


def listen(port: int) -> socket.socket:
    """Give a socket for the pages on a port or, where that is taken, on the next free one."""
    for candidate in range(port, min(port + MOST_PORTS, 65536)):
        try:
            sock = web.listen(HOST, candidate)
        except ConfigError as error:
            if not _is_taken(error):
                raise
            continue
        if candidate != port:
            talk(f"Another program has port {port}: this is on port {candidate}.")
        return sock
    raise ConfigError([f"port {port} and those after it are taken; choose another one by --port"])


def _is_taken(error: ConfigError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE


def _work(folder: Path, pages: socket.socket, mail: socket.socket) -> None:
    settings = office.found(
        folder, base_url=f"http://{HOST}:{web.port_of(pages)}/", smtp_port=web.port_of(mail)
    )
    talk("Making an office …")
    try:
        with App.open(settings) as app:
            asyncio.run(_live(app, office.fill(app), pages, mail))
    finally:
        # What is left takes no time, and a second Ctrl-C must not leave the folder behind.
        for name in STOPS:
            signal.signal(name, signal.SIG_IGN)


async def _live(app: App, made: Office, pages: socket.socket, mail: socket.socket) -> None:
    postbox = Postbox()
    started = asyncio.Event()
    both = inbox.beside(inbox.create(app, made, postbox), web.create(app))
    server = web.Server(both, pages, grace_seconds=GRACE_SECONDS, on_started=started.set)
    async with intake.receiving(postbox, mail, app.clock), asyncio.TaskGroup() as tasks:
        greeting = tasks.create_task(_greet(app, made, started))
        await serve.together(app, server)
        greeting.cancel()


async def _greet(app: App, made: Office, started: asyncio.Event) -> None:
    """Wait until the pages answer and the first number is out; then say where to look."""
    await started.wait()
    gone = await _sent(app, made)
    sys.stdout.write(telling.opening(app, gone, telling.command()))
    sys.stdout.flush()


async def _sent(app: App, made: Office) -> Gone | None:
    gone = None
    with telling.progress() as show:
        try:
            async with asyncio.timeout(SENDING_SECONDS):
                while gone is None or not gone.is_out:
                    await asyncio.sleep(LOOK_SECONDS)
                    gone = await asyncio.to_thread(app.database.read, office.newest, made)
                    show(gone)
        except TimeoutError:
            talk("The first number takes longer than it should. The inbox shows how far it is.")
    return gone
