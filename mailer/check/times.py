"""Asking a time server for the time: one question of SNTP (RFC 4330, the simple form of RFC 5905).

The question names nothing about this machine, not even its time: where its own would stand goes a
number of the moment, which an answer must repeat, so that nobody off the path can make one up.
"""

import secrets
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from mailer.check.names import Names, is_address

PORT = 123
SECONDS_AN_ANSWER = 3
TRIES = 2
"""A lost packet is nothing unusual, and two in a row say that nothing comes through."""

LENGTH = 48
ASK = bytes([0b00_100_011])
"""No leap second known, version 4, “client”."""

ANSWER = 4
UNSYNCHRONISED = 3
FARTHEST = 15
"""A stratum of 0 is a refusal (RFC 5905, 7.4), one beyond this no time at all."""

EPOCHS = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC))
"""Whence its seconds count; from 2036 they begin anew (RFC 4330, 3)."""


class NoTime(Exception):
    """The server did not say what time it is; the text says why."""


def ask(
    server: str, names: Names, *, now: Callable[[], datetime], seconds: float = SECONDS_AN_ANSWER
) -> timedelta:
    """Give how far our clock is ahead of a server's, `host` or `host:port`; may raise NoTime."""
    parts = urlsplit(f"//{server}")
    addresses = _addresses(names, parts.hostname or "")
    why = "it did not answer"
    for address in (addresses * TRIES)[: max(TRIES, len(addresses))]:
        try:
            return _asked(address, parts.port or PORT, seconds, now)
        except TimeoutError:
            continue
        except OSError as error:
            why = error.strerror or "it cannot be reached"
    raise NoTime(why)


def _addresses(names: Names, host: str) -> list[str]:
    if is_address(host):
        return [host]
    answers = [names.ask(host, kind) for kind in ("A", "AAAA")]
    found = [value for answer in answers for value in answer.values[:1]]
    if not found:
        why = next((answer.problem for answer in answers if answer.problem), "")
        raise NoTime(why or "its name has no address")
    return found


def _asked(address: str, port: int, seconds: float, now: Callable[[], datetime]) -> timedelta:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    token = secrets.token_bytes(8)
    with socket.socket(family, socket.SOCK_DGRAM) as line:
        line.settimeout(seconds)
        line.connect((address, port))
        asked_at = now()
        line.send(ASK.ljust(LENGTH - len(token), b"\0") + token)
        answer = line.recv(1024)
        heard_at = now()
    theirs = read(answer, token)
    # Half of the way there and back: the offset of RFC 4330, 5.
    return asked_at + (heard_at - asked_at) / 2 - theirs


def read(answer: bytes, token: bytes) -> datetime:
    """Give the middle of the moments at which a server heard and answered; may raise NoTime."""
    if len(answer) < LENGTH or answer[24:32] != token or answer[0] & 7 != ANSWER:
        raise NoTime("what came back is no answer to the question")
    stratum, leap = answer[1], answer[0] >> 6
    if stratum == 0:
        word = answer[12:16].decode("ascii", "replace").strip("\0 ")
        raise NoTime(f"it refuses ({word if word.isalnum() else 'without a reason'})")
    if leap == UNSYNCHRONISED or stratum > FARTHEST:
        raise NoTime("it does not know the time itself")
    heard, answered = (_moment(answer[at : at + 8]) for at in (32, 40))
    return heard + (answered - heard) / 2


def _moment(stamp: bytes) -> datetime:
    seconds, fraction = struct.unpack("!II", stamp)
    epoch = EPOCHS[0] if seconds & 1 << 31 else EPOCHS[1]
    return epoch + timedelta(seconds=seconds, microseconds=fraction * 10**6 >> 32)
