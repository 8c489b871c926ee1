"""MTA-STS (RFC 8461): a domain promises to take mail over TLS, by the exchangers it names.

Nothing we send depends on it. But a policy that does not fit its exchangers keeps answers and
bounces out, so one that is published is fetched as senders do, and compared.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mailer.check.names import Names

HTTPS_PORT = 443
SECONDS_A_STEP = 5
SECONDS_IN_ALL = 10
LARGEST = 64 * 1024
"""Bytes of a policy (RFC 8461, 3.3)."""

MOST_LINES = 200
MODES = ("enforce", "testing", "none")


class PolicyInvalid(Exception):
    """Senders cannot use the policy; the text says why."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What senders have to do (`mode`), and the names that exchangers must have."""

    mode: str
    exchangers: tuple[str, ...]

    def allows(self, host: str) -> bool:
        """Tell whether an exchanger fits; `*` stands for one label (RFC 8461, 4.1)."""
        host = host.lower()
        above = host.partition(".")[2]
        return any(one in {host, f"*.{above}"} for one in self.exchangers)


def read(text: str) -> Policy:
    """Read a policy; PolicyInvalid when senders must not use it (RFC 8461, 3.2)."""
    pairs = [line.partition(":") for line in text.splitlines()[:MOST_LINES] if line.strip()]
    fields = {name.strip(): value.strip() for name, _, value in reversed(pairs)}
    if fields.get("version") != "STSv1":
        raise PolicyInvalid("it does not say “version: STSv1”")
    mode = fields.get("mode", "")
    if mode not in MODES:
        raise PolicyInvalid("its mode is none of enforce, testing and none")
    if not fields.get("max_age", "").isdecimal():
        raise PolicyInvalid("it names no max_age")
    named = tuple(value.strip().lower() for name, _, value in pairs if name.strip() == "mx")
    if not named and mode != "none":
        raise PolicyInvalid("it names no mx")
    return Policy(mode, named)


def fetch(names: Names, domain: str, *, port: int) -> Policy:
    """Give a domain's policy, fetched without following a redirect; may raise PolicyInvalid."""
    host = f"mta-sts.{domain}"
    found = [names.ask(host, kind) for kind in ("A", "AAAA")]
    addresses = [value for answer in found for value in answer.values]
    if not addresses:
        why = next((answer.problem for answer in found if answer.problem), "")
        raise PolicyInvalid(why or f"{host} has no address")
    try:
        return read(_got(host, addresses[0], port))
    except ssl.SSLCertVerificationError as error:
        raise PolicyInvalid(f"the certificate of {host}: {error.verify_message}") from None
    except TimeoutError:
        raise PolicyInvalid(f"{host} does not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise PolicyInvalid(f"{host} cannot be reached ({why})") from None


def _got(host: str, address: str, port: int) -> str:
    context = ssl.create_default_context()
    connection = http.client.HTTPConnection(host)  # on a socket of ours, so without a port
    with socket.create_connection((address, port), timeout=SECONDS_A_STEP) as plain:
        connection.sock = context.wrap_socket(plain, server_hostname=host)
        with _cut_off(connection.sock, SECONDS_IN_ALL):
            try:
                connection.request("GET", "/.well-known/mta-sts.txt")
                answer = connection.getresponse()
                if answer.status != http.HTTPStatus.OK:
                    raise PolicyInvalid(f"{host} answers with {answer.status}")
                return _body(answer).decode("utf-8", "replace")
            finally:
                connection.close()


@contextmanager
def _cut_off(line: socket.socket, seconds: float) -> Iterator[None]:
    """End a line after so many seconds, and raise TimeoutError then.

    Each step has its time; what trickles in has never used it up.
    """

    def cut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    until = time.monotonic() + seconds
    alarm = threading.Timer(seconds, cut)
    alarm.start()
    try:
        yield
        if time.monotonic() >= until:
            raise TimeoutError
    except (OSError, http.client.HTTPException):
        if time.monotonic() >= until:
            raise TimeoutError from None
        raise
    finally:
        alarm.cancel()


def _body(answer: http.client.HTTPResponse) -> bytes:
    body = b""
    while chunk := answer.read1(LARGEST):
        body += chunk
        if len(body) > LARGEST:
            raise PolicyInvalid("it is larger than senders read")
    return body
