"""Everything that follows when a database is older than it was, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer
from sqlmodel import Session

from mailer import history, subscribers
from mailer.continuity import hold, mark, replay
from mailer.continuity.hold import Held
from mailer.continuity.mark import Mark
from mailer.db import Lock, alone
from mailer.db.schema import Table
from mailer.departures import Departure
from mailer.history import SYSTEM, About
from mailer.subscribers import Rules
from mailer.tokens import KeyRing

MANY = 1_000_000
FEW = 1_000
"""Numbers passed over in a table: of what comes by the thousand, and of what people make."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known beside a database: its mark, and who left.

    `is_certain` says that a backup was put in place; otherwise the mark has to tell. `source`
    is what history will call it.
    """

    remembered: Mark | None
    departures: Sequence[Departure] = ()
    source: str = ""
    is_certain: bool = False


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was done: who left again (by kind), what is held, and the database's new mark."""

    departures: dict[str, int]
    held: tuple[Held, ...]
    mark: Mark

    @property
    def messages(self) -> int:
        """Give how many messages are held."""
        return sum(one.waiting for one in self.held)


def look(session: Session, remembered: Mark | None) -> bool:
    """Tell whether a database is older than what is remembered of it."""
    return remembered is not None and mark.is_older(mark.found(session), remembered)


def after_restore(
    session: Session, past: Past, ring: KeyRing, rules: Rules, *, now: datetime
) -> Aftermath | None:
    """Make an older database safe to work with; None when another process just did.

    One long transaction, for nothing may be claimed before all of it is done.
    """
    alone(session, Lock.MARK)
    known, remembered = mark.found(session), past.remembered
    if not (past.is_certain or mark.is_older(known, remembered)):
        return None
    mark.move_on(session, remembered.numbers if remembered else {}, spare())
    # First who left since, so that no letter is written to them by what comes next.
    left = replay.again(session, replay.unknown(session, past.departures), ring, now=now)
    while subscribers.answer(session, rules, now=now):
        pass
    held = hold.hold(session, now=now)
    details = _details(left, held, past.source)
    history.record(session, "installation.restored", SYSTEM, About(), at=now, details=details)
    begun = mark.begin(session, _before(known, remembered), now=now)
    return Aftermath(dict(left), tuple(held), begun)


def spare() -> dict[str, int]:
    """Give how many numbers each table passes over, for what it may have given unseen."""
    numbered = [
        table
        for table in Table.metadata.sorted_tables
        if [column.name for column in table.primary_key.columns] == ["id"]
    ]
    return {
        table.name: FEW if type(table.columns["id"].type) is Integer else MANY for table in numbered
    }


def _before(known: Mark | None, remembered: Mark | None) -> tuple[str, ...]:
    names = [*(known.before if known else ()), *(remembered.before if remembered else ())]
    names += [one.generation for one in (known, remembered) if one]
    return tuple(dict.fromkeys(names))


def _details(left: dict[str, int], held: Sequence[Held], source: str) -> dict[str, Any]:
    return {
        "source": source,
        "departures": dict(left),
        "held": {str(one.digest_id or "letters"): one.waiting for one in held},
    }
