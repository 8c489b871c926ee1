"""Keys: made, packed, and published as the TXT record that receivers look up."""

import base64
import re
from collections.abc import Collection
from datetime import datetime
from string import ascii_lowercase

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from mailer import address
from mailer.db.schema import DkimAlgorithm
from mailer.dkim.signing import PrivateKey
from mailer.errors import AddressInvalid, Refused, UsageError

RSA_BITS = 2048
"""RFC 8301, 3.2, asks for these; a longer key's record does not fit into many a DNS panel."""

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
LONGEST_SELECTOR = 63


def make(algorithm: DkimAlgorithm) -> PrivateKey:
    """Make a fresh key."""
    if algorithm is DkimAlgorithm.ED25519:
        return Ed25519PrivateKey.generate()
    return generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def packed(private: PrivateKey) -> bytes:
    """Give a private key as bytes to be sealed (PKCS #8)."""
    return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def unpacked(raw: bytes) -> PrivateKey:
    """Give a private key back that was packed by us."""
    # Nobody could change it unseen, and the examination takes longer than a hundred signatures.
    private = load_der_private_key(raw, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey | Ed25519PrivateKey)
    return private


def public(private: PrivateKey) -> str:
    """Give the public half as it stands in p= of a record."""
    if isinstance(private, RSAPrivateKey):
        raw = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        raw = private.public_key().public_bytes_raw()  # RFC 8463, 4.2
    return base64.b64encode(raw).decode()


def record(algorithm: DkimAlgorithm, public_: str) -> str:
    """Give the text of the TXT record."""
    return f"v=DKIM1; k={algorithm.value}; p={public_}"


def place(domain: str, selector: str) -> str:
    """Give the name at which the record stands."""
    return f"{selector}._domainkey.{domain}"


def domain(typed: str) -> str:
    """Give a domain as an A-label in small letters; UsageError when it is none."""
    try:
        return address.parse(f"key@{typed.strip().rstrip('.')}").domain
    except AddressInvalid as error:
        raise UsageError(f"“{typed[:80]}” is not a domain: {error.why}") from None


def selector(typed: str) -> str:
    """Give a selector in small letters; UsageError when it cannot stand in a name."""
    found = typed.strip().lower()
    if len(found) > LONGEST_SELECTOR or not _SELECTOR.fullmatch(found):
        raise UsageError(f"“{typed[:80]}” cannot be a selector: letters, digits, “-” and “.”")
    return found


def next_selector(taken: Collection[str], *, now: datetime) -> str:
    """Give a selector that tells the key's age: 202611a, then 202611b."""
    names = (f"{now:%Y%m}{letter}" for letter in ascii_lowercase)
    free = next((name for name in names if name not in taken), None)
    if free is None:
        raise Refused("so many keys in one month: name this one yourself (--selector)")
    return free
