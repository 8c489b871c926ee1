"""Whom a link from a mail speaks for: one address on one list, named so that others learn nothing.

A digest gets forwarded, its links with it. A page therefore names the masked address and the
list, and says what will happen to whom before a button is pressed.
"""

from dataclasses import dataclass

from sqlmodel import Session

from mailer import lists, subscribers
from mailer.address import mask
from mailer.language import Language
from mailer.subscribers import Standing
from mailer.web import listing
from mailer.web.desk import Desk
from mailer.web.listing import Listing
from mailer.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Bearer:
    """One reader on one list, and the language in which to speak to them."""

    standing: Standing
    listing: Listing

    @property
    def masked(self) -> str:
        """Give the address as its owner knows it and nobody else learns it."""
        return mask(self.standing.address)

    @property
    def language(self) -> Language:
        """Give the language of the page."""
        return self.listing.language

    @property
    def ids(self) -> tuple[int, int]:
        """Give subscriber and list."""
        return self.standing.subscriber_id, self.standing.list_id


def of(desk: Desk, visit: Visit, subscriber_id: int, list_id: int) -> Bearer:
    """Give whom a link is about; NotFound for one who never was on the list, or is erased."""
    return desk.app.database.read(_read, desk, visit, subscriber_id, list_id)


def _read(session: Session, desk: Desk, visit: Visit, subscriber_id: int, list_id: int) -> Bearer:
    standing = subscribers.standing_of(session, subscriber_id, list_id)
    language = desk.language(visit, standing.language, otherwise=standing.language or "en")
    card = lists.card(session, list_id, language.code)
    return Bearer(standing, listing.of(desk, card, language))
