"""Sign-in at the organisation's own provider: out, and back with who it is."""

import base64
import json
from datetime import datetime

import structlog
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from mailer import address, sealing
from mailer.accounts import editors, openid
from mailer.accounts.openid import Going, Provider
from mailer.errors import ConfigError, MailerError, NotFound, Refused
from mailer.web.desk import Desk
from mailer.web.rooms import entrance, frame
from mailer.web.visit import Visit

log = structlog.get_logger(__name__)

COOKIE = "mailer_going"
ABOUT = "way to a provider"
MARK = "."
"""Between the sealed way in the cookie and the key that opens it."""


def out(desk: Desk, visit: Visit) -> Response:
    """Send somebody to the provider, and remember by a sealed cookie that it was from here."""
    going = Going.out()
    try:
        where = openid.way_out(_provider(desk), going, _back(desk))
    except Refused as error:
        return _not_in(desk, visit, error)
    answer = RedirectResponse(where, status_code=303, headers=frame.HEADERS)
    # The way back begins at another site: a stricter cookie would not come along.
    answer.set_cookie(
        COOKIE,
        _sealed(desk, going),
        max_age=int(openid.WITHIN.total_seconds()),
        path=f"{desk.base_path}/rooms/sign-in",
        secure=desk.app.settings.web.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return answer


def back(desk: Desk, visit: Visit) -> Response:
    """Sign in who came back, if they are an editor."""
    try:
        going = _opened(desk, visit.cookies.get(COOKIE, ""))
        verified = openid.who(_provider(desk), going, visit.query, _back(desk), now=desk.now())
        token, waits = desk.app.database.write(_begin, verified, visit, now=desk.now())
    except MailerError as error:
        return _not_in(desk, visit, error)
    answer = frame.go(desk, "code") if waits else frame.go(desk)
    answer.delete_cookie(COOKIE, path=f"{desk.base_path}/rooms/sign-in")
    return entrance.with_cookie(desk, answer, token)


def _begin(session: Session, verified: str, visit: Visit, *, now: datetime) -> tuple[str, bool]:
    editor = editors.by_key(session, address.parse(verified).key)
    if editor is None:
        raise Refused("whom the provider named is no editor here")
    return entrance.begin(session, editor, visit, now=now), editor.second is not None


def _provider(desk: Desk) -> Provider:
    settings = desk.app.settings.sign_in
    if not settings.issuer:
        raise NotFound("provider", "")
    secret = settings.client_secret.get_secret_value()
    return Provider(settings.issuer, settings.client_id, secret)


def _back(desk: Desk) -> str:
    return desk.app.links.room("sign-in", "back")


def _sealed(desk: Desk, going: Going) -> str:
    plain = json.dumps([going.state, going.nonce, going.verifier, desk.now().timestamp()])
    sealed, key = sealing.seal(desk.app.keys, plain.encode(), ABOUT)
    return f"{base64.urlsafe_b64encode(sealed).decode()}{MARK}{key}"


def _opened(desk: Desk, cookie: str) -> Going:
    try:
        sealed, _, key = cookie.rpartition(MARK)
        raw = base64.urlsafe_b64decode(sealed)
        plain = sealing.unseal(desk.app.keys, raw, ABOUT, key_id=int(key))
        state, nonce, verifier, begun = json.loads(plain)
    except (ValueError, ConfigError):
        raise Refused("no sign-in was begun here") from None
    if desk.now().timestamp() - begun > openid.WITHIN.total_seconds():
        raise Refused("the sign-in took too long")
    return Going(state, nonce, verifier)


def _not_in(desk: Desk, visit: Visit, error: MailerError) -> Response:
    """Say that it did not work; why stands in the log, for the owner."""
    if isinstance(error, NotFound):
        raise error
    log.warning("rooms.refused", network=visit.remote, why=str(error))
    return entrance.form(desk, visit, error=entrance.NOT_IN, status=403)
