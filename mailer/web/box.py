"""A list's page with the box, as it is shown, filled in or empty, and the box to paste elsewhere.

What pressing its buttons leads to stands in `mailer.web.pressing`.
"""

from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup
from starlette.responses import Response

from mailer.db.schema import AskAction
from mailer.errors import Refused
from mailer.language import Language
from mailer.web import forms, guard, listing, privacy
from mailer.web.desk import CLOSED, OPEN, Desk
from mailer.web.forms import Box, Stamp, Timing
from mailer.web.listing import Listing
from mailer.web.visit import Visit


@dataclass(frozen=True, slots=True)
class Filled:
    """The box on a page of ours: where it leads, what stands in it, and what is said about it."""

    shown: str
    address: str = ""
    pressed: AskAction | None = None
    again: bool = False
    error: str = ""
    meant: str = ""
    trap: str = forms.TRAP


def show(desk: Desk, visit: Visit) -> Response:
    """Show a list and its box."""
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
    return page(desk, visit, found, empty(desk, found))


def snippet(desk: Desk, visit: Visit) -> Response:
    """Show the box to paste into another site, and how it looks."""
    with desk.app.database.reading() as session:
        found = listing.by_slug(session, desk, visit)
    if found.has_ended:
        raise Refused("this list has ended")
    action = desk.app.links.list_page(found.slug)
    pasted = desk.templates.render(
        "web/public/pasted.html",
        found.language,
        {"action": action, "listing": found, "privacy": privacy.of(desk, found.language).url},
    )
    return desk.page(
        visit,
        "snippet.html",
        found.language,
        headers=OPEN | {"Content-Security-Policy": guard.policy(script_src="'self'")},
        offered=found.card.list.languages,
        listing=found,
        pasted=pasted.strip(),
        sample=Markup(pasted),  # noqa: S704  (a template of ours, escaped as it was rendered)
    )


def empty(desk: Desk, found: Listing) -> Filled:
    """Give a fresh box, with the moment at which it is shown."""
    return Filled(shown=stamp(desk).sign(found.card.id, now=desk.now()))


def page(desk: Desk, visit: Visit, found: Listing, box: Filled, *, status: int = 200) -> Response:
    """Show a list's page with its box."""
    return desk.page(
        visit,
        "list.html",
        found.language,
        status=status,
        headers=OPEN if visit.shows else CLOSED,
        offered=found.card.list.languages,
        listing=found,
        box=box,
        canonical=desk.app.links.list_page(found.slug),
    )


def stamp(desk: Desk) -> Stamp:
    """Give what signs and reads the moment at which a form was shown."""
    settings = desk.app.settings.subscribe
    return Stamp(
        desk.app.keys,
        life=timedelta(hours=settings.form_hours),
        youngest=timedelta(seconds=settings.form_seconds),
    )


def again(desk: Desk, found: Listing, box: Box, timing: Timing) -> Filled:
    """Give the box filled in, to be pressed once more.

    One that was merely too quick keeps its moment: the next press is late enough.
    """
    shown = box.shown if timing is not Timing.ABSENT else empty(desk, found).shown
    return Filled(shown, box.address, box.action, again=True)


def wrong(box: Box, language: Language) -> Filled:
    """Give the box filled in, with what is wrong with the address."""
    error = (
        language.gettext(
            "This is not an address that we can write to. It should look like name@example.org."
        )
        if box.address
        else language.gettext("Type your address, like name@example.org.")
    )
    return Filled(box.shown, box.address, box.action, error=error)
