"""The public addresses: short, lasting, and the same below any path of a site.

Written into mails and pages, and read back by the pages. What a link may do is in its
token's purpose; the ids in it are signed, so nobody can walk through them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from mailer.tokens import KeyRing, Purpose

CONFIRM, LEAVE, REFUSE, UNDO = "c", "u", "n", "back"
PREFERENCES, ACCESS, MOVE, UNDO_MOVE = "p", "me", "move", "stay"
"""First parts of the paths that carry a token."""

EVENT = "e"
"""First part of the path of a meeting's dates, for calendars; a token follows, and `.ics`."""

MEDIUM = "m"
"""First part of the path of a hosted picture or document."""


ROOMS = "rooms"
"""First part of the path of everything that editors do."""

PASSWORD, APPROVAL, SET_UP = "password", "approval", "set-up"
"""Parts of paths below that, before a token."""

LastingLinks = Mapping[str, Callable[[bytes], str]]
"""By name what makes a link of a subscriber's and a list's id, as `tokens.packed` writes them."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes addresses; `base` ends with a slash and may hold a path."""

    base: str
    keys: KeyRing

    def home(self) -> str:
        """Give the page that names all public lists."""
        return self.base

    def privacy(self) -> str:
        """Give the page that says how data is handled."""
        return f"{self.base}privacy"

    def administrators(self) -> str:
        """Give the page for whoever keeps a reader's mail system."""
        return f"{self.base}administrators"

    def list_page(self, slug: str) -> str:
        """Give a list's own page, with its box."""
        return f"{self.base}l/{quote(slug)}"

    def archive(self, slug: str) -> str:
        """Give the page of a list's sent digests."""
        return f"{self.list_page(slug)}/archive"

    def digest(self, slug: str, number: int) -> str:
        """Give a sent digest as a page."""
        return f"{self.list_page(slug)}/{number}"

    def item(self, slug: str, item_id: int) -> str:
        """Give an item's lasting page, among the pages of a list that it went out on."""
        return f"{self.list_page(slug)}/item/{item_id}"

    def back_number(self, slug: str, back_number_id: int) -> str:
        """Give a number from before our time."""
        return f"{self.list_page(slug)}/back/{back_number_id}"

    def feed(self, slug: str) -> str:
        """Give the Atom feed of a list's sent digests."""
        return f"{self.list_page(slug)}/feed"

    def all_feed(self) -> str:
        """Give the Atom feed of all public lists."""
        return f"{self.base}feed"

    def box(self, slug: str) -> str:
        """Give the page with the box to paste into another site."""
        return f"{self.list_page(slug)}/box"

    def medium(self, known: str, extension: str, name: str = "") -> str:
        """Give a hosted picture or document; `name` is what a browser is to save it as."""
        address = f"{self.base}{MEDIUM}/{known}"
        return f"{address}/{quote(name)}.{extension}" if name else f"{address}.{extension}"

    def you(self, slug: str) -> str:
        """Give the page of a list on which one asks for the link to one's own data."""
        return f"{self.list_page(slug)}/you"

    def event(self, list_id: int, item_id: int) -> str:
        """Give the dates of an item as a file for calendars, told by a list that had the item."""
        return f"{self.base}{EVENT}/{self.keys.sign(Purpose.EVENT, list_id, item_id)}.ics"

    def confirm(
        self,
        subscriber_id: int,
        list_id: int,
        ask: int,
        *,
        expires_at: datetime,
        key_id: int | None = None,
    ) -> str:
        """Give the link of a confirmation letter."""
        token = self.keys.sign(
            Purpose.CONFIRM, subscriber_id, list_id, ask, expires_at=expires_at, key_id=key_id
        )
        return f"{self.base}{CONFIRM}/{token}"

    def leave(self, subscriber_id: int, list_id: int, *, key_id: int | None = None) -> str:
        """Give the link to leave a list; it works for ever, after re-subscribing too."""
        token = self.keys.sign(Purpose.LEAVE, subscriber_id, list_id, key_id=key_id)
        return f"{self.base}{LEAVE}/{token}"

    def lasting(self, *, key_id: int | None = None) -> "LastingLinks":
        """Give what makes the links that work for ever, for mail in numbers."""
        return {
            "leave_url": self._many(LEAVE, Purpose.LEAVE, key_id),
            "refuse_url": self._many(REFUSE, Purpose.REFUSE, key_id),
            "preferences_url": self._many(PREFERENCES, Purpose.PREFERENCES, key_id),
        }

    def _many(self, path: str, purpose: Purpose, key_id: int | None) -> Callable[[bytes], str]:
        before, token = f"{self.base}{path}/", self.keys.series(purpose, 2, key_id=key_id).token
        return lambda ids: before + token(ids)

    def trial(self, number: int, *, expires_at: datetime) -> str:
        """Give a link to leave that nobody has: `mailer check` tries it from outside."""
        token = self.keys.sign(Purpose.TRIAL, number, 0, expires_at=expires_at)
        return f"{self.base}{LEAVE}/{token}"

    def refuse(self, subscriber_id: int, list_id: int, *, key_id: int | None = None) -> str:
        """Give the link *not me, never write again*."""
        token = self.keys.sign(Purpose.REFUSE, subscriber_id, list_id, key_id=key_id)
        return f"{self.base}{REFUSE}/{token}"

    def preferences(self, subscriber_id: int, list_id: int, *, key_id: int | None = None) -> str:
        """Give the link in every digest to a reader's preferences; it works for ever."""
        token = self.keys.sign(Purpose.PREFERENCES, subscriber_id, list_id, key_id=key_id)
        return f"{self.base}{PREFERENCES}/{token}"

    def access(
        self,
        subscriber_id: int,
        list_id: int,
        changes: int,
        *,
        expires_at: datetime,
        key_id: int | None = None,
    ) -> str:
        """Give the fresh link to a person's own data: good until they have another address."""
        ids = (subscriber_id, list_id, changes)
        token = self.keys.sign(Purpose.ACCESS, *ids, expires_at=expires_at, key_id=key_id)
        return f"{self.base}{ACCESS}/{token}"

    def move(
        self, change_id: int, list_id: int, *, expires_at: datetime, key_id: int | None = None
    ) -> str:
        """Give the link by which a new address says that it is the reader's."""
        token = self.keys.sign(
            Purpose.MOVE, change_id, list_id, expires_at=expires_at, key_id=key_id
        )
        return f"{self.base}{MOVE}/{token}"

    def undo_move(
        self, change_id: int, list_id: int, *, expires_at: datetime, key_id: int | None = None
    ) -> str:
        """Give the link by which the old address takes a change of address back."""
        token = self.keys.sign(
            Purpose.UNDO_MOVE, change_id, list_id, expires_at=expires_at, key_id=key_id
        )
        return f"{self.base}{UNDO_MOVE}/{token}"

    def room(self, *parts: object) -> str:
        """Give a page of the editors' rooms."""
        return "/".join([f"{self.base}{ROOMS}", *(quote(str(part), safe="") for part in parts)])

    def set_password(
        self, editor_id: int, number: int, *, expires_at: datetime, key_id: int | None = None
    ) -> str:
        """Give the link by which an editor sets a password: the one after `number`, once."""
        ids = (editor_id, number)
        token = self.keys.sign(Purpose.PASSWORD, *ids, expires_at=expires_at, key_id=key_id)
        return self.room(PASSWORD, token)

    def set_up(self, *, expires_at: datetime) -> str:
        """Give the link that makes the first editor, who owns the installation."""
        return self.room(SET_UP, self.keys.sign(Purpose.PASSWORD, 0, 0, expires_at=expires_at))

    def approval(self, approval_id: int, *, expires_at: datetime, key_id: int | None = None) -> str:
        """Give the link by which whoever was asked reads a digest and answers."""
        token = self.keys.sign(Purpose.APPROVAL, approval_id, expires_at=expires_at, key_id=key_id)
        return self.room(APPROVAL, token)

    def undo(
        self, subscriber_id: int, list_id: int, left_event: int, *, expires_at: datetime
    ) -> str:
        """Give the link that takes a leaving back."""
        token = self.keys.sign(
            Purpose.UNDO, subscriber_id, list_id, left_event, expires_at=expires_at
        )
        return f"{self.base}{UNDO}/{token}"
