"""A receiver's view of one signature of ours: does it hold with the key that DNS has?  Pure.

For `mailer check` alone; tests ask judges that are not ours.
"""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailer.dkim import canonical
from mailer.dkim.signing import forms_of, picked

_SIGNATURE = re.compile(rb"(;\s*b=)[^;]*")
"""What a signature is not over: itself (RFC 6376, 3.7)."""


def holds(field: bytes, message: bytes, public: str) -> bool:
    """Tell whether a DKIM-Signature field holds for the message below it; `public` is p=."""
    form = canonical.relaxed(field.removesuffix(b"\r\n"))[1]
    tags = _tags(form)
    head, body = canonical.parted(message)
    if _decoded(tags["bh"]) != hashlib.sha256(canonical.body([body])).digest():
        return False
    found = canonical.fields(head)
    order = picked(tags["h"].split(":"), [name for name, _ in found])
    signed = forms_of(found, order) + _SIGNATURE.sub(rb"\1", form)
    try:
        _verify(tags["a"], _decoded(public), _decoded(tags["b"]), signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _verify(algorithm: str, public: bytes, signature: bytes, signed: bytes) -> None:
    if algorithm == "ed25519-sha256":
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signature, hashlib.sha256(signed).digest())
        return
    found = load_der_public_key(public)
    if not isinstance(found, RSAPublicKey):
        raise InvalidSignature
    found.verify(signature, signed, PKCS1v15(), SHA256())


def _tags(form: bytes) -> dict[str, str]:
    value = form.partition(b":")[2].decode("ascii")
    parts = (part.partition("=") for part in re.sub(r"\s", "", value).split(";"))
    return {name: text for name, _, text in parts}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
