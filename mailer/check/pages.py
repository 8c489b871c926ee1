"""Whether the pages can be reached as readers reach them: by the public address, from outside in.

One-click is tried with a link that names no reader: POST in both encodings and with a slash at
the end must be answered by our own process, with 200, no redirect and no cookie (RFC 8058).
"""

import http.client
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from mailer.check.finding import Finding, Part, State
from mailer.check.relays import certificate
from mailer.delivery import is_loopback
from mailer.errors import MailerError
from mailer.links import Links
from mailer.tokens import Purpose

SECONDS_A_REQUEST = 10
SLOW_SECONDS = 2
LARGEST_ANSWER = 64 * 1024
LIFE = timedelta(hours=1)
"""How long a trial's link is good: clocks may differ."""

SEAM = "communique"
BODIES = {
    "application/x-www-form-urlencoded": b"List-Unsubscribe=One-Click",
    f"multipart/form-data; boundary={SEAM}": (
        f'--{SEAM}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
        f"One-Click\r\n--{SEAM}--\r\n"
    ).encode(),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str
    seconds: float


@dataclass(slots=True)
class Visit:
    """What the public address showed; `date` is its idea of the moment."""

    findings: list[Finding] = field(default_factory=list)
    date: str = ""


class _Pages:
    """The public address of an installation, and who is asked there."""

    def __init__(self, links: Links, until: float, timer: Callable[[], float]) -> None:
        self.links = links
        self.base: SplitResult = urlsplit(links.base)
        self.ends = ""
        self._until = until
        self._timer = timer

    @property
    def is_https(self) -> bool:
        return self.base.scheme == "https"

    def ask(self, method: str, url: str, kind: str = "") -> Answer:
        """Ask once, without following a redirect; raises OSError or HTTPException."""
        parts = urlsplit(url)
        left = self._until - self._timer()
        if left <= 0:
            raise TimeoutError
        connection = self._line(parts, min(left, SECONDS_A_REQUEST))
        began = self._timer()
        try:
            headers = {"User-Agent": "communique-check"} | ({"Content-Type": kind} if kind else {})
            connection.request(method, parts.path, body=BODIES.get(kind), headers=headers)
            if isinstance(connection.sock, ssl.SSLSocket):
                self.ends = str((connection.sock.getpeercert() or {}).get("notAfter", ""))
            response = connection.getresponse()
            body = response.read(LARGEST_ANSWER).decode("utf-8", "replace")
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, body, self._timer() - began)
        finally:
            connection.close()

    def _line(self, parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme != "https":
            return http.client.HTTPConnection(host, parts.port, timeout=seconds)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=context)


def look(
    links: Links, *, seconds: float, now: datetime, timer: Callable[[], float] = time.monotonic
) -> Visit:
    """Visit the public address, within so many seconds."""
    pages = _Pages(links, timer() + seconds, timer)
    visit = Visit([_address(pages.base)] if not pages.is_https else [])
    try:
        visit.findings.extend(_tried(pages, visit, now))
    except ssl.SSLCertVerificationError as error:
        says = f"Its certificate cannot be trusted: {error.verify_message}."
        visit.findings.append(_failed(links, says, "Have it renewed, for this host name."))
    except TimeoutError:
        says = "Could not check: the public address does not answer in time from this machine."
        todo = "It may be reachable from outside all the same: try it with a telephone."
        visit.findings.append(Finding(Part.PAGES, links.base, State.UNKNOWN, says, todo))
    except (OSError, http.client.HTTPException) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or error
        says = f"The public address cannot be reached from this machine: {why}."
        todo = "Is mailer serve running, and does the proxy lead to it? See web.base_url."
        visit.findings.append(_failed(links, says, todo))
    return visit


def _address(base: SplitResult) -> Finding:
    if is_loopback(base.hostname or ""):
        says = "web.base_url leads to this machine alone; links in mail will not work elsewhere."
        todo = "Set it to the address that readers type, with https://."
        return Finding(Part.PAGES, base.geturl(), State.WARN, says, todo)
    says = "The pages are not protected; mailbox providers offer one-click only with https."
    todo = "Put a proxy with a certificate in front, and let web.base_url begin with https://."
    return Finding(Part.PAGES, base.geturl(), State.FAIL, says, todo)


def _tried(pages: _Pages, visit: Visit, now: datetime) -> Iterator[Finding]:
    number = secrets.randbits(62)
    url = pages.links.trial(number, expires_at=now + LIFE)
    asked = [("POST", url + slash, kind) for slash in ("", "/") for kind in BODIES]
    slowest, protection = 0.0, None
    for method, at, kind in [("GET", url, ""), *asked]:
        answer = pages.ask(method, at, kind)
        visit.date = answer.headers.get("date", visit.date)
        slowest = max(slowest, answer.seconds)
        if why := _wrong(pages.links, answer, number, now):
            where = f"{method}{' with a slash at the end' if at != url else ''}"
            says = f"One-click does not work through the public address: {where} {why}."
            yield _failed(pages.links, says, _advice(answer))
            return
        protection = answer.headers.get("strict-transport-security")
    says = "One-click works through the public address; looking at a link changes nothing."
    yield Finding(Part.PAGES, pages.links.base, State.OK, says)
    if slowest > SLOW_SECONDS:
        says = f"An answer took {slowest:.1f} seconds; mailbox providers do not wait long."
        yield Finding(Part.PAGES, pages.links.base, State.WARN, says, "Look at proxy and load.")
    if pages.is_https:
        yield from certificate(Part.PAGES, pages.links.base, pages.ends, now)
        if not protection:
            says = "The proxy takes the header Strict-Transport-Security away."
            yield Finding(Part.PAGES, pages.links.base, State.WARN, says, "Let it through.")


def _wrong(links: Links, answer: Answer, number: int, now: datetime) -> str:
    """Say what is wrong with an answer; nothing when it is as it must be."""
    if 300 <= answer.status < 400:
        return f"is redirected ({answer.status}), which providers do not follow"
    if answer.status != 200:
        return f"is answered with {answer.status}"
    if "set-cookie" in answer.headers:
        return "is answered with a cookie"
    try:
        ours = links.keys.verify(answer.body.strip(), Purpose.TRIAL, now=now) == (number, 1)
    except MailerError:
        ours = False
    return "" if ours else "is answered by another program, or by one with other keys"


def _advice(answer: Answer) -> str:
    if answer.status in {401, 403, 405, 429}:
        return "Something in front of the pages lets only some requests through: see its rules."
    return "See “Behind a proxy” in docs/operating.md."


def _failed(links: Links, says: str, todo: str) -> Finding:
    return Finding(Part.PAGES, links.base, State.FAIL, says, todo)
