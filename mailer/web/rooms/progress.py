"""Watching a digest go: how far it is, what holds it up, and the hand on the switch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup
from sqlmodel import Session
from starlette.responses import Response

from mailer import continuity, ledger, lists
from mailer.accounts import Seat, sign_ins
from mailer.db.schema import Digest, DigestState, MailingList, Role
from mailer.delivery import Destination
from mailer.digests import life, moments
from mailer.errors import NotAllowed, Refused, UsageError
from mailer.language import Language, translatable
from mailer.ledger import Sums
from mailer.web.desk import Desk
from mailer.web.rooms import charts, frame, lock
from mailer.web.rooms.charts import Part
from mailer.web.rooms.room import number
from mailer.web.stream import Said, Stream
from mailer.web.visit import Visit
from mailer.web.watching import Glance

RUNNING = frozenset({DigestState.QUEUED, DigestState.SENDING, DigestState.PAUSED})
"""States in which there is something to watch."""

BEFORE = frozenset({DigestState.DRAFT, DigestState.SCHEDULED})

LONGEST_REASON = 200

SAID = {
    "paused": translatable("Paused. What is on the wire this moment still goes; nothing after it."),
    "resumed": translatable("It goes on."),
    "cancelled": translatable("Cancelled. Who has not got it will not."),
    "until": translatable("Nothing of it is sent after that time."),
    "no-end": translatable("It takes the time it takes."),
    "released": translatable("Let go. It may reach some people twice."),
    "dropped": translatable("Withdrawn. Who has not got it will not."),
    "again": translatable("It goes again to those who did not get it."),
    "resent": translatable("It goes again to those of whom nobody knows."),
}

MARKS = {
    DigestState.DRAFT: ("quiet", translatable("Draft")),
    DigestState.SCHEDULED: ("quiet", translatable("Scheduled")),
    DigestState.QUEUED: ("live", translatable("Gathering its recipients")),
    DigestState.SENDING: ("live", translatable("On its way")),
    DigestState.SENT: ("good", translatable("Went out")),
    DigestState.PAUSED: ("care", translatable("Paused")),
    DigestState.CANCELLED: ("stop", translatable("Cancelled")),
}
"""How a digest's state is said, and by which mark."""

