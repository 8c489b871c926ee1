"""The digests of a list that went out, each as a page with nobody's links in it."""

from dataclasses import dataclass
from functools import partial

from selectolax.lexbor import LexborHTMLParser
from sqlmodel import Session
from starlette.responses import HTMLResponse, Response

from mailer import lists
from mailer.db.schema import Digest
from mailer.delivery import frozen
from mailer.digests import archive as archived
from mailer.digests import life
from mailer.errors import NotFound
from mailer.rendering import Edition, public_page
from mailer.web import foreign, hosted, lasting, listing
from mailer.web.desk import OPEN, Desk, Ways
from mailer.web.listing import Listing
from mailer.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Printed:
    """One digest as it went out, with its neighbours."""

    listing: Listing
    digest: Digest
    editions: dict[str, Edition]
    earlier: int | None
    later: int | None

    @property
    def edition(self) -> Edition:
        """Give the edition in the language that serves the page's reader best."""
        spoken, own = self.listing.language.code, self.listing.card.list.language
        wanted = lists.nearest(spoken, list(self.editions), own)
        return self.editions.get(wanted) or next(iter(self.editions.values()))


def show(desk: Desk, visit: Visit) -> Response:
    """Show one digest, in one of the languages it went out in."""
    with desk.app.database.reading() as session:
        printed = _printed(session, desk, visit)
        edition = printed.edition
        assert printed.digest.id is not None
        items = archived.edition_items(session, printed.digest.id, edition.language)
    found = printed.listing
    language = desk.app.languages.of(edition.language)
    page = public_page(
        edition,
        language,
        page_url=desk.app.links.digest(found.slug, printed.digest.number),
        list_url=desk.app.links.list_page(found.slug),
    )
    others = [code for code in printed.editions if code != edition.language]
    bar = desk.page(
        visit,
        "bar.html",
        found.language,
        listing=found,
        printed=printed,
        others=[desk.app.languages.of(code) for code in others],
    )
    shown = hosted.by_path(page, desk.paths.base)
    shown = foreign.without_pictures(shown, desk.app.links.base)
    ways = Ways(desk, desk.lasting(visit, found.language))
    shown = lasting.with_links(shown, items, partial(ways.item, found.slug), found.language)
    html = _with_bar(shown, bytes(bar.body).decode())
    return HTMLResponse(html, headers=OPEN | {"Content-Security-Policy": foreign.POLICY})


def _printed(session: Session, desk: Desk, visit: Visit) -> Printed:
    found = listing.by_slug(session, desk, visit)
    number = archived.number(visit.parts["number"])
    sent = life.sent_of(session, found.card.id)
    at = next((at for at, one in enumerate(sent) if one.number == number), None)
    if at is None:
        raise NotFound("digest", visit.parts["number"])
    digest_id = sent[at].id
    assert digest_id is not None
    return Printed(
        found,
        sent[at],
        frozen(session, digest_id),
        earlier=sent[at + 1].number if at + 1 < len(sent) else None,
        later=sent[at - 1].number if at else None,
    )


def _with_bar(page: str, bar: str) -> str:
    """Give the page with our bar above it, and the bar's style in its head."""
    tree, added = LexborHTMLParser(page), LexborHTMLParser(bar)
    if tree.head is not None and added.head is not None:
        for node in added.head.iter():
            tree.head.insert_child(node)
    if tree.body is not None and added.body is not None and tree.body.child is not None:
        for node in added.body.iter():
            tree.body.child.insert_before(node)
    return tree.html or ""
