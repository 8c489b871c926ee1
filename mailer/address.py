"""An e-mail address: checked, brought into normal form, and masked for people and logs.

Mailed as typed, compared by its normal form. The domain becomes an A-label (IDNA 2008,
RFC 5891); the local part keeps its case when mailed and loses it when compared.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from mailer.errors import AddressInvalid

LONGEST = 254
"""Octets of a whole address (RFC 5321, 4.5.3.1.3 less the angle brackets)."""

LONGEST_LOCAL = 64
"""Octets before the @-sign (RFC 5321, 4.5.3.1.1)."""

_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+")
_PLAIN_DOMAIN = re.compile(r"(?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)+[A-Za-z]{2,63}")
"""What nearly every address looks like, and no library needs to be asked about."""

_LONGEST_PLAIN = 63
"""Octets of a plain address's domain: so long no label of it can be too long (RFC 1035, 2.3.4)."""

_DOMAINS = 4096
"""How many domains are remembered: a file has some of them many times."""

_RESERVED = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_OFFICES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)
"""Mailboxes such as “info”, which the library spells in small letters (RFC 2142)."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `mailbox` is what goes on the wire, `key` what is compared."""

    mailbox: str
    key: str

    @property
    def domain(self) -> str:
        """Give the domain as an A-label, in lower case."""
        return self.key.rpartition("@")[2]

    @property
    def needs_smtputf8(self) -> bool:
        """Tell whether the local part goes beyond ASCII (RFC 6531)."""
        return not self.mailbox.isascii()


def parse(typed: str) -> Address:
    """Check what a person typed and give the address; nothing is asked of the network.

    Raises AddressInvalid with a reason in plain words.
    """
    text = typed.strip()
    return _plain(text) or _checked(unicodedata.normalize("NFC", text))


def mask(address: str) -> str:
    """Show an address so that its owner knows it and nobody else learns it.

    >>> mask("kim@example.org")
    'k…@example.org'
    """
    local, at, domain = address.rpartition("@")
    if not at:
        return "…"
    return f"{local[:1]}…@{domain}"


def _plain(text: str) -> Address | None:
    """Give a plain address at once, just as the library would; None for all that is not plain.

    Asking the library takes fifty times as long, which a file of a million people would feel.
    """
    local, _, typed_domain = text.partition("@")
    domain = _plain_domain(typed_domain)
    if domain is None or _PLAIN_LOCAL.fullmatch(local) is None:
        return None
    if len(local) > LONGEST_LOCAL or local.lower() in _OFFICES:
        return None
    mailbox = f"{local}@{domain}"
    return Address(mailbox=mailbox, key=mailbox.lower())


@lru_cache(_DOMAINS)
def _plain_domain(text: str) -> str | None:
    """Give a plain domain in lower case; None for all that is not plain."""
    if len(text) > _LONGEST_PLAIN or _PLAIN_DOMAIN.fullmatch(text) is None:
        return None
    domain = text.lower()
    return None if domain.endswith(_RESERVED) else domain


def _checked(text: str) -> Address:
    """Give an address as the library sees it; AddressInvalid for what is none."""
    if len(text) > LONGEST:
        raise AddressInvalid(f"{text[:40]}…", f"it is longer than {LONGEST} characters")
    seen = "".join("\ufffd" if _is_unseen(char) else char for char in text)
    if seen != text:
        raise AddressInvalid(seen, "it holds characters that cannot be seen")
    try:
        found = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise AddressInvalid(text, _reason(error)) from None
    mailbox = f"{found.local_part}@{found.ascii_domain}"
    if len(found.local_part.encode()) > LONGEST_LOCAL or len(mailbox.encode()) > LONGEST:
        raise AddressInvalid(
            text,
            f"no mailbox may have more than {LONGEST_LOCAL} octets before the @-sign, "
            f"or {LONGEST} as a whole",
        )
    return Address(mailbox=mailbox, key=mailbox.lower())


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}


def _reason(error: EmailNotValidError) -> str:
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:]
