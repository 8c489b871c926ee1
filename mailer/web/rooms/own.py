"""An editor's own room: name, language, password, codes, and where one is signed in."""

from collections.abc import Mapping

import segno
from sqlmodel import Session
from starlette.responses import Response

from mailer.accounts import Seat, codes, editors, passwords, sign_ins
from mailer.accounts.sign_ins import Browser
from mailer.db.schema import Editor, SignIn
from mailer.errors import UsageError
from mailer.history import About, record
from mailer.language import translatable
from mailer.web.desk import Desk
from mailer.web.rooms import entrance, frame
from mailer.web.visit import Visit

SAID = {
    "saved": translatable("Saved."),
    "password": translatable("Your password is changed. You are signed in here only."),
    "on": translatable("From now on, signing in takes a code too."),
    "off": translatable("From now on, the password alone is enough."),
    "ended": translatable("That sign-in is ended."),
    "others": translatable("You are signed in here only."),
}
WRONG = translatable("That is not your password.")
WRONG_CODE = translatable("This code is not right. See that the clock of your phone is.")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what an editor settles for themselves."""
    return _page(desk, visit, seat, told=SAID.get(visit.query.get("said", ""), ""))


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Do the one thing that was pressed."""
    deeds = {
        "name": _rename,
        "password": _change_password,
        "code": _turn_on,
        "no-code": _turn_off,
        "end": _end,
        "end-others": _end_others,
        "theme": _choose_theme,
    }
    deed = deeds.get(visit.form.get("deed", ""))
    return deed(desk, visit, seat) if deed else show(desk, visit, seat)


def _rename(desk: Desk, visit: Visit, seat: Seat) -> Response:
    language = visit.form.get("language") or None
    name = visit.form.get("name", "")
    if language not in {None, *desk.app.languages}:
        raise UsageError("there is no such language here")
    try:
        desk.app.database.write(editors.rename, seat.editor_id, name, language)
    except UsageError as error:
        return _page(desk, visit, seat, errors={"name": error})
    return frame.go(desk, "own", said="saved")


def _change_password(desk: Desk, visit: Visit, seat: Seat) -> Response:
    editor = desk.app.database.read(editors.get, seat.editor_id)
    if not passwords.is_right(visit.form.get("old", ""), editor.password):
        return _page(desk, visit, seat, errors={"old": WRONG})
    try:
        hashed = passwords.hashed(visit.form.get("password", ""), address=seat.address)
    except UsageError as error:
        return _page(desk, visit, seat, errors={"password": error})
    token = desk.app.database.write(_set_password, editor, hashed, seat, visit, desk)
    return entrance.with_cookie(desk, frame.go(desk, "own", said="password"), token)


def _set_password(
    session: Session, editor: Editor, hashed: str, seat: Seat, visit: Visit, desk: Desk
) -> str:
    """Set the password, end every sign-in, and begin one here: the cookie changes too."""
    now = desk.now()
    number = editor.password_number
    editors.set_password(session, seat.editor_id, number, hashed, now=now, by=seat.by)
    browser = Browser(visit.agent, visit.remote)
    return sign_ins.begin(session, seat.editor_id, browser, passed=True, now=now)


def _turn_on(desk: Desk, visit: Visit, seat: Seat) -> Response:
    secret = visit.form.get("secret", "")[:64]
    step = None
    if secret.isalnum():
        code = visit.form.get("code", "")[:20]
        step = codes.step_of(secret, code, after=0, now=desk.now())
    if step is None:
        return _page(desk, visit, seat, errors={"code": WRONG_CODE}, secret=secret)
    desk.app.database.write(_keep_secret, desk, seat, secret)
    return frame.go(desk, "own", said="on")


def _keep_secret(session: Session, desk: Desk, seat: Seat, secret: str) -> None:
    codes.keep(session, desk.app.keys, seat.editor_id, secret)
    details = {"editor": seat.editor_id}
    record(session, "editor.second_on", seat.by, About(), at=desk.now(), details=details)


def _turn_off(desk: Desk, visit: Visit, seat: Seat) -> Response:
    editor = desk.app.database.read(editors.get, seat.editor_id)
    if not passwords.is_right(visit.form.get("old", ""), editor.password):
        return _page(desk, visit, seat, errors={"no-code": WRONG})
    desk.app.database.write(_drop_secret, desk, seat)
    return frame.go(desk, "own", said="off")


def _drop_secret(session: Session, desk: Desk, seat: Seat) -> None:
    codes.drop(session, seat.editor_id)
    details = {"editor": seat.editor_id}
    record(session, "editor.second_off", seat.by, About(), at=desk.now(), details=details)


def _end(desk: Desk, visit: Visit, seat: Seat) -> Response:
    known = visit.form.get("sign_in", "")
    if known.isascii() and known.isdigit():
        desk.app.database.write(sign_ins.end, seat.editor_id, int(known[:18]))
    return frame.go(desk, "own", said="ended")


def _end_others(desk: Desk, visit: Visit, seat: Seat) -> Response:
    del visit
    desk.app.database.write(sign_ins.end_others, seat.editor_id, seat.sign_in_id)
    return frame.go(desk, "own", said="others")


def _choose_theme(desk: Desk, visit: Visit, seat: Seat) -> Response:
    del seat
    answer = frame.go(desk, "own", said="saved")
    theme = visit.form.get("theme", "")
    path = f"{desk.base_path}/rooms"
    if theme in frame.THEMES:
        a_year = 365 * 86_400
        answer.set_cookie(frame.THEME, theme, max_age=a_year, path=path, samesite="lax")
    else:
        answer.delete_cookie(frame.THEME, path=path)
    return answer


def _page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    *,
    told: str = "",
    errors: Mapping[str, object] | None = None,
    secret: str = "",
) -> Response:
    language = frame.language_of(desk, visit, seat)
    editor, where = desk.app.database.read(_own, seat, desk)
    fresh = secret or codes.new_secret()
    house = desk.app.settings.organisation.name or "Communiqué"
    uri = codes.uri(fresh, address=seat.address, issuer=house)
    return frame.page(
        desk,
        visit,
        seat,
        "own.html",
        status=400 if errors else 200,
        editor=editor,
        sign_ins=where,
        told=told,
        errors={name: frame.explained(language, why) for name, why in (errors or {}).items()},
        secret=fresh,
        picture=segno.make(uri, micro=False).svg_data_uri(scale=5, border=4),
        shortest=passwords.SHORTEST,
    )


def _own(session: Session, seat: Seat, desk: Desk) -> tuple[Editor, list[SignIn]]:
    return editors.get(session, seat.editor_id), sign_ins.of(
        session, seat.editor_id, now=desk.now()
    )
