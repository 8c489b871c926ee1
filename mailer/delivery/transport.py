"""Sending one message over one kept connection, with a moment of doubt as short as can be.

MAIL, RCPT, DATA and the message go out apart, so that a loss is known to lie before the dot or
after it (RFC 1047). Trouble on the network never raises: every try ends in a Reply.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mailer.config import Auth, Security
from mailer.delivery.opening import NotOpened, Session, open_session
from mailer.delivery.reply import Reply, Step, heard, lost, own
from mailer.delivery.route import Route, Timeouts, trust
from mailer.delivery.wire import Lost
from mailer.errors import NotHeld

__all__ = [
    "Auth",
    "Connection",
    "Envelope",
    "Reply",
    "Route",
    "Security",
    "Step",
    "Timeouts",
]

SERVICE_CLOSING = 421
START_INPUT = 354


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message is from and for on the wire; one recipient a transaction."""

    return_path: str
    recipient: str

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether an address goes beyond ASCII (RFC 6531, 3.4)."""
        return not (self.return_path.isascii() and self.recipient.isascii())


class Connection:
    """One kept connection to a relay; one message at a time.

    It opens itself when first used, is kept between messages, and is renewed after
    `messages_per_connection` of them. Raises ConfigError for a CA file that cannot be used.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self._context = trust(route)
        self._session: Session | None = None
        self._is_new = False

    @property
    def is_open(self) -> bool:
        """Tell whether a session is kept that looks usable."""
        return self._session is not None and self._session.wire.usable

    async def send(
        self, envelope: Envelope, message: bytes, *, before_dot: Callable[[], bool]
    ) -> Reply:
        """Send one message of whole CRLF lines and give the reply that decided it.

        `before_dot` is called once the relay waits for the message and before the first byte of
        it is written: it records the sending and says whether the delivery is still held. From
        then on a loss is a reply at the dot without a code. Raises NotHeld when it says no;
        nothing of the message has been written then.
        """
        if refusal := _unsendable(envelope, message):
            return refusal
        try:
            reply = await self._try(envelope, message, before_dot)
            if self._is_stale(reply):
                reply = await self._try(envelope, message, before_dot)
        except BaseException:
            self.drop()
            raise
        return reply

    async def close(self) -> None:
        """Take leave of the relay with QUIT if it answers in time, and close in any case."""
        session = self._session
        try:
            if session is not None and session.wire.usable:
                with suppress(Lost):
                    await session.wire.ask(b"QUIT", self.route.timeouts.quit)
        finally:
            self.drop()

    def drop(self) -> None:
        """Close at once, without a word: what was not handed over stays here."""
        if self._session is not None:
            self._session.wire.abort()
            self._session = None

    async def _try(
        self, envelope: Envelope, message: bytes, before_dot: Callable[[], bool]
    ) -> Reply:
        try:
            session = await self._ready()
        except NotOpened as error:
            return error.reply
        if refusal := _beyond(session, envelope, message, self.route.host):
            return refusal
        for step, command, seconds in self._commands(session, envelope, message):
            reply = await self._ask(session, step, command, seconds)
            if reply.code is None or not _goes_on(step, reply.code):
                return reply
            session.begun = True
        if not session.wire.usable:
            return self._lost(session, Step.DATA, Lost("the relay did not wait for the message"))
        if not before_dot():
            raise NotHeld("the claim was lost before the dot; nothing of the message was sent")
        return await self._hand_over(session, message)

    async def _ready(self) -> Session:
        """Give a session that waits for MAIL: the kept one if it is good, else a new one."""
        session = self._session
        if session is not None and not await self._is_good(session):
            await self.close()
        self._is_new = self._session is None
        if self._session is None:
            self._session = await open_session(self.route, self._context)
        return self._session

    async def _is_good(self, session: Session) -> bool:
        idle = asyncio.get_running_loop().time() - session.used_at
        if not session.wire.usable or idle > self.route.timeouts.idle:
            return False
        if session.sent >= self.route.messages_per_connection:
            return False
        if session.begun:
            reply = await self._ask(session, Step.MAIL, b"RSET", self.route.timeouts.mail)
            session.begun = reply.code != 250
        return not session.begun

    def _is_stale(self, reply: Reply) -> bool:
        """Tell whether a kept session had ended before this delivery began.

        Some relays close without a word after so many messages; others say 421 to the next MAIL.
        """
        return (
            not self._is_new and reply.step is Step.MAIL and reply.code in {None, SERVICE_CLOSING}
        )

    def _commands(
        self, session: Session, envelope: Envelope, message: bytes
    ) -> tuple[tuple[Step, bytes, float], ...]:
        waits = self.route.timeouts
        return (
            (Step.MAIL, _mail(session, envelope, message), waits.mail),
            (Step.RCPT, f"RCPT TO:<{envelope.recipient}>".encode(), waits.rcpt),
            (Step.DATA, b"DATA", waits.data),
        )

    async def _ask(self, session: Session, step: Step, command: bytes, seconds: float) -> Reply:
        try:
            answer = await session.wire.ask(command, seconds)
        except Lost as error:
            return self._lost(session, step, error)
        session.used_at = asyncio.get_running_loop().time()
        return self._heard(session, step, answer.code, answer.lines)

    async def _hand_over(self, session: Session, message: bytes) -> Reply:
        waits = self.route.timeouts
        try:
            answer = await session.wire.pour(
                _stuffed(message), block_seconds=waits.block, dot_seconds=waits.dot
            )
        except Lost as error:
            return self._lost(session, Step.DOT, error)
        session.begun = False
        session.sent += 1
        session.used_at = asyncio.get_running_loop().time()
        return self._heard(session, Step.DOT, answer.code, answer.lines)

    def _heard(self, session: Session, step: Step, code: int, lines: tuple[str, ...]) -> Reply:
        if code == SERVICE_CLOSING or (step is Step.DATA and code < 400 and code != START_INPUT):
            self.drop()
        return heard(step, code, lines, host=self.route.host, tls=session.tls)

    def _lost(self, session: Session, step: Step, error: Lost) -> Reply:
        self.drop()
        return lost(step, str(error), host=self.route.host, tls=session.tls)


