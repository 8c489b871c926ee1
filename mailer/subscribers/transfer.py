"""Many subscribers at once: in from a CSV file, out into one.

A file is read through before anything is written, so that one that is broken in its middle
changes nothing. Then it is taken in chunks, each a short transaction; a bad row is reported
with its line and costs no good one. Nobody comes back in this way who left or is suppressed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from mailer import ledger, lists
from mailer.db import Database, Lock, alone, upsert
from mailer.db.schema import (
    Organisation,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.history import EDITOR, About, record_all
from mailer.subscribers import consent, spreadsheet
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED, Step
from mailer.subscribers.roster import Rules, Standing, letter
from mailer.subscribers.spreadsheet import Left, Row
from mailer.subscribers.suppressions import reasons_of

CHUNK = 250
"""Rows taken in one transaction: some 50 ms."""


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
class Report:
    """What became of the rows; they add up to `rows`."""

    rows: int = 0
    confirmed: int = 0
    asked: int = 0
    already: int = 0
    skipped: list[Left] = field(default_factory=list)
    bad: list[Left] = field(default_factory=list)
    ignored_columns: tuple[str, ...] = ()


def import_file(
    database: Database,
    path: Path,
    wanted: Import,
    rules: Rules,
    *,
    now: Callable[[], datetime],
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Take a CSV file into a list; give what became of each row.

    `progress` is told how many rows of how many are done. Raises FileInvalid, with the
    database as before, when the file as a whole cannot be read.
    """
    total, report = _read_through(path)
    seen: set[int] = set()
    with spreadsheet.opened(path) as file:
        rows = spreadsheet.rows(spreadsheet.lines(file, path))
        while chunk := list(islice(rows, CHUNK)):
            report.rows += len(chunk)
            good = _good(chunk, seen, report)
            if wanted.dry_run:
                database.read(_sort, good, wanted, report)
            else:
                database.write(_take, good, wanted, rules, report, now=now())
            progress(report.rows, total)
    return report


def export_rows(session: Session, list_id: int) -> Iterator[tuple[str, ...]]:
    """Give the same rows as `members`, safe to be opened in a spreadsheet."""
    for row in members(session, list_id):
        yield tuple(spreadsheet.guarded(text) for text in row)


def members(session: Session, list_id: int) -> Iterator[tuple[str, ...]]:
    """Give a list's subscribers as rows of text, the head first, in the order they came."""
    yield (*spreadsheet.COLUMNS, "state", "since", "confirmed", "left", "basis")
    statement = (
        select(Subscriber, Subscription, Organisation)
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .outerjoin(Organisation, col(Organisation.id) == col(Subscriber.organisation_id))
        .where(col(Subscription.list_id) == list_id, col(Subscriber.key).is_not(None))
        .order_by(col(Subscriber.id))
        .execution_options(yield_per=CHUNK)
    )
    for person, subscription, organisation in session.execute(statement):
        yield (
            person.address or "",
            person.name,
            subscription.language or person.language or "",
            organisation.name if organisation else "",
            organisation.country if organisation else "",
            subscription.state.value,
            _moment(subscription.created_at),
            _moment(subscription.confirmed_at),
            _moment(subscription.left_at),
            subscription.basis or "",
        )


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _read_through(path: Path) -> tuple[int, Report]:
    """Read a whole file without keeping it: how many rows it has, and which columns."""
    with spreadsheet.opened(path) as file:
        table = spreadsheet.lines(file, path)
        head = next(table)[1]
        count = sum(1 for _ in table)
    names = [name.strip() for name in head]
    ignored = tuple(name for name in names if name and name.lower() not in spreadsheet.COLUMNS)
    return count, Report(ignored_columns=ignored)


def _good(chunk: Sequence[Row | Left], seen: set[int], report: Report) -> list[Row]:
    """Part the rows that can be taken from those that cannot; one address counts once."""
    good = []
    for row in chunk:
        if isinstance(row, Left):
            report.bad.append(row)
        elif hash(row.to.key) in seen:
            report.skipped.append(Left(row.line, row.to.mailbox, "is in the file before"))
        else:
            seen.add(hash(row.to.key))
            good.append(row)
    return good


