"""Writes the lines of a transaction to the file of departures, just before it is committed."""

from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlmodel import Session, col

from mailer import departures
from mailer.db.schema import Subscriber
from mailer.departures import Departure
from mailer.tokens import KeyRing

log = structlog.get_logger(__name__)


class Noting:
    """What a database calls before each commit.

    Before, not after: of two ways to be torn apart, a line about a leaving that was not
    committed does less harm than a leaving without its line. And no leaving fails for it.
    """

    def __init__(self, folder: Path, ring: KeyRing | None) -> None:
        self._folder = folder
        self._ring = ring

    def __call__(self, session: Session) -> None:
        """Write what the transaction noted."""
        noted = departures.noted(session.info)
        if not noted:
            return
        keys = _keys(session, {line.subscriber_id for line, key in noted if key is None})
        lines = [self._named(line, key or keys.get(line.subscriber_id)) for line, key in noted]
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            departures.write(self._folder, lines)
        except OSError as error:
            log.warning("departures.not_written", count=len(lines), why=str(error))

    def _named(self, line: Departure, key: str | None) -> Departure:
        if key is None or self._ring is None:
            return line
        return replace(line, person=departures.person(self._ring, key))


def _keys(session: Session, ids: set[int]) -> dict[int, str | None]:
    statement = select(col(Subscriber.id), col(Subscriber.key)).where(col(Subscriber.id).in_(ids))
    return dict(session.execute(statement).all())
