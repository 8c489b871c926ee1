"""Every error of ours, in one tree.

    MailerError                  what a person can act on; the text says what, where and what to do
    ├── UsageError               what was asked cannot be read: a wrong option, date or address
    │   ├── AddressInvalid       not an e-mail address we can mail
    │   ├── MomentInvalid        a local date or time that does not exist or cannot be read
    │   ├── HeaderInvalid        a value that must not stand in a mail header
    │   └── FileInvalid          a file given to us is wrong, at this line
    │       └── TemplateInvalid  a template is wrong, at this line
    ├── NotFound                 there is no such list, digest, subscriber, route …
    ├── Refused                  understood, but not allowed in this state
    │   ├── NotAllowed           whoever asks may not do that
    │   ├── Overtaken            somebody else has saved in between
    │   └── TooLarge             over a limit that has a name
    ├── ConfigError              one or more settings are wrong; every one is named with its path
    ├── DatabaseError            the database cannot be used as it is
    │   ├── SchemaNewer          it was written by a newer version of this program
    │   └── DatabaseUnreachable  it does not answer, or is not a database
    ├── TokenError               a link that we did not make, or not for this purpose
    │   └── TokenExpired         one that we made, too long ago
    └── NotHeld                  a worker lost its claim on a delivery before the dot

No HTTP codes and no exit codes in here: each edge has one table from error to answer.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path


class MailerError(Exception):
    """Something went wrong that a person can act on."""


class UsageError(MailerError):
    """What was asked cannot be read."""


class AddressInvalid(UsageError):
    """Not an e-mail address that can be mailed; `address` is what was typed."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"“{address}” is not an e-mail address we can mail: {why}")
        self.address = address
        self.why = why


class MomentInvalid(UsageError):
    """A date, time or zone that does not exist or cannot be read."""


class HeaderInvalid(UsageError):
    """A value that must not stand in a mail header."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name
        self.why = why


class FileInvalid(UsageError):
    """A file that was given to us is wrong; the text begins with file and line."""

    def __init__(self, path: Path | str, line: int | None, why: str) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {why}")
        self.path = path
        self.line = line
        self.why = why


class TemplateInvalid(FileInvalid):
    """A template is wrong; the text begins with file and line."""


class NotFound(MailerError):
    """There is no such thing; `kind` and `name` say which."""

    def __init__(self, kind: str, name: object, hint: str = "") -> None:
        super().__init__(f"there is no {kind} “{name}”" + (f"; {hint}" if hint else ""))
        self.kind = kind
        self.name = name


class Refused(MailerError):
    """Understood, but not allowed as things stand."""


class NotAllowed(Refused):
    """Whoever asks may not do that; somebody else may."""


class Overtaken(Refused):
    """Somebody else has saved in between; `number` is the version that they made."""

    def __init__(self, number: int) -> None:
        super().__init__("somebody else has saved in between")
        self.number = number


class TooLarge(Refused):
    """Over a limit that has a name."""


class ConfigError(MailerError):
    """One or more settings are wrong; `problems` names each with its path."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DatabaseError(MailerError):
    """The database cannot be used as it is."""


class SchemaNewer(DatabaseError):
    """The database was written by a newer version of this program."""


class DatabaseUnreachable(DatabaseError):
    """The database does not answer, or is not a database."""


class TokenError(MailerError):
    """A link that we did not make, or not for this purpose."""

    def __init__(self, why: str = "this link is not one of ours, or not whole") -> None:
        super().__init__(why)


class TokenExpired(TokenError):
    """A link that was good until `expired_at`; `ids` are what it was about."""

    def __init__(self, expired_at: datetime, ids: tuple[int, ...]) -> None:
        super().__init__(f"this link was good until {expired_at:%Y-%m-%d %H:%M} UTC")
        self.expired_at = expired_at
        self.ids = ids


class NotHeld(MailerError):
    """A worker lost its claim on a delivery before the dot; nothing of the message was sent."""
