"""Atom feeds (RFC 4287): of a list's digests, and of those of all public lists.

A feed is in one language, the list's own unless `?lang=` asks for another: feed readers share
what they fetch. Ids are tags (RFC 4151) over the List-Id, which a list has from birth: a new
slug or another address of the site makes no reader show everything again.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import lists
from mailer.db.schema import Digest, DigestText, MailingList, Visibility
from mailer.digests import archive, life
from mailer.digests.archive import Piece, Search
from mailer.language import Language
from mailer.lists import Card
from mailer.rendering.markdown import to_html
from mailer.web import foreign, listing
from mailer.web.desk import FOLDER, Desk
from mailer.web.visit import Visit

NEWEST = 30
"""Entries of a feed; a reader that looks once a month misses none of a daily list."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When nothing has happened yet."""

MEDIA_TYPE = "application/atom+xml"

# XML 1.0 has no way to write these (2.2), not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One digest in a feed; `introduction` is HTML that was made safe."""

    id: str
    title: str
    language: str
    published: datetime
    address: str
    list_name: str
    author: str
    introduction: Markup
    items: tuple[tuple[str, str], ...]
    """Titles and addresses."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What stands above the entries."""

    id: str
    title: str
    subtitle: str
    updated: datetime
    author: str
    self_address: str
    page_address: str
    entries: tuple[Entry, ...]


def of_list(desk: Desk, visit: Visit) -> Response:
    """Give the feed of a list; NotFound for a private one."""
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
        language = _language(desk, visit, found.card.list)
        card = lists.card(session, found.card.id, language.code)
        entries = _entries(session, desk, [card], language)
    links, tag = desk.app.links, _tag(card.list)
    feed = Feed(
        id=f"{tag}feed/{language.code}",
        title=card.words.name,
        subtitle=card.words.description,
        updated=entries[0].published if entries else card.list.created_at,
        author=desk.app.settings.organisation.name or card.sender.name,
        self_address=f"{links.feed(found.slug)}?lang={language.code}",
        page_address=f"{links.archive(found.slug)}?lang={language.code}",
        entries=entries,
    )
    return _answer(desk, feed, language)


def of_all(desk: Desk, visit: Visit) -> Response:
    """Give the feed of all public lists, each in its own language where it has no other."""
    language = desk.language(visit) if visit.asked_language else desk.app.languages["en"]
    with desk.app.database.reading() as session:
        cards = lists.cards(session, language.code, visibility=Visibility.PUBLIC)
        entries = _entries(session, desk, cards, language)
    links, first = desk.app.links, min(cards, key=lambda one: one.id, default=None)
    feed = Feed(
        # Of the oldest list's authority, as long as there is one.
        id=f"{_tag(first.list)}feeds/{language.code}" if first else links.all_feed(),
        title=desk.app.settings.organisation.name or language.gettext("Newsletters"),
        subtitle=language.gettext("Our lists"),
        updated=max(
            (*(one.published for one in entries), *(one.list.created_at for one in cards)),
            default=EPOCH,
        ),
        author=desk.app.settings.organisation.name or language.gettext("Newsletters"),
        self_address=f"{links.all_feed()}?lang={language.code}",
        page_address=f"{links.home()}?lang={language.code}",
        entries=entries,
    )
    return _answer(desk, feed, language)


def _language(desk: Desk, visit: Visit, found: MailingList) -> Language:
    """Give the list's language that was asked for, whatever a browser prefers."""
    wanted = lists.nearest(visit.asked_language, found.languages, found.language)
    return desk.app.languages.of(wanted)


def _entries(
    session: Session, desk: Desk, cards: Sequence[Card], language: Language
) -> tuple[Entry, ...]:
    by_id = {card.id: card for card in cards}
    digests = archive.newest(session, list(by_id), limit=NEWEST)
    ids = [one.id for one in digests if one.id is not None]
    texts = life.texts_of(session, ids)
    pieces = archive.pieces(session, ids, Search(), [language.code])
    return tuple(
        _entry(desk, one, by_id[one.list_id], texts[one.id or 0], pieces[one.id or 0], language)
        for one in digests
    )


def _entry(
    desk: Desk,
    one: Digest,
    card: Card,
    texts: dict[str, DigestText],
    pieces: Sequence[Piece],
    language: Language,
) -> Entry:
    links, slug = desk.app.links, card.list.slug
    said = texts[lists.nearest(language.code, list(texts), card.list.language)]
    introduction = to_html(said.introduction, heading=3)
    return Entry(
        id=f"{_tag(card.list)}digest/{one.number}/{said.language}",
        title=said.subject,
        language=said.language,
        published=one.queued_at or one.created_at,
        address=f"{links.digest(slug, one.number)}?lang={said.language}",
        list_name=card.words.name,
        author=card.sender.name,
        introduction=Markup(foreign.without_pictures_in(introduction, links.base)),  # noqa: S704
        items=tuple((piece.title, links.item(slug, piece.item_id)) for piece in pieces),
    )


def _tag(found: MailingList) -> str:
    """Give the beginning of every id of a list: who was called so on which day."""
    return f"tag:{found.identifier},{found.created_at:%Y-%m-%d}:"


def _answer(desk: Desk, feed: Feed, language: Language) -> Response:
    xml = desk.templates.render(f"{FOLDER}/feed.xml", language, {"feed": feed})
    content = _NOT_IN_XML.sub("", xml).encode()
    headers = {
        "Cache-Control": "no-cache",
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(feed.updated, usegmt=True),
    }
    return Response(content, media_type=MEDIA_TYPE, headers=headers)
