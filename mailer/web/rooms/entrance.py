"""The way in: sign-in with a password and, where there is one, a code; forgotten passwords.

Whether somebody is an editor shows nowhere: the same page at the same speed for everybody.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from sqlmodel import Session
from starlette.responses import Response

from mailer import address, delivery
from mailer.accounts import attempts, codes, editors, passwords, sign_ins
from mailer.accounts.attempts import Deed
from mailer.accounts.sign_ins import Browser
from mailer.db.schema import Actor, Editor, Role
from mailer.errors import AddressInvalid, NotFound, Refused, TokenError, UsageError
from mailer.history import About, By, record
from mailer.language import translatable
from mailer.tokens import Purpose
from mailer.web.desk import Desk
from mailer.web.rooms import frame, lock
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)

FORM_LIFE = timedelta(hours=12)
"""How long a shown sign-in can be sent."""

AT_THE_DOOR = 0
"""What stands for a list in the signed moment of a form that is about none."""

SET_UP = (0, 0)
"""Editor and number in the link that sets an installation up."""

WITHIN = re.compile(r"/rooms(?:/[\w-]+)*")
"""Where a sign-in may lead on to: a page of ours, and no other site's."""

WRONG = translatable("Address and password do not go together, or the account is not there.")
TOO_MANY = translatable("Too many tries. Wait an hour, then try again.")
WRONG_CODE = translatable("This code is not right, or was used. Wait for the next one.")
NOT_IN = translatable(
    "That sign-in did not work. If you should be an editor here, ask an owner to invite you."
)
ONCE_MORE = translatable("This page had been open for long. Please sign in once more.")


def show(desk: Desk, visit: Visit) -> Response:
    """Show the form to sign in, or lead on whoever is."""
    if lock.seat_of(desk, visit):
        return frame.go(desk)
    return form(desk, visit)


def press(desk: Desk, visit: Visit) -> Response:
    """Sign somebody in, or say that it did not work, in one way for every reason."""
    if not _is_fresh(desk, visit):
        return form(desk, visit, error=ONCE_MORE, status=400)
    typed, now = visit.form.get("address", "").strip(), desk.now()
    key, network = _key(typed), visit.remote
    database = desk.app.database
    if database.read(attempts.are_too_many, Deed.SIGN_IN, key, network, now=now):
        return form(desk, visit, error=TOO_MANY, status=429)
    editor = database.read(editors.by_key, key)
    if not passwords.is_right(visit.form.get("password", ""), editor.password if editor else ""):
        database.write(attempts.count, Deed.SIGN_IN, key, network, now=now)
        log.warning("rooms.refused", network=network)
        return form(desk, visit, error=WRONG, status=403)
    assert editor is not None
    token = database.write(begin, editor, visit, now=now)
    if editor.second is not None:
        return with_cookie(desk, frame.go(desk, "code", next=_next(visit)), token)
    return with_cookie(desk, _onward(desk, visit), token)


def show_code(desk: Desk, visit: Visit) -> Response:
    """Show the form for the second factor."""
    if _waiting(desk, visit) is None:
        return frame.go(desk, "sign-in")
    return _code_form(desk, visit)


def press_code(desk: Desk, visit: Visit) -> Response:
    """Take the second factor; with it comes a sign-in of its own, and the one before ends."""
    found, now, database = _waiting(desk, visit), desk.now(), desk.app.database
    if found is None or lock.is_foreign(visit):
        return frame.go(desk, "sign-in")
    key, network = found.key, visit.remote
    if database.read(attempts.are_too_many, Deed.SIGN_IN, key, network, now=now):
        return _code_form(desk, visit, error=TOO_MANY, status=429)
    code = visit.form.get("code", "")[:20]
    if not database.write(codes.use, desk.app.keys, found, code, now=now):
        database.write(attempts.count, Deed.SIGN_IN, key, network, now=now)
        return _code_form(desk, visit, error=WRONG_CODE, status=403)
    token = database.write(_pass, found, visit, now=now)
    return with_cookie(desk, _onward(desk, visit), token)


def leave(desk: Desk, visit: Visit) -> Response:
    """Sign out, here and at once."""
    if not lock.is_foreign(visit):
        token = visit.cookies.get(lock.COOKIE, "")
        desk.app.database.write(sign_ins.end_by, token)
    answer = frame.go(desk, "sign-in", said="out")
    answer.delete_cookie(lock.COOKIE, path=_cookie_path(desk))
    return answer


def show_forgotten(desk: Desk, visit: Visit) -> Response:
    """Show the form that asks for the link to a new password."""
    return frame.page(
        desk, visit, None, "forgotten.html", shown=_stamp(desk), typed="", asked=False
    )


