"""The rows of an import between the file and the database: checked, block by block, by address.

A block is an SQLite file of its own. Whoever loads it attaches it, and a statement takes a whole
chunk over that Python never sees; what must be looked at one by one comes as rows again. So memory
holds few rows at once, and the next block is read by another thread while this one is loaded.
"""

import json
import sqlite3
import sys
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

from mailer.address import Address
from mailer.db.schema import SuppressionReason
from mailer.errors import DatabaseUnreachable
from mailer.subscribers.origins import JOINS, Fate, Verdict
from mailer.subscribers.people import Left, Reading, Row
from mailer.subscribers.seen import Seen

BLOCK = 100_000
"""Rows of one block: so many that neighbours in it share a page of the addresses' index."""

UNSORTED = 500
"""Rows up to which a block stays in the order of the file: it touches few pages as it is."""

MOST_STAYED = 10_000
"""Rows that stay out and end a block: they are held in memory until they are told."""

SOME = 1_000
"""Rows put down by one call."""

FIRST_ROWS = 5

TURN_SECONDS = 0.0005
"""How long reading may keep the interpreter from loading, which wants it after each statement."""

_COLUMNS = (
    "key, address, domain, name, language, organisation, country, line, tail, "
    "origin, cells, fate, verdict"
)
_PUT = f"INSERT INTO arrived VALUES ({', '.join('?' * (_COLUMNS.count(',') + 1))})"  # noqa: S608
_BY_KEY = "CREATE TABLE people AS SELECT * FROM arrived ORDER BY key"
_AS_THEY_CAME = "CREATE TABLE people AS SELECT * FROM arrived ORDER BY rowid"
_SPACE = "\0"
"""What parts the cells of a row that is kept: no good row has it in one."""

SETTINGS = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -4000;
"""
"""Nobody needs the file once the process is gone; memory is for the database."""


class Span(NamedTuple):
    """Some rows of a block, by their numbers: the first and the last of them."""

    first: int
    last: int


@dataclass
class Block:
    """Some rows of a file: good ones numbered from 1 on, and those that stay out whatever else.

    `bad` of those who stay out are no good by themselves, the others were in the file before.
    Every good row is another address than any before it. `first` are some of the good ones,
    `apart` of them do not come to join.
    """

    path: Path
    tables: Sequence["_Table"]
    good: int = 0
    bad: int = 0
    apart: int = 0
    stayed: list[Left] = field(default_factory=list)
    first: list[Row] = field(default_factory=list)

    def rows(self, span: Span) -> list[Row]:
        """Give the rows of a span."""
        return self._read("rowid BETWEEN ? AND ?", span)

    def rows_apart(self, span: Span) -> list[Row]:
        """Give those rows of a span who do not come to join."""
        return self._read("rowid BETWEEN ? AND ? AND fate != 'join'", span) if self.apart else []

    def rows_of(self, numbers: Collection[int]) -> list[Row]:
        """Give rows by their numbers."""
        listed = json.dumps(list(numbers))
        where = "rowid IN (SELECT value FROM json_each(?))"
        return self._read(where, [listed]) if numbers else []

    def _read(self, where: str, values: Sequence[Any]) -> list[Row]:
        statement = f"SELECT {_COLUMNS} FROM people WHERE {where} ORDER BY rowid"  # noqa: S608
        with closing(sqlite3.connect(self.path)) as connection:
            return [self._row(*values) for values in connection.execute(statement, values)]

    def _row(self, key: str, address: str, _domain: str, *more: Any) -> Row:
        name, language, organisation, country, line, _tail, origin, cells, _fate, verdict = more
        return Row(
            line,
            Address(mailbox=address, key=key),
            name,
            language,
            organisation,
            country,
            _verdict(verdict),
            self.tables[origin].source,
            self.tables[origin].names,
            tuple(cells.split(_SPACE)),
        )


class _Table(NamedTuple):
    """Where a row comes from: its table's name, and those of the columns."""

    source: str
    names: tuple[str, ...]


