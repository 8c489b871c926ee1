"""A digest rehearsed: every message composed and none sent, a step at each look at the page."""

from starlette.responses import Response

from mailer import delivery
from mailer.accounts import Seat
from mailer.db.schema import Role
from mailer.errors import MailerError, Refused
from mailer.language import translatable
from mailer.web import faults
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.draft import EDITABLE, head
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

GONE = translatable("Only what has not gone yet can be rehearsed.")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what a rehearsal has found so far."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Begin a rehearsal, or go on with it."""
    digest_id, app = number(visit.parts, "digest"), desk.app
    with app.database.reading() as session:
        digest, _ = head(session, visit, frame.language_of(desk, visit, seat))
    if digest.state not in EDITABLE:
        raise Refused(GONE)
    try:
        if visit.form.get("deed") == "begin":
            app.database.read(app.press.render_ahead, digest_id)
            app.database.write(delivery.begin_rehearsal, app.press, digest_id, now=desk.now())
        delivery.rehearse(app.database, app.press, digest_id, now=desk.now())
    except MailerError as error:
        if faults.status_of(error) >= 500:
            raise
        return _page(desk, visit, seat, error=error)
    return frame.go(desk, "digests", digest_id, "rehearsal")


def _page(desk: Desk, visit: Visit, seat: Seat, *, error: MailerError | None = None) -> Response:
    spoken, current = frame.language_of(desk, visit, seat), ""
    with desk.app.database.reading() as session:
        digest, card = head(session, visit, spoken)
        assert digest.id is not None
        report = delivery.rehearsal(session, digest.id)
        try:
            current = delivery.fingerprint_of(session, desk.app.press, digest.id)
        except MailerError as broken:
            error = error or broken
    return frame.page(
        desk,
        visit,
        seat,
        "digest_rehearsal.html",
        status=409 if error and not visit.shows else 200,
        digest=digest,
        card=card,
        report=report,
        is_old=report is not None and report.fingerprint != current,
        may_edit=seat.may(Role.EDITOR, digest.list_id),
        is_editable=digest.state in EDITABLE,
        named={code: desk.app.languages.of(code).native_name for code in card.list.languages},
        error=frame.explained(spoken, error) if error else "",
    )
