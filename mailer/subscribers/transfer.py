"""Many subscribers at once, from what people have: a file, or a line they pasted.

A file is read through before anything is written, so that one that is broken in its middle
changes nothing. Then it is taken in chunks, each a short transaction, as one batch; a bad row is
told with its line and costs no good one. Nobody comes back in this way who left or is suppressed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from mailer.db import Database, Lock, alone
from mailer.db.schema import (
    AddressChange,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.subscribers import arrivals, batches
from mailer.subscribers.arrivals import Arrivals, Import
from mailer.subscribers.batches import Origin
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from mailer.subscribers.origins import Fate
from mailer.subscribers.people import Left, Reading, Row
from mailer.subscribers.roster import Rules, require_list_open
from mailer.subscribers.suppressions import reasons_of

CHUNK = 200
"""Rows taken in one transaction: some 50 ms."""

MOST_TOLD = 1_000
"""Rows that stayed out which a report keeps; all of them are given as they come."""

FIRST_ROWS = 5


@dataclass
class Report:
    """What became of the rows; the counts add up to `rows`.

    `confirmed` are on the list, `asked` by a letter, `already` stand as the row has them; `left`
    and `suppressed` are kept so that nobody brings them back; `skipped` and `bad` stayed out.
    """

    rows: int = 0
    confirmed: int = 0
    asked: int = 0
    already: int = 0
    left: int = 0
    suppressed: int = 0
    skipped: int = 0
    bad: int = 0
    batch: int | None = None
    stayed_out: list[Left] = field(default_factory=list)
    first: list[Row] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Give the sums."""
        names = ("rows", "confirmed", "asked", "already", "left", "suppressed", "skipped", "bad")
        return {name: getattr(self, name) for name in names}


@dataclass
class Watch:
    """What is told while an import goes on: how far it is, and each row that stays out."""

    progress: Callable[[int, int], None] = lambda _done, _all: None
    stayed_out: Callable[[Left], None] = lambda _left: None


def take(
    database: Database,
    reading: Reading,
    wanted: Import,
    rules: Rules,
    *,
    now: Callable[[], datetime],
    watch: Watch | None = None,
) -> Report:
    """Take people into a list; give what became of each row.

    An import that was broken off goes on in its own batch when the same comes again. Raises
    FileInvalid, with the database as before, when a file as a whole cannot be read, and Refused
    for a list that has ended.
    """
    watch = watch or Watch()
    database.read(require_list_open, wanted.list_id)
    total = reading.count()
    run = _Run(wanted, rules, reading)
    run.report.batch = database.read(batches.unfinished, run.origin)
    rows = reading.rows()
    while chunk := list(islice(rows, CHUNK)):
        if wanted.dry_run:
            stayed = database.read(run.look, chunk)
        else:
            stayed = database.write(run.take, chunk, now=now())
        for left in stayed:
            watch.stayed_out(left)
        watch.progress(run.report.rows, total)
    if run.report.batch and not wanted.dry_run:
        database.write(batches.note, run.report.batch, run.report.counts, ended_at=now())
    return run.report


