"""`mailer list cadence`: when a list's digests are due, and what becomes of them then."""

from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any

import typer
from sqlmodel import Session

from mailer import lists
from mailer.app import App
from mailer.cli import printing, reading
from mailer.cli.options import AsJson, Slug
from mailer.cli.printing import talk
from mailer.digests import cadence, moments
from mailer.digests.cadence import Cadence, Every, Then
from mailer.errors import UsageError

app = typer.Typer()

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEXT = 5
"""Moments shown ahead, and days shown that were acted upon."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options say; None and empty where they say nothing."""

    weekly: str | None
    every_second: str | None
    anchor: str | None
    monthly: str | None
    hour: str | None
    then: Then | None
    subject: str | None


@app.command(name="cadence")
def keep(
    ctx: typer.Context,
    slug: Slug,
    *,
    weekly: Annotated[
        str | None, typer.Option("--weekly", metavar="DAY", help="Each week on a day: mon … sun.")
    ] = None,
    every_second: Annotated[
        str | None,
        typer.Option("--every-second", metavar="DAY", help="Every second week, counted --from."),
    ] = None,
    anchor: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="A day on which --every-second is due."),
    ] = None,
    monthly: Annotated[
        str | None,
        typer.Option("--monthly", metavar="N", help="On a day of each month: 1 … 31, or last."),
    ] = None,
    hour: Annotated[
        str | None, typer.Option("--at", metavar="HOUR", help="By the list's clock: 09:00.")
    ] = None,
    then: Annotated[
        Then | None,
        typer.Option("--then", help="Queue what was drafted, or leave the draft to an editor."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="TEXT", help="With {list}, {date} or {number} in it."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Draft nothing by itself any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say when digests are drafted by themselves from what is new; alone, show it."""
    asked = _Asked(weekly, every_second, anchor, monthly, hour, then, subject)
    changes = asked != _Asked(None, None, None, None, None, None, None)
    if off and changes:
        raise UsageError("--off goes alone")
    with ctx.obj.open() as opened:
        if off:
            opened.database.write(_end, slug, opened)
        elif changes:
            opened.database.write(_set, slug, asked, opened)
        found = opened.database.read(_shown, slug, opened)
    if as_json:
        printing.as_json(found)
    elif found["every"] is None:
        talk(f"list “{slug}” has no cadence; its digests are drafted by hand")
    else:
        printing.card({name: value for name, value in found.items() if name != "past"})
        if found["past"]:
            printing.out("")
            printing.table(found["past"], "day", "outcome", "digest")


def _set(session: Session, slug: str, asked: _Asked, opened: App) -> None:
    from mailer import delivery

    found = lists.get(session, slug)
    now = opened.clock.now()
    old = Cadence.load(found.cadence) if found.cadence else None
    every, day, anchor = _days(asked, old)
    if asked.subject:
        cadence.check_pattern(reading.line_of(asked.subject, "--subject"))
    new = Cadence(
        every=every,
        day=day,
        anchor=anchor,
        hour=_hour(asked, old),
        then=asked.then or (old.then if old else Then.QUEUE),
        subject=(old.subject if old else "") if asked.subject is None else asked.subject,
        since=now,
    )
    delivery.set_cadence(session, found, new, now=now)


def _end(session: Session, slug: str, opened: App) -> None:
    lists.set_cadence(session, lists.get(session, slug), None, now=opened.clock.now())


def _days(asked: _Asked, old: Cadence | None) -> tuple[Every, int, date | None]:
    """Give how often and on which days, as asked for or as it was."""
    ways = [one for one in (asked.weekly, asked.every_second, asked.monthly) if one is not None]
    if len(ways) > 1:
        raise UsageError("choose one of --weekly, --every-second and --monthly")
    if asked.anchor is not None and asked.every_second is None:
        raise UsageError("--from goes with --every-second")
    if asked.weekly is not None:
        return Every.WEEK, _weekday(asked.weekly, "--weekly"), None
    if asked.monthly is not None:
        return Every.MONTH, _day_of_month(asked.monthly), None
    if asked.every_second is not None:
        return Every.FORTNIGHT, *_fortnight(asked.every_second, asked.anchor)
    if old is None:
        raise UsageError("say on which days: --weekly mon, --every-second mon or --monthly 1")
    return old.every, old.day, old.anchor


def _hour(asked: _Asked, old: Cadence | None) -> time:
    if asked.hour is not None:
        return cadence.hour_of(asked.hour)
    if old is None:
        raise UsageError("say at what hour digests are due: --at 09:00")
    return old.hour


def _fortnight(weekday: str, anchor: str | None) -> tuple[int, date]:
    day = _weekday(weekday, "--every-second")
    if anchor is None:
        raise UsageError("every second week from when? Add --from with a day on which it is due")
    first = reading.day_of(anchor, "--from")
    if first.isoweekday() != day:
        on = WEEKDAYS[first.isoweekday() - 1]
        raise UsageError(f"--from: {first} is a {on}; name a {WEEKDAYS[day - 1]}")
    return day, first


def _weekday(text: str, what: str) -> int:
    name = text.strip().casefold()[:3]
    if name not in WEEKDAYS:
        raise UsageError(f"{what}: “{text}” is not a day; write one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(name) + 1


def _day_of_month(text: str) -> int:
    if text.strip().casefold() == "last":
        return cadence.LAST_DAY
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= cadence.LAST_DAY:
        raise UsageError(f"--monthly: “{text}” is not a day of the month; write 1 … 31, or last")
    return int(text)


def _shown(session: Session, slug: str, opened: App) -> dict[str, Any]:
    """Give a list's cadence as JSON has it; its keys are in docs/commands.md."""
    from mailer import delivery

    found = lists.get(session, slug)
    assert found.id is not None
    if not found.cadence:
        return {"list": found.slug, "every": None}
    rhythm, zone = Cadence.load(found.cadence), moments.zone(found.timezone)
    is_monthly = rhythm.every is Every.MONTH
    ahead = cadence.upcoming(rhythm, zone, NEXT, now=opened.clock.now())
    past = delivery.cadence_days(session, found.id, limit=NEXT)
    return {
        "list": found.slug,
        "every": rhythm.every.value,
        "day": rhythm.day if is_monthly else WEEKDAYS[rhythm.day - 1],
        "at": rhythm.hour.isoformat("minutes"),
        "timezone": found.timezone,
        "then": rhythm.then.value,
        "subject": rhythm.subject,
        "next": [one.isoformat(timespec="minutes") for one in ahead],
        "past": [
            {"day": row.day.isoformat(), "outcome": row.outcome, "digest": row.digest_id}
            for row in past
        ],
    }
