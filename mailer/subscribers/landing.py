"""Where the people of an import touch down: a table of this connection's own, for one transaction.

From there a few statements take all of them at once to where they belong.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import Table as SqlTable
from sqlmodel import Session, col

from mailer.db import among, put, put_from_beside, upsert
from mailer.db.schema import Organisation, Subscriber, UTCDateTime
from mailer.subscribers.origins import Fate
from mailer.subscribers.people import Row
from mailer.subscribers.spool import Block, Span, tail

LANDED = SqlTable(
    "landed",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", BigInteger),
    Column("is_new", Boolean),
    Column("address", Text),
    Column("key", Text),
    Column("domain", Text),
    Column("name", Text),
    Column("language", Text),
    Column("organisation", Text),
    Column("country", Text),
    Column("details", JSON),
    prefixes=["TEMPORARY"],
)
"""`number` is their order, `id` the subscriber's, or what it will be of one who `is_new`.

`details` is what history keeps of each.
"""


_AS_IT_IS = ("address", "key", "domain", "name", "language", "organisation", "country")
"""What a block calls as we do."""

_WORKS_AT = (
    select(col(Organisation.id))
    .where(
        LANDED.c.organisation != "",
        col(Organisation.name) == LANDED.c.organisation,
        col(Organisation.country) == LANDED.c.country,
    )
    .correlate(LANDED)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Common:
    """What all people of a batch have in common: the batch, and what history keeps of each."""

    batch: int
    evidence: dict[str, str]

    @property
    def head(self) -> str:
        """Give how the evidence of each begins, as JSON: its line and what is its own follow."""
        return f'{json.dumps({**self.evidence, "batch": self.batch})[:-1]}, "line": '


def land(session: Session, rows: Sequence[Row], common: Common) -> None:
    """Put rows into LANDED."""
    _put(session, list(enumerate(rows, start=1)), common)


def land_span(session: Session, block: Block, span: Span, common: Common) -> int:
    """Put those of a span into LANDED who come to join, under their numbers; give how many.

    On SQLite the block must be attached.
    """
    if session.get_bind().dialect.name == "sqlite":
        columns = {name: name for name in _AS_IT_IS}
        columns |= {"number": "rowid", "id": "rowid + ?", "is_new": "1"}
        columns["details"] = "? || line || tail"
        source = "people WHERE rowid BETWEEN ? AND ? AND fate = 'join'"
        values = (_last_id(session) - span.first + 1, common.head, *span)
        landed = put_from_beside(session, LANDED, columns, source, values)
        _recognise(session)
        return landed
    rows = enumerate(block.rows(span), start=span.first)
    joining = [(number, row) for number, row in rows if row.verdict.fate is Fate.JOIN]
    _put(session, joining, common)
    return len(joining)


def _put(session: Session, rows: Sequence[tuple[int, Row]], common: Common) -> None:
    head = common.head
    ids = _ids(session, len(rows))
    put(session, LANDED, [_values(*row, id_, head) for row, id_ in zip(rows, ids, strict=True)])
    _recognise(session)


def _ids(session: Session, count: int) -> Sequence[int]:
    """Give ids for so many subscribers; until the transaction ends nobody else takes them."""
    if session.get_bind().dialect.name == "sqlite":
        last = _last_id(session)
        return range(last + 1, last + 1 + count)
    one = func.nextval(func.pg_get_serial_sequence(Subscriber.__tablename__, "id"))
    return session.execute(select(one).select_from(func.generate_series(1, count))).scalars().all()


def _last_id(session: Session) -> int:
    """Give the highest id that a subscriber has or had: links carry it, so nobody gets it again."""
    sequence = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    had = session.execute(sequence, {"table": Subscriber.__tablename__}).scalar()
    has = session.execute(select(func.max(col(Subscriber.id)))).scalar()
    return max(int(had or 0), int(has or 0))


def _recognise(session: Session) -> None:
    """Give those of LANDED who are subscribers already the ids that they have."""
    known = update(LANDED).where(LANDED.c.key == col(Subscriber.key))
    session.execute(known.values(id=col(Subscriber.id), is_new=False))


def send_away(session: Session, keys: Sequence[str]) -> None:
    """Let those of LANDED go who have one of these keys."""
    if keys:
        session.execute(delete(LANDED).where(among(session, LANDED.c.key, keys)))


def settle(session: Session, batch: int, *, now: datetime) -> None:
    """Make or find the subscribers who stand in LANDED, under their keys.

    A name or an organisation is set where there was none, and never changed.
    """
    _organisations(session, batch, now)
    _people(session, batch, now)
    _complete(session)


def _values(number: int, row: Row, id_: int, head: str) -> tuple[str | int | None, ...]:
    return (
        number,
        id_,
        True,
        row.to.mailbox,
        row.to.key,
        row.to.domain,
        row.name,
        row.language,
        row.organisation,
        row.country,
        f"{head}{row.line}{tail(row.verdict)}",
    )


def _organisations(session: Session, batch: int, now: datetime) -> None:
    here = LANDED.c
    named = (
        select(here.organisation, here.country, literal(batch), literal(now, UTCDateTime))
        .where(here.organisation != "", _WORKS_AT.is_(None))
        .distinct()
    )
    columns = ["name", "country", "batch_id", "created_at"]
    statement = upsert(session, Organisation).from_select(columns, named, include_defaults=False)
    session.execute(statement.on_conflict_do_nothing())


def _people(session: Session, batch: int, now: datetime) -> None:
    """Make those who are new."""
    here = LANDED.c
    source = (
        select(
            here.id,
            here.address,
            here.key,
            here.domain,
            here.name,
            here.language,
            _WORKS_AT,
            literal(batch),
            literal(now, UTCDateTime),
        )
        .where(here.is_new)
        .order_by(here.number)
    )
    columns = ["id", "address", "key", "domain", "name", "language", "organisation_id"]
    columns += ["batch_id", "created_at"]
    session.execute(insert(Subscriber).from_select(columns, source, include_defaults=False))


def _complete(session: Session) -> None:
    """Set a name or an organisation where somebody who is known has none."""
    here = LANDED.c
    name, organisation = col(Subscriber.name), col(Subscriber.organisation_id)
    bare = or_(
        and_(name == "", here.name != ""), and_(organisation.is_(None), here.organisation != "")
    )
    known = update(Subscriber).where(col(Subscriber.id) == here.id, ~here.is_new, bare)
    values = {
        "name": case((name != "", name), else_=here.name),
        "organisation_id": func.coalesce(organisation, _WORKS_AT),
    }
    session.execute(known.values(values), execution_options={"synchronize_session": False})
