"""What every page is made with: the installation, its templates, its addresses, its style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import anyio
from starlette.responses import HTMLResponse

from mailer import media
from mailer.app import App
from mailer.language import Language
from mailer.links import Links
from mailer.rendering import Templates
from mailer.web import assets, stream, tongues
from mailer.web.visit import Visit
from mailer.web.watching import Watching

if TYPE_CHECKING:
    from mailer.web.listing import Known

FOLDER = "web/public"
"""Where the pages are, below the folder of all templates."""

OPEN = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
"""For pages that anybody may see and find."""

CLOSED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""For pages about one reader: kept by nobody, and their address told to nobody."""


@dataclass
class Desk:
    """One for all requests."""

    app: App

    def __post_init__(self) -> None:
        folders = [folder / "web" / "static" for folder in self.app.template_folders]
        self.assets = assets.load(folders)
        self.listings: dict[str, Known] = {}
        self.counts: dict[int, tuple[datetime, int]] = {}
        self.limiter = anyio.CapacityLimiter(self.app.settings.web.threads)
        self.watching = Watching(self.app)
        self.streams = stream.Room()

    @property
    def templates(self) -> Templates:
        """Give the templates, the owner's before ours."""
        return self.app.press.templates

    @cached_property
    def base_path(self) -> str:
        """Give the path below which the pages stand, such as `/news`, or nothing."""
        return urlsplit(self.app.settings.web.base_url).path.rstrip("/")

    @cached_property
    def paths(self) -> Links:
        """Give the addresses without scheme and host: a page works by whatever name it is met."""
        return Links(f"{self.base_path}/", self.app.keys)

    def now(self) -> datetime:
        """Give the moment."""
        return self.app.clock.now()

    def language(
        self, visit: Visit, *first: str | None, offered: Sequence[str] = (), otherwise: str = "en"
    ) -> Language:
        """Choose a page's language: asked for, else `first`, else as the browser prefers."""
        spoken = [*offered, *self.app.languages]
        wanted = [visit.asked_language, *first, *visit.accepted]
        return tongues.chosen(self.app.languages, spoken, wanted, otherwise)

    def page(
        self,
        visit: Visit,
        name: str,
        language: Language,
        *,
        status: int = 200,
        headers: Mapping[str, str] = CLOSED,
        offered: Sequence[str] = (),
        **values: object,
    ) -> HTMLResponse:
        """Render a page of ours."""
        frame = {
            "house": self.app.settings.organisation,
            "ways": Ways(self, self.lasting(visit, language)),
            "tongues": self._tongues(visit, language, offered),
            "canonical": "",
            "accent": None,
        }
        html = self.templates.render(f"{FOLDER}/{name}", language, {**frame, **values})
        return HTMLResponse(html, status_code=status, headers=dict(headers))

    def lasting(self, visit: Visit, language: Language) -> str:
        """Give what addresses end with while a language was asked for."""
        return f"?lang={language.code}" if visit.asked_language else ""

    def _tongues(
        self, visit: Visit, language: Language, offered: Sequence[str]
    ) -> list[tuple[Language, bool]]:
        """Give the languages to switch to; none on a page that answers a form."""
        if not visit.shows:
            return []
        codes = dict.fromkeys([*offered, *self.app.languages])
        spoken = [self.app.languages.of(code) for code in codes]
        return [(one, one.code == language.code) for one in spoken]


@dataclass(frozen=True, slots=True)
class Ways:
    """The addresses that templates write; they keep the language that was asked for."""

    desk: Desk
    lasting: str

    def home(self) -> str:
        """Give the page of all public lists."""
        return self.desk.paths.home() + self.lasting

    def privacy(self) -> str:
        """Give the page that says how data is handled: the owner's own, or ours."""
        own = self.desk.app.settings.organisation.privacy_url
        return own or self.desk.paths.privacy() + self.lasting

    def administrators(self) -> str:
        """Give the page for whoever keeps a reader's mail system."""
        return self.desk.paths.administrators() + self.lasting

    def list_page(self, slug: str) -> str:
        """Give a list's page."""
        return self.desk.paths.list_page(slug) + self.lasting

    def archive(self, slug: str, before: object = None, **asked: object) -> str:
        """Give the page of a list's sent digests: those before a place, or that are asked for."""
        values = {**asked, "before": before}
        return self._with(self.desk.paths.archive(slug), values)

    def digest(self, slug: str, number: int) -> str:
        """Give the page of one digest."""
        return self.desk.paths.digest(slug, number) + self.lasting

    def item(self, slug: str, item_id: int) -> str:
        """Give an item's lasting page."""
        return self.desk.paths.item(slug, item_id) + self.lasting

    def back_number(self, slug: str, back_number_id: int) -> str:
        """Give a number from before our time."""
        return self.desk.paths.back_number(slug, back_number_id) + self.lasting

    def medium(self, known: str, media_type: str) -> str:
        """Give a hosted picture."""
        return self.desk.paths.medium(known, media.extension(media_type))

    def feed(self, slug: str) -> str:
        """Give a list's feed, in the language that was asked for."""
        return self.desk.paths.feed(slug) + self.lasting

    def all_feed(self) -> str:
        """Give the feed of all public lists."""
        return self.desk.paths.all_feed() + self.lasting

    def box(self, slug: str) -> str:
        """Give the page with the box to paste."""
        return self.desk.paths.box(slug) + self.lasting

    def you(self, slug: str) -> str:
        """Give the page where one asks for the link to one's own data."""
        return self.desk.paths.you(slug) + self.lasting

    def static(self, name: str) -> str:
        """Give the address of a file, with the hash of its content."""
        return f"{self.desk.base_path}/static/{self.desk.assets.by_plain_name[name].name}"

    def accent(self, colour: str) -> str:
        """Give the style sheet of a list's own colour."""
        return f"{self.desk.base_path}/static/accent/{colour.removeprefix('#')}.css"

    def _with(self, address: str, values: Mapping[str, object]) -> str:
        said = urlencode({name: value for name, value in values.items() if value})
        if not said:
            return address + self.lasting
        return f"{address}{self.lasting}{'&' if self.lasting else '?'}{said}"
