"""How people come to a list by an import: persons, subscriptions, evidence, letters, in one go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, inspect, literal, select
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db import upsert
from mailer.db.schema import Subscriber, Subscription
from mailer.history import EDITOR, About, By, record_all, record_each
from mailer.subscribers import consent, landing, suppressions
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED, Step
from mailer.subscribers.landing import LANDED, Common
from mailer.subscribers.origins import Fate
from mailer.subscribers.people import Row
from mailer.subscribers.roster import Rules, Standing, letter
from mailer.subscribers.suppressions import Ground


@dataclass(frozen=True, slots=True)
class Import:
    """What an import is to do. Without a `basis` everybody gets a letter to confirm."""

    list_id: int
    language: str
    basis: str | None = None
    dry_run: bool = False
    by: By = EDITOR

    @property
    def evidence(self) -> dict[str, str]:
        """Give what history keeps with each row that is taken."""
        return {"via": "import", **({"basis": self.basis} if self.basis else {})}


@dataclass
class Arrivals:
    """Rows by what they ask for: to join, to be known as gone, not to be mailed."""

    joining: list[Row] = field(default_factory=list)
    gone: list[Row] = field(default_factory=list)
    suppressed: list[Row] = field(default_factory=list)

    def of(self, fate: Fate) -> list[Row]:
        """Give the rows of one fate."""
        return {Fate.LEFT: self.gone, Fate.SUPPRESSED: self.suppressed}.get(fate, self.joining)

    def __bool__(self) -> bool:
        return bool(self.joining or self.gone or self.suppressed)


def join(session: Session, wanted: Import, rules: Rules, batch: int, *, now: datetime) -> None:
    """Put on the list who stand in LANDED."""
    landing.settle(session, batch, now=now)
    step = _step(session, wanted)
    _subscribe(session, step, wanted, batch, now)
    here = select(LANDED.c.id, literal(wanted.list_id), LANDED.c.details).order_by(LANDED.c.number)
    if not wanted.basis:
        record_each(session, "subscription.asked", wanted.by, here, at=now)
    if step.state is CONFIRMED:
        record_each(session, "subscription.confirmed", wanted.by, here, at=now)
    if step.letter:
        route = lists.route_of(session, wanted.list_id)
        standings = _standings(session, wanted)
        letters = [letter(step.letter, each, rules, route=route, when=now) for each in standings]
        ledger.post_all(session, letters, now=now)


def leave(
    session: Session, rows: Sequence[Row], wanted: Import, batch: int, *, now: datetime
) -> None:
    """Know people as gone who left elsewhere: the only way that nobody brings them back."""
    if not rows:
        return
    landing.land(session, rows, Common(batch, wanted.evidence))
    landing.settle(session, batch, now=now)
    standings = _standings(session, wanted)
    values = [
        {
            "subscriber_id": standing.subscriber_id,
            "list_id": standing.list_id,
            "ask": standing.ask,
            "language": standing.language,
            "created_at": now,
            "state": UNSUBSCRIBED,
            "left_at": min(row.verdict.at or now, now),
            "batch_id": batch,
        }
        for row, standing in zip(rows, standings, strict=True)
    ]
    statement = upsert(session, Subscription).on_conflict_do_nothing()
    session.connection().execute(statement, values)
    lines = [
        (
            About(standing.subscriber_id, standing.list_id),
            {**wanted.evidence, "batch": batch, "line": row.line, **row.verdict.evidence},
        )
        for standing, row in zip(standings, rows, strict=True)
    ]
    record_all(session, "subscription.left", wanted.by, lines, at=now)


def suppress(session: Session, rows: Sequence[Row], batch: int, *, now: datetime) -> None:
    """Suppress who must not be mailed."""
    grounds = {row.to.key: (row.verdict.reason, Ground(note=row.verdict.why)) for row in rows}
    suppressions.suppress_all(session, grounds, batch_id=batch, now=now)


def _subscribe(session: Session, step: Step, wanted: Import, batch: int, now: datetime) -> None:
    """Write the subscriptions; one that was pending is confirmed on the stated basis."""
    since = now if step.state is CONFIRMED else None
    given: dict[str, Any] = {
        "state": step.state,
        "basis": wanted.basis,
        "confirmed_at": since,
        "batch_id": batch,
    }
    language = func.coalesce(LANDED.c.language, wanted.language)
    common = {**given, "list_id": wanted.list_id, "ask": 1, "created_at": now}
    columns = inspect(Subscription).columns
    values = [literal(value, columns[name].type) for name, value in common.items()]
    source = (
        select(LANDED.c.id, language, *values)
        .where(LANDED.c.number >= 0)  # SQLite reads “ON CONFLICT” right only after a WHERE
        .order_by(LANDED.c.number)
    )
    statement = upsert(session, Subscription).from_select(
        ["subscriber_id", "language", *common], source, include_defaults=False
    )
    known = statement.on_conflict_do_update(
        index_elements=["subscriber_id", "list_id"],
        set_=given,
        where=col(Subscription.state) == PENDING,
    )
    session.execute(known)


def _step(session: Session, wanted: Import) -> Step:
    """Give what becomes of those who come: confirmed on the basis, or what an opt-in leads to."""
    if wanted.basis:
        return Step(CONFIRMED, None)
    return consent.subscribe(None, (), lists.by_id(session, wanted.list_id).opt_in)


def _standings(session: Session, wanted: Import) -> list[Standing]:
    """Give how those who landed stand on the list while they are asked, in their order."""
    statement = (
        select(LANDED.c.key, LANDED.c.id, col(Subscriber.address), LANDED.c.language)
        .join(Subscriber, col(Subscriber.id) == LANDED.c.id)
        .order_by(LANDED.c.number)
    )
    return [
        Standing(
            subscriber_id=number,
            list_id=wanted.list_id,
            address=address,
            key=key,
            language=language or wanted.language,
            state=PENDING,
            ask=1,
            offered=True,
        )
        for key, number, address, language in session.execute(statement)
    ]
