"""A list as its public pages show it: with its words, in a language, and what is agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from mailer import lists
from mailer.db.schema import MailingList, Visibility
from mailer.digests.cadence import Cadence, Every
from mailer.errors import NotFound
from mailer.language import Language
from mailer.lists import Card
from mailer.web import wording
from mailer.web.desk import Desk
from mailer.web.visit import Visit
from mailer.web.wording import Wording

MOST_LISTS = 200
"""Lists that are remembered between two visits."""

MOST_WISHES = 200
"""Wishes for a language that are remembered of each; browsers have more ways to say theirs."""


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
    [found] = of_all(session, desk, [visit])
    if isinstance(found, NotFound):
        raise found
    return found


def of_all(session: Session, desk: Desk, visits: Sequence[Visit]) -> list[Listing | NotFound]:
    """Give the list that each path names, the same one to all who want it in one language."""
    slugs = {visit.parts["slug"] for visit in visits}
    known = {slug: _known(session, desk, slug) for slug in slugs}
    return [_wanted(session, desk, visit, known[visit.parts["slug"]]) for visit in visits]


@dataclass(frozen=True, slots=True)
class Known:
    """A list as it was kept when it was last looked at, and what pages had made of it."""

    kept: Sequence[object]
    by_wish: dict[object, Listing | NotFound] = field(default_factory=dict)
    by_language: dict[str, Listing] = field(default_factory=dict)


def _known(session: Session, desk: Desk, slug: str) -> Known:
    """Give what is known of a list; nothing, when it is not just as it was."""
    kept = lists.as_kept(session, slug) if lists.SLUG.fullmatch(slug) else ()
    known = desk.listings.get(slug)
    if known is None or not kept or known.kept != kept or len(known.by_wish) >= MOST_WISHES:
        known = Known(kept)
    if kept:
        if len(desk.listings) >= MOST_LISTS:
            desk.listings.clear()
        desk.listings[slug] = known
    return known


def _wanted(session: Session, desk: Desk, visit: Visit, known: Known) -> Listing | NotFound:
    wish = visit.asked_language, visit.accepted
    if wish not in known.by_wish:
        known.by_wish[wish] = _made(session, desk, visit, known)
    return known.by_wish[wish]


def _made(session: Session, desk: Desk, visit: Visit, known: Known) -> Listing | NotFound:
    found = _open_list(session, visit.parts["slug"])
    if isinstance(found, NotFound):
        return found
    language = desk.language(visit, offered=found.languages, otherwise=found.language)
    if language.code not in known.by_language:
        card = lists.card_of(session, found, language.code)
        known.by_language[language.code] = of(desk, card, language)
    return known.by_language[language.code]


def _open_list(session: Session, slug: str) -> MailingList | NotFound:
    """Give a list that has pages, or say that there is none."""
    if not lists.SLUG.fullmatch(slug):
        return NotFound("list", slug)
    try:
        found = lists.get(session, slug)
    except NotFound as missing:
        return missing
    return NotFound("list", slug) if found.visibility is Visibility.PRIVATE else found


def of(desk: Desk, card: Card, language: Language) -> Listing:
    """Give a list as a page in this language shows it."""
    organisation = desk.app.settings.organisation.name
    spoken = desk.app.languages.of(card.words.language)
    return Listing(card, language, spoken, wording.of(card, organisation, language))
