"""The demo's inbox as an application: its addresses, and what is kept away from it.

Pages show what came in over the demo's own SMTP port, and nothing else. `mailer serve` does not
know this application, and the readers' pages do not link to it.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mailer.app import App
from mailer.demo import views
from mailer.demo.office import Office
from mailer.demo.postbox import Postbox
from mailer.demo.views import PATH, Desk
from mailer.errors import MailerError

OURS = {"same-origin", "none"}
"""What a browser says in Sec-Fetch-Site of a form on a page of ours."""

View = Callable[[Desk, Request], Response]


def create(app: App, office: Office, postbox: Postbox) -> ASGIApp:
    """Give the inbox; all its addresses begin with `/inbox/`."""
    desk = Desk(app, office, postbox)
    routes = [
        _shown(desk, "", views.to_index),
        _shown(desk, "/", views.index),
        _shown(desk, "/look.css", views.look),
        _pressed(desk, "/queue", views.queue),
        _shown(desk, "/{number:int}", views.html),
        _shown(desk, "/{number:int}/text", views.text),
        _shown(desk, "/{number:int}/source", views.source),
        _shown(desk, "/{number:int}/page", views.page),
        _shown(desk, "/{number:int}/message.eml", views.download),
        _pressed(desk, "/{number:int}/unsubscribe", views.unsubscribe),
    ]
    # A name that somebody else's site made point to this machine must not read the inbox.
    hosts = ["localhost", urlsplit(desk.base_url).hostname or ""]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    problem = partial(views.problem, desk)
    return Starlette(
        routes=routes,
        middleware=[guard],
        exception_handlers={HTTPException: problem, MailerError: problem},
    )


def beside(inbox: ASGIApp, pages: ASGIApp) -> ASGIApp:
    """Give both as one application, on one port."""

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        inside = path == PATH or path.startswith(f"{PATH}/")
        await (inbox if inside else pages)(scope, receive, send)

    return either


def _shown(desk: Desk, path: str, view: View) -> Route:
    def answer(request: Request) -> Response:
        return view(desk, request)

    return Route(f"{PATH}{path}", answer, methods=["GET"])


def _pressed(desk: Desk, path: str, view: View) -> Route:
    def answer(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in OURS:
            raise HTTPException(403, "That button was not on a page of the inbox.")
        return view(desk, request)

    return Route(f"{PATH}{path}", answer, methods=["POST"])
