"""Sending one message over one kept connection, with a moment of doubt as short as can be.

MAIL, RCPT and DATA go out together where the relay offers PIPELINING (RFC 2920), else one by
one; the message follows only when all three were answered well, so that a loss is known to lie
before the dot or after it (RFC 1047). Trouble on the network never raises: every try ends in a
Reply.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from mailer.config import Auth, Security
from mailer.delivery.opening import NotOpened, Session, open_session
from mailer.delivery.reply import Reply, Step, heard, lost, own
from mailer.delivery.route import Route, Timeouts, trust
from mailer.delivery.wire import BLOCK, OK, START_INPUT, Answer, GoOn, Lost
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
LEAVE = (Step.MAIL, Step.RCPT, Step.DATA)
"""What a relay is asked before it is given a message."""


class Envelope(NamedTuple):
    """Who a message is from and for on the wire; one recipient a transaction."""

    return_path: str
    recipient: str

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether an address goes beyond ASCII (RFC 6531, 3.4)."""
        return not (self.return_path.isascii() and self.recipient.isascii())


class Ahead(NamedTuple):
    """The next message: whom it is from and for, and the message, vouched for."""

    envelope: Envelope
    message: bytes


Following = Callable[[Reply], tuple[bytes, Ahead | None] | None]
"""Given the reply to a message, gives the next one, and the one ahead of that; see `send`."""


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
        self._asked: Ahead | None = None
        waits = route.timeouts
        self._waits = {
            Step.RSET: waits.mail,
            Step.MAIL: waits.mail,
            Step.RCPT: waits.rcpt,
            Step.DATA: waits.data,
        }
        self._leave_waits = tuple(self._waits[step] for step in LEAVE)

    @property
    def is_open(self) -> bool:
        """Tell whether a session is kept that looks usable."""
        return self._session is not None and self._session.wire.usable

    @property
    def asks_ahead(self) -> bool:
        """Tell whether it is of use to know what will be sent next."""
        return self._session is not None and self._session.pipelines

    async def send(
        self,
        envelope: Envelope,
        message: bytes,
        *,
        before_dot: Callable[[], bool],
        vouched: bool = False,
        ahead: Ahead | None = None,
        following: Following | None = None,
    ) -> Reply:
        """Send one message of whole CRLF lines and give the reply that decided it.

        `vouched`: whoever composed it guarantees such lines, none of which begins with a dot,
        and no NUL; else it is looked through, which takes longer than sending it.
        `ahead` is what will be sent next, if nothing comes between: a relay that offers
        PIPELINING is asked for it behind this message's dot, which saves a round trip.

        `following` is called when the message was taken and the relay waits for the one ahead. It
        may give that one, vouched for and recorded as being sent, to go out at once; and so on.
        Then the reply is that to the last of them. What it raises is raised.

        `before_dot` is called once the relay waits for the message and before the first byte of
        it is written: it records the sending and says whether the delivery is still held. From
        then on a loss is a reply at the dot without a code. Raises NotHeld when it says no;
        nothing of the message has been written then.
        """
        if not vouched and (refusal := _malformed(message)):
            return refusal
        content = message if vouched else _stuffed(message)
        try:
            reply = await self._try(envelope, message, content, before_dot, ahead, following)
            if self._is_stale(reply):
                reply = await self._try(envelope, message, content, before_dot, ahead, following)
        except BaseException:
            self.drop()
            raise
        return reply

    async def close(self) -> None:
        """Take leave of the relay with QUIT if it answers in time, and close in any case."""
        session = self._session
        try:
            if session is not None and session.wire.usable and self._asked is None:
                with suppress(Lost):
                    await session.wire.ask(b"QUIT", self.route.timeouts.quit)
        finally:
            self.drop()

    def drop(self) -> None:
        """Close at once, without a word: what was not handed over stays here."""
        self._asked = None
        if self._session is not None:
            self._session.wire.abort()
            self._session = None

    async def _try(
        self,
        envelope: Envelope,
        message: bytes,
        content: bytes,
        before_dot: Callable[[], bool],
        ahead: Ahead | None,
        following: Following | None,
    ) -> Reply:
        """Try once; `content` is the message as it goes out."""
        session = self._session
        was_asked = self._asked is not None and self._asked.envelope is envelope
        if session is not None and was_asked and session.wire.usable:
            self._asked, self._is_new = None, False
            refusal = await self._hear_ahead(session)
        else:
            if self._asked is not None:
                self.drop()  # something else came between
            if refusal := _misaddressed(envelope):
                return refusal
            try:
                session = await self._ready()
            except NotOpened as error:
                return error.reply
            commands = _commands(session, envelope, message, self.route.host)
            if isinstance(commands, Reply):
                return commands
            refusal = await self._ask_leave(session, commands)
        if refusal:
            return refusal
        if not session.wire.usable:
            return self._lost(session, Step.DATA, Lost("the relay did not wait for the message"))
        if not before_dot():
            raise NotHeld("the claim was lost before the dot; nothing of the message was sent")
        return await self._hand_over(session, content, ahead, following)

    async def _ask_leave(self, session: Session, commands: Sequence[bytes]) -> Reply | None:
        """Ask whether the relay takes a message; None when it waits for it, else why not.

        First clear up after the last one, if need be.
        """
        steps: Sequence[Step] = LEAVE
        if session.begun:
            steps, commands = (Step.RSET, *LEAVE), [b"RSET", *commands]
        if session.pipelines:
            return await self._ask_at_once(session, steps, commands)
        for step, command in zip(steps, commands, strict=True):
            try:
                answer = await session.wire.ask(command, self._waits[step])
            except Lost as error:
                return self._lost(session, step, error)
            if not _goes_on(step, answer.code):
                return self._heard(session, step, answer)
            session.begun = step is not Step.RSET
        return None

    async def _ask_at_once(
        self, session: Session, steps: Sequence[Step], commands: Sequence[bytes]
    ) -> Reply | None:
        """Ask all in one go."""
        waits = [self._waits[step] for step in steps]
        try:
            answers = await session.wire.ask_all(commands, waits)
        except Lost as error:
            return await self._weigh(session, steps, error.heard, error)
        return await self._weigh(session, steps, answers)

    async def _hear_ahead(self, session: Session) -> Reply | None:
        """Hear what the relay says to what it was asked behind the last dot."""
        try:
            answers = await session.wire.answers_ahead()
        except Lost as error:
            return await self._weigh(session, LEAVE, error.heard, error)
        mail, rcpt, data = answers
        if mail.code // 100 == rcpt.code // 100 == OK and data.code == START_INPUT:
            session.begun = True
            return None
        return await self._weigh(session, LEAVE, answers)

    async def _weigh(
        self,
        session: Session,
        steps: Sequence[Step],
        answers: Sequence[Answer],
        loss: Lost | None = None,
    ) -> Reply | None:
        """Give what decides: the first answer that does not go on, or that it was not heard."""
        for step, answer in zip(steps, answers, strict=False):
            if not _goes_on(step, answer.code):
                reply = self._heard(session, step, answer)
                if loss:
                    self.drop()
                else:
                    await self._call_off(session, step, answers)
                return reply
            session.begun = step is not Step.RSET
        return self._lost(session, steps[len(answers)], loss) if loss else None

    async def _call_off(self, session: Session, step: Step, answers: Sequence[Answer]) -> None:
        """End a transaction that the relay lets us go on with, though it has no recipient.

        RFC 2920, 3.1: an empty message then goes to nobody. One that has a recipient, because it
        was the sender that was refused, must not be sent at all.
        """
        if answers[-1].code != START_INPUT or step is Step.DATA:
            return
        if step is not Step.RCPT:
            self.drop()
            return
        try:
            answer = await session.wire.ask(b".", self.route.timeouts.dot)
        except Lost:
            self.drop()
        else:
            session.begun = answer.code >= 400

    async def _ready(self) -> Session:
        """Give a session that waits for MAIL: the kept one if it is good, else a new one."""
        session = self._session
        if session is not None and not self._is_good(session):
            await self.close()
        self._is_new = self._session is None
        if self._session is None:
            self._session = await open_session(self.route, self._context)
        return self._session

    def _is_good(self, session: Session) -> bool:
        idle = asyncio.get_running_loop().time() - session.used_at
        if not session.wire.usable or idle > self.route.timeouts.idle:
            return False
        return session.sent < self.route.messages_per_connection

    def _is_stale(self, reply: Reply) -> bool:
        """Tell whether a kept session had ended before this delivery began.

        Some relays close without a word after so many messages; others say 421 to the next MAIL.
        """
        if self._is_new:
            return False
        silent = reply.step is Step.MAIL and reply.code in {None, SERVICE_CLOSING}
        return silent or reply.step is Step.RSET

    async def _hand_over(
        self,
        session: Session,
        content: bytes,
        ahead: Ahead | None,
        following: Following | None,
    ) -> Reply:
        waits = self.route.timeouts
        session.begun = False  # the dot ends the transaction, however it is answered
        asked = self._ask_ahead(session, ahead) if ahead and session.pipelines else ()
        try:
            answer = await session.wire.pour(
                content,
                block_seconds=waits.block,
                dot_seconds=waits.dot,
                ahead=asked,
                ahead_seconds=self._leave_waits,
                go_on=self._flow(session, following) if asked and following else None,
            )
        except Lost as error:
            return self._lost(session, Step.DOT, error)
        session.sent += 1
        return self._heard(session, Step.DOT, answer)

    def _flow(self, session: Session, following: Following) -> GoOn:
        """Give what goes on with the next message while all goes well."""

        def go_on(answer: Answer) -> tuple[bytes, Sequence[bytes]] | None:
            if self._asked is None or len(self._asked.message) > BLOCK:
                return None  # what is long goes block by block
            given = following(self._heard(session, Step.DOT, answer))
            if given is None:
                return None
            session.sent += 1
            message, ahead = given
            self._asked = None
            return message, self._ask_ahead(session, ahead) if ahead else ()

        return go_on

    def _ask_ahead(self, session: Session, ahead: Ahead) -> Sequence[bytes]:
        """Give what to ask behind the dot: nothing, unless this session will carry the next."""
        is_last = session.sent + 1 >= self.route.messages_per_connection
        if is_last or _misaddressed(ahead.envelope):
            return ()
        commands = _commands(session, ahead.envelope, ahead.message, self.route.host)
        if isinstance(commands, Reply):
            return ()
        self._asked = ahead
        return commands

    def _heard(self, session: Session, step: Step, answer: Answer) -> Reply:
        session.used_at = asyncio.get_running_loop().time()
        code = answer.code
        if (
            step is Step.RSET
            or code == SERVICE_CLOSING
            or (step is Step.DATA and code < 400 and code != START_INPUT)
        ):
            self.drop()
        return heard(step, code, answer.lines, host=self.route.host, tls=session.tls)

    def _lost(self, session: Session, step: Step, error: Lost) -> Reply:
        self.drop()
        return lost(step, str(error), host=self.route.host, tls=session.tls)