def _goes_on(step: Step, code: int) -> bool:
    return code == START_INPUT if step is Step.DATA else 200 <= code < 300


def _mail(session: Session, envelope: Envelope, message: bytes) -> bytes:
    command = f"MAIL FROM:<{envelope.return_path}>"
    if "size" in session.extensions:
        command += f" SIZE={len(message)}"  # RFC 1870, 5
    if not message.isascii():
        command += " BODY=8BITMIME"  # RFC 6152, 3
    if envelope.needs_smtputf8:
        command += " SMTPUTF8"  # RFC 6531, 3.4
    return command.encode()


# A mailbox as it may stand between angle brackets: nothing in it can end the command.
_MAILBOX = re.compile(
    r"""(?: "(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*" | [^\s<>"\x00-\x1f\x7f]+ )
        @ [^\s<>"\x00-\x1f\x7f]+""",
    re.VERBOSE,
)


def _unsendable(envelope: Envelope, message: bytes) -> Reply | None:
    """Refuse what was composed wrong, so that it never reaches a relay."""
    if envelope.return_path and not _MAILBOX.fullmatch(envelope.return_path):
        return own(Step.MAIL, 553, "5.1.7", "the return path is not an address")
    if not _MAILBOX.fullmatch(envelope.recipient):
        return own(Step.RCPT, 553, "5.1.3", "the recipient is not an address")
    # A bare CR or LF lets one server see a dot where another sees none (SMTP smuggling).
    whole = message.count(b"\r\n")
    if not message.endswith(b"\r\n") or not whole == message.count(b"\n") == message.count(b"\r"):
        return own(Step.MAIL, 554, "5.6.0", "the message has lines that do not end with CRLF")
    if b"\0" in message:
        return own(Step.MAIL, 554, "5.6.0", "the message holds a NUL")
    return None


def _beyond(session: Session, envelope: Envelope, message: bytes, host: str) -> Reply | None:
    """Refuse what this relay says it cannot take, without asking it."""
    limit = session.size_limit
    if limit and len(message) > limit:
        why = f"not sent: the message has {len(message)} bytes, the relay takes {limit}"
        return own(Step.MAIL, 552, "5.3.4", why, host=host)
    if envelope.needs_smtputf8 and "smtputf8" not in session.extensions:
        why = "not sent: the relay does not take international addresses (SMTPUTF8)"
        return own(Step.RCPT, 553, "5.6.7", why, host=host)
    if not message.isascii() and "8bitmime" not in session.extensions:
        why = "not sent: the message has 8-bit lines, the relay takes 7-bit ones"
        return own(Step.MAIL, 554, "5.6.3", why, host=host)
    return None


def _stuffed(message: bytes) -> bytes:
    """Give the message as it goes out: dots at line starts doubled, and the last dot."""
    first = b"." if message.startswith(b".") else b""
    return first + message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
