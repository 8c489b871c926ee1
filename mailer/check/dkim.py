"""DKIM key records (RFC 6376, 3.6.1): what is published, and whether it is good enough."""

import base64
import binascii
import re
from dataclasses import dataclass

LEAST_BITS = 1024
GOOD_BITS = 2048
"""RFC 8301, 3.2: below the first, receivers refuse; the second is what signers should use."""

ED25519_BYTES = 32
RSA = bytes.fromhex("06092a864886f70d010101")
"""The name of RSA in a key (RFC 3279, 2.3.1)."""


class KeyInvalid(Exception):
    """The record holds no key that receivers can use."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A published key. `bits` is 0 for a revoked one, 256 for Ed25519; `public` is what p= says."""

    kind: str
    bits: int
    testing: bool = False
    revoked: bool = False
    sha256: bool = True
    for_mail: bool = True
    public: str = ""


def read(text: str) -> KeyRecord:
    """Read a record; KeyInvalid when there is no key in it."""
    tags = _tags(text)
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise KeyInvalid("v= is there, and does not say DKIM1 in the first place")
    if "p" not in tags:
        raise KeyInvalid("it holds no key (p=)")
    kind = tags.get("k", "rsa").lower()
    key = re.sub(r"\s+", "", tags["p"])
    hashes = tags.get("h", "sha256").lower().replace(" ", "").split(":")
    services = tags.get("s", "*").lower().replace(" ", "").split(":")
    return KeyRecord(
        kind=kind,
        bits=_bits(kind, key) if key else 0,
        testing="y" in tags.get("t", "").lower().replace(" ", "").split(":"),
        revoked=not key,
        sha256="sha256" in hashes,
        for_mail=bool({"*", "email"} & set(services)),
        public=key,
    )


def _tags(text: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, mark, value = part.partition("=")
        if not part.strip():
            continue
        if not mark:
            raise KeyInvalid(f"“{part.strip()[:40]}” is not written as tag=value")
        if name.strip() in tags:
            raise KeyInvalid(f"“{name.strip()[:40]}=” stands there twice")
        tags[name.strip()] = value.strip()
    return tags


def _bits(kind: str, key: str) -> int:
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise KeyInvalid("its key (p=) is not base64: was it cut off?") from None
    if kind == "ed25519":
        if len(raw) != ED25519_BYTES:
            raise KeyInvalid(f"its Ed25519 key has {len(raw)} bytes, not {ED25519_BYTES}")
        return 8 * ED25519_BYTES
    if kind != "rsa":
        raise KeyInvalid(f"receivers do not know keys of the kind “{kind[:20]}”")
    try:
        return _modulus(raw).bit_length()
    except (IndexError, ValueError):
        raise KeyInvalid("its key (p=) is not an RSA key: was it cut off?") from None


def _modulus(raw: bytes) -> int:
    """Give the modulus of an RSA key: SubjectPublicKeyInfo, or a bare RSAPublicKey (RFC 8017)."""
    inside = _content(raw, 0x30)[0]
    if inside[:1] == b"\x30":
        algorithm, rest = _content(inside, 0x30)
        if not algorithm.startswith(RSA):
            raise ValueError("another algorithm")
        inside = _content(_content(rest, 0x03)[0][1:], 0x30)[0]
    return int.from_bytes(_content(inside, 0x02)[0], "big")


def _content(raw: bytes, tag: int) -> tuple[bytes, bytes]:
    """Take one DER value off the front: what is in it, and what follows."""
    if raw[0] != tag:
        raise ValueError("not the expected kind of value")
    length, at = raw[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(raw[2:at], "big")
    if len(raw) < at + length:
        raise ValueError("cut off")
    return raw[at : at + length], raw[at + length :]
