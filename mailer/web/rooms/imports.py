"""Imports: a file is brought, understood, tried, taken in the background, and taken back.

The work goes on in a thread of the serving process when the tab closes. How far it is stands in
the file's folder and in the batch; when the process dies, the same file goes on where it was.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from sqlmodel import Session
from starlette.responses import FileResponse, Response

from mailer import sheets, subscribers
from mailer.accounts import Seat
from mailer.db.schema import ImportBatch
from mailer.errors import MailerError, NotFound, Refused, UsageError
from mailer.language import translatable
from mailer.lists import Card
from mailer.subscribers.uploads import Stage, Upload, Work
from mailer.web.desk import Desk
from mailer.web.rooms import frame, shelves
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)

FIELDS = {
    "address": translatable("Address"),
    "name": translatable("Name"),
    "first": translatable("First name"),
    "last": translatable("Last name"),
    "language": translatable("Language"),
    "organisation": translatable("Organisation"),
    "country": translatable("Country"),
}
COUNTS = {
    "rows": translatable("rows"),
    "confirmed": translatable("come on the list"),
    "asked": translatable("are asked by a letter"),
    "already": translatable("are on the list already"),
    "left": translatable("are known as gone"),
    "suppressed": translatable("are kept from mail"),
    "skipped": translatable("stay out: they left, or must not be mailed"),
    "bad": translatable("stay out: the row is not good"),
}
SAID = {
    "dropped": translatable("The file is taken away. Nothing was imported."),
    "undone": translatable("The import is taken back."),
    "undoing": translatable("The import is being taken back."),
}
PAGE = 50
MOMENT = 1.5
"""Seconds that a form waits for its work: small files are done by then."""

LONGEST_BASIS = 500
NO_FILE = translatable("Choose a file, or paste some lines.")
NO_BASIS = translatable("Say how they agreed, or have each asked by a letter.")
PASTED = translatable("pasted lines")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the imports there were, and the files that wait."""
    language = frame.language_of(desk, visit, seat)
    seen = seat.lists_with(shelves.KEEPS)
    before = visit.query.get("before", "")
    with desk.app.database.reading() as session:
        cards = {one.id: one for one in shelves.open_to(session, seat, language.code)}
        batches = subscribers.batches.page(
            session, seen, before=number(visit.query, "before") if before else None, most=PAGE
        )
    files = [
        (one, subscribers.uploads.is_at_work(_state(desk), one.key))
        for one in subscribers.uploads.every(_state(desk))
        if one.list_id in cards and one.stage is not Stage.DONE
    ]
    return frame.page(
        desk,
        visit,
        seat,
        "imports.html",
        told=SAID.get(visit.query.get("said", ""), ""),
        batches=batches,
        page_size=PAGE,
        before=before,
        cards=cards,
        files=files,
    )


def show_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the form that takes a file."""
    return _new(desk, visit, seat)


def press_new(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Keep a file, or lines that were pasted."""
    card = _card(desk, seat, visit.form.get("list", ""))
    brought = visit.files.get("file", ())
    pasted = visit.form.get("pasted", "").strip()
    language = frame.language_of(desk, visit, seat)
    if brought:
        name, content = brought[0].name, brought[0].content
    elif pasted:
        name, content = language.gettext(PASTED), pasted.encode()
    else:
        return _new(desk, visit, seat, errors={"file": language.gettext(NO_FILE)})
    state, keep = _state(desk), subscribers.uploads.keep
    made = keep(state, name, content, card.id, now=desk.now())
    try:
        subscribers.uploads.shape(state, made)
    except (UsageError, Refused) as error:
        subscribers.uploads.drop(state, made.key)
        return _new(desk, visit, seat, errors={"file": frame.explained(language, error)})
    return frame.go(desk, "subscribers", "imports", "files", made.key)


