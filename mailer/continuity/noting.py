"""Writes the lines of a transaction to the file of departures, just before it is committed."""

from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlmodel import Session, col

from mailer import departures
from mailer.db import among
from mailer.db.schema import Subscriber
from mailer.departures import Departure, Kind
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
            if any(line.kind is Kind.ERASED for line in lines):
                forget(session, self._folder)
        except OSError as error:
            log.warning("departures.not_written", count=len(lines), why=str(error))

    def _named(self, line: Departure, key: str | None) -> Departure:
        if key is None or self._ring is None:
            return line
        if line.kind is Kind.MOVED:
            return replace(line, sealed=departures.seal(self._ring, key))
        return replace(line, person=departures.person(self._ring, key))


def forget(session: Session, folder: Path) -> None:
    """Blank in the file of departures the new addresses of people who are forgotten."""
    movers = departures.movers(folder)
    statement = select(col(Subscriber.id)).where(
        among(session, col(Subscriber.id), movers), col(Subscriber.erased_at).is_not(None)
    )
    forgotten = {int(one) for one in session.execute(statement).scalars() if one} if movers else ()
    if forgotten:
        departures.unseal(folder, forgotten)


def _keys(session: Session, ids: set[int]) -> dict[int, str | None]:
    statement = select(col(Subscriber.id), col(Subscriber.key)).where(col(Subscriber.id).in_(ids))
    return dict(session.execute(statement).all())
