"""A list as its public pages show it: with its words, in a language, and what is agreed to."""

from dataclasses import dataclass

from sqlmodel import Session

from mailer import lists
from mailer.db.schema import Visibility
from mailer.digests.cadence import Cadence, Every
from mailer.errors import NotFound
from mailer.language import Language
from mailer.lists import Card
from mailer.web import wording
from mailer.web.desk import Desk
from mailer.web.visit import Visit
from mailer.web.wording import Wording


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, the language of the page, and the language its own words are in."""

    card: Card
    language: Language
    spoken: Language
    wording: Wording

    @property
    def slug(self) -> str:
        """Give the slug of today."""
        return self.card.list.slug

    @property
    def how_often(self) -> str:
        """Say when something comes, in the language of the page; nothing without a cadence."""
        stored, gettext = self.card.list.cadence, self.language.gettext
        if not stored or self.has_ended:
            return ""
        rhythm = Cadence.load(stored)
        if rhythm.every is Every.MONTH:
            return gettext("Comes once a month, when there is news.")
        day = self.language.format_weekday(rhythm.day)
        if rhythm.every is Every.FORTNIGHT:
            return gettext("Comes every second %(day)s, when there is news.", day=day)
        return gettext("Comes every %(day)s, when there is news.", day=day)

    @property
    def has_ended(self) -> bool:
        """Tell whether nobody can join any more."""
        return self.card.list.retired_at is not None


def by_slug(session: Session, desk: Desk, visit: Visit) -> Listing:
    """Give the list that the path names, by today's slug or an older one.

    Raises NotFound, for a private list too: it has no pages.
    """
    slug = visit.parts["slug"]
    if not lists.SLUG.fullmatch(slug):
        raise NotFound("list", slug)
    found = lists.get(session, slug)
    assert found.id is not None
    if found.visibility is Visibility.PRIVATE:
        raise NotFound("list", slug)
    language = desk.language(visit, offered=found.languages, otherwise=found.language)
    return of(desk, lists.card(session, found.id, language.code), language)


def of(desk: Desk, card: Card, language: Language) -> Listing:
    """Give a list as a page in this language shows it."""
    organisation = desk.app.settings.organisation.name
    spoken = desk.app.languages.of(card.words.language)
    return Listing(card, language, spoken, wording.of(card, organisation, language))
