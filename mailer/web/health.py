"""Whether the installation lives and works, for whoever watches it; and what robots may read."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mailer import continuity, ledger, links, watch
from mailer.errors import DatabaseError
from mailer.web.desk import Desk
from mailer.web.visit import Visit

FRESH = {"Cache-Control": "no-store"}


async def livez(request: Request) -> Response:
    """Say that the process answers; nothing else is asked, so that nothing else can block it."""
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": "GET, HEAD, OPTIONS"})
    return JSONResponse({"live": True}, headers=FRESH)


def readyz(desk: Desk, _visit: Visit) -> Response:
    """Say whether pages and mail are at work: 503 with what is not, if anything is not."""
    database, workers = _database(desk), _workers(desk)
    ready = database == "ok" and workers > 0
    found: dict[str, object] = {"ready": ready, "database": database, "workers": workers}
    if desk.app.settings.delivery.redirect_all_to:
        found["redirected"] = True
    if database == "ok":
        found |= _waiting(desk)
    return JSONResponse(found, status_code=200 if ready else 503, headers=FRESH)


def _waiting(desk: Desk) -> dict[str, object]:
    """Give what keeps mail from leaving although all is at work; a person may want to look."""
    with desk.app.database.reading() as session:
        held = continuity.count_held(session)
        routes = watch.standing_still(session, desk.app, now=desk.now())
    return ({"held": held} if held else {}) | ({"routes": routes} if routes else {})


def robots(desk: Desk, _visit: Visit) -> Response:
    """Keep robots off the links that belong to one reader each."""
    firsts = (links.CONFIRM, links.LEAVE, links.REFUSE, links.UNDO)
    lines = [f"Disallow: {desk.paths.base}{first}/" for first in firsts]
    return PlainTextResponse("\n".join(["User-agent: *", *lines, ""]))


def _database(desk: Desk) -> str:
    try:
        desk.app.database.check()
    except DatabaseError as error:
        return str(error)
    return "ok"


def _workers(desk: Desk) -> int:
    try:
        return desk.app.database.read(ledger.working, now=desk.now())
    except DatabaseError:
        return 0
