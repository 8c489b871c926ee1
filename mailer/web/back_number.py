"""A back number as readers see it: a PDF as it is, an HTML page made safe within one of ours."""

from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup
from starlette.responses import Response

from mailer import media
from mailer.db.schema import Medium
from mailer.digests import archive, back_numbers, papers
from mailer.digests.back_numbers import Shelved
from mailer.errors import NotFound
from mailer.language import Language
from mailer.rendering.html import sanitise_page
from mailer.web import disposition, foreign, hosted, listing
from mailer.web.desk import OPEN, Desk
from mailer.web.listing import Listing
from mailer.web.visit import Visit

MOST_KEPT = 8
"""Pages that were made safe and are kept in memory; some megabytes each at most."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A back number as its page shows it; `page` is HTML that was made safe."""

    back: Shelved
    spoken: Language
    page: Markup


def show(desk: Desk, visit: Visit) -> Response:
    """Show a back number; NotFound for one of another list, or of a private one."""
    wanted = archive.number(visit.parts["id"])
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
        back = back_numbers.some(session, [wanted or 0]).get(wanted or 0)
        if back is None or back.list_id != found.card.id:
            raise NotFound("back number", visit.parts["id"])
        medium = media.get(session, back.hash)
    if medium.media_type == papers.PDF:
        return _pdf(back, medium)
    return _page(desk, visit, found, back, medium)


def _pdf(back: Shelved, medium: Medium) -> Response:
    headers = {
        **OPEN,
        **disposition.inline(back.file_name),
        "Content-Security-Policy": hosted.POLICY,
        "ETag": f'"{medium.hash}"',
    }
    return Response(medium.content, media_type=papers.PDF, headers=headers)


def _page(desk: Desk, visit: Visit, found: Listing, back: Shelved, medium: Medium) -> Response:
    links = desk.app.links
    page = foreign.without_pictures_in(_safe(medium.content), links.base)
    shown = Shown(back, desk.app.languages.of(back.language), Markup(page))  # noqa: S704  (safe)
    return desk.page(
        visit,
        "back_number.html",
        found.language,
        headers=OPEN | {"Content-Security-Policy": foreign.POLICY},
        offered=found.card.list.languages,
        listing=found,
        shown=shown,
        canonical=links.back_number(found.slug, back.id),
    )


@lru_cache(maxsize=MOST_KEPT)
def _safe(content: bytes) -> str:
    return sanitise_page(content.decode())
