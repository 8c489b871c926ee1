"""Many subscribers at once, from what people have: a file, or a line they pasted.

A file is read through before anything is written, so that one that is broken in its middle
changes nothing. Then it is taken in chunks, each a short transaction, as one batch; a bad row is
told with its line and costs no good one. Nobody comes back in this way who left or is suppressed.

Rows come by the block, in the order of addresses: then a chunk touches one part of the addresses'
index, not all of it. Of a chunk only those are looked at one by one of whom something is known.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from mailer.db import Database, Lock, alone, among
from mailer.db.schema import (
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.subscribers import arrivals, batches, landing, moving, scratch, spool
from mailer.subscribers import known as known_people
from mailer.subscribers.arrivals import Arrivals, Import
from mailer.subscribers.batches import Origin
from mailer.subscribers.consent import CONFIRMED, PENDING, UNSUBSCRIBED
from mailer.subscribers.landing import Common
from mailer.subscribers.origins import Fate
from mailer.subscribers.people import Left, Reading, Row
from mailer.subscribers.roster import Rules, require_list_open
from mailer.subscribers.spool import FIRST_ROWS, Block, Span
from mailer.subscribers.suppressions import made_by_batch, reasons_of

FIRST = 500
"""Rows taken in the first transaction."""

FEWEST = 1_000
MOST = 10_000
"""Rows taken in one transaction after that."""

CHUNK_SECONDS = 0.06
"""How long a transaction should take: others who write wait so long, and no more than 0.1."""

MOST_TOLD = 1_000
"""Rows that stayed out which a report keeps; all of them are given as they come."""


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
    database.read(require_list_open, wanted.list_id)
    total = reading.count()
    run = _Run(wanted, rules, reading, watch or Watch(), total)
    run.report.batch = database.read(batches.unfinished, run.origin)
    with (
        scratch.folder() as folder,
        database.loading() as loader,
        closing(spool.blocks(reading, total, folder)) as blocks,
    ):
        for block in blocks:
            _take_block(loader, run, block, now=now)
    if run.report.batch and not wanted.dry_run:
        database.write(batches.note, run.report.batch, run.report.counts, ended_at=now())
    return run.report


def _take_block(
    loader: Database, run: "_Run", block: Block, *, now: Callable[[], datetime]
) -> None:
    """Take a block of rows in short transactions, and tell of those that stay out."""
    run.see(block)
    stayed = block.stayed
    first = 1
    with loader.beside(block.path):
        while first <= block.good:
            span = Span(first, min(first + run.pace.size - 1, block.good))
            if run.wanted.dry_run:
                stayed += loader.read(run.look, block, span)
            else:
                stayed += loader.write(run.take, block, span, now=now())
                run.pace.ended()
            run.tell_progress(span.last - span.first + 1)
            first = span.last + 1
    run.tell(stayed)


class _Pace:
    """How many rows one transaction takes: as many as this machine does in its time."""

    def __init__(self) -> None:
        self.size = FIRST
        self._began = 0.0

    def began(self) -> None:
        """Note that a transaction has the database to itself."""
        self._began = time.monotonic()

    def ended(self) -> None:
        """Note that it is done; the next is larger or smaller, at most by half."""
        took = max(time.monotonic() - self._began, 0.001)
        fitting = self.size * min(max(CHUNK_SECONDS / took, 0.5), 1.5)
        self.size = int(min(max(fitting, FEWEST), MOST))


@dataclass
class _Run:
    """One import while it goes on."""

    wanted: Import
    rules: Rules
    reading: Reading
    watch: Watch
    total: int
    report: Report = field(default_factory=Report)
    pace: _Pace = field(default_factory=_Pace)

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

    def see(self, block: Block) -> None:
        """Count the rows of a block that stay out by themselves; keep some that do not."""
        self.report.bad += block.bad
        self.report.skipped += len(block.stayed) - block.bad
        self.report.first += block.first[: FIRST_ROWS - len(self.report.first)]
        self.tell_progress(len(block.stayed))

    def tell_progress(self, count: int) -> None:
        """Count rows that are done with, and tell how far it is."""
        self.report.rows += count
        if count:
            self.watch.progress(self.report.rows, self.total)

    def tell(self, stayed: list[Left]) -> None:
        """Tell of the rows of a block that stay out, by their lines; keep the first of all."""
        stayed.sort(key=lambda left: (left.source, left.line))
        self.report.stayed_out += stayed[: MOST_TOLD - len(self.report.stayed_out)]
        for left in stayed:
            self.watch.stayed_out(left)

    def look(self, session: Session, block: Block, span: Span) -> list[Left]:
        """Sort rows without taking them; give those that stay out."""
        return self._sort(session, block.rows(span))[1]

    def take(self, session: Session, block: Block, span: Span, *, now: datetime) -> list[Left]:
        """Take rows, and give those that stay out."""
        alone(session, Lock.ROSTER)
        self.pace.began()
        if self.report.batch is None:
            coming, stayed = self._sort(session, block.rows(span))
            if not coming:
                return stayed
            self.report.batch = batches.begin(session, self.origin, now=now)
            landing.land(session, coming.joining, self._common)
        else:
            coming, stayed = self._land(session, block, span)
        batch, wanted = self.report.batch, self.wanted
        arrivals.join(session, wanted, self.rules, batch, now=now)
        arrivals.leave(session, coming.gone, wanted, batch, now=now)
        arrivals.suppress(session, coming.suppressed, batch, now=now)
        batches.note(session, batch, self.report.counts)
        return stayed

    def _land(self, session: Session, block: Block, span: Span) -> tuple[Arrivals, list[Left]]:
        """Let all land who come to join, and send those away whom something keeps out.

        Gives what `_sort` does of those of whom something is known, and counts all.
        """
        landed = landing.land_span(session, block, span, self._common)
        known = known_people.numbers(session, self.wanted.list_id)
        rows = [*block.rows_of(known), *block.rows_apart(span)]
        coming, stayed = self._sort(session, rows)
        joining = {row.to.key for row in coming.joining}
        landing.send_away(session, [row.to.key for row in rows if row.to.key not in joining])
        self._count_joining(landed - len(known))
        return coming, stayed

    @property
    def _common(self) -> Common:
        assert self.report.batch is not None
        return Common(self.report.batch, self.wanted.evidence)

    def _sort(self, session: Session, rows: Sequence[Row]) -> tuple[Arrivals, list[Left]]:
        """Part those who come from those who stay out, and count them all."""
        report = self.report
        stayed: list[Left] = []
        if not rows:
            return Arrivals(), stayed
        states = _states(session, rows, self.wanted.list_id)
        reasons = reasons_of(session, [row.to.key for row in rows], self.wanted.list_id)
        taken = self._suppressed_before(session, rows)
        moved = _moved(session, rows)
        coming = Arrivals()
        for row in rows:
            key = row.to.key
            state, batch = states.get(key, (None, None))
            why_not = reasons.get(key, ())
            if (batch is not None and batch == report.batch) or key in taken:
                self._count(row)  # taken before the import was broken off
            elif _is_so(row, state, why_not):
                report.already += 1
            elif why := _why_not(row, state, why_not, self.wanted) or moved.get(key, ""):
                report.skipped += 1
                stayed.append(row.left(why))
            else:
                self._count(row)
                coming.of(row.verdict.fate).append(row)
        return coming, stayed

    def _suppressed_before(self, session: Session, rows: Sequence[Row]) -> set[str]:
        """Give the addresses that this batch suppressed before it was broken off."""
        keys = [row.to.key for row in rows if row.verdict.fate is Fate.SUPPRESSED]
        if not keys or self.report.batch is None:
            return set()
        return made_by_batch(session, keys, self.report.batch)

    def _count(self, row: Row) -> None:
        match row.verdict.fate:
            case Fate.LEFT:
                self.report.left += 1
            case Fate.SUPPRESSED:
                self.report.suppressed += 1
            case _:
                self._count_joining(1)

    def _count_joining(self, number: int) -> None:
        if self.wanted.basis:
            self.report.confirmed += number
        else:
            self.report.asked += number


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
    """Give, for addresses that their readers gave up for another, why nothing goes there."""
    keys = [row.to.key for row in rows if row.verdict.fate is not Fate.SUPPRESSED]
    why = "is mailed at another address now, as they asked"
    return dict.fromkeys(moving.given_up(session, keys), why)


def _states(
    session: Session, rows: Sequence[Row], list_id: int
) -> Mapping[str, tuple[SubscriptionState, int | None]]:
    # Not “list_id = ?”: without statistics SQLite would walk all of the list for each chunk.
    on_list = col(Subscription.list_id) + 0 == list_id
    statement = (
        select(col(Subscriber.key), col(Subscription.state), col(Subscription.batch_id))
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(among(session, col(Subscriber.key), [row.to.key for row in rows]), on_list)
    )
    found: Iterator[tuple[str, str, int | None]] = (
        (str(key), str(state), batch) for key, state, batch in session.execute(statement)
    )
    return {key: (SubscriptionState(state), batch) for key, state, batch in found}
