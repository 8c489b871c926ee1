"""Whether whoever asks has an answer already: then a 304 says so, and nothing is sent twice."""

from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.responses import Response

KEPT = ("cache-control", "content-location", "date", "etag", "expires", "last-modified", "vary")
"""What a 304 says as the answer itself would have (RFC 9110, 15.4.5)."""


def answered(asked: Headers, response: Response) -> Response:
    """Give the response, or a 304 in its place when the one who asks has it."""
    if response.status_code != 200 or not _has_it(asked, response):
        return response
    kept = {name: response.headers[name] for name in KEPT if name in response.headers}
    return Response(status_code=304, headers=kept)


def _has_it(asked: Headers, response: Response) -> bool:
    """Compare as RFC 9110, 13.2.2 says: a date counts only where no tag was sent."""
    tag, known = response.headers.get("etag"), asked.get("if-none-match")
    if known is not None:
        tags = {one.strip().removeprefix("W/") for one in known.split(",")}
        return tag is not None and bool(tags & {tag.removeprefix("W/"), "*"})
    changed, since = response.headers.get("last-modified"), asked.get("if-modified-since")
    if changed is None or since is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):  # a date that is none, or one without a zone
        return False
