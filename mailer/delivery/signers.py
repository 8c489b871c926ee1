"""The signers of a process: one for each domain that has a key, opened once.

`renew` is cheap where nothing changed, so that a switch of keys reaches every worker with its
next turn. What is found here signs in any thread.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlmodel import Session

from mailer.db import Spelled
from mailer.db.schema import DkimKey
from mailer.errors import ConfigError
from mailer.tokens import KeyRing

if TYPE_CHECKING:  # what signs is large, and who has no key goes without it
    from mailer.dkim import Key, Signer

_IN_USE = Spelled(
    "SELECT id FROM dkim_keys WHERE signs_from IS NOT NULL AND signs_until IS NULL ORDER BY id"
)


class Signers:
    """Which domains we sign for, and by what."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._in_use: tuple[int | None, ...] = ()
        self._opened: dict[int, Key | ConfigError] = {}
        self._found: dict[str, Signer | ConfigError] = {}

    def renew(self, session: Session) -> None:
        """Learn which keys sign now."""
        in_use = tuple(_IN_USE.execute(session).scalars())
        if in_use != self._in_use:
            self._open_all(session)
            self._in_use = in_use

    def _open_all(self, session: Session) -> None:
        from mailer import dkim  # noqa: PLC0415  (as above)

        opened: dict[int, Key | ConfigError] = {}
        domains: dict[str, list[Key | ConfigError]] = defaultdict(list)
        for row in dkim.in_use(session):
            assert row.id is not None
            opened[row.id] = self._opened.get(row.id) or self._open(row)
            domains[row.domain].append(opened[row.id])
        self._opened = opened
        self._found = {domain: _signer(domain, keys) for domain, keys in domains.items()}

    def of(self, domain: str) -> "Signer | None":
        """Give the signer of a domain, None for one that we do not sign for.

        Raises ConfigError when its key cannot be opened: such mail is not to go unsigned.
        """
        found = self._found.get(domain)
        if isinstance(found, ConfigError):
            raise ConfigError(found.problems)  # raised again and again, it would grow
        return found

    def _open(self, row: DkimKey) -> "Key | ConfigError":
        from mailer import dkim  # noqa: PLC0415  (as above)

        try:
            return dkim.opened(self._ring, row)
        except ConfigError as error:
            return error


def _signer(domain: str, keys: "list[Key | ConfigError]") -> "Signer | ConfigError":
    from mailer import dkim  # noqa: PLC0415  (as above)

    ready = []
    for key in keys:
        if isinstance(key, ConfigError):
            return key
        ready.append(key)
    return dkim.Signer(domain, tuple(ready))