def show_file(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show how a file is understood, what would come of it, how far it is, or what came of it."""
    upload, card = _upload(desk, visit, seat)
    return _file(desk, visit, seat, upload, card)


def press_file(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Settle something about a file, try it, import it, or take it away."""
    upload, card = _upload(desk, visit, seat)
    deed, state = visit.form.get("deed", ""), _state(desk)
    here = ("subscribers", "imports", "files", upload.key)
    if deed == "drop":
        subscribers.uploads.drop(state, upload.key)
        return frame.go(desk, "subscribers", "imports", said="dropped")
    if deed not in {"look", "try", "take"}:
        return _file(desk, visit, seat, upload, card)
    language = frame.language_of(desk, visit, seat)
    try:
        upload = subscribers.uploads.settle(state, upload, **_settled(visit, deed))
    except UsageError as error:
        errors = {"columns": frame.explained(language, error)}
        return _file(desk, visit, seat, upload, card, errors=errors)
    if deed == "look":
        return frame.go(desk, *here)
    if not upload.is_settled:
        errors = {"basis": language.gettext(NO_BASIS)}
        return _file(desk, visit, seat, upload, card, errors=errors)
    app = desk.app
    work = Work(app.database, app.rules, card.list.language, seat.by, app.clock.now)
    dry_run = deed == "try"
    _begin(lambda: subscribers.uploads.run(state, upload.key, work, dry_run=dry_run))
    return frame.go(desk, *here)


def take_errors(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give the rows that stayed out, as they came, with the reason."""
    upload, _ = _upload(desk, visit, seat)
    path = subscribers.uploads.stayed_out_of(_state(desk), upload.key)
    if path is None:
        raise NotFound("file", upload.key)
    return FileResponse(
        path, media_type="text/csv", filename="stayed-out.csv", headers=frame.HEADERS
    )


def show_batch(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what an import brought."""
    batch, card = desk.app.database.read(_batch, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "import.html",
        told=SAID.get(visit.query.get("said", ""), ""),
        batch=batch,
        card=card,
        counts=_told(batch.counts),
        left=desk.app.database.read(subscribers.batches.left_of, number(visit.parts, "batch")),
        is_undoing=_undoing(desk, number(visit.parts, "batch")).is_alive(),
    )


def press_batch(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Take an import back; a long one in the background."""
    batch, _ = desk.app.database.read(_batch, visit, seat)
    batch_id = number(visit.parts, "batch")
    if visit.form.get("deed") != "undo":
        return show_batch(desk, visit, seat)
    if batch.undone_at is not None or _undoing(desk, batch_id).is_alive():
        raise Refused(translatable("This import is taken back already."))
    app, by = desk.app, seat.by
    UNDOING[_undo_key(desk, batch_id)] = _begin(
        lambda: subscribers.undo(app.database, batch_id, now=app.clock.now(), by=by)
    )
    is_over = not _undoing(desk, batch_id).is_alive()
    said = "undone" if is_over else "undoing"
    return frame.go(desk, "subscribers", "imports", batch_id, said=said)


UNDOING: dict[tuple[str, int], threading.Thread] = {}
"""The imports that are being taken back by this process; one that was broken off goes on."""


def _undoing(desk: Desk, batch_id: int) -> threading.Thread:
    return UNDOING.get(_undo_key(desk, batch_id), threading.Thread())


def _undo_key(desk: Desk, batch_id: int) -> tuple[str, int]:
    return str(desk.app.database), batch_id


def _begin(work: Callable[[], object]) -> threading.Thread:
    """Begin work that goes on by itself; wait for a moment, for most of it is short."""

    def run() -> None:
        try:
            work()
        except MailerError as error:
            log.warning("import.refused", why=str(error))
        except Exception:
            log.exception("import.failed")

    thread = threading.Thread(target=run, name="import", daemon=True)
    thread.start()
    thread.join(MOMENT)
    return thread


def _new(
    desk: Desk, visit: Visit, seat: Seat, *, errors: Mapping[str, str] | None = None
) -> Response:
    language = frame.language_of(desk, visit, seat)
    cards = desk.app.database.read(shelves.open_to, seat, language.code)
    return frame.page(
        desk,
        visit,
        seat,
        "import_new.html",
        status=400 if errors else 200,
        cards=cards,
        slug=visit.form.get("list") or visit.query.get("list", ""),
        errors=errors or {},
    )


def _file(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    upload: Upload,
    card: Card,
    *,
    errors: Mapping[str, str] | None = None,
) -> Response:
    state = _state(desk)
    at_work = subscribers.uploads.is_at_work(state, upload.key)
    shape, wrong = None, dict(errors or {})
    if not at_work and upload.stage is not Stage.DONE:
        try:
            shape = subscribers.uploads.shape(state, upload)
        except (UsageError, Refused) as error:
            language = frame.language_of(desk, visit, seat)
            wrong["columns"] = frame.explained(language, error)
    begun = upload.stage in {Stage.TRYING, Stage.TAKING}
    return frame.page(
        desk,
        visit,
        seat,
        "import_file.html",
        status=400 if errors else 200,
        upload=upload,
        card=card,
        at_work=at_work,
        is_broken_off=begun and not at_work,
        shape=shape,
        said=upload.said,
        fields=FIELDS,
        counts=_told(upload.counts),
        has_errors=subscribers.uploads.stayed_out_of(state, upload.key) is not None,
        encodings=sheets.ENCODINGS,
        errors=wrong,
    )


def _settled(visit: Visit, deed: str) -> Mapping[str, object]:
    """Give what a form settles: the columns of fields, the encoding, and the basis."""
    form = visit.form
    if deed == "take" and "basis" not in form:
        return {}
    basis = " ".join(form.get("basis", "").split())[:LONGEST_BASIS]
    asks = form.get("how", "") == "ask"
    said = {name: form[f"map-{name}"] for name in FIELDS if form.get(f"map-{name}", "=") != "="}
    encoding = form.get("encoding", "")
    return {
        "said": {name: "" if column == "-" else column[:200] for name, column in said.items()},
        "encoding": encoding if encoding in sheets.ENCODINGS else "",
        "basis": "" if asks else basis,
        "asks": asks,
    }


def _told(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Give what is to be told of a report: all but what is nought."""
    return [(words, counts[name]) for name, words in COUNTS.items() if counts.get(name)]


def _state(desk: Desk) -> Path:
    return desk.app.config.state


def _upload(desk: Desk, visit: Visit, seat: Seat) -> tuple[Upload, Card]:
    """Give a file of a list that the editor works on."""
    upload = subscribers.uploads.find(_state(desk), visit.parts["file"])
    cards = desk.app.database.read(shelves.open_to, seat)
    card = next((one for one in cards if one.id == upload.list_id), None)
    if card is None:
        raise NotFound("file", upload.key)
    return upload, card


def _card(desk: Desk, seat: Seat, slug: str) -> Card:
    cards = desk.app.database.read(shelves.open_to, seat)
    found = next((one for one in cards if one.list.slug == slug), None)
    if found is None:
        raise NotFound("list", slug[:80])
    return found


def _batch(session: Session, visit: Visit, seat: Seat) -> tuple[ImportBatch, Card | None]:
    batch_id = number(visit.parts, "batch")
    batch = subscribers.batches.get(session, batch_id)
    if not seat.may(shelves.KEEPS, batch.list_id):
        raise NotFound("batch", batch_id)
    session.expunge(batch)
    cards = shelves.open_to(session, seat)
    return batch, next((one for one in cards if one.id == batch.list_id), None)