@dataclass
class _Run:
    """One import while it goes on."""

    wanted: Import
    rules: Rules
    reading: Reading
    report: Report = field(default_factory=Report)
    seen: set[int] = field(default_factory=set)

    @property
    def origin(self) -> Origin:
        """Give what a batch keeps of where its people came from."""
        return Origin(
            self.wanted.list_id,
            self.reading.name,
            kind=self.reading.origin or "table",
            basis=self.wanted.basis or "",
            mark=self.reading.mark,
        )

    def look(self, session: Session, chunk: Sequence[Row | Left]) -> list[Left]:
        """Sort rows without taking them; give those that stay out."""
        return self._sort(session, chunk)[1]

    def take(self, session: Session, chunk: Sequence[Row | Left], *, now: datetime) -> list[Left]:
        """Take rows, and give those that stay out."""
        alone(session, Lock.ROSTER)
        coming, stayed = self._sort(session, chunk)
        if not coming:
            return stayed
        if self.report.batch is None:
            self.report.batch = batches.begin(session, self.origin, now=now)
        arrivals.enter(session, coming, self.wanted, self.rules, self.report.batch, now=now)
        batches.note(session, self.report.batch, self.report.counts)
        return stayed

    def _sort(self, session: Session, chunk: Sequence[Row | Left]) -> tuple[Arrivals, list[Left]]:
        """Part those who come from those who stay out, and count them all."""
        report = self.report
        good, stayed = self._good(chunk)
        states = _states(session, good, self.wanted.list_id)
        reasons = reasons_of(session, [row.to.key for row in good], self.wanted.list_id)
        moved = _moved(session, good)
        coming = Arrivals()
        for row in good:
            state, batch = states.get(row.to.key, (None, None))
            why_not = reasons.get(row.to.key, set())
            if batch is not None and batch == report.batch:
                self._count(row)  # taken before the import was broken off
            elif _is_so(row, state, why_not):
                report.already += 1
            elif why := _why_not(row, state, why_not, self.wanted) or moved.get(row.to.key, ""):
                report.skipped += 1
                stayed.append(Left(row.line, row.to.mailbox, why, row.source, row.cells))
            else:
                self._count(row)
                coming.of(row.verdict.fate).append(row)
        report.rows += len(chunk)
        stayed.sort(key=lambda left: (left.source, left.line))
        report.stayed_out += stayed[: MOST_TOLD - len(report.stayed_out)]
        report.first += good[: FIRST_ROWS - len(report.first)]
        return coming, stayed

    def _good(self, chunk: Sequence[Row | Left]) -> tuple[list[Row], list[Left]]:
        """Part the rows that can be taken from those that cannot; one address counts once."""
        good, stayed = [], []
        for row in chunk:
            if isinstance(row, Left):
                self.report.bad += 1
                stayed.append(row)
            elif hash(row.to.key) in self.seen:
                self.report.skipped += 1
                why = "is in the file before"
                stayed.append(Left(row.line, row.to.mailbox, why, row.source, row.cells))
            else:
                self.seen.add(hash(row.to.key))
                good.append(row)
        return good, stayed

    def _count(self, row: Row) -> None:
        match row.verdict.fate:
            case Fate.LEFT:
                self.report.left += 1
            case Fate.SUPPRESSED:
                self.report.suppressed += 1
            case _ if self.wanted.basis:
                self.report.confirmed += 1
            case _:
                self.report.asked += 1


def _is_so(
    row: Row, state: SubscriptionState | None, reasons: Collection[SuppressionReason]
) -> bool:
    """Tell whether all stands already as the row has it."""
    match row.verdict.fate:
        case Fate.LEFT:
            return state is UNSUBSCRIBED
        case Fate.SUPPRESSED:
            return bool(reasons)
        case _:
            return state is CONFIRMED and not reasons


def _why_not(
    row: Row,
    state: SubscriptionState | None,
    reasons: Collection[SuppressionReason],
    wanted: Import,
) -> str:
    if row.verdict.fate is Fate.SUPPRESSED:
        return ""
    if row.verdict.fate is Fate.LEFT:
        # What they did here is the newer word; only a person can tell whether it still holds.
        return f"{row.verdict.why}, but is on the list here; ask them" if state else ""
    if reasons:
        return f"must not be mailed: {', '.join(sorted(reasons))}"
    if state is UNSUBSCRIBED:
        return "left the list; only they themselves can come back"
    if state is PENDING and not wanted.basis:
        return "was asked by a letter already, and has not answered"
    return ""


def _moved(session: Session, rows: Sequence[Row]) -> dict[str, str]:
    """Give, for addresses that their readers gave up for another, why nothing goes there.

    One that is somebody's again is not among them.
    """
    keys = [row.to.key for row in rows if row.verdict.fate is not Fate.SUPPRESSED]
    taken = exists().where(col(Subscriber.key) == func.lower(col(AddressChange.old_address)))
    statement = select(func.lower(col(AddressChange.old_address))).where(
        func.lower(col(AddressChange.old_address)).in_(keys),
        col(AddressChange.done_at).is_not(None),
        col(AddressChange.undone_at).is_(None),
        ~taken,
    )
    why = "is mailed at another address now, as they asked"
    return dict.fromkeys(map(str, session.execute(statement).scalars()), why)


def _states(
    session: Session, rows: Sequence[Row], list_id: int
) -> Mapping[str, tuple[SubscriptionState, int | None]]:
    statement = (
        select(col(Subscriber.key), col(Subscription.state), col(Subscription.batch_id))
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(
            col(Subscriber.key).in_([row.to.key for row in rows]),
            col(Subscription.list_id) == list_id,
        )
    )
    found: Iterator[tuple[str, str, int | None]] = (
        (str(key), str(state), batch) for key, state, batch in session.execute(statement)
    )
    return {key: (SubscriptionState(state), batch) for key, state, batch in found}
