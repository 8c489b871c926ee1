"""A month of digests: those that go and went, and the days on which lists' cadences fall due."""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import Session
from starlette.responses import Response

from mailer import lists
from mailer.accounts import Seat
from mailer.db.schema import Digest, Role
from mailer.digests import finding, life, moments
from mailer.digests.cadence import Cadence
from mailer.errors import NotFound
from mailer.lists import Card
from mailer.web.desk import Desk
from mailer.web.rooms import frame
from mailer.web.rooms.digests import STATES
from mailer.web.visit import Visit

FIRST, LAST = 2000, 2100
"""The years that have a page."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands on a day: a digest, or (without one) a day of a list's cadence."""

    at: datetime
    card: Card
    digest: Digest | None = None
    subject: str = ""


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show a month as a table, a week in each row."""
    first = _month(visit.query.get("month", ""), desk.now().date())
    weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
    with desk.app.database.reading() as session:
        entries = _entries(session, desk, visit, seat, (weeks[0][0], weeks[-1][-1]))
    by_day: dict[date, list[Entry]] = {}
    for one in sorted(entries, key=lambda one: one.at):
        local = one.at.astimezone(moments.zone(one.card.list.timezone)).date()
        by_day.setdefault(local, []).append(one)
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "digest_calendar.html",
        first=first,
        title=language.format_month(first),
        before=f"{first - timedelta(days=1):%Y-%m}",
        after=f"{first + timedelta(days=31):%Y-%m}",
        weeks=weeks,
        by_day=by_day,
        weekdays=[language.format_weekday(day) for day in range(1, 8)],
        today=desk.now().date(),
        states=STATES,
        clock=_clock,
    )


def _month(text: str, today: date) -> date:
    """Give the first day of a month such as 2026-12; this one's without any."""
    if not text:
        return today.replace(day=1)
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise NotFound("month", text[:20]) from None
    if not FIRST < found.year < LAST:
        raise NotFound("month", text[:20])
    return found


def _clock(one: Entry) -> str:
    """Give the hour by the clock of the list."""
    return f"{one.at.astimezone(moments.zone(one.card.list.timezone)):%H:%M}"


def _entries(
    session: Session, desk: Desk, visit: Visit, seat: Seat, span: tuple[date, date]
) -> list[Entry]:
    mine = seat.lists_with(Role.VIEWER)
    spoken = frame.language_of(desk, visit, seat).code
    cards = {one.id: one for one in lists.cards(session, spoken) if mine is None or one.id in mine}
    return [*_digests(session, cards, span), *_cadences(cards, span, desk.now())]


def _digests(
    session: Session, cards: Mapping[int, Card], span: tuple[date, date]
) -> Iterator[Entry]:
    # A day more on either side: the days are those of each list's own zone.
    starts = datetime.combine(span[0] - timedelta(days=1), time(), moments.zone("UTC"))
    ends = datetime.combine(span[1] + timedelta(days=2), time(), moments.zone("UTC"))
    found = finding.between(session, list(cards), starts, ends)
    words = life.texts_of(session, [one.id or 0 for one in found])
    for one in found:
        card, texts = cards[one.list_id], words[one.id or 0]
        said = texts.get(card.list.language) or next(iter(texts.values()), None)
        if one.due_at is not None:
            yield Entry(one.due_at, card, one, said.subject if said else "")


def _cadences(cards: Mapping[int, Card], span: tuple[date, date], now: datetime) -> Iterator[Entry]:
    for card in cards.values():
        if not card.list.cadence:
            continue
        rhythm, zone = Cadence.load(card.list.cadence), moments.zone(card.list.timezone)
        for ahead in range((span[1] - span[0]).days + 1):
            day = span[0] + timedelta(days=ahead)
            if rhythm.falls_on(day) and (at := rhythm.moment(day, zone)) > now:
                yield Entry(at, card)