NO_TIME = translatable("Say when: a day and a time, such as 2026-12-01 18:00.")
NO_REASON = translatable("A reason has at most 200 characters.")
OWNERS_ONLY = translatable(
    "It is held after a restore: some people may have it. An owner decides whether it goes."
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A digest with what its page says of it."""

    digest: Digest
    list: MailingList
    name: str
    subject: str

    @property
    def is_held(self) -> bool:
        """Tell whether it waits because an older database was put in place."""
        return self.digest.state is DigestState.PAUSED and self.digest.reason == ledger.HELD_BACK

    @property
    def mark(self) -> tuple[str, str]:
        """Give mark and words of its state."""
        return MARKS[self.digest.state]


def show(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Show how a digest goes."""
    return _page(desk, visit, seat)


def press(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Do the one thing that was pressed."""
    deeds = {
        "pause": _pause,
        "resume": _resume,
        "cancel": _cancel,
        "until": _until,
        "no-end": _no_end,
        "release": _release,
        "drop": _drop,
    }
    deed = deeds.get(visit.form.get("deed", ""))
    if deed is None:
        return show(desk, visit, seat)
    digest_id = number(visit.parts, "digest")
    try:
        said = deed(desk, visit, seat, digest_id)
    except Wrong as error:
        return _page(desk, visit, seat, errors={error.field: error})
    desk.watching.forget(digest_id)
    return frame.go(desk, "digests", digest_id, "progress", said=said)


def events(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Say once a second how a digest goes, until there is no more to say."""
    language = frame.language_of(desk, visit, seat)
    digest_id = number(visit.parts, "digest")
    digest = desk.app.database.read(life.get, digest_id)
    began, list_id = digest.state, digest.list_id

    def look() -> Said:
        token = visit.cookies.get(lock.COOKIE, "")
        now_seated = desk.app.database.read(sign_ins.find, token, now=desk.now())
        if now_seated is None or not now_seated.may(Role.VIEWER, list_id):
            return Said("over", "", is_last=True)
        found = desk.app.database.read(watched, digest_id)
        # Whatever can be pressed now is another thing: the page is asked for anew.
        is_over = found.digest.state is not began or began not in RUNNING
        if is_over:
            desk.watching.forget(digest_id)
            return Said("over", found.digest.state.value, is_last=True)
        return Said("look", _part(desk, visit, language, found))

    return Stream(look, desk.streams, desk.limiter, frame.HEADERS)


def part(desk: Desk, visit: Visit, seat: Seat) -> Response:
    """Give the part of the page that changes, to those for whom there is no stream."""
    found = desk.app.database.read(watched, number(visit.parts, "digest"))
    language = frame.language_of(desk, visit, seat)
    state = {"X-State": found.digest.state.value}
    html = _part(desk, visit, language, found)
    return Response(html, media_type="text/html", headers={**frame.HEADERS, **state})


def watched(session: Session, digest_id: int) -> Watched:
    """Give a digest with its list and its subject; NotFound when there is none."""
    digest = life.get(session, digest_id)
    card = lists.card(session, digest.list_id)
    texts = life.texts(session, digest_id)
    text = texts.get(card.list.language) or next(iter(texts.values()), None)
    return Watched(digest, card.list, card.words.name, text.subject if text else "")


class Wrong(UsageError):
    """What was typed into a field will not do."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


def _pause(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    reason = " ".join(visit.form.get("reason", "").split())
    if len(reason) > LONGEST_REASON:
        raise Wrong("reason", NO_REASON)
    desk.app.database.write(life.pause, digest_id, reason, now=desk.now(), by=seat.by)
    return "paused"


def _resume(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    del visit
    desk.app.database.write(resume, desk, digest_id, seat)
    return "resumed"


def resume(session: Session, desk: Desk, digest_id: int, seat: Seat) -> None:
    """Let a paused digest go on, unless it is held after a restore."""
    if watched(session, digest_id).is_held:
        raise Refused(OWNERS_ONLY)
    settings, now = desk.app.settings.delivery, desk.now()
    late = timedelta(hours=settings.late_hours)
    give_up = timedelta(hours=settings.digest_give_up_hours)
    life.resume(session, digest_id, late=late, give_up=give_up, now=now, by=seat.by)


def _cancel(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    del visit
    desk.app.database.write(life.cancel, digest_id, now=desk.now(), by=seat.by)
    return "cancelled"


def _until(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    zone = desk.app.database.read(watched, digest_id).list.timezone
    typed = visit.form.get("until", "").strip()[:40]
    if not typed:
        raise Wrong("until", NO_TIME)
    try:
        at = moments.due(typed.replace(" ", "T", 1), zone, now=desk.now()).at
    except UsageError as error:
        raise Wrong("until", str(error)) from error
    desk.app.database.write(life.stop_after, digest_id, at, now=desk.now(), by=seat.by)
    return "until"


def _no_end(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    del visit
    desk.app.database.write(life.stop_after, digest_id, None, now=desk.now(), by=seat.by)
    return "no-end"


def _release(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    del visit
    desk.app.database.write(_let_go, desk, digest_id, seat)
    return "released"


def _let_go(session: Session, desk: Desk, digest_id: int, seat: Seat) -> None:
    _require_owner(session, digest_id, seat)
    settings = desk.app.settings.delivery
    terms = continuity.Terms(
        timedelta(hours=settings.digest_give_up_hours), timedelta(hours=settings.late_hours)
    )
    continuity.release(session, digest_id, terms, now=desk.now(), by=seat.by)


def _drop(desk: Desk, visit: Visit, seat: Seat, digest_id: int) -> str:
    del visit
    desk.app.database.write(_withdraw, digest_id, seat, now=desk.now())
    return "dropped"


def _withdraw(session: Session, digest_id: int, seat: Seat, *, now: datetime) -> None:
    _require_owner(session, digest_id, seat)
    continuity.drop(session, digest_id, now=now, by=seat.by)


def _require_owner(session: Session, digest_id: int, seat: Seat) -> None:
    found = watched(session, digest_id)
    if not found.is_held:
        raise Refused(translatable("It is not held any more."))
    if not seat.may(Role.OWNER, found.digest.list_id):
        raise NotAllowed(lock.NOT_YOURS)


def _page(
    desk: Desk, visit: Visit, seat: Seat, *, errors: Mapping[str, Exception] | None = None
) -> Response:
    language = frame.language_of(desk, visit, seat)
    found = desk.app.database.read(watched, number(visit.parts, "digest"))
    state = found.digest.state
    glance = None if state in BEFORE else desk.watching.look(found.digest.id or 0)
    return frame.page(
        desk,
        visit,
        seat,
        "progress.html",
        status=400 if errors else 200,
        told=SAID.get(visit.query.get("said", ""), ""),
        found=found,
        glance=glance,
        drawn=_drawn(language, glance) if glance else None,
        is_running=state in RUNNING,
        may_act=seat.may(Role.EDITOR, found.digest.list_id),
        may_release=seat.may(Role.OWNER, found.digest.list_id),
        held_after_restore=ledger.HELD_BACK,
        errors={name: frame.explained(language, why) for name, why in (errors or {}).items()},
        form=visit.form,
    )


def _part(desk: Desk, visit: Visit, language: Language, found: Watched) -> str:
    glance = desk.watching.look(found.digest.id or 0)
    values = {
        "found": found,
        "glance": glance,
        "drawn": _drawn(language, glance),
        "ways": frame.RoomWays(desk),
        "visit": visit,
        "now": desk.now(),
    }
    return desk.templates.render(f"{frame.FOLDER}/progress_part.html", language, values)


def _drawn(language: Language, glance: Glance) -> tuple[Markup, list[tuple[Destination, Markup]]]:
    """Give the bars: of all recipients, and of each provider's."""
    providers = [(one, sums_bar(language, one.sums)) for one in glance.ahead.destinations]
    return sums_bar(language, glance.sums), providers


def sums_bar(language: Language, sums: Sums) -> Markup:
    """Draw how a digest's recipients stand as one bar."""
    parts = (
        Part("ink", sums.sent),
        Part("amiss", sums.failed),
        Part("doubt", sums.uncertain),
        Part("half", sums.suppressed + sums.withdrawn),
        Part("open", sums.open),
    )
    done = sums.recipients - sums.open
    name = language.gettext(
        "%(done)s of %(all)s done",
        done=language.format_number(done),
        all=language.format_number(sums.recipients),
    )
    return charts.stacked(parts, name)
