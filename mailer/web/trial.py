"""The answer to `mailer check`, which tries our own link to leave from outside.

It goes the way of every such link, through proxy and path, and changes nothing: it names no
reader. The answer can be made only by who has the keys, so that no other server passes for us.
"""

from starlette.responses import PlainTextResponse, Response

from mailer.errors import TokenError, TokenExpired
from mailer.tokens import Purpose
from mailer.web.desk import Desk
from mailer.web.visit import Visit


def answer(desk: Desk, visit: Visit) -> Response | None:
    """Give the answer to a trial; None when it is a reader's link."""
    keys = desk.app.keys
    try:
        number, answered = keys.verify(visit.parts["token"], Purpose.TRIAL, now=desk.now())
    except (TokenError, TokenExpired):
        return None
    if answered:
        return None
    said = keys.sign(Purpose.TRIAL, number, 1)
    return PlainTextResponse(said, headers={"Cache-Control": "no-store"})
