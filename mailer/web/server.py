"""uvicorn with the pages on a socket: started and stopped by whoever owns the process."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mailer.errors import ConfigError
from mailer.web.stream import STOPPING

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 15
REQUEST_SECONDS = 15
"""How long a connection may take to send the head of a request."""

MOST_AT_ONCE = 800
"""Connections and requests beyond which the answer is 503: below what a process may open."""


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that readers' connections come in by; port 0 takes a free one.

    Raises ConfigError saying what is wrong with host and port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError([_why(host, port, error)]) from error


def port_of(sock: socket.socket) -> int:
    """Give the port that a socket listens on."""
    port: int = sock.getsockname()[1]
    return port


class Server:
    """The pages at work; one life. `run` in any thread, `stop` from any other."""

    def __init__(
        self,
        pages: ASGIApp,
        sock: socket.socket,
        *,
        grace_seconds: int = 10,
        on_started: Callable[[], None] | None = None,
    ) -> None:
        self._sock = sock
        stopping = asyncio.Event()
        config = _config(_telling(pages, stopping), grace_seconds)
        self._server = _Uvicorn(config, on_started, stopping)

    def run(self) -> None:
        """Serve until stopped. In the main thread, SIGTERM and SIGINT stop it and come through."""
        self._server.run(sockets=[self._sock])

    async def serve(self) -> None:
        """Serve in a running event loop, until stopped."""
        await self._server.serve(sockets=[self._sock])

    def stop(self) -> None:
        """Take no more connections, finish what was begun, then let `run` return."""
        self._server.should_exit = True


class _Uvicorn(uvicorn.Server):
    """Tells when it has begun to answer, and when it will take no more."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_started: Callable[[], None] | None,
        stopping: asyncio.Event,
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._on_started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)


def _telling(pages: ASGIApp, stopping: asyncio.Event) -> ASGIApp:
    """Give the pages with the event in each request's scope that tells when we stop."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        scope[STOPPING] = stopping
        await pages(scope, receive, send)

    return told


def _config(pages: ASGIApp, grace_seconds: int) -> uvicorn.Config:
    config = uvicorn.Config(
        pages,
        # An access log would keep every reader's link; whoever needs one has it in the proxy.
        access_log=False,
        log_config=None,
        # Whose word counts for a reader's address is our own setting.
        proxy_headers=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        ws="none",
        backlog=BACKLOG,
        limit_concurrency=MOST_AT_ONCE,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace_seconds,
    )
    config.load()
    protocol = config.http_protocol_class  # h11's or httptools', as installed
    config.http_protocol_class = type("Impatient", (_Impatience, protocol), {})
    return config


class _Impatience(asyncio.Protocol):
    """Hangs up on whoever does not come to the end of a request's head.

    Laid over uvicorn's protocol, whose own timer runs only between two requests: without this, a
    client that sends one byte a minute holds a connection for ever.
    """

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    cycle: Any
    overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._is_answering():
            self._relax()
        elif self.overdue is None:
            self.overdue = self.loop.call_later(REQUEST_SECONDS, self._hang_up)

    def _relax(self) -> None:
        if self.overdue is not None:
            self.overdue.cancel()
            self.overdue = None

    def _hang_up(self) -> None:
        self.overdue = None
        if not self._is_answering():
            self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _why(host: str, port: int, error: OSError) -> str:
    where = f"web: cannot listen on {host} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program does; choose another web.port, or 0 for a free one"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"{where}: not allowed; choose a web.port from 1024 on"
    return f"{where}: {error.strerror or error}; look at web.host"
