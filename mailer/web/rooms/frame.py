"""The frame of every room: its page, its headers, the addresses that it writes, the way on."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailer.accounts import Seat
from mailer.db.schema import Role
from mailer.language import Language, translatable
from mailer.web.desk import Desk
from mailer.web.guard import policy
from mailer.web.visit import Visit

FOLDER = "web/rooms"
THEME = "mailer_theme"
THEMES = ("light", "dark")
"""What a cookie may say; without one a page is as light as the machine is."""

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": policy(
        script_src="'self'",
        connect_src="'self'",
        img_src="'self' data: blob:",
        frame_src="'self'",
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A room in the navigation: what it is called, where it is, and its key behind `g`."""

    name: str
    path: str
    key: str
    takes: Role = Role.VIEWER
    everywhere: bool = False


NAVIGATION = (
    Entry(translatable("Home"), "", "h"),
    Entry(translatable("Items"), "items", "i"),
    Entry(translatable("Digests"), "digests", "d"),
    Entry(translatable("Subscribers"), "subscribers", "s", Role.EDITOR),
    Entry(translatable("Lists"), "lists", "l"),
    Entry(translatable("Settings"), "settings", "t", Role.OWNER, everywhere=True),
)


@dataclass(frozen=True, slots=True)
class RoomWays:
    """The addresses that the rooms' templates write."""

    desk: Desk

    def to(self, *parts: object, **query: object) -> str:
        """Give a room's address; values that are empty are left out of it."""
        address = self.desk.paths.room(*(part for part in parts if part != ""))
        asked = {name: value for name, value in query.items() if value not in {None, ""}}
        return f"{address}?{urlencode(asked, doseq=True)}" if asked else address

    def static(self, name: str) -> str:
        """Give the address of a file, with the hash of its content."""
        return f"{self.desk.base_path}/static/{self.desk.assets.by_plain_name[name].name}"

    def list_page(self, slug: str) -> str:
        """Give the page of a list that readers see."""
        return self.desk.paths.list_page(slug)

    def front(self) -> str:
        """Give the page that readers see first."""
        return self.desk.paths.home()

    def medium(self, known: str, extension: str, name: str = "") -> str:
        """Give a hosted picture or document."""
        return self.desk.paths.medium(known, extension, name)


def language_of(desk: Desk, visit: Visit, seat: Seat | None = None) -> Language:
    """Give the language of a room: as the editor settled it, else as the browser prefers."""
    return desk.language(visit, seat.language if seat else None)


def page(
    desk: Desk,
    visit: Visit,
    seat: Seat | None,
    name: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """Render a room, or a part of one; nobody sits in those before the door (`seat` None).

    Templates have `language`, `seat`, `ways`, `house`, `visit`, `here` (the first part of the
    path below the rooms), `navigation`, and `told` (what was just done, if anything).
    """
    language = language_of(desk, visit, seat)
    here = visit.path.removeprefix("/rooms").strip("/").partition("/")[0]
    frame = {
        "house": desk.app.settings.organisation,
        "ways": RoomWays(desk),
        "seat": seat,
        "visit": visit,
        "here": here,
        "navigation": [one for one in NAVIGATION if seat and _is_open(one, seat)],
        "theme": theme_of(visit),
        "tongues": [desk.app.languages.of(code) for code in desk.app.languages],
        "now": desk.now(),
        "told": "",
    }
    html = desk.templates.render(f"{FOLDER}/{name}", language, {**frame, **values})
    return HTMLResponse(html, status_code=status, headers={**HEADERS, **(headers or {})})


def explained(language: Language, error: object) -> str:
    """Give an error's text as a sentence: in the language, where the text is in its catalogue."""
    said = language.catalogue.gettext(str(error))
    return said[:1].upper() + said[1:]


def go(desk: Desk, *parts: object, **query: object) -> Response:
    """Lead on to another room, after something was done."""
    return RedirectResponse(RoomWays(desk).to(*parts, **query), status_code=303)


def theme_of(visit: Visit) -> str:
    """Give the theme that somebody chose; nothing when the machine decides."""
    asked = visit.cookies.get(THEME, "")
    return asked if asked in THEMES else ""


def _is_open(entry: Entry, seat: Seat) -> bool:
    return seat.may(entry.takes) if entry.everywhere else seat.may_somewhere(entry.takes)
