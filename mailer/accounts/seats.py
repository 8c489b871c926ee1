"""Who asks a room for something, and whether they may: pure, from the roles that were granted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailer.db.schema import Actor, Role
from mailer.history import By

ROLES = tuple(Role)
"""All roles, the least first: each may do what those before it may."""

EVERYWHERE = 0
"""The list's id in a grant that is good for every list."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An editor who is signed in. `roles` are by list; that of list 0 is good for every list.

    `guard` is what this browser's forms must bring along, so that no other site sends them.
    """

    editor_id: int
    name: str
    address: str
    language: str | None
    roles: Mapping[int, Role]
    sign_in_id: int = 0
    guard: str = field(default="", repr=False)

    @property
    def by(self) -> By:
        """Give whom history names for what is done from here."""
        return By(Actor.EDITOR, str(self.editor_id))

    @property
    def best(self) -> Role | None:
        """Give the highest role on any list."""
        return max(self.roles.values(), key=rank, default=None)

    def role_on(self, list_id: int | None) -> Role | None:
        """Give the role on a list; without a list, that on every list."""
        found = [self.roles.get(EVERYWHERE), self.roles.get(list_id or EVERYWHERE)]
        return max((role for role in found if role), key=rank, default=None)

    def may(self, role: Role, list_id: int | None = None) -> bool:
        """Tell whether the role on a list (without one: on every list) is at least this one."""
        own = self.role_on(list_id)
        return own is not None and rank(own) >= rank(role)

    def may_somewhere(self, role: Role) -> bool:
        """Tell whether there is a list on which the role is at least this one."""
        return self.best is not None and rank(self.best) >= rank(role)

    def lists_with(self, role: Role) -> frozenset[int] | None:
        """Give the ids of the lists on which the role is at least this one; None for every list."""
        if self.may(role):
            return None
        return frozenset(one for one, own in self.roles.items() if rank(own) >= rank(role))


def rank(role: Role) -> int:
    """Give how much a role may, as a number that grows."""
    return ROLES.index(role)
