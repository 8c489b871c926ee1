"""How far the database had come, written down in it and in a small file beside it.

Every few seconds the count in both goes up by one. A database whose count is lower than the
file's is older than it was: somebody put a copy back. What happened after the last count is not
noticed, nor is a machine put back as a whole, file and all.

A database begins a new generation when it is put back, and keeps the names of those before; so
a second machine, whose file knows only the old one, is not alarmed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import inspect, text, update
from sqlmodel import Session, col

from mailer import facts
from mailer.db import changed
from mailer.db.schema import Fact

NAME = "mark.json"
FACT = "mark"
PRIVATE = 0o600
EVERY = timedelta(seconds=10)
"""How often the count goes up: so much of the past may come back unnoticed."""

GENERATIONS = 50
"""Names of earlier generations that are kept."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database had come; `numbers` are the highest ids its tables had given."""

    generation: str
    count: int = 0
    before: tuple[str, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> "Mark":
        """Give a mark back from plain values; ValueError when it is none."""
        try:
            return cls(
                generation=str(stored["generation"]),
                count=int(stored["count"]),
                before=tuple(map(str, stored["before"])),
                numbers={str(name): int(top) for name, top in stored["numbers"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a mark: {error}") from None

    def stored(self) -> dict[str, Any]:
        """Give the mark as plain values."""
        return {**asdict(self), "before": list(self.before), "numbers": dict(self.numbers)}


def is_older(found: Mark | None, remembered: Mark | None) -> bool:
    """Tell whether a database is older than what is remembered of it. Pure."""
    if remembered is None:
        return False
    if found is None:
        return True
    if found.generation == remembered.generation:
        return found.count < remembered.count
    return remembered.generation not in found.before


def remembered(folder: Path) -> Mark | None:
    """Give what the file beside the database says; None when there is none."""
    try:
        return Mark.load(json.loads((folder / NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError:
        return None  # it is written whole or not at all: somebody else's hand, not ours


def remember(folder: Path, mark: Mark) -> None:
    """Write the file, if it says less than that."""
    known = remembered(folder)
    if known and known.generation == mark.generation and known.count >= mark.count:
        return
    making = folder / f".{NAME}.{os.getpid()}"
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(mark.stored(), file)
        file.flush()
        os.fsync(file.fileno())
    making.replace(folder / NAME)


def found(session: Session) -> Mark | None:
    """Give the mark that the database itself has; None when it never had one."""
    fact = facts.get(session, FACT)
    return Mark.load(fact.value) if fact else None


def advance(session: Session, *, now: datetime) -> Mark:
    """Count one up, unless another process just did; give the mark as it stands."""
    known = found(session)
    if known is None:
        return begin(session, (), now=now)
    following = Mark(known.generation, known.count + 1, known.before, numbers(session))
    statement = (
        update(Fact)
        .where(col(Fact.name) == FACT, col(Fact.at) <= now - EVERY)
        .values(value=following.stored(), at=now)
    )
    return following if changed(session, statement) else known


def begin(session: Session, before: tuple[str, ...], *, now: datetime) -> Mark:
    """Begin a new generation of this database."""
    mark = Mark(token_hex(8), 1, before[-GENERATIONS:], numbers(session))
    facts.note(session, FACT, mark.stored(), now=now)
    return mark


def numbers(session: Session) -> dict[str, int]:
    """Give the highest number that each table has given to a row, whether or not it is there."""
    if session.get_bind().dialect.name == "sqlite":
        return dict(session.execute(text("SELECT name, seq FROM sqlite_sequence")).all())
    given = text(
        "SELECT sequencename, last_value FROM pg_sequences "
        "WHERE schemaname = current_schema() AND last_value IS NOT NULL"
    )
    return {
        name.removesuffix("_id_seq"): int(top)
        for name, top in session.execute(given)
        if name.endswith("_id_seq")
    }


def move_on(session: Session, known: Mapping[str, int], spare: Mapping[str, int]) -> None:
    """Let each table's next number be higher than any given before, by its `spare`.

    Links carry numbers: one that was given after a copy was made, and is in links out there,
    must not be given to somebody else.
    """
    ours = numbers(session)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for table in sorted(set(spare) & set(inspect(session.connection()).get_table_names())):
        there = session.execute(text(f'SELECT max(id) FROM "{table}"')).scalar() or 0  # noqa: S608
        top = max(there, ours.get(table, 0), known.get(table, 0)) + spare[table]
        if is_sqlite:
            session.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": table})
            session.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :n)"),
                {"t": table, "n": top},
            )
        else:
            move = text("SELECT setval(pg_get_serial_sequence(:t, 'id'), :n)")
            session.execute(move, {"t": table, "n": top})
