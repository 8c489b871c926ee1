"""Who judges our signatures: dkimpy, with records as a test gives them."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

import dkim
import time_machine

from mailer.db.schema import DkimAlgorithm
from mailer.dkim import Key, Signer, making
from tests.conftest import MOMENT

DOMAIN = "example.org"
Records = Mapping[str, str]


@cache
def key(algorithm: DkimAlgorithm = DkimAlgorithm.RSA, selector: str = "202612a") -> Key:
    """Make a key, once for all tests of a run."""
    return Key(selector, making.make(algorithm))


def signer(*keys: Key, domain: str = DOMAIN) -> Signer:
    return Signer(domain, keys or (key(),))


def records(signer: Signer) -> dict[str, str]:
    """Give the TXT records of a signer's keys, by name."""
    found = {}
    for one in signer.keys:
        algorithm = DkimAlgorithm(one.algorithm.removesuffix("-sha256"))
        place = making.place(signer.domain, one.selector)
        found[place] = making.record(algorithm, making.public(one.private))
    return found


def dkimpy(message: bytes, known: Records) -> list[bool]:
    """Give dkimpy's verdict on each signature, from the top."""

    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        text = known.get(name.decode().rstrip("."))
        return text.encode() if text else None

    signatures = message.lower().partition(b"\r\n\r\n")[0].count(b"dkim-signature:")
    return [_verdict(message, at, ask) for at in range(signatures)]


def _verdict(message: bytes, at: int, ask: object) -> bool:
    try:
        # A signature of tomorrow is refused.
        with time_machine.travel(MOMENT + timedelta(days=1)):
            return bool(dkim.DKIM(message).verify(idx=at, dnsfunc=ask))
    except dkim.DKIMException:
        return False
