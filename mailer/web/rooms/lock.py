"""The lock of every room: who is signed in, whether they may, and whether a form is really theirs.

A request that changes something must carry the token of its sign-in, and must not say that it
comes from another site.
"""

import hmac
from functools import partial
from urllib.parse import quote

import structlog
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from mailer.accounts import Seat, sign_ins
from mailer.db.schema import Role
from mailer.errors import MailerError, NotAllowed, NotFound
from mailer.language import translatable
from mailer.web import faults
from mailer.web.desk import Desk
from mailer.web.door import Gate, Page
from mailer.web.rooms import frame
from mailer.web.rooms.room import Room, Scope, Show
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)

COOKIE = "mailer_sign_in"
NOT_YOURS = translatable("Your role does not allow this. An owner can give you another.")
FOREIGN = translatable(
    "This form is from another sign-in, or from another site. Load its page anew, then send it."
)

GUARD = "guard"
"""The field of a form that holds the token of its sign-in."""

OWN_SITES = {"", "same-origin", "none"}
"""What Sec-Fetch-Site may say of what changes something; older browsers do not send it."""


def shows(room: Room, show: Show) -> Page:
    """Give a page that only those see who may."""
    return partial(_shown, room, show)


def acts(room: Room, act: Show) -> Page:
    """Give what answers a form, of those only who may."""
    return partial(_acted, room, act)


def gate(room: Room) -> Gate:
    """Give what turns away whoever may not, before a large form is read."""
    return partial(_turned_away, room)


def seat_of(desk: Desk, visit: Visit) -> Seat | None:
    """Give who is signed in."""
    token = visit.cookies.get(COOKIE, "")
    seat = desk.app.database.read(sign_ins.find, token, now=desk.now())
    if seat and desk.app.database.read(sign_ins.is_stale, token, now=desk.now()):
        desk.app.database.write(sign_ins.note, token, now=desk.now())
    return seat


def is_foreign(visit: Visit) -> bool:
    """Tell whether a browser says that another site sent this."""
    return visit.site not in OWN_SITES


def _shown(room: Room, show: Show, desk: Desk, visit: Visit) -> Response:
    seat = seat_of(desk, visit)
    if seat is None:
        return _to_the_door(desk, visit)
    try:
        _require(room, room.sees, desk, visit, seat)
        return show(desk, visit, seat)
    except MailerError as error:
        return _explained(desk, visit, seat, error)


def _acted(room: Room, act: Show, desk: Desk, visit: Visit) -> Response:
    seat = seat_of(desk, visit)
    if seat is None:
        return _to_the_door(desk, visit)
    try:
        _require(room, room.acts, desk, visit, seat)
        _require_own(visit, seat)
        return act(desk, visit, seat)
    except MailerError as error:
        return _explained(desk, visit, seat, error)


def _turned_away(room: Room, desk: Desk, visit: Visit) -> Response | None:
    if visit.shows:
        return None
    seat = seat_of(desk, visit)
    if seat is None:
        return _to_the_door(desk, visit)
    try:
        _require(room, room.acts, desk, visit, seat)
        if is_foreign(visit):
            raise NotAllowed(FOREIGN)
    except MailerError as error:
        return _explained(desk, visit, seat, error)
    return None


def _require(room: Room, role: Role, desk: Desk, visit: Visit, seat: Seat) -> None:
    """Raise NotFound for what an editor has no part in, NotAllowed for what takes another role."""
    if room.of is Scope.EVERYWHERE:
        allowed = seat.may(role)
    elif room.of is Scope.SOMEWHERE:
        allowed = seat.may_somewhere(role)
    else:
        list_id = desk.app.database.read(room.of, visit.parts)
        if seat.role_on(list_id) is None:
            raise NotFound("page", visit.path)
        allowed = seat.may(role, list_id)
    if not allowed:
        raise NotAllowed(NOT_YOURS)


def _require_own(visit: Visit, seat: Seat) -> None:
    given = visit.guard or visit.form.get(GUARD, "")
    if is_foreign(visit) or not hmac.compare_digest(given.encode(), seat.guard.encode()):
        raise NotAllowed(FOREIGN)


def _to_the_door(desk: Desk, visit: Visit) -> Response:
    """Lead to the sign-in, and from there back; a part of a page cannot, so the whole one goes."""
    door = frame.RoomWays(desk).to("sign-in")
    if visit.is_fragment:
        return Response(status_code=401, headers={**frame.HEADERS, "HX-Redirect": door})
    back = quote(visit.path, safe="/") if visit.shows else ""
    return RedirectResponse(f"{door}?next={back}" if back else door, status_code=303)


def _explained(desk: Desk, visit: Visit, seat: Seat, error: MailerError) -> Response:
    """Give the page that says what was wrong; what nobody foresaw goes to the reader's own."""
    status = faults.status_of(error)
    if status >= 500:
        raise error
    why = frame.explained(frame.language_of(desk, visit, seat), error)
    return frame.page(desk, visit, seat, "problem.html", status=status, why=why)


def not_here(desk: Desk, visit: Visit) -> Response:
    """Say that there is no such room: to those who are signed in, and nobody else."""
    seat = seat_of(desk, visit)
    if seat is None:
        return _to_the_door(desk, visit)
    if not visit.shows:
        raise HTTPException(404)
    return _explained(desk, visit, seat, NotFound("page", visit.path))
