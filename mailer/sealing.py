"""Secrets that lie in the database: sealed by the keys of the ring, which do not.

Who finds a dump of the database has what is sealed in it, and not what opens it. A sealed secret
names its key, so that a fresh key in the ring leaves it as it is. AES-256-GCM; `about` says what
is sealed, and nothing opens that is put in another's place.
"""

import hmac
import secrets
from typing import TYPE_CHECKING

from mailer.errors import ConfigError
from mailer.tokens import Key, KeyRing

if TYPE_CHECKING:  # it is large, and who seals nothing goes without it
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(ring: KeyRing, secret: bytes, about: str) -> tuple[bytes, int]:
    """Seal a secret by the key that signs now; give it, and the key's id."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(ring.keys[0]).encrypt(nonce, secret, about.encode()), ring.signing_id


def unseal(ring: KeyRing, sealed: bytes, about: str, *, key_id: int) -> bytes:
    """Open a secret. Raises ConfigError when its key is not in the ring any more."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  (as above)

    for key in ring.keys:
        if key.id == key_id:
            try:
                return _cipher(key).decrypt(
                    sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode()
                )
            except (InvalidTag, ValueError):
                break
    raise ConfigError([f"tokens.keys: the key {key_id:02x} that opens the {about} is not there"])


def _cipher(key: Key) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  (as above)

    return AESGCM(hmac.digest(key.secret, b"communique seal\0", "sha256"))
