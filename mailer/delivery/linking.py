"""Whether a digest's links lead anywhere: looked at side by side, within a time for all of them.

How one is looked at is given by the caller, so that this opens no connection of its own, and none
is ever opened while a transaction is.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from mailer import history
from mailer.delivery.checking import Remark, Severity
from mailer.digests import life
from mailer.errors import UsageError
from mailer.history import About, By
from mailer.language import translatable

MOST = 100
"""Links of one digest that are looked at; the first ones."""

AT_ONCE = 8
SECONDS = 20
"""How long all of them may take together: somebody waits for the page."""

KIND = "digest.links_looked_at"
NO_ANSWER = translatable("It did not answer in time.")

Look = Callable[[str], None]
"""Looks at a link; UsageError says why it leads nowhere."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How many links were looked at, in which form of a digest, and which lead nowhere and why."""

    fingerprint: str
    count: int
    dead: tuple[tuple[str, str], ...] = ()

    @property
    def remarks(self) -> list[Remark]:
        """Give what is to be said of them."""
        return [
            Remark(
                "link",
                Severity.WARNING,
                translatable("A link leads nowhere: %(link)s"),
                why,
                values={"link": url},
            )
            for url, why in self.dead
        ]


def look_at(urls: Sequence[str], look: Look, *, seconds: float = SECONDS) -> list[tuple[str, str]]:
    """Give the links that lead nowhere, each with why; or that do not answer in time."""
    chosen = list(dict.fromkeys(urls))[:MOST]
    if not chosen:
        return []
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="links")
    try:
        asked = {url: pool.submit(look, url) for url in chosen}
        done, _ = wait(asked.values(), timeout=seconds)
    finally:
        # Whoever hangs is left behind: each look ends by itself.
        pool.shutdown(wait=False, cancel_futures=True)
    found = []
    for url, one in asked.items():
        error = one.exception() if one in done else UsageError(NO_ANSWER)
        if isinstance(error, UsageError):
            found.append((url, str(error)))
        elif error is not None:
            raise error
    return found


def keep(session: Session, digest_id: int, looked: Looked, *, now: datetime, by: By) -> None:
    """Note what was found, in a digest's history."""
    digest = life.get(session, digest_id)
    details: dict[str, Any] = {
        "fingerprint": looked.fingerprint,
        "count": looked.count,
        "dead": [list(one) for one in looked.dead],
    }
    about = About(list_id=digest.list_id, digest_id=digest_id)
    history.record(session, KIND, by, about, at=now, details=details)


def found(session: Session, digest_id: int, fingerprint: str) -> Looked | None:
    """Give what was found last in this very form of a digest."""
    for event in reversed(history.of_digest(session, digest_id)):
        if event.kind == KIND and event.details.get("fingerprint") == fingerprint:
            dead = tuple((str(url), str(why)) for url, why in event.details["dead"])
            return Looked(fingerprint, int(event.details["count"]), dead)
    return None
