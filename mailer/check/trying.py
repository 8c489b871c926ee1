"""One route tried step by step, as far as it goes: what a relay answers at each. Nothing is sent.

MAIL FROM and RCPT TO are asked with a sender and a recipient of ours, then taken back by RSET.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mailer.check.relays import WAITS
from mailer.config import Auth, Security
from mailer.delivery import Lost, NotOpened, Route, Session, Step, open_session, trust
from mailer.errors import ConfigError

SECONDS = 30
"""How long all steps may take together: somebody looks on."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How one step went; `said` is what the relay answered, or what was wrong, as it was said."""

    step: Step
    is_well: bool
    said: str = ""


def try_out(route: Route, sender: str, to: str) -> list[Tried]:
    """Give the steps that were made, the last of which may have failed."""
    try:
        return asyncio.run(_try_out(route, sender, to))
    except ConfigError as error:
        return [Tried(Step.STARTTLS, is_well=False, said=str(error))]


async def _try_out(route: Route, sender: str, to: str) -> list[Tried]:
    tried: list[Tried] = []
    try:
        async with asyncio.timeout(SECONDS):
            await _go(tried, route, sender, to)
    except TimeoutError:
        at = tried[-1].step if tried else Step.CONNECT
        tried.append(Tried(at, is_well=False, said="no answer in time"))
    return tried


async def _go(tried: list[Tried], route: Route, sender: str, to: str) -> None:
    steps = _steps(route)
    try:
        session = await open_session(replace(route, timeouts=WAITS), trust(route))
    except NotOpened as error:
        before = steps[: steps.index(error.reply.step)] if error.reply.step in steps else []
        tried += [Tried(step, is_well=True) for step in before]
        tried.append(Tried(error.reply.step, is_well=False, said=str(error.reply)))
        return
    said = {Step.GREETING: session.greeting, Step.STARTTLS: session.tls or ""}
    reached = [step for step in steps if step is not Step.STARTTLS or session.tls]
    tried += [Tried(step, is_well=True, said=said.get(step, "")) for step in reached]
    try:
        await _ask(tried, session, sender, to)
    except Lost as error:
        tried.append(Tried(Step.MAIL, is_well=False, said=str(error)))
    finally:
        session.wire.abort()


async def _ask(tried: list[Tried], session: Session, sender: str, to: str) -> None:
    """Ask whether the sender may send to the recipient, and take the question back."""
    for step, command in ((Step.MAIL, f"MAIL FROM:<{sender}>"), (Step.RCPT, f"RCPT TO:<{to}>")):
        answer = await session.wire.ask(command.encode(), WAITS.mail)
        said = f"{answer.code} {' '.join(_texts(answer.lines))}"
        tried.append(Tried(step, is_well=200 <= answer.code < 300, said=said))
        if not tried[-1].is_well:
            break
    with suppress(Lost):
        await session.wire.ask(b"RSET", WAITS.mail)
        await session.wire.ask(b"QUIT", WAITS.quit)


def _steps(route: Route) -> list[Step]:
    """Give the steps up to an open session, in their order."""
    steps = [Step.CONNECT, Step.GREETING, Step.EHLO]
    if route.security is Security.TLS:
        steps.insert(1, Step.STARTTLS)
    elif route.security is not Security.NONE:
        steps.append(Step.STARTTLS)
    return steps if route.auth is Auth.NONE else [*steps, Step.AUTH]


def _texts(lines: Sequence[str]) -> list[str]:
    return [line.strip() for line in lines]
