"""What became of a digest: who got it, who did not and why; and what can still be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import delivery, ledger
from mailer.accounts import Seat
from mailer.db.schema import DigestState, Role
from mailer.delivery import Counts, Report
from mailer.language import Language, translatable
from mailer.web.desk import Desk
from mailer.web.rooms import charts, frame, progress
from mailer.web.rooms.room import number
from mailer.web.visit import Visit

SAID = {
    "counted": translatable("Counted as sent."),
    "nobody": translatable("There was nobody left to whom it could go."),
}

SETTLED = frozenset({DigestState.SENDING, DigestState.SENT, DigestState.PAUSED})
"""States in which something of a digest can go again."""

MOST_PLACES = 100
"""Organisations that a report lists; the command has them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its name, its bar, how many of how many."""

    name: str
    bar: Markup
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a report."""

    whole: Markup
    minutes: Markup | None
    each: int
    peak: int
    columns: Sequence[int]
    providers: Sequence[Line]
    countries: Sequence[Line]


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show what became of a digest."""
    digest_id = number(visit.parts, "digest")
    found = desk.app.database.read(progress.watched, digest_id)
    state = found.digest.state
    is_over = state not in progress.BEFORE
    told = desk.watching.report(digest_id) if is_over else None
    # What is still counted of a large digest has its sums already.
    sums = desk.watching.look(digest_id).sums if is_over and told is None else None
    language = frame.language_of(desk, visit, seat)
    return frame.page(
        desk,
        visit,
        seat,
        "report.html",
        told=SAID.get(visit.query.get("said", ""), ""),
        found=found,
        report=told,
        sums=sums,
        bar=progress.sums_bar(language, sums) if sums else None,
        drawn=_drawn(language, told) if told else None,
        may_act=seat.may(Role.EDITOR, found.digest.list_id),
        can_go=state in SETTLED,
        speaks=desk.app.languages.of,
        most_places=MOST_PLACES,
    )


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Send again to those who did not get it, or decide about those of whom nobody knows."""
    digest_id = number(visit.parts, "digest")
    deeds: dict[str, Callable[[Session, Desk, int, Seat], tuple[str, int]]] = {
        "retry": _retry,
        "resend": _resend,
        "count": _count,
    }
    deed = deeds.get(visit.form.get("deed", ""))
    if deed is None:
        return show(desk, visit, seat)
    said, count = desk.app.database.write(deed, desk, digest_id, seat)
    desk.watching.forget(digest_id)
    if not count or deed is _count:
        return frame.go(desk, "digests", digest_id, "report", said=said if count else "nobody")
    return frame.go(desk, "digests", digest_id, "progress", said=said)


def _retry(session: Session, desk: Desk, digest_id: int, seat: Seat) -> tuple[str, int]:
    return "again", _again(session, desk, digest_id, ledger.retry_failed, seat)


def _resend(session: Session, desk: Desk, digest_id: int, seat: Seat) -> tuple[str, int]:
    return "resent", _again(session, desk, digest_id, ledger.resend_uncertain, seat)


def _count(session: Session, desk: Desk, digest_id: int, seat: Seat) -> tuple[str, int]:
    count = delivery.count_as_sent(session, digest_id, now=desk.now(), by=seat.by)
    return "counted", count


def _again(
    session: Session, desk: Desk, digest_id: int, which: Callable[..., int], seat: Seat
) -> int:
    give_up = timedelta(hours=desk.app.settings.delivery.digest_give_up_hours)
    why = "retry" if which is ledger.retry_failed else "resend"
    now, by = desk.now(), seat.by
    return delivery.send_again(session, digest_id, which, why, give_up=give_up, now=now, by=by)


def _drawn(language: Language, report: Report) -> Drawn:
    columns, each = charts.thinned(report.minutes)
    name = language.gettext("Messages taken by the relay over time")
    return Drawn(
        whole=progress.sums_bar(language, report.sums),
        minutes=charts.columns(columns, name) if len(columns) > 1 else None,
        each=each,
        peak=max(columns, default=0),
        columns=columns,
        providers=_lines(
            language,
            [(one.name, one.sums.sent, one.sums.recipients) for one in report.destinations],
        ),
        countries=_lines(language, _by_country(report)),
    )


def _by_country(report: Report) -> list[tuple[str, int, int]]:
    """Give each country's recipients, the most first; those of no known country last."""
    found: dict[str, Counts] = {}
    for place, counts in report.reach.by:
        found[place.country] = found.get(place.country, Counts()) + counts
    nowhere = found.pop("", Counts()) + report.reach.elsewhere
    order = sorted(found, key=lambda name: (-found[name].recipients, name))
    lines = [(name, found[name].reached, found[name].recipients) for name in order]
    return [*lines, ("", nowhere.reached, nowhere.recipients)] if lines else []


def _lines(language: Language, rows: Sequence[tuple[str, int, int]]) -> list[Line]:
    most = max((of for *_, of in rows), default=0)
    return [Line(name, _of(language, count, of, most), count, of) for name, count, of in rows]


def _of(language: Language, count: int, of: int, most: int) -> Markup:
    """Draw so many of so many: the part that got it full, the rest empty."""
    name = language.gettext(
        "%(count)s of %(all)s",
        count=language.format_number(count),
        all=language.format_number(of),
    )
    parts = (charts.Part("ink", count), charts.Part("open", of - count))
    return charts.stacked([*parts, charts.Part("nothing", most - of)], name)