def press_forgotten(desk: Desk, visit: Visit) -> Response:
    """Mail the link to whoever is an editor, and say the same to everybody."""
    if not _is_fresh(desk, visit):
        return show_forgotten(desk, visit)
    typed, now = visit.form.get("address", "").strip(), desk.now()
    desk.app.database.write(_mail_link, desk, _key(typed), visit.remote, now=now)
    return frame.page(
        desk, visit, None, "forgotten.html", shown=_stamp(desk), typed=typed[:320], asked=True
    )


def show_password(desk: Desk, visit: Visit) -> Response:
    """Show the form that sets a password, to whoever has a fresh link."""
    try:
        editor = _holder(desk, visit)
    except (TokenError, NotFound, Refused):
        return _stale(desk, visit)
    return _password_form(desk, visit, editor)


def press_password(desk: Desk, visit: Visit) -> Response:
    """Set the password, end all sign-ins of before, and sign in."""
    if lock.is_foreign(visit):
        return show_password(desk, visit)
    try:
        editor = _holder(desk, visit)
    except (TokenError, NotFound, Refused):
        return _stale(desk, visit)
    try:
        hashed = passwords.hashed(visit.form.get("password", ""), address=editor.address)
    except UsageError as error:
        return _password_form(desk, visit, editor, error=error)
    try:
        token = desk.app.database.write(_take_password, editor, hashed, visit, now=desk.now())
    except Refused:
        return _stale(desk, visit)
    if editor.second is not None:
        return with_cookie(desk, frame.go(desk, "code"), token)
    return with_cookie(desk, frame.go(desk), token)


def show_set_up(desk: Desk, visit: Visit) -> Response:
    """Show the form for the first editor, to whoever has the link that was printed."""
    if not _may_set_up(desk, visit):
        return _stale(desk, visit)
    return frame.page(desk, visit, None, "set_up.html", error="", form=visit.form)


def press_set_up(desk: Desk, visit: Visit) -> Response:
    """Make the first editor, who owns the installation, and sign in."""
    if not _may_set_up(desk, visit) or lock.is_foreign(visit):
        return _stale(desk, visit)
    try:
        mailbox = address.parse(visit.form.get("address", "").strip())
        name = editors.name_of(visit.form.get("name", ""))
        hashed = passwords.hashed(visit.form.get("password", ""), address=mailbox.mailbox)
    except UsageError as error:
        return frame.page(
            desk,
            visit,
            None,
            "set_up.html",
            status=400,
            error=_said(desk, visit, error),
            form=visit.form,
        )
    new = editors.Newcomer(mailbox, name, Role.OWNER)
    try:
        token = desk.app.database.write(_found, new, hashed, visit, now=desk.now())
    except Refused:
        return _stale(desk, visit)
    return with_cookie(desk, frame.go(desk, "welcome"), token)


def form(desk: Desk, visit: Visit, *, error: str = "", status: int = 200) -> Response:
    """Give the page to sign in on."""
    return frame.page(
        desk,
        visit,
        None,
        "sign_in.html",
        status=status,
        error=error,
        typed=visit.form.get("address", "")[:320],
        next=_next(visit),
        shown=_stamp(desk),
        said=visit.query.get("said", ""),
        provider=_provider_name(desk),
    )


def _code_form(desk: Desk, visit: Visit, *, error: str = "", status: int = 200) -> Response:
    return frame.page(desk, visit, None, "code.html", status=status, error=error, next=_next(visit))


def _password_form(
    desk: Desk, visit: Visit, editor: Editor, *, error: UsageError | None = None
) -> Response:
    return frame.page(
        desk,
        visit,
        None,
        "password.html",
        status=400 if error else 200,
        editor=editor,
        error=_said(desk, visit, error),
        shortest=passwords.SHORTEST,
    )


def _said(desk: Desk, visit: Visit, error: UsageError | None) -> str:
    return frame.explained(frame.language_of(desk, visit), error) if error else ""


def _provider_name(desk: Desk) -> str:
    settings = desk.app.settings.sign_in
    return settings.name or urlsplit(settings.issuer).hostname or ""


def _stale(desk: Desk, visit: Visit) -> Response:
    return frame.page(desk, visit, None, "stale.html", status=410)


def begin(session: Session, editor: Editor, visit: Visit, *, now: datetime) -> str:
    """Sign in who proved to be somebody; a second factor is still awaited, if there is one."""
    passed = editor.second is None
    token = sign_ins.begin(session, editors.id_of(editor), _browser(visit), passed=passed, now=now)
    if passed:
        _note(session, editor, "editor.signed_in", now)
    return token