def blocks(reading: Reading, total: int, folder: Path) -> Generator[Block, None, None]:
    """Give the rows of tables, `total` at most, by the block; each is gone when the next is asked.

    While one is used the next is made already, by another thread.
    """
    made = _made(reading, total, folder)
    with _quick_turns(), ThreadPoolExecutor(1, "import") as pool:
        coming = pool.submit(next, made, None)
        while block := coming.result():
            coming = pool.submit(next, made, None)
            yield block
            block.path.unlink()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let a thread that waits for the interpreter have it soon: the loader holds a lock then."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(TURN_SECONDS, before))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _made(reading: Reading, total: int, folder: Path) -> Iterator[Block]:
    filling = _Filling(reading.rows(), Seen(total))
    for number in count():
        block = filling.block(folder / f"{number}.db")
        if not block.good and not block.stayed:
            block.path.unlink()
            return
        yield block


@dataclass
class _Filling:
    """What goes from block to block: the rows that are left, and which addresses there were."""

    rows: Iterator[Row | Left]
    seen: Seen
    tables: list[_Table] = field(default_factory=list)

    def block(self, path: Path) -> Block:
        """Fill the next block; it is empty when the rows have come to their end."""
        block = Block(path, self.tables)
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                self._fill(connection, block)
        except sqlite3.Error as error:
            raise DatabaseUnreachable(
                f"rows cannot be kept in {path.parent} for a moment: {error}; "
                "TMPDIR names another place for them"
            ) from error
        return block

    def _fill(self, connection: sqlite3.Connection, block: Block) -> None:
        connection.executescript(SETTINGS)
        connection.execute(f"CREATE TABLE arrived ({_COLUMNS})")
        connection.execute("BEGIN")
        while block.good + len(block.stayed) < BLOCK and len(block.stayed) < MOST_STAYED:
            room = BLOCK - block.good - len(block.stayed)
            some = list(islice(self.rows, min(SOME, room)))
            if not some:
                break
            connection.executemany(_PUT, self._values(some, block))
        connection.execute(_BY_KEY if block.good > UNSORTED else _AS_THEY_CAME)
        [[block.apart]] = connection.execute("SELECT count(*) FROM people WHERE fate != 'join'")
        connection.execute("COMMIT")

    def _values(self, some: Sequence[Row | Left], block: Block) -> list[tuple[Any, ...]]:
        """Part the rows that can be taken from those that cannot; one address counts once."""
        good: list[Row] = []
        for row in some:
            if isinstance(row, Left):
                block.bad += 1
                block.stayed.append(row)
            elif self.seen.add(row.to.key):
                good.append(row)
            else:
                block.stayed.append(row.left("is in the file before"))
        block.good += len(good)
        block.first += good[: FIRST_ROWS - len(block.first)]
        return [_put_down(row, self._origin(row)) for row in good]

    def _origin(self, row: Row) -> int:
        if not self.tables or self.tables[-1].names is not row.names:
            self.tables.append(_Table(row.source, row.names))
        return len(self.tables) - 1


def _put_down(row: Row, origin: int) -> tuple[Any, ...]:
    line, to, name, language, organisation, country, verdict, _source, _names, cells = row
    kept = None if verdict is JOINS else _kept(verdict)
    return (
        to.key,
        to.mailbox,
        to.domain,
        name,
        language,
        organisation,
        country,
        line,
        tail(verdict),
        origin,
        _SPACE.join(cells),
        verdict.fate.value,
        kept,
    )


def tail(verdict: Verdict) -> str:
    """Give how the evidence of a row ends, as JSON: with what another program knew of it."""
    return f", {json.dumps(dict(verdict.evidence))[1:]}" if verdict.evidence else "}"


def _kept(verdict: Verdict) -> str:
    at = verdict.at.isoformat() if verdict.at else None
    return json.dumps([verdict.fate, verdict.why, verdict.reason, at, dict(verdict.evidence)])


def _verdict(kept: str | None) -> Verdict:
    if kept is None:
        return JOINS
    fate, why, reason, at, evidence = json.loads(kept)
    moment = datetime.fromisoformat(at) if at else None
    return Verdict(Fate(fate), why, SuppressionReason(reason), moment, evidence)