def _take(
    session: Session,
    rows: Sequence[Row],
    wanted: Import,
    rules: Rules,
    report: Report,
    *,
    now: datetime,
) -> None:
    alone(session, Lock.ROSTER)
    fresh = _sort(session, rows, wanted, report)
    if not fresh:
        return
    people = _people(session, fresh, _organisations(session, fresh, now), now)
    step = _step(session, wanted)
    standings = [_standing(row, people[row.to.key], wanted) for row in fresh]
    _enter(session, standings, wanted, step, now)
    lines = [
        (About(standing.subscriber_id, standing.list_id), {**wanted.evidence, "line": row.line})
        for standing, row in zip(standings, fresh, strict=True)
    ]
    if not wanted.basis:
        record_all(session, "subscription.asked", EDITOR, lines, at=now)
    if step.state is CONFIRMED:
        record_all(session, "subscription.confirmed", EDITOR, lines, at=now)
    if step.letter:
        route = lists.route_of(session, wanted.list_id)
        letters = [letter(step.letter, each, rules, route=route, when=now) for each in standings]
        ledger.post_all(session, letters, now=now)


def _sort(session: Session, rows: Sequence[Row], wanted: Import, report: Report) -> list[Row]:
    """Give the rows that come to the list, and put the others into the report."""
    states = _states(session, rows, wanted.list_id)
    reasons = reasons_of(session, [row.to.key for row in rows], wanted.list_id)
    fresh = []
    for row in rows:
        state = states.get(row.to.key)
        why = _why_not(state, reasons.get(row.to.key, set()), wanted)
        if why:
            report.skipped.append(Left(row.line, row.to.mailbox, why))
        elif state is CONFIRMED:
            report.already += 1
        else:
            fresh.append(row)
    if wanted.basis:
        report.confirmed += len(fresh)
    else:
        report.asked += len(fresh)
    return fresh


def _step(session: Session, wanted: Import) -> Step:
    """Give what becomes of those who come: confirmed on the basis, or what an opt-in leads to."""
    if wanted.basis:
        return Step(CONFIRMED, None)
    return consent.subscribe(None, (), lists.by_id(session, wanted.list_id).opt_in)


def _why_not(
    state: SubscriptionState | None, reasons: Collection[SuppressionReason], wanted: Import
) -> str:
    if reasons:
        return f"must not be mailed: {', '.join(sorted(reasons))}"
    if state is UNSUBSCRIBED:
        return "left the list; only they themselves can come back"
    if state is PENDING and not wanted.basis:
        return "was asked by a letter already, and has not answered"
    return ""


def _states(session: Session, rows: Sequence[Row], list_id: int) -> dict[str, SubscriptionState]:
    statement = (
        select(col(Subscriber.key), col(Subscription.state))
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(
            col(Subscriber.key).in_([row.to.key for row in rows]),
            col(Subscription.list_id) == list_id,
        )
    )
    return {str(key): SubscriptionState(state) for key, state in session.execute(statement)}


def _enter(
    session: Session, standings: Sequence[Standing], wanted: Import, step: Step, now: datetime
) -> None:
    """Write the subscriptions; one that was pending is confirmed on the stated basis."""
    since = now if step.state is CONFIRMED else None
    changes = {"state": step.state, "basis": wanted.basis, "confirmed_at": since}
    values = [
        {
            "subscriber_id": each.subscriber_id,
            "list_id": each.list_id,
            "ask": each.ask,
            "language": each.language,
            "created_at": now,
            **changes,
        }
        for each in standings
    ]
    statement = upsert(session, Subscription).on_conflict_do_update(
        index_elements=["subscriber_id", "list_id"],
        set_=changes,
        where=col(Subscription.state) == PENDING,
    )
    session.connection().execute(statement, values)


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


def _people(
    session: Session,
    rows: Sequence[Row],
    organisations: Mapping[tuple[str, str], int],
    now: datetime,
) -> dict[str, _Person]:
    """Make or find the subscribers; a name or organisation is set where there was none."""
    values = [
        {
            "address": row.to.mailbox,
            "key": row.to.key,
            "domain": row.to.domain,
            "name": row.name,
            "language": row.language,
            "organisation_id": organisations.get((row.organisation, row.country)),
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


def _organisations(
    session: Session, rows: Sequence[Row], now: datetime
) -> dict[tuple[str, str], int]:
    """Make or find the organisations that the rows name."""
    wanted = sorted({(row.organisation, row.country) for row in rows if row.organisation})
    if not wanted:
        return {}
    values = [{"name": name, "country": country, "created_at": now} for name, country in wanted]
    statement = upsert(session, Organisation).on_conflict_do_nothing()
    session.connection().execute(statement, values)
    found = session.execute(
        select(col(Organisation.id), col(Organisation.name), col(Organisation.country)).where(
            col(Organisation.name).in_([name for name, _ in wanted])
        )
    )
    return {(name, country): int(number) for number, name, country in found if number}