def _commands(
    session: Session, envelope: Envelope, message: bytes, host: str
) -> Sequence[bytes] | Reply:
    """Give what is asked before a message; or why it is not even asked: it is beyond this relay."""
    limit, offered = session.size_limit, session.extensions
    if limit and len(message) > limit:
        why = f"not sent: the message has {len(message)} bytes, the relay takes {limit}"
        return own(Step.MAIL, 552, "5.3.4", why, host=host)
    mail = f"MAIL FROM:<{envelope.return_path}>"
    if session.says_size:
        mail += f" SIZE={len(message)}"  # RFC 1870, 5
    if not message.isascii():
        if "8bitmime" not in offered:
            why = "not sent: the message has 8-bit lines, the relay takes 7-bit ones"
            return own(Step.MAIL, 554, "5.6.3", why, host=host)
        mail += " BODY=8BITMIME"  # RFC 6152, 3
    if envelope.needs_smtputf8:
        if "smtputf8" not in offered:
            why = "not sent: the relay does not take international addresses (SMTPUTF8)"
            return own(Step.RCPT, 553, "5.6.7", why, host=host)
        mail += " SMTPUTF8"  # RFC 6531, 3.4
    return mail.encode(), f"RCPT TO:<{envelope.recipient}>".encode(), b"DATA"


