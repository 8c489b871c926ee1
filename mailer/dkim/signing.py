"""A signer: the DKIM-Signature of a finished message (RFC 6376; Ed25519 by RFC 8463). Pure.

The same message, moment and keys give the same signature, to the byte. Signing may be called
from any thread; most of its time is spent outside the interpreter's lock.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from mailer.dkim import canonical

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

FIELD = "DKIM-Signature"
LONGEST_LINE = 76

OVERSIGNED = (
    "from",
    "to",
    "subject",
    "date",
    "reply-to",
    "message-id",
    "content-type",
    "mime-version",
    "list-unsubscribe",
    "list-unsubscribe-post",
)
"""Named once more than they are there, so that nobody on the way can add one (RFC 6376, 8.15)."""

SIGNED = (
    *OVERSIGNED,
    "sender",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-id",
    "list-help",
    "list-post",
    "list-owner",
    "list-archive",
    "auto-submitted",
    "feedback-id",
    "cfbl-address",
    "cfbl-feedback-id",
)
"""Signed where they are there (RFC 6376, 5.4.1; RFC 8058, 4, for both of leaving)."""

_SPLIT = "\r\n "
_PADDING, _HASH = PKCS1v15(), SHA256()


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and the selector under which the public half is found."""

    selector: str
    private: PrivateKey

    @property
    def algorithm(self) -> str:
        """Give what stands in a=."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, signed: bytes) -> bytes:
        """Give the raw signature."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(signed, _PADDING, _HASH)
        # RFC 8463, 3: what Ed25519 signs is the hash.
        return self.private.sign(hashlib.sha256(signed).digest())


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one domain, by one key or by several; the domain is an A-label."""

    domain: str
    keys: tuple[Key, ...]

    def sign(self, message: Sequence[bytes], *, at: datetime) -> bytes:
        """Give the fields to put in front of a message, one for each key.

        The message may come in several pieces, its whole head in the first; what stands in a
        piece of its own is soon done when other messages have the same.
        `at` stands in t=. No x= ends a signature: relays may hold a message for days, and what
        was forwarded is judged later still. Raises NotAMessage.
        """
        head, body = canonical.parted(message[0])
        found = canonical.fields(head)
        names, order = _chosen(tuple([name for name, _ in found]))
        forms = forms_of(found, order)
        digest = hashlib.sha256(canonical.body([body, *message[1:]])).digest()
        said = f"t={int(at.timestamp())}; bh={base64.b64encode(digest).decode()};"
        made = [self._field(key, names, forms, said) for key in self.keys]
        return "".join(made).encode("ascii")

    def _field(self, key: Key, names: tuple[str, ...], forms: bytes, said: str) -> str:
        before, form = _constant(key.algorithm, self.domain, key.selector, names)
        signed = forms + form + f"{said} b=".encode("ascii")
        signature = base64.b64encode(key.sign(signed)).decode()
        return f"{before}{said}\r\n b={_SPLIT.join(_pieces(signature, LONGEST_LINE - 3))}\r\n"


def forms_of(found: Sequence[tuple[str, bytes]], order: Sequence[int]) -> bytes:
    """Give relaxed fields in some order, each with its line end."""
    return b"\r\n".join([*[found[at][1] for at in order], b""])


def picked(names: Sequence[str], there: Sequence[str]) -> tuple[int, ...]:
    """Give where the fields are that h= names: of several with one name the lowest first (5.4.2).

    A name that is not there any more stands for nothing.
    """
    left: dict[str, list[int]] = {}
    for at, name in enumerate(there):
        left.setdefault(name, []).append(at)
    return tuple(left[name].pop() for name in names if left.get(name))


@lru_cache(64)
def _chosen(there: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Give the names for h= of a message with these fields, and where those are."""
    names = tuple(name for name in SIGNED for _ in range(there.count(name) + (name in OVERSIGNED)))
    return names, picked(names, there)


@lru_cache(64)
def _constant(
    algorithm: str, domain: str, selector: str, names: tuple[str, ...]
) -> tuple[str, bytes]:
    """Give what is the same for all readers, folded and in relaxed form."""
    folded = (
        f"{FIELD}: v=1; a={algorithm}; c=relaxed/relaxed;\r\n"
        f" d={domain};\r\n s={selector};\r\n"
        f" h={_folded(names, LONGEST_LINE - 4)};\r\n "
    )
    return folded, canonical.relaxed(f"{folded}.".encode("ascii"))[1].removesuffix(b".")


def _folded(names: Sequence[str], width: int) -> str:
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) + 1 > width:
            lines.append(line)
            line = ""
        line += f"{name}:"
    return "\r\n  ".join([*lines, line]).removesuffix(":")


def _pieces(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]
