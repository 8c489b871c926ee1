"""Signed links: made from row ids, checked in constant time, never stored.

A token is `version/purpose · key id · ids · [expiry] · MAC`, in URL-safe base64 without
padding (about 34 characters) or, for return paths, in lower-case base32, because some mail
servers fold the case of a local part. The MAC is HMAC-SHA256 cut to 128 bits (80 bits in a
return path, where room is short and a forger must send mail for every guess).
The same arguments and key always give the same token, so that a letter can be composed
again byte for byte. Old keys go on verifying; the first key of the ring signs.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from mailer.errors import TokenError, TokenExpired

VERSION = 1
MAC_BYTES = 16
SHORT_MAC_BYTES = 10
LONGEST_TOKEN = 128
KEY_BYTES = 32


class Purpose(IntEnum):
    """What a token is good for; a token for one purpose is nothing for another."""

    CONFIRM = 1  # subscriber, list, ask number; expires
    LEAVE = 2  # subscriber, list; for ever
    REFUSE = 3  # subscriber, list: never write again; for ever
    UNDO = 4  # subscriber, list, event of the leaving; expires
    FORM = 5  # list; made when the form was shown, expires
    BOUNCE = 6  # delivery, in the return path
    MESSAGE = 7  # delivery, in the Message-ID
    PREFERENCES = 8  # subscriber, list; for ever
    ACCESS = 9  # subscriber, list, changes of address so far; the fresh link: expires
    MOVE = 10  # change of address, list; expires
    UNDO_MOVE = 11  # change of address, list; expires
    EVENT = 12  # list, item: its dates for a calendar; for ever
    TRIAL = 15  # a number of the moment, whether it is the answer: mailer check asks its own pages


@dataclass(frozen=True, slots=True)
class Key:
    """One secret; `id` is short, public and made from the secret."""

    secret: bytes

    @property
    def id(self) -> int:
        """Give the byte by which a token names its key."""
        return hashlib.sha256(b"communique key id\0" + self.secret).digest()[0]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of an installation: the first signs, all verify."""

    keys: tuple[Key, ...]

    @classmethod
    def of(cls, secrets_: Sequence[str]) -> "KeyRing":
        """Build a ring from the base64 texts in the settings; ValueError when one is weak."""
        keys = tuple(Key(_secret(text)) for text in secrets_)
        if not keys:
            raise ValueError("at least one key is needed")
        if any(len(key.secret) < KEY_BYTES for key in keys):
            raise ValueError(f"a key is shorter than {KEY_BYTES} bytes")
        if len({key.id for key in keys}) < len(keys):
            raise ValueError("two keys have the same id; make the newest one again")
        return cls(keys)

    @property
    def signing_id(self) -> int:
        """Give the id of the key that signs now."""
        return self.keys[0].id

    def sign(
        self,
        purpose: Purpose,
        *ids: int,
        expires_at: datetime | None = None,
        key_id: int | None = None,
    ) -> str:
        """Give the token; `key_id` pins an older key, so that a retry has the same bytes."""
        body = _body(self._key(key_id), purpose, ids, expires_at)
        return _b64(body + _mac(self._key(key_id), body, MAC_BYTES))

    def verify(self, token: str, purpose: Purpose, *, now: datetime) -> tuple[int, ...]:
        """Give the ids in the token.

        Raises TokenError for one that is not ours, TokenExpired for one that is too old.
        """
        ids, expires_at = self._read(_decoded(token, _unb64), purpose, MAC_BYTES)
        if expires_at is not None and now >= expires_at:
            raise TokenExpired(expires_at, ids)
        return ids

    def expiry(self, token: str, purpose: Purpose) -> datetime | None:
        """Give the moment a token of ours ends, past or not; TokenError if it is not ours."""
        return self._read(_decoded(token, _unb64), purpose, MAC_BYTES)[1]

    def sign_short(self, purpose: Purpose, *ids: int, key_id: int | None = None) -> str:
        """Give a token that survives case folding: for return paths and Message-IDs."""
        body = _body(self._key(key_id), purpose, ids, None)
        return _b32(body + _mac(self._key(key_id), body, SHORT_MAC_BYTES))

    def verify_short(self, token: str, purpose: Purpose) -> tuple[int, ...]:
        """Give the ids in a case-folded token; TokenError when it is not ours."""
        return self._read(_decoded(token, _unb32), purpose, SHORT_MAC_BYTES)[0]

    def _key(self, key_id: int | None) -> Key:
        wanted = (key for key in self.keys if key.id == key_id)
        return next(wanted, self.keys[0])

    def _read(
        self, raw: bytes, purpose: Purpose, mac_bytes: int
    ) -> tuple[tuple[int, ...], datetime | None]:
        body, mac = raw[:-mac_bytes], raw[-mac_bytes:]
        if len(body) < 3:
            raise TokenError
        # One comparison whichever key it names, so that the time tells nothing.
        key = next((key for key in self.keys if key.id == body[1]), self.keys[0])
        if not hmac.compare_digest(mac, _mac(key, body, mac_bytes)):
            raise TokenError
        if body[0] >> 4 != VERSION or body[0] & 0x0F != purpose:
            raise TokenError
        return _ids_and_expiry(body[2:])


def new_key() -> str:
    """Make a fresh secret for the settings, as base64."""
    return _b64(secrets.token_bytes(KEY_BYTES))


def id_of(key: str) -> int:
    """Give the short public id of a key as it stands in the settings."""
    return Key(_secret(key)).id


def _secret(text: str) -> bytes:
    """Read a key as `new_key` writes it, or as other tools write base64."""
    plain = text.strip().rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError("a key is not base64; “mailer init” makes good ones") from None


def _body(key: Key, purpose: Purpose, ids: Sequence[int], expires_at: datetime | None) -> bytes:
    head = bytes([VERSION << 4 | purpose, key.id, len(ids) << 1 | (expires_at is not None)])
    tail = [_varint(number) for number in ids]
    if expires_at is not None:
        tail.append(_varint(int(expires_at.timestamp())))
    return head + b"".join(tail)


def _ids_and_expiry(rest: bytes) -> tuple[tuple[int, ...], datetime | None]:
    count, expires = rest[0] >> 1, rest[0] & 1
    numbers, at = [], 1
    for _ in range(count + expires):
        number, at = _read_varint(rest, at)
        numbers.append(number)
    expires_at = datetime.fromtimestamp(numbers.pop(), UTC) if expires else None
    return tuple(numbers), expires_at


def _mac(key: Key, body: bytes, size: int) -> bytes:
    return hmac.digest(key.secret, b"communique token\0" + body, "sha256")[:size]


def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("ids are not negative")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(raw):
        number |= (raw[at] & 0x7F) << shift
        if raw[at] < 0x80:
            return number, at + 1
        at, shift = at + 1, shift + 7
    raise TokenError


def _decoded(token: str, decode: Callable[[str], bytes]) -> bytes:
    if not token or len(token) > LONGEST_TOKEN or not token.isascii():
        raise TokenError
    try:
        return decode(token)
    except (binascii.Error, ValueError):
        raise TokenError from None


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # The last character may carry spare bits: accept the one spelling that we make.
    if _b64(raw) != text:
        raise ValueError("not a canonical spelling")
    return raw


def _b32(raw: bytes) -> str:
    return base64.b32encode(raw).rstrip(b"=").decode().lower()


def _unb32(text: str) -> bytes:
    raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    if _b32(raw) != text.lower():
        raise ValueError("not a canonical spelling")
    return raw