def _goes_on(step: Step, code: int) -> bool:
    return code == START_INPUT if step is Step.DATA else 200 <= code < 300


# A mailbox as it may stand between angle brackets: nothing in it can end the command.
_MAILBOX = re.compile(
    r"""(?: "(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*" | [^\s<>"\x00-\x1f\x7f]+ )
        @ [^\s<>"\x00-\x1f\x7f]+""",
    re.VERBOSE,
)


def _misaddressed(envelope: Envelope) -> Reply | None:
    """Refuse what is not an address, so that it never reaches a command."""
    if envelope.return_path and not _MAILBOX.fullmatch(envelope.return_path):
        return own(Step.MAIL, 553, "5.1.7", "the return path is not an address")
    if not _MAILBOX.fullmatch(envelope.recipient):
        return own(Step.RCPT, 553, "5.1.3", "the recipient is not an address")
    return None


def _malformed(message: bytes) -> Reply | None:
    """Refuse what was composed wrong, so that it never reaches a relay."""
    # A bare CR or LF lets one server see a dot where another sees none (SMTP smuggling).
    whole = message.count(b"\r\n")
    if not message.endswith(b"\r\n") or not whole == message.count(b"\n") == message.count(b"\r"):
        return own(Step.MAIL, 554, "5.6.0", "the message has lines that do not end with CRLF")
    if b"\0" in message:
        return own(Step.MAIL, 554, "5.6.0", "the message holds a NUL")
    return None


def _stuffed(message: bytes) -> bytes:
    """Give the message as it goes out: dots at line starts doubled (RFC 5321, 4.5.2)."""
    first = b"." if message.startswith(b".") else b""
    return first + message.replace(b"\r\n.", b"\r\n..")
