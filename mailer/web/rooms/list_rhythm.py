"""When a list's digests are due: chosen in words, with the dates that come of it shown first."""

from collections.abc import Mapping
from datetime import date, datetime, time

from sqlmodel import Session
from starlette.responses import Response

from mailer import delivery, lists, unseen
from mailer.accounts import Seat
from mailer.digests import cadence, moments
from mailer.digests.cadence import Cadence, Every, Then
from mailer.errors import UsageError
from mailer.language import translatable
from mailer.lists import Card
from mailer.web.desk import Desk
from mailer.web.rooms import frame, list_pages
from mailer.web.rooms.filling import Filling
from mailer.web.visit import Visit

NEVER = "never"
EVERY = {
    NEVER: translatable("Never: digests are drafted by hand"),
    Every.WEEK.value: translatable("Every week"),
    Every.FORTNIGHT.value: translatable("Every second week"),
    Every.MONTH.value: translatable("Every month"),
}
THEN = {
    Then.DRAFT.value: translatable("A draft waits for an editor"),
    Then.QUEUE.value: translatable("The digest goes out by itself"),
}
OUTCOMES = {
    "begun": translatable("being drafted"),
    "queued": translatable("queued"),
    "drafted": translatable("drafted, waits for an editor"),
    "nothing new": translatable("nothing new, no digest"),
    "too late": translatable("drafted too late, waits for an editor"),
    "may have gone": translatable("drafted; its news may have gone out before a restore"),
    "failed": translatable("drafted, could not be queued"),
}
BAD_HOUR = translatable("This is not an hour. Write it like 09:00.")
BAD_ANCHOR = translatable("Choose a date that is such a day.")
BAD_SUBJECT = translatable("At most 120 characters; in braces only {list}, {date} and {number}.")
NO_SUCH = translatable("Choose one of these.")


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show when a list's digests are due."""
    card = _card(desk, visit, seat)
    rhythm = Cadence.load(card.list.cadence) if card.list.cadence else None
    return _form(desk, visit, seat, card, _as_typed(rhythm, desk.now()), rhythm)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what dates come of a cadence, or let it count."""
    card = _card(desk, visit, seat)
    filling = Filling(frame.language_of(desk, visit, seat), visit.form)
    rhythm = _read(filling, desk.now())
    if filling.errors or visit.form.get("deed") == "try":
        shown = None if filling.errors else rhythm
        return _form(desk, visit, seat, card, visit.form, shown, errors=filling.errors, tried=True)
    desk.app.database.write(_set, desk, seat, card.id, rhythm)
    return frame.go(desk, "lists", card.list.slug, "cadence", said="saved")


def _read(filling: Filling, now: datetime) -> Cadence | None:
    """Give the cadence that was chosen; None for none, or for one with errors."""
    every = filling.one_of("every", {one: one for one in EVERY}, NEVER, says=NO_SUCH)
    if every == NEVER:
        return None
    is_monthly = every == Every.MONTH.value
    day = filling.read("monthday" if is_monthly else "weekday", _day, 1, says=NO_SUCH)
    anchor = None
    if every == Every.FORTNIGHT.value:
        anchor = filling.read("anchor", lambda typed: _anchor(typed, day), None, says=BAD_ANCHOR)
    if not is_monthly and day > 7:
        filling.wrong("weekday", NO_SUCH)
    return Cadence(
        every=Every(every),
        day=day,
        hour=filling.read("hour", cadence.hour_of, time(9), says=BAD_HOUR),
        since=now,
        then=filling.one_of("then", {one.value: one for one in Then}, Then.DRAFT, says=NO_SUCH),
        anchor=anchor,
        subject=filling.read("subject", _subject, "", says=BAD_SUBJECT),
    )


def _day(typed: str) -> int:
    if typed not in {str(day) for day in range(1, cadence.LAST_DAY + 1)}:
        raise UsageError(NO_SUCH)
    return int(typed)


def _anchor(typed: str, weekday: int) -> date:
    first = date.fromisoformat(typed)
    if first.isoweekday() != weekday:
        raise UsageError(BAD_ANCHOR)
    return first


def _subject(typed: str) -> str:
    if unseen.IN_LINE.search(typed):
        raise UsageError(BAD_SUBJECT)
    cadence.check_pattern(typed)
    return typed


def _set(session: Session, desk: Desk, seat: Seat, list_id: int, rhythm: Cadence | None) -> None:
    found = lists.by_id(session, list_id)
    if rhythm is None:
        lists.set_cadence(session, found, None, now=desk.now(), by=seat.by)
    else:
        delivery.set_cadence(session, found, rhythm, now=desk.now(), by=seat.by)


def _card(desk: Desk, visit: Visit, seat: Seat) -> Card:
    language = frame.language_of(desk, visit, seat)
    with desk.app.database.reading() as session:
        return lists.card_of(session, lists.get(session, visit.parts["slug"]), language.code)


def _as_typed(rhythm: Cadence | None, now: datetime) -> dict[str, str]:
    if rhythm is None:
        first = {"every": NEVER, "weekday": "1", "monthday": "1", "hour": "09:00"}
        return {**first, "then": Then.DRAFT.value, "anchor": now.date().isoformat()}
    day = str(rhythm.day)
    is_monthly = rhythm.every is Every.MONTH
    return {
        "every": rhythm.every.value,
        "weekday": "1" if is_monthly else day,
        "monthday": day if is_monthly else "1",
        "hour": rhythm.hour.isoformat("minutes"),
        "then": rhythm.then.value,
        "anchor": (rhythm.anchor or now.date()).isoformat(),
        "subject": rhythm.subject,
    }


def _form(  # noqa: PLR0913  (a page, its list, and what was typed)
    desk: Desk,
    visit: Visit,
    seat: Seat,
    card: Card,
    form: Mapping[str, str],
    rhythm: Cadence | None,
    *,
    errors: Mapping[str, str] | None = None,
    tried: bool = False,
) -> Response:
    language = frame.language_of(desk, visit, seat)
    zone = card.list.timezone
    now = desk.now()
    dates = (
        cadence.upcoming(rhythm, moments.zone(zone), list_pages.AHEAD, now=now) if rhythm else []
    )
    past = desk.app.database.read(delivery.cadence_days, card.id, limit=list_pages.AHEAD)
    return list_pages.page(
        desk,
        visit,
        seat,
        card,
        "list_cadence.html",
        errors=errors,
        form=form,
        every=EVERY,
        then=THEN,
        weekdays=[(day, language.format_weekday(day)) for day in range(1, 8)],
        last_day=cadence.LAST_DAY,
        dates=dates,
        words=list_pages.in_words(language, rhythm, zone) if rhythm else "",
        past=past,
        outcomes={one: language.gettext(said) for one, said in OUTCOMES.items()},
        tried=tried,
        told=list_pages.SAID.get(visit.query.get("said", ""), ""),
    )
