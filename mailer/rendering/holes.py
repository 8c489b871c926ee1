"""The places in an edition where a recipient's own values go.

While a template is rendered, `recipient.leave_url` is a Hole: it prints a marker and can do
nothing else. Asking it a question (`{% if recipient.name %}`) is an error, for the answer
would be the same for everybody. A marker carries part of the hash of all that went into the
edition, so no item or subject can hold one: it would have to know the hash of itself.
"""

import re
from collections.abc import Mapping
from typing import Final, NoReturn

from markupsafe import Markup

from mailer.rendering.content import Kind

NONCE_LENGTH = 24
"""Hexadecimal digits of the hash in a marker: 96 bits."""

_DIGEST: Final = frozenset({"name", "greeting", "address", "leave_url", "preferences_url"})

NAMES: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.DIGEST: _DIGEST,
    Kind.TEST: _DIGEST,
    # Whoever fills the box in may write anything as a name, and to any address: a confirmation
    # that repeated it would be their letter, sent by us.
    Kind.CONFIRMATION: frozenset({"address", "confirm_url", "refuse_url"}),
    Kind.WELCOME: _DIGEST,
    Kind.ALREADY: frozenset({"address", "leave_url"}),
    Kind.LEAVE: frozenset({"address", "leave_url"}),
    Kind.NOTICE: frozenset({"address"}),
    Kind.REMINDER: frozenset({"address", "confirm_url", "refuse_url"}),
    Kind.ACCESS: frozenset({"address", "access_url"}),
    # Of the other mailbox a letter shows no more than its owner knows anyway.
    Kind.MOVE: frozenset({"address", "other_address", "move_url"}),
    Kind.MOVED: frozenset({"address", "other_address", "undo_url"}),
    Kind.HANDOVER: _DIGEST,
    Kind.PASSWORD: frozenset({"address", "room_url"}),
    Kind.APPROVAL: frozenset({"address", "room_url"}),
}
"""Which values of a recipient a template of each kind may show."""

NEEDED: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.DIGEST: frozenset({"leave_url"}),
    Kind.TEST: frozenset({"leave_url"}),
    Kind.CONFIRMATION: frozenset({"confirm_url", "refuse_url"}),
    Kind.WELCOME: frozenset({"leave_url"}),
    Kind.ALREADY: frozenset({"leave_url"}),
    Kind.LEAVE: frozenset({"leave_url"}),
    Kind.NOTICE: frozenset(),
    Kind.REMINDER: frozenset({"confirm_url", "refuse_url"}),
    Kind.ACCESS: frozenset({"access_url"}),
    Kind.MOVE: frozenset({"move_url"}),
    Kind.MOVED: frozenset({"undo_url"}),
    Kind.HANDOVER: frozenset({"leave_url"}),
    Kind.PASSWORD: frozenset({"room_url"}),
    Kind.APPROVAL: frozenset({"room_url"}),
}
"""Which of them it must show, or the message fails its purpose."""

WIDTHS: Final[Mapping[str, int]] = {
    "name": 16,
    "greeting": 24,
    "address": 24,
    "other_address": 20,
}
URL_WIDTH = 100
"""Columns a value is taken to need, where lines are wrapped or sizes counted beforehand."""


class HoleMisused(Exception):  # it never leaves the package: it becomes a TemplateInvalid
    """A template asked a value that is only known when the message is sent."""


class Hole:
    """One value of the recipient, not known yet. It can be printed, and nothing else."""

    __slots__ = ("marker", "name")

    def __init__(self, name: str, marker: str) -> None:
        self.name = name
        self.marker = marker

    def __html__(self) -> str:
        return self.marker

    def __str__(self) -> str:
        return self._refuse("changed by a filter or joined to a text")

    def __bool__(self) -> bool:
        return self._refuse("asked in a condition")

    def __eq__(self, other: object) -> bool:
        return self._refuse("compared")

    def __hash__(self) -> int:
        return self._refuse("looked up")

    def _refuse(self, how: str) -> NoReturn:
        raise HoleMisused(
            f"recipient.{self.name} is only known when the message is sent to somebody: "
            f"it can be printed, but not {how}"
        )


class Recipient:
    """What templates see as `recipient`: the holes of one kind of message."""

    def __init__(self, kind: Kind, nonce: str) -> None:
        self._kind = kind
        self._nonce = nonce

    def __getattr__(self, name: str) -> Hole:
        if name.startswith("_"):
            raise AttributeError(name)
        known = NAMES[self._kind]
        if name not in known:
            raise HoleMisused(
                f"a {self._kind} message has no recipient.{name}; it has {', '.join(sorted(known))}"
            )
        return Hole(name, marker(name, self._nonce))


def marker(name: str, nonce: str) -> str:
    """Give what stands for a value in the edition: letters, digits and hyphens only."""
    return f"hole-{nonce}-{name}-hole"


def printed(value: object) -> object:
    """Give what a template prints for a value: a marker for a hole, all else as it is."""
    return Markup(value.marker) if isinstance(value, Hole) else value  # noqa: S704 - our own


def split(text: str, nonce: str) -> tuple[str, ...]:
    """Cut a text at its markers: constant, name of a hole, constant, name, …, constant."""
    return tuple(re.split(f"hole-{nonce}-([a-z_]+)-hole", text))


def nominal(text: str, nonce: str) -> str:
    """Give the text with each marker as long as its value probably is."""
    pieces = list(split(text, nonce))
    for at in range(1, len(pieces), 2):
        pieces[at] = "x" * WIDTHS.get(pieces[at], URL_WIDTH)
    return "".join(pieces)
