"""One request as the pages see it: read whole, within limits, and nothing else of HTTP.

Whatever comes from outside has a limit here: the body in bytes, fields and seconds, and each
header that is kept as evidence in characters.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from mailer.web import peer, tongues

LARGEST_BODY = 64 * 1024
"""Bytes of a form; ours have a few hundred."""

LARGEST_IGNORED = 1024 * 1024
"""Bytes of a body that nobody looks at, before we answer in the middle of it."""

MOST_FIELDS = 400
"""Fields of a form; the longest has two for each public list."""
BODY_SECONDS = 10
UPLOAD_SECONDS = 120
"""How long a form with files may take: eight megabytes from a phone on a train."""
LONGEST_AGENT = 200
LONGEST_ORIGIN = 200
LONGEST_BEARER = 500
LONGEST_COOKIE = 4000
LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a form may be, in bytes with all its files, and how many files it may bring."""

    largest: int = LARGEST_BODY
    files: int = 0


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a form brought along; `name` is whatever the browser called it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """What was filled in: of fields of one name the last counts, and `many` has them all."""

    fields: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks for what, in which words. `parts` are the named parts of the path.

    `many` has all values of each field of the form; of fields of one name, `form` has the last.
    `site` is what the browser says of where a request comes from, `guard` the token that a script
    of ours sends along, and `is_fragment` tells that it wants a part of a page.
    """

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict)
    shows: bool = True
    accepted: tuple[str, ...] = ()
    remote: str = ""
    agent: str = ""
    origin: str = ""
    bearer: str = field(default="", repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    site: str = ""
    guard: str = field(default="", repr=False)
    is_fragment: bool = False

    def with_form(self, form: Form) -> "Visit":
        """Give the visit with what its form holds."""
        return replace(self, form=form.fields, many=form.many, files=form.files)

    @property
    def asked_language(self) -> str | None:
        """Give the language that the address or the form asks for."""
        return self.form.get("lang") or self.query.get("lang")


def of(request: Request, trusted: Sequence[peer.Network]) -> Visit:
    """Give what the pages need to know of a request, but the form in its body."""
    headers = request.headers
    return Visit(
        path=request.scope["path"],
        parts=request.path_params,
        query=request.query_params,
        shows=request.method in {"GET", "HEAD"},
        accepted=tongues.accepted(headers.get("accept-language", "")),
        remote=peer.remote(
            request.client.host if request.client else None,
            headers.getlist("x-forwarded-for"),
            trusted,
        ),
        agent=headers.get("user-agent", "")[:LONGEST_AGENT],
        origin=_origin(headers.get("origin") or headers.get("referer") or ""),
        bearer=_bearer(headers.get("authorization", "")),
        cookies=request.cookies if len(headers.get("cookie", "")) <= LONGEST_COOKIE else {},
        site=headers.get("sec-fetch-site", ""),
        guard=headers.get("x-guard", "")[:LONGEST_TOKEN],
        is_fragment="hx-request" in headers,
    )


async def read_form(request: Request, limits: Limits) -> Form:
    """Give what a form holds, urlencoded or multipart; nothing for any other body.

    Raises HTTPException: 408 for one that does not come to an end, 413 for one that is too
    large, 400 for one that cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        async with asyncio.timeout(UPLOAD_SECONDS if limits.files else BODY_SECONDS):
            if kind == "application/x-www-form-urlencoded":
                return _form(_pairs(await request.body()))
            most = {"max_fields": MOST_FIELDS, "max_part_size": limits.largest}
            async with request.form(max_files=limits.files, **most) as given:
                return await _multipart(given.multi_items())
    except TimeoutError:
        raise HTTPException(408) from None
    except (MultiPartException, ClientDisconnect, ValueError):
        raise HTTPException(400) from None


def _pairs(body: bytes) -> list[tuple[str, str]]:
    """Read a form as browsers send most.

    The library's parser, which takes pieces as they come, needs eight times as long. Raises
    ValueError for more fields than a form of ours has.
    """
    text = body.decode("latin-1")  # octets beyond ASCII are escaped, where a form is one
    return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)


def _form(pairs: Sequence[tuple[str, str]]) -> Form:
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        many.setdefault(name, []).append(value)
    return Form(dict(pairs), {name: tuple(values) for name, values in many.items()})


async def _multipart(items: Sequence[tuple[str, UploadFile | str]]) -> Form:
    files: dict[str, list[Upload]] = {}
    for name, value in items:
        # A browser sends a file without a name and a byte where none was chosen.
        if isinstance(value, UploadFile) and value.filename:
            found = Upload(value.filename, await value.read())
            files.setdefault(name, []).append(found)
    fields = _form([(name, value) for name, value in items if isinstance(value, str)])
    return replace(fields, files={name: tuple(some) for name, some in files.items()})


async def drain(request: Request) -> None:
    """Take in a body that nobody will look at, for as long as it is not unreasonable.

    A client that is still writing when the answer comes may never read the answer.
    """
    left = LARGEST_IGNORED
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                left -= len(chunk)
                if left < 0:
                    return
    except (TimeoutError, ClientDisconnect):
        return


def limited(receive: Receive, most: int = LARGEST_BODY) -> Receive:
    """Give a `receive` that raises HTTPException 413 once a body is too large."""
    left = most

    async def receive_within_limit() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return receive_within_limit


def _bearer(header: str) -> str:
    """Give the token of a program (RFC 6750, 2.1); nothing for any other way to sign in."""
    scheme, _, token = header[:LONGEST_BEARER].partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


def _origin(url: str) -> str:
    """Give scheme and host of an address: where the form stood, without what was read there."""
    try:
        parts = urlsplit(url[:2000])
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"}:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:LONGEST_ORIGIN]
