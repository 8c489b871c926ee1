"""What the installation remembers about itself: when something was last done, and how it went."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, bindparam, delete, select
from sqlmodel import Session, col

from mailer.db import changed, upsert
from mailer.db.schema import Fact

FACTS: Table = Fact.__table__  # type: ignore[attr-defined]


def get(session: Session, name: str) -> Fact | None:
    """Give a fact; None when it was never noted."""
    statement = select(Fact).where(col(Fact.name) == name).execution_options(populate_existing=True)
    return session.execute(statement).scalar_one_or_none()


def is_noted(session: Session, name: str) -> bool:
    """Tell whether a fact was ever noted."""
    return session.connection().execute(_NOTED, {"name": name}).first() is not None


def value(session: Session, name: str) -> dict[str, Any] | None:
    """Give what a fact says, and nothing of when; quicker, for what is asked all day."""
    found = session.connection().execute(_VALUE, {"name": name}).scalar()
    return None if found is None else dict(found)


_VALUE = select(FACTS.c.value).where(FACTS.c.name == bindparam("name"))


def named(session: Session, prefix: str) -> list[Fact]:
    """Give the facts whose names begin alike, by name."""
    statement = select(Fact).where(col(Fact.name).startswith(prefix, autoescape=True))
    return list(session.execute(statement.order_by(col(Fact.name))).scalars())


def note(session: Session, name: str, value: dict[str, Any], *, now: datetime) -> None:
    """Note a fact, in the place of what was noted before."""
    statement = upsert(session, Fact).values(name=name, value=value, at=now)
    session.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value, "at": now})
    )


def forget(session: Session, name: str) -> None:
    """Forget a fact."""
    session.execute(delete(Fact).where(col(Fact.name) == name))


def take_turn(session: Session, name: str, *, every: timedelta, now: datetime) -> bool:
    """Tell whether it is time for something, and that it is ours: of all processes one is told so.

    A moment in the future, from a clock that was set back since, counts as none.
    """
    statement = upsert(session, Fact).values(name=name, value={}, at=now)
    statement = statement.on_conflict_do_update(
        index_elements=["name"],
        set_={"at": now},
        where=(col(Fact.at) <= now - every) | (col(Fact.at) > now + every),
    )
    return changed(session, statement) == 1


_NOTED = select(col(Fact.name)).where(col(Fact.name) == bindparam("name"))
