"""The digests of a list that went out, each as a page with nobody's links in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from selectolax.lexbor import LexborHTMLParser
from sqlmodel import Session
from starlette.responses import HTMLResponse, Response

from mailer import lists
from mailer.db.schema import Digest
from mailer.delivery import frozen
from mailer.digests import life
from mailer.errors import NotFound
from mailer.language import Language
from mailer.rendering import Edition, public_page
from mailer.web import guard, listing
from mailer.web.desk import OPEN, Desk
from mailer.web.listing import Listing
from mailer.web.visit import Visit

ON_ONE_PAGE = 50
LONGEST_NUMBER = 9
"""Digits of a digest's number in an address."""

POLICY = guard.policy(style_src="'self' 'unsafe-inline'", img_src="'self' data:")
"""A digest brings its styles along, as mails do; pictures from elsewhere are not loaded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the archive."""

    number: int
    dated_on: date
    subject: str
    spoken: Language


@dataclass(frozen=True, slots=True)
class Printed:
    """One digest as it went out, with its neighbours."""

    listing: Listing
    digest: Digest
    editions: dict[str, Edition]
    earlier: int | None
    later: int | None


def index(desk: Desk, visit: Visit) -> Response:
    """Show what went out, newest first."""
    before = _number(visit.query.get("before", ""))
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
        sent = life.sent_of(session, found.card.id)
        shown = [one for one in sent if before is None or one.number < before][:ON_ONE_PAGE]
        entries = _entries(session, desk, shown, found)
    return desk.page(
        visit,
        "archive.html",
        found.language,
        headers=OPEN,
        offered=found.card.list.languages,
        listing=found,
        entries=entries,
        before=_further(sent, shown),
        canonical=desk.app.links.archive(found.slug),
    )


def show(desk: Desk, visit: Visit) -> Response:
    """Show one digest, in one of the languages it went out in."""
    with desk.app.database.reading() as session:
        printed = _printed(session, desk, visit)
    found = printed.listing
    wanted = lists.nearest(found.language.code, list(printed.editions), found.card.list.language)
    edition = printed.editions.get(wanted) or next(iter(printed.editions.values()))
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
    html = _with_bar(_without_foreign_pictures(page), bytes(bar.body).decode())
    return HTMLResponse(html, headers=OPEN | {"Content-Security-Policy": POLICY})


def _printed(session: Session, desk: Desk, visit: Visit) -> Printed:
    found = listing.by_slug(session, desk, visit)
    number = _number(visit.parts["number"])
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


def _entries(session: Session, desk: Desk, shown: Sequence[Digest], found: Listing) -> list[Entry]:
    subjects = life.subjects(session, [one.id for one in shown if one.id is not None])
    entries = []
    for one in shown:
        said = subjects[one.id or 0]
        code = lists.nearest(found.language.code, list(said), found.card.list.language)
        entries.append(Entry(one.number, one.dated_on, said[code], desk.app.languages.of(code)))
    return entries


def _further(sent: Sequence[Digest], shown: Sequence[Digest]) -> int | None:
    """Give the number before which more went out than is shown."""
    if shown and shown[-1].number > sent[-1].number:
        return shown[-1].number
    return None


def _number(text: str) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if plain else None


def _without_foreign_pictures(page: str) -> str:
    """Give the page with a link in the place of each picture that another site would serve."""
    tree = LexborHTMLParser(page)
    for picture in tree.css("img[src]"):
        source = picture.attributes.get("src") or ""
        if not source.startswith(("https://", "http://", "//")):
            continue
        words = picture.attributes.get("alt") or source
        if picture.parent is not None and picture.parent.tag == "a":
            picture.replace_with(words)
            continue
        link = tree.create_node("a")
        link.attrs["href"] = source
        link.attrs["style"] = "color: inherit"
        link.insert_child(words)
        picture.replace_with(link)
    return tree.html or ""


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
