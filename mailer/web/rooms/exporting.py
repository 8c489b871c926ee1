"""What was chosen among subscribers, as a file: CSV for spreadsheets, or JSON by lines.

It is read parcel by parcel, each in a short transaction, while it goes out; that somebody took it
is a line of history. No cell of the CSV is a formula.
"""

import csv
import io
import json
from collections.abc import Iterator

from sqlmodel import Session
from starlette.responses import Response, StreamingResponse

from mailer import subscribers
from mailer.accounts import Seat
from mailer.errors import NotFound
from mailer.history import About, record
from mailer.language import translatable
from mailer.subscribers import Filters, filters
from mailer.web.desk import Desk
from mailer.web.rooms import frame, shelves
from mailer.web.rooms.subscribers import found_words
from mailer.web.visit import Visit

MARK = "\ufeff"
KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
NO_LIST = translatable("An export is of a list. Choose one first.")


def take_out(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give the subscribers of a list for whom the filters hold, as a file."""
    kind = visit.form.get("kind", "csv")
    if kind not in KINDS:
        raise NotFound("kind of file", kind[:20])
    asked = dict(visit.form)
    if "q" in asked:
        asked |= found_words(asked["q"])
    wanted = filters.read(asked)
    list_id = desk.app.database.write(_note, desk, visit, seat, wanted)
    rows = _rows(desk, wanted, list_id)
    headers = {
        **frame.HEADERS,
        "Content-Disposition": f'attachment; filename="subscribers.{kind}"',
    }
    lines = _csv(rows) if kind == "csv" else _json(rows)
    return StreamingResponse(lines, media_type=KINDS[kind], headers=headers)


def _note(session: Session, desk: Desk, visit: Visit, seat: Seat, wanted: Filters) -> int:
    """Write down that somebody takes people out; give of which list."""
    cards = shelves.open_to(session, seat)
    card = next((one for one in cards if one.list.slug == visit.form.get("list", "")), None)
    if card is None:
        raise NotFound("list", visit.form.get("list", "")[:80])
    # By which filters, not whom they name: history holds no address.
    details = {"by": sorted(wanted.asked)}
    record(
        session,
        "subscribers.exported",
        seat.by,
        About(list_id=card.id),
        at=desk.now(),
        details=details,
    )
    return card.id


def _rows(desk: Desk, wanted: Filters, list_id: int) -> Iterator[tuple[str, ...]]:
    yield subscribers.EXPORTED
    after: str | None = ""
    while after is not None:
        with desk.app.database.reading() as session:
            rows, after = subscribers.export_some(session, wanted, list_id, after=after)
        yield from rows


def _csv(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield MARK
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow(subscribers.guarded(cell) for cell in row)
        yield line.getvalue()


def _json(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    head = next(rows)
    for row in rows:
        yield json.dumps(dict(zip(head, row, strict=True)), ensure_ascii=False) + "\n"
