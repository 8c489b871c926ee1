"""Leaving as a mailbox provider does it for its user: one POST, nothing else (RFC 8058, 3.2)."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

from mailer.demo.reading import ONE_CLICK
from mailer.errors import Refused

SECONDS = 10
LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; a provider looks at the status alone."""

    status: int
    reason: str

    @property
    def is_good(self) -> bool:
        """Tell whether a provider would take it that the reader has left."""
        return 200 <= self.status < 300


def press(url: str, *, base_url: str) -> Answer:
    """POST to a message's link to leave; a redirect is an answer and is not followed.

    Raises Refused for a link that does not lead to the pages of this demo: whatever a message
    says, nobody else is asked for anything. Raises OSError when the pages do not answer.
    """
    wanted, ours = urlsplit(url), urlsplit(base_url)
    if (wanted.scheme, wanted.netloc) != (ours.scheme, ours.netloc) or "@" in wanted.netloc:
        raise Refused("this message’s link does not lead to the pages of this demo")
    connection = http.client.HTTPConnection(ours.hostname or "", ours.port, timeout=SECONDS)
    try:
        connection.request(
            "POST",
            f"{wanted.path}?{wanted.query}" if wanted.query else wanted.path,
            ONE_CLICK,
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        response = connection.getresponse()
        response.read(LARGEST_ANSWER)
        return Answer(response.status, response.reason)
    finally:
        connection.close()
