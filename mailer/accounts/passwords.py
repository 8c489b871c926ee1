"""Passwords: what one must be, and argon2's hash of it, which is all that is kept.

A hash takes some 64 MB and a fifth of a second on purpose: make and check them outside of
transactions, and no more of them than `attempts` allows.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from mailer.errors import UsageError
from mailer.language import translatable

if TYPE_CHECKING:  # a worker, which tidies up after sign-ins, has no use for it
    from pwdlib import PasswordHash

SHORTEST = 10
LONGEST = 200
"""Characters; a longer one only costs time."""

FEWEST_DIFFERENT = 5


TOO_SHORT = translatable("A password has 10 characters at least, and 200 at most.")
TOO_PLAIN = translatable("A password has five different characters at least.")
TOO_NEAR = translatable("A password has more in it than the address.")


def hashed(password: str, *, address: str) -> str:
    """Give argon2's text for a new password; UsageError for one that others would guess."""
    if weak := weakness(password, address=address):
        raise UsageError(weak)
    return _hasher().hash(password)


def weakness(password: str, *, address: str) -> str:
    """Say why others would guess a password, if they would (NIST SP 800-63B, 3.1.1.2)."""
    if not SHORTEST <= len(password) <= LONGEST:
        return TOO_SHORT
    if len(set(password)) < FEWEST_DIFFERENT:
        return TOO_PLAIN
    rest = password.casefold()
    for part in re.split(r"[@.]", address.casefold()):
        rest = rest.replace(part, "")
    return TOO_NEAR if len(rest) < SHORTEST / 2 else ""


def is_right(password: str, kept: str) -> bool:
    """Tell whether a password is the one that is kept; without one, as slowly, that it is not."""
    from pwdlib.exceptions import UnknownHashError  # noqa: PLC0415  (as above)

    try:
        return _hasher().verify(password[:LONGEST], kept or _nobodys()) and bool(kept)
    except UnknownHashError:
        return False


@cache
def _hasher() -> "PasswordHash":
    from pwdlib import PasswordHash  # noqa: PLC0415  (as above)
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415

    return PasswordHash((Argon2Hasher(),))


@cache
def _nobodys() -> str:
    """Give a hash to compare with where there is none: an answer must not tell by its time."""
    return _hasher().hash("nobody has this one")
