"""An item's lasting page: what it said when it went out last, and where it appeared."""

from dataclasses import dataclass
from datetime import date, datetime

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import lists
from mailer.db.schema import Digest, DigestText
from mailer.digests import archive, items, life, moments
from mailer.digests.archive import SentItem
from mailer.digests.documents import StoredDocument
from mailer.digests.pictures import StoredPicture
from mailer.errors import NotFound
from mailer.language import Language
from mailer.rendering.markdown import to_html
from mailer.web import foreign, listing
from mailer.web.desk import OPEN, Desk
from mailer.web.listing import Listing
from mailer.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Appearance:
    """A number that an item appeared in; `of` is the list, where it is another one."""

    slug: str
    number: int
    dated_on: date
    subject: str
    spoken: Language
    of: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A document that goes with an item; `size` in bytes is nothing for one of another site's."""

    title: str
    address: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as its page shows it; `body` is HTML that was made safe."""

    sent: SentItem
    spoken: Language
    starts: date | datetime | None
    ends: date | datetime | None
    body: Markup
    picture: StoredPicture | None
    documents: tuple[Download, ...]

    @property
    def zone(self) -> str:
        """Give the zone of its place."""
        return self.sent.version.timezone or "UTC"

    @property
    def last_day(self) -> date | None:
        """Give the day on which it ends, by the calendar of its place."""
        last = self.ends or self.starts
        return (
            last.astimezone(moments.zone(self.zone)).date() if isinstance(last, datetime) else last
        )


def show(desk: Desk, visit: Visit) -> Response:
    """Show an item that went out."""
    item_id = archive.number(visit.parts["item"])
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
        if item_id is None:
            raise NotFound("item", visit.parts["item"])
        sent = archive.sent_item(session, found.card.id, item_id)
        appearances = _appearances(session, desk, sent, found)
    links = desk.app.links
    shown = _shown(desk, sent)
    is_ahead = shown.last_day is not None and shown.last_day >= desk.now().date()
    others = {code: one for code, one in sent.translations.items() if one != item_id}
    return desk.page(
        visit,
        "item.html",
        found.language,
        headers=OPEN | {"Content-Security-Policy": foreign.POLICY},
        offered=found.card.list.languages,
        listing=found,
        shown=shown,
        calendar=links.event(found.card.id, item_id) if is_ahead else "",
        appearances=appearances,
        others=[(desk.app.languages.of(code), one) for code, one in others.items()],
        alternates={code: links.item(found.slug, one) for code, one in sent.translations.items()}
        if others
        else {},
        canonical=links.item(found.slug, item_id),
    )


def _shown(desk: Desk, sent: SentItem) -> Shown:
    version = sent.version
    starts, ends = items.span(version)
    body = foreign.without_pictures_in(to_html(version.body, heading=2), desk.app.links.base)
    return Shown(
        sent=sent,
        spoken=desk.app.languages.of(sent.item.language),
        starts=starts,
        ends=ends,
        body=Markup(body),  # noqa: S704  (sanitised where it was made)
        picture=StoredPicture.load(version.picture) if version.picture else None,
        documents=tuple(_download(desk, StoredDocument.load(one)) for one in version.documents),
    )


def _download(desk: Desk, one: StoredDocument) -> Download:
    address = one.link or desk.paths.medium(one.hash, one.extension, one.name)
    return Download(one.title, address, one.kind, one.size)


def _appearances(session: Session, desk: Desk, sent: SentItem, found: Listing) -> list[Appearance]:
    texts = life.texts_of(session, [one.id for one in sent.digests if one.id is not None])
    ids = {one.list_id for one in sent.digests} | {found.card.id}
    cards = {one: lists.card(session, one, found.language.code) for one in sorted(ids)}
    return [
        _appearance(desk, one, texts[one.id or 0], cards[one.list_id], found)
        for one in sent.digests
    ]


def _appearance(
    desk: Desk,
    one: Digest,
    texts: dict[str, DigestText],
    card: lists.Card,
    found: Listing,
) -> Appearance:
    code = lists.nearest(found.language.code, list(texts), card.list.language)
    return Appearance(
        slug=card.list.slug,
        number=one.number,
        dated_on=one.dated_on,
        subject=texts[code].subject,
        spoken=desk.app.languages.of(code),
        of="" if card.id == found.card.id else card.words.name,
    )
