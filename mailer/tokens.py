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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum

from mailer.errors import TokenError, TokenExpired

VERSION = 1
MAC_BYTES = 16
SHORT_MAC_BYTES = 10
LONGEST_TOKEN = 128
KEY_BYTES = 32

_BLOCK = 64  # bytes that SHA-256 takes at a time
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_BASE32 = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256)
"""The characters of RFC 4648, 6, in lower case."""

_GROUP = 20
"""Octets that become 32 characters of base32 at a time; few short tokens have more."""

_APART = [
    (
        sum(2**half - 1 << at + half for at in range(0, 256, half * 16 // 5)),
        2 ** (half * 3 // 5) - 1,
    )
    for half in (80, 40, 20, 10, 5)
]
"""How five bits in a row become five bits in an octet. Of 160 bits the upper 80 move up until
each half has 128; then the upper 40 of each until a half has 64; and so on, down to five in eight.
With each step stand the bits that move, and by what they are multiplied and added to do so."""


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
    PASSWORD = 13  # editor (0: whoever sets the installation up), passwords so far; expires
    APPROVAL = 14  # approval; expires
    TRIAL = 15  # a number of the moment, whether it is the answer: mailer check asks its own pages


@dataclass(frozen=True, slots=True)
class Key:
    """One secret; `id` is short, public and made from the secret."""

    secret: bytes = field(repr=False)
    id: int = field(init=False)
    _inner: "hashlib._Hash" = field(init=False, repr=False, compare=False)
    _outer: "hashlib._Hash" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        identity = hashlib.sha256(b"communique key id\0" + self.secret).digest()[0]
        object.__setattr__(self, "id", identity)
        object.__setattr__(self, "_inner", _keyed(self.secret, 0x36, b"communique token\0"))
        object.__setattr__(self, "_outer", _keyed(self.secret, 0x5C))

    def mac(self, body: bytes, size: int) -> bytes:
        """Give the first bytes of HMAC-SHA256 over a token's body.

        A message has several tokens, so both hashes of RFC 2104 are begun once, as its chapter 4
        advises; a copied `hmac.HMAC` begins the second anew and takes twice the time.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()[:size]


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
        numbers = ids if expires_at is None else (*ids, int(expires_at.timestamp()))
        series = Series(self._key(key_id), purpose, len(ids), expires=expires_at is not None)
        return series.token(packed(*numbers))

    def verify(self, token: str, purpose: Purpose, *, now: datetime) -> tuple[int, ...]:
        """Give the ids in the token.

        Raises TokenError for one that is not ours, TokenExpired for one that is too old.
        """
        ids, expires_at = self.read(token, purpose)
        if expires_at is not None and now >= expires_at:
            raise TokenExpired(expires_at, ids)
        return ids

    def read(self, token: str, purpose: Purpose) -> tuple[tuple[int, ...], datetime | None]:
        """Give the ids in a token of ours and the moment it ends, past or not.

        Raises TokenError if it is not ours.
        """
        return self._read(_decoded(token, _unb64), purpose, MAC_BYTES)

    def sign_short(self, purpose: Purpose, *ids: int, key_id: int | None = None) -> str:
        """Give a token that survives case folding: for return paths and Message-IDs."""
        return self.series(purpose, len(ids), key_id=key_id).short_token(packed(*ids))

    def series(self, purpose: Purpose, count: int, *, key_id: int | None = None) -> "Series":
        """Give what makes many tokens of one purpose, each with `count` ids that do not expire."""
        return Series(self._key(key_id), purpose, count)

    def verify_short(self, token: str, purpose: Purpose) -> tuple[int, ...]:
        """Give the ids in a case-folded token; TokenError when it is not ours."""
        return self._read(_decoded(token, _unb32), purpose, SHORT_MAC_BYTES)[0]

    def _key(self, key_id: int | None) -> Key:
        for key in self.keys:
            if key.id == key_id:
                return key
        return self.keys[0]

    def _read(
        self, raw: bytes, purpose: Purpose, mac_bytes: int
    ) -> tuple[tuple[int, ...], datetime | None]:
        body, mac = raw[:-mac_bytes], raw[-mac_bytes:]
        if len(body) < 3:
            raise TokenError
        # One comparison whichever key it names, so that the time tells nothing.
        key = self._key(body[1])
        if not hmac.compare_digest(mac, key.mac(body, mac_bytes)):
            raise TokenError
        if body[0] >> 4 != VERSION or body[0] & 0x0F != purpose:
            raise TokenError
        return _ids_and_expiry(body[2:])


class Series:
    """Tokens by one key for one purpose, for mail in numbers: they differ in their ids alone.

    Each is the same that the ring gives for its ids, which are given here as `packed` writes them.
    """

    __slots__ = ("_beginning", "_key")

    def __init__(self, key: Key, purpose: Purpose, count: int, *, expires: bool = False) -> None:
        self._key = key
        self._beginning = bytes((VERSION << 4 | purpose, key.id, count << 1 | expires))

    def token(self, ids: bytes) -> str:
        """Give a token for a link."""
        body = self._beginning + ids
        return _b64(body + self._key.mac(body, MAC_BYTES))

    def short_token(self, ids: bytes) -> str:
        """Give a token that survives case folding."""
        body = self._beginning + ids
        return _b32(body + self._key.mac(body, SHORT_MAC_BYTES))


def packed(*numbers: int) -> bytes:
    """Give numbers as they stand in a token: seven bits an octet, the low ones first.

    Raises ValueError for a negative one.
    """
    octets = []
    for number in numbers:
        rest = number
        while rest > 0x7F:
            octets.append(rest & 0x7F | 0x80)
            rest >>= 7
        octets.append(rest)
    try:
        return bytes(octets)
    except ValueError:
        raise ValueError("ids are not negative") from None


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


def _keyed(secret: bytes, pad: int, text: bytes = b"") -> "hashlib._Hash":
    """Give one hash of HMAC (RFC 2104, 2), with the key and the beginning of a text in it."""
    key = secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
    return hashlib.sha256(bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0")) + text)


def _ids_and_expiry(rest: bytes) -> tuple[tuple[int, ...], datetime | None]:
    count, expires = rest[0] >> 1, rest[0] & 1
    numbers, at = [], 1
    for _ in range(count + expires):
        number, at = _read_varint(rest, at)
        numbers.append(number)
    expires_at = datetime.fromtimestamp(numbers.pop(), UTC) if expires else None
    return tuple(numbers), expires_at


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
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode()


def _unb64(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # The last character may carry spare bits: accept the one spelling that we make.
    if _b64(raw) != text:
        raise ValueError("not a canonical spelling")
    return raw


def _b32(raw: bytes) -> str:
    # The standard library's takes longer than the HMAC, and every message has two of these.
    size = len(raw)
    if size > _GROUP:
        return _b32(raw[:_GROUP]) + _b32(raw[_GROUP:])
    bits = int.from_bytes(raw, "big") << (_GROUP - size) * 8
    for upper, times in _APART:
        bits += (bits & upper) * times  # the upper halves move up, and the lower ones stay
    return bits.to_bytes(32, "big").translate(_BASE32)[: -(-size * 8 // 5)].decode()


def _unb32(text: str) -> bytes:
    raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    if _b32(raw) != text.lower():
        raise ValueError("not a canonical spelling")
    return raw
