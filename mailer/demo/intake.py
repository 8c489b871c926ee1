"""The demo's SMTP port: on loopback only, it takes every message and passes none on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailer.clock import Clock
from mailer.demo.postbox import Postbox

HOST = "127.0.0.1"
LARGEST_MESSAGE = 512 * 1024
"""Bytes of one message; a digest of ours has some 150,000 at most."""

SECONDS = 60
"""How long a silent sender keeps its connection."""


def bind() -> socket.socket:
    """Take a free port of this machine that no other machine can reach."""
    return socket.create_server((HOST, 0))


@asynccontextmanager
async def receiving(postbox: Postbox, sock: socket.socket, clock: Clock) -> AsyncIterator[None]:
    """Put into the postbox what is sent to the socket, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    protocol = partial(
        SMTP,
        _Putting(postbox, clock),
        data_size_limit=LARGEST_MESSAGE,
        enable_SMTPUTF8=True,
        hostname="demo.example.org",
        ident="Communique demo",
        timeout=SECONDS,
        loop=loop,
    )
    server = await loop.create_server(protocol, sock=sock)
    try:
        yield
    finally:
        server.close()


class _Putting:
    def __init__(self, postbox: Postbox, clock: Clock) -> None:
        self._postbox = postbox
        self._clock = clock

    async def handle_DATA(  # noqa: N802  (the library's name)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        sender, recipients = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        self._postbox.put(sender, recipients, content, at=self._clock.now())
        return "250 2.0.0 It is in the inbox"
