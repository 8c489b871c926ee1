"""Who judges our signatures: dkimpy, opendkim and Perl's Mail::DKIM, none of them ours.

Records are as a test gives them.
"""

import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dkim
import time_machine

from mailer.db.schema import DkimAlgorithm
from mailer.dkim import Key, Signer, making
from tests.conftest import MOMENT
from tests.outside import missing, require

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
        # A signature of tomorrow is refused, and tests have moments of their own.
        with time_machine.travel(max(MOMENT, datetime.now(UTC)) + timedelta(days=1)):
            return bool(dkim.DKIM(message).verify(idx=at, dnsfunc=ask))
    except dkim.DKIMException:
        return False


def opendkim(message: bytes, known: Records, folder: Path) -> list[str]:
    """Give opendkim's verdict on each signature, from the top, such as “rsa-sha256 pass”."""
    program = require("opendkim")
    keys, conf, letter = folder / "keys", folder / "opendkim.conf", folder / "letter.eml"
    keys.write_text("".join(f"{place} {text}\n" for place, text in known.items()))
    conf.write_text(f"Mode v\nTestPublicKeys {keys}\nAlwaysAddARHeader yes\nSocket local:unused\n")
    letter.write_bytes(message)
    command = [program, "-t", str(letter), "-x", str(conf), "-v", "-v"]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    found = re.findall(r"dkim=(\w+) [^;]*?header\.a=([\w-]+)", said)
    return [f"{algorithm} {verdict}" for verdict, algorithm in found]


def mail_dkim(message: bytes, port: int) -> list[str]:
    """Give the verdict of Perl's Mail::DKIM on each signature; it asks a server on loopback."""
    perl = require("perl")
    if subprocess.run([perl, "-MMail::DKIM", "-e1"], capture_output=True, check=False).returncode:
        missing("Mail::DKIM is not installed (Debian: libmail-dkim-perl)")
    script = Path(__file__).with_name("mail_dkim.pl")
    command = [perl, str(script), str(port)]
    said = subprocess.run(command, input=message, capture_output=True, check=True).stdout.decode()
    return said.splitlines()
