"""How people come to a list by an import: persons, subscriptions, evidence, letters, in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db import upsert
from mailer.db.schema import Subscriber, Subscription
from mailer.history import EDITOR, About, record_all
from mailer.subscribers import consent, organisations, suppressions
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED, Step
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


def enter(
    session: Session, coming: Arrivals, wanted: Import, rules: Rules, batch: int, *, now: datetime
) -> None:
    """Write all that an import brings with these rows."""
    _join(session, coming.joining, wanted, rules, batch, now)
    _leave(session, coming.gone, wanted, batch, now)
    grounds = {
        row.to.key: (row.verdict.reason, Ground(note=row.verdict.why)) for row in coming.suppressed
    }
    suppressions.suppress_all(session, grounds, batch_id=batch, now=now)


def _join(
    session: Session,
    rows: Sequence[Row],
    wanted: Import,
    rules: Rules,
    batch: int,
    now: datetime,
) -> None:
    if not rows:
        return
    people = _people(session, rows, batch, now)
    step = _step(session, wanted)
    standings = [_standing(row, people[row.to.key], wanted) for row in rows]
    since = now if step.state is CONFIRMED else None
    values = {"state": step.state, "basis": wanted.basis, "confirmed_at": since}
    _subscribe(session, standings, {**values, "batch_id": batch}, now)
    lines = _lines(rows, standings, wanted, batch)
    if not wanted.basis:
        record_all(session, "subscription.asked", EDITOR, lines, at=now)
    if step.state is CONFIRMED:
        record_all(session, "subscription.confirmed", EDITOR, lines, at=now)
    if step.letter:
        route = lists.route_of(session, wanted.list_id)
        letters = [letter(step.letter, each, rules, route=route, when=now) for each in standings]
        ledger.post_all(session, letters, now=now)


def _leave(
    session: Session, rows: Sequence[Row], wanted: Import, batch: int, now: datetime
) -> None:
    """Know people as gone who left elsewhere: the only way that nobody brings them back."""
    if not rows:
        return
    people = _people(session, rows, batch, now)
    standings = [_standing(row, people[row.to.key], wanted) for row in rows]
    values = [
        {
            **_values(standing, now),
            "state": UNSUBSCRIBED,
            "left_at": min(row.verdict.at or now, now),
            "batch_id": batch,
        }
        for row, standing in zip(rows, standings, strict=True)
    ]
    statement = upsert(session, Subscription).on_conflict_do_nothing()
    session.connection().execute(statement, values)
    lines = _lines(rows, standings, wanted, batch)
    record_all(session, "subscription.left", EDITOR, lines, at=now)


def _lines(
    rows: Sequence[Row], standings: Sequence[Standing], wanted: Import, batch: int
) -> list[tuple[About, Mapping[str, Any]]]:
    return [
        (
            About(standing.subscriber_id, standing.list_id),
            {**wanted.evidence, "batch": batch, "line": row.line, **row.verdict.evidence},
        )
        for standing, row in zip(standings, rows, strict=True)
    ]


def _step(session: Session, wanted: Import) -> Step:
    """Give what becomes of those who come: confirmed on the basis, or what an opt-in leads to."""
    if wanted.basis:
        return Step(CONFIRMED, None)
    return consent.subscribe(None, (), lists.by_id(session, wanted.list_id).opt_in)


def _subscribe(
    session: Session, standings: Sequence[Standing], given: Mapping[str, Any], now: datetime
) -> None:
    """Write the subscriptions; one that was pending is confirmed on the stated basis."""
    values = [{**_values(each, now), **given} for each in standings]
    statement = upsert(session, Subscription).on_conflict_do_update(
        index_elements=["subscriber_id", "list_id"],
        set_=dict(given),
        where=col(Subscription.state) == PENDING,
    )
    session.connection().execute(statement, values)


def _values(each: Standing, now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": each.subscriber_id,
        "list_id": each.list_id,
        "ask": each.ask,
        "language": each.language,
        "created_at": now,
    }


def _standing(row: Row, person: "_Person", wanted: Import) -> Standing:
    """Give how one who is new to the list stands on it while they are asked."""
    return Standing(
        subscriber_id=person.id,
        list_id=wanted.list_id,
        address=person.address,
        key=row.to.key,
        language=row.language or wanted.language,
        state=PENDING,
        ask=1,
    )


@dataclass(frozen=True, slots=True)
class _Person:
    """A subscriber's row, and the spelling of their address that we write to."""

    id: int
    address: str


def _people(session: Session, rows: Sequence[Row], batch: int, now: datetime) -> dict[str, _Person]:
    """Make or find the subscribers; a name or organisation is set where there was none."""
    named = {(row.organisation, row.country) for row in rows if row.organisation}
    works_at = organisations.make(session, named, batch_id=batch, now=now)
    values = [
        {
            "address": row.to.mailbox,
            "key": row.to.key,
            "domain": row.to.domain,
            "name": row.name,
            "language": row.language,
            "organisation_id": works_at.get((row.organisation, row.country)),
            "batch_id": batch,
            "created_at": now,
        }
        for row in rows
    ]
    statement = upsert(session, Subscriber)
    given = statement.excluded
    known = statement.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "name": case((col(Subscriber.name) != "", col(Subscriber.name)), else_=given.name),
            "organisation_id": func.coalesce(
                col(Subscriber.organisation_id), given.organisation_id
            ),
        },
    )
    # Many rows by one compiled statement: ten times as quick as one statement of many rows.
    session.connection().execute(known, values)
    found = session.execute(
        select(col(Subscriber.key), col(Subscriber.id), col(Subscriber.address)).where(
            col(Subscriber.key).in_([row.to.key for row in rows])
        )
    )
    return {str(key): _Person(int(number or 0), str(address)) for key, number, address in found}
