"""What holds for every request: below which path, and with which headers.

Plain ASGI, around everything. Nothing in here knows what a page is about.
"""

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
"""What a page of ours may load: its own style and pictures."""

YEAR_SECONDS = 31_536_000

FOREVER = {"Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable"}
"""For what lies under the hash of its content."""


def policy(**changes: str) -> str:
    """Give the Content-Security-Policy, with changes such as `script_src="'self'"`."""
    whole = POLICY | {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in whole.items())


class Headers:
    """Adds the headers of every answer, where a page has not set its own."""

    def __init__(self, inner: ASGIApp, *, https: bool) -> None:
        self._inner = inner
        self._always = {
            "Content-Security-Policy": policy(),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        if https:
            self._always["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with its headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._always.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._inner(scope, receive, send_with_headers)


class Below:
    """Finds the page below a path such as `/news`, whether or not a proxy has cut that off.

    A slash at the end is cut off too and not redirected: a one-click POST must not be (RFC 8058,
    3.1).
    """

    def __init__(
        self, inner: ASGIApp, base_path: str, leads_somewhere: Callable[[Scope], bool]
    ) -> None:
        self._inner = inner
        self._base_path = unquote(base_path)
        self._leads_somewhere = leads_somewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the path that our routes know."""
        if scope["type"] == "http":
            scope = self._found(scope)
        await self._inner(scope, receive, send)

    def _found(self, scope: Scope) -> Scope:
        path: str = scope["path"]
        as_it_came = _with_path(scope, path)
        if not self._base_path or not f"{path}/".startswith(f"{self._base_path}/"):
            return as_it_came
        # A path such as `/l` may be a page's own: what leads somewhere is what was meant.
        below = _with_path(scope, path[len(self._base_path) :])
        if self._leads_somewhere(as_it_came) and not self._leads_somewhere(below):
            return as_it_came
        return below


def _with_path(scope: Mapping[str, object], path: str) -> Scope:
    return {**scope, "path": path.rstrip("/") or "/", "root_path": ""}
