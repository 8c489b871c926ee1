"""The lists: all that an editor may see, and one of them with its dates and its box."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import lists, subscribers
from mailer.accent import shades
from mailer.accounts import Seat
from mailer.db.schema import OptIn, Role, Visibility
from mailer.digests import cadence, moments
from mailer.digests.cadence import Cadence, Every
from mailer.language import Language, translatable
from mailer.lists import Card
from mailer.web import listing, privacy
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.visit import Visit

COUNTED = 20_000
"""Subscribers that are counted anew for each page; of more, the count may be some minutes old."""

COUNT_KEPT = timedelta(minutes=10)

AHEAD = 5
"""Dates shown ahead."""

SEEN_BY = {
    Visibility.PUBLIC: translatable("Public: on the front page"),
    Visibility.UNLISTED: translatable("Unlisted: found by its address only"),
    Visibility.PRIVATE: translatable("Private: no page; you add its subscribers"),
}
IN_A_WORD = {
    Visibility.PUBLIC: translatable("public"),
    Visibility.UNLISTED: translatable("unlisted"),
    Visibility.PRIVATE: translatable("private"),
}
CONFIRMED_BY = {
    OptIn.DOUBLE: translatable("By a letter with a link (double opt-in)"),
    OptIn.SINGLE: translatable("At once, without a letter (single opt-in)"),
}
SAID = {
    "saved": translatable("Saved."),
    "made": translatable("The list stands. Next: its texts, and when its digests are due."),
    "retired": translatable("The list is retired. Nobody can join, and nothing is drafted."),
    "back": translatable("The list goes on."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A list as the page of all lists shows it; `next` is the next date, if there is one."""

    card: Card
    confirmed: int
    next: datetime | None


def show_all(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the lists on which somebody has a role, and those that are retired below them."""
    language = frame.language_of(desk, visit, seat)
    rows = desk.app.database.read(_rows, desk, seat, language)
    return frame.page(
        desk,
        visit,
        seat,
        "lists.html",
        rows=[row for row in rows if row.card.list.retired_at is None],
        retired=[row for row in rows if row.card.list.retired_at is not None],
        seen_by=IN_A_WORD,
        may_make=seat.may(Role.OWNER),
    )


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show one list: what it is, whose mail it is, when it is due."""
    language = frame.language_of(desk, visit, seat)
    card, confirmed = desk.app.database.read(_one, desk, visit.parts["slug"], language)
    return page(
        desk,
        visit,
        seat,
        card,
        "list.html",
        confirmed=confirmed,
        address=desk.app.links.list_page(card.list.slug),
        ahead=ahead(card, now=desk.now()),
        rhythm=rhythm_in_words(language, card),
        shades=shades(card.list.accent) if card.list.accent else None,
        seen_by=SEEN_BY,
        confirmed_by=CONFIRMED_BY,
        told=SAID.get(visit.query.get("said", ""), ""),
    )


def show_box(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show the box to paste into another site, and how it looks there."""
    language = frame.language_of(desk, visit, seat)
    card = desk.app.database.read(_card, visit.parts["slug"], language)
    code = lists.nearest(visit.query.get("in"), card.list.languages, card.list.language)
    spoken = desk.app.languages.of(code)
    in_words = desk.app.database.read(lists.card, card.id, code)
    values = {
        "action": desk.app.links.list_page(card.list.slug),
        "listing": listing.of(desk, in_words, spoken),
        "privacy": privacy.of(desk, spoken).url,
    }
    pasted = desk.templates.render("web/public/pasted.html", spoken, values).strip()
    return page(
        desk,
        visit,
        seat,
        card,
        "list_box.html",
        pasted=pasted,
        sample=Markup(pasted),  # noqa: S704  (a template of ours, escaped as it was rendered)
        spoken=spoken,
        offered=[desk.app.languages.of(one) for one in card.list.languages],
        is_open=card.list.visibility is not Visibility.PRIVATE and card.list.retired_at is None,
    )


def page(
    desk: Desk,
    visit: Visit,
    seat: Seat,
    card: Card,
    name: str,
    *,
    errors: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """Give a page about one list, with the ways to its other pages."""
    return frame.page(
        desk,
        visit,
        seat,
        name,
        status=400 if errors else 200,
        card=card,
        slug=card.list.slug,
        zone=card.list.timezone,
        errors=errors or {},
        at=visit.path.rstrip("/").split("/")[4:5],
        may_edit=seat.may(Role.EDITOR, card.id),
        may_own=seat.may(Role.OWNER),
        **values,
    )


def ahead(card: Card, *, now: datetime) -> list[datetime]:
    """Give the next moments at which a list's digests are due; none without a cadence."""
    if not card.list.cadence or card.list.retired_at is not None:
        return []
    zone = moments.zone(card.list.timezone)
    return cadence.upcoming(Cadence.load(card.list.cadence), zone, AHEAD, now=now)


def rhythm_in_words(language: Language, card: Card) -> str:
    """Say when a list's digests are due; nothing without a cadence."""
    if not card.list.cadence:
        return ""
    return in_words(language, Cadence.load(card.list.cadence), card.list.timezone)


def in_words(language: Language, rhythm: Cadence, zone: str) -> str:
    """Say a cadence: every Monday at 09:00 (Brussels time)."""
    said = {
        "hour": rhythm.hour.isoformat("minutes"),
        "zone": language.format_zone(zone),
    }
    if rhythm.every is Every.MONTH:
        if rhythm.day == cadence.LAST_DAY:
            return language.gettext("On the last day of each month at %(hour)s (%(zone)s)", **said)
        return language.gettext(
            "On day %(day)s of each month at %(hour)s (%(zone)s)", day=rhythm.day, **said
        )
    day = language.format_weekday(rhythm.day)
    if rhythm.every is Every.FORTNIGHT:
        return language.gettext("Every second %(day)s at %(hour)s (%(zone)s)", day=day, **said)
    return language.gettext("Every %(day)s at %(hour)s (%(zone)s)", day=day, **said)


def confirmed_on(session: Session, desk: Desk, list_id: int) -> int:
    """Count who is confirmed on a list: a small one anew, a large one every few minutes."""
    count = subscribers.size_up_to(session, list_id, COUNTED)
    if count < COUNTED:
        return count
    kept, now = desk.counts.get(list_id), desk.now()
    if kept is None or not kept[0] <= now < kept[0] + COUNT_KEPT:
        kept = desk.counts[list_id] = (now, subscribers.size(session, list_id))
    return kept[1]


def _rows(session: Session, desk: Desk, seat: Seat, language: Language) -> list[Row]:
    allowed = seat.lists_with(Role.VIEWER)
    cards = lists.every(session, language.code)
    return [
        Row(
            card,
            confirmed_on(session, desk, card.id),
            next(iter(ahead(card, now=desk.now())), None),
        )
        for card in cards
        if allowed is None or card.id in allowed
    ]


def _one(session: Session, desk: Desk, slug: str, language: Language) -> tuple[Card, int]:
    card = _card(session, slug, language)
    return card, confirmed_on(session, desk, card.id)


def _card(session: Session, slug: str, language: Language) -> Card:
    return lists.card_of(session, lists.get(session, slug), language.code)
