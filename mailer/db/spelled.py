"""Statements that run at every turn of a worker, or at every press of a button, made only once.

SQLAlchemy looks through a statement that is put together anew each time it is executed, which
takes longer than many of them run. Here they are text, spelled out for each database.
"""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CursorResult, text
from sqlmodel import Session


class Spelled:
    """One statement. Many values come as one parameter, whatever their number.

    `Spelled("SELECT … WHERE id {ids}", ids="bigint")` says that `ids` are many, and their type on
    PostgreSQL. Results are as the driver gives them.
    """

    def __init__(self, words: str, **many: str) -> None:
        """Spell it out."""
        self._many = frozenset(many)
        on_sqlite = {name: f"IN (SELECT value FROM json_each(:{name}))" for name in many}  # noqa: S608
        self._on_sqlite = text(words.format_map(on_sqlite))
        arrays = {name: f"= ANY(CAST(:{name} AS {kind}[]))" for name, kind in many.items()}
        self._on_postgresql = text(words.format_map(arrays))

    def execute(self, session: Session, **values: object) -> CursorResult[*tuple[Any, ...]]:
        """Run it, by the bare connection."""
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        for name, value in values.items():
            if name in self._many and isinstance(value, Collection):
                values[name] = json.dumps(list(value)) if is_sqlite else list(value)
            elif is_sqlite and isinstance(value, datetime):
                values[name] = stored(value)
        return connection.execute(self._on_sqlite if is_sqlite else self._on_postgresql, values)


def stored(moment: datetime) -> str:
    """Give a moment as SQLite stores it: 26 characters, in UTC."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{at.date()} {at.time().isoformat('microseconds')}"