def _pass(session: Session, editor: Editor, visit: Visit, *, now: datetime) -> str:
    sign_ins.end_by(session, visit.cookies.get(lock.COOKIE, ""))
    token = sign_ins.begin(session, editors.id_of(editor), _browser(visit), passed=True, now=now)
    _note(session, editor, "editor.signed_in", now)
    return token


def _take_password(
    session: Session, editor: Editor, hashed: str, visit: Visit, *, now: datetime
) -> str:
    editor_id = editors.id_of(editor)
    number = editor.password_number
    editors.set_password(session, editor_id, number, hashed, now=now, by=_by(editor))
    return begin(session, editor, visit, now=now)


def _found(
    session: Session, new: editors.Newcomer, hashed: str, visit: Visit, *, now: datetime
) -> str:
    if editors.are_there(session):
        raise Refused("there are editors already")
    editor = editors.invite(session, new, now=now)
    return _take_password(session, editor, hashed, visit, now=now)


def _mail_link(session: Session, desk: Desk, key: str, network: str, *, now: datetime) -> None:
    too_many = attempts.are_too_many(session, Deed.LETTER, key, network, now=now)
    attempts.count(session, Deed.LETTER, key, network, now=now)
    editor = editors.by_key(session, key)
    if editor is None or too_many:
        return
    link = delivery.PasswordLink(
        to=address.parse(editor.address),
        editor_id=editors.id_of(editor),
        number=editor.password_number,
        lasts=editors.FORGOTTEN_FOR,
        language=editor.language,
    )
    delivery.post_password_link(session, desk.app.press, link, now=now)


def _holder(desk: Desk, visit: Visit) -> Editor:
    """Give whose password a link sets; an error for one that is used, too old, or not ours."""
    token = visit.parts["token"]
    editor_id, number = desk.app.keys.verify(token, Purpose.PASSWORD, now=desk.now())
    editor = desk.app.database.read(editors.get, editor_id)
    if editor.password_number != number:
        raise Refused("this link has been used")
    return editor


def _may_set_up(desk: Desk, visit: Visit) -> bool:
    try:
        ids = desk.app.keys.verify(visit.parts["token"], Purpose.PASSWORD, now=desk.now())
    except TokenError:
        return False
    return ids == SET_UP and not desk.app.database.read(editors.are_there)


def _waiting(desk: Desk, visit: Visit) -> Editor | None:
    token = visit.cookies.get(lock.COOKIE, "")
    found = desk.app.database.read(sign_ins.waiting, token, now=desk.now())
    return found[1] if found else None


def _note(session: Session, editor: Editor, kind: str, now: datetime) -> None:
    details = {"editor": editor.id}
    record(session, kind, _by(editor), About(), at=now, details=details)


def _by(editor: Editor) -> By:
    return By(Actor.EDITOR, str(editor.id))


def _browser(visit: Visit) -> Browser:
    return Browser(visit.agent, visit.remote)


def _key(typed: str) -> str:
    """Give the normal form of what was typed, whether or not it is an address."""
    try:
        return address.parse(typed).key
    except AddressInvalid:
        return typed.casefold()[:320]


def _stamp(desk: Desk) -> str:
    return desk.app.keys.sign(Purpose.FORM, AT_THE_DOOR, expires_at=desk.now() + FORM_LIFE)


def _is_fresh(desk: Desk, visit: Visit) -> bool:
    """Tell whether a form is ours, and not sent by another site in its visitor's name."""
    if lock.is_foreign(visit):
        return False
    try:
        ids = desk.app.keys.verify(visit.form.get("shown", ""), Purpose.FORM, now=desk.now())
    except TokenError:
        return False
    return ids == (AT_THE_DOOR,)


def _next(visit: Visit) -> str:
    asked = visit.form.get("next") or visit.query.get("next", "")
    return asked if WITHIN.fullmatch(asked) else ""


def _onward(desk: Desk, visit: Visit) -> Response:
    """Lead to where somebody was going, or to the first room."""
    parts = _next(visit).split("/")[2:]
    return frame.go(desk, *parts)


def with_cookie(desk: Desk, answer: Response, token: str) -> Response:
    """Give an answer the cookie of a sign-in."""
    answer.set_cookie(
        lock.COOKIE,
        token,
        max_age=int(sign_ins.LONGEST.total_seconds()),
        path=_cookie_path(desk),
        secure=desk.app.settings.web.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return answer


def _cookie_path(desk: Desk) -> str:
    return f"{desk.base_path}/rooms"
