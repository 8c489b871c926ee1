"""A list's cadence kept: on its day a digest is drafted from what is new, then queued or left.

The day is entered first, and a unique key lets only one process enter it; so any number may
tick. Nothing new, no digest. Then the draft is rendered, while nobody waits for it, and queued;
whoever dies in between leaves a day that is begun, for the next to go on with. What cannot be
queued stays a draft, and the owner is told; so does what may have gone already, after a restore.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Update, update
from sqlmodel import Session, col, select

from mailer import facts, lists
from mailer.db import changed, upsert
from mailer.db.schema import CadenceDay, DigestState, MailingList
from mailer.delivery import editing, notices
from mailer.delivery.press import Press
from mailer.digests import cadence, life, moments
from mailer.digests.cadence import Cadence, Then
from mailer.errors import MailerError
from mailer.history import EDITOR, SYSTEM, About, By, record
from mailer.language import translatable

SUBJECT_ROOM = 200
"""Characters of a subject; a list's long name is cut rather than a digest left out."""


TOLD_AGAIN = timedelta(hours=24)
"""How long it is not told again that a list's digest cannot be made; it is tried all the time."""


ALREADY = 40
"""Days acted upon that a change of cadence looks at: all that could still be waiting."""


class Outcome(StrEnum):
    """What came of a day."""

    BEGUN = "begun"  # drafted, and not yet decided
    QUEUED = "queued"
    DRAFTED = "drafted"  # left for an editor, as the list says
    NOTHING_NEW = "nothing new"
    TOO_LATE = "too late"  # drafted, and left for an editor: nothing ran at its hour
    MAY_HAVE_GONE = "may have gone"  # drafted; its news is from before a restore
    FAILED = "failed"  # drafted, and could not be queued


TAKES_APPROVAL = translatable("Its list takes a second person to approve each digest.")


@dataclass(frozen=True, slots=True)
class Due:
    """A list whose day has come and was not acted upon, or only `begun`: its draft is there."""

    list_id: int
    day: date
    at: datetime
    begun: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done about a day; `digest_id` is None when nothing was new."""

    outcome: Outcome
    digest_id: int | None = None
    why: str = ""


def due_lists(session: Session, *, now: datetime) -> list[Due]:
    """Give the lists whose digest is due by their cadence; a look, not a write."""
    found = _begun(session)
    for listed in _with_cadence(session):
        rhythm, zone = _rhythm(listed)
        day = cadence.latest(rhythm, zone, now=now)
        assert listed.id is not None
        if day is not None and session.get(CadenceDay, (listed.id, day)) is None:
            found.append(Due(listed.id, day, rhythm.moment(day, zone)))
    return found


def assemble(session: Session, press: Press, due: Due, *, now: datetime) -> Kept | None:
    """Enter a day and draft its digest, which is BEGUN then; None when another process has."""
    entered = upsert(session, CadenceDay).values(
        list_id=due.list_id, day=due.day, acted_at=now, outcome=Outcome.BEGUN.value, digest_id=None
    )
    if not changed(session, entered.on_conflict_do_nothing()):
        return None
    listed = lists.by_id(session, due.list_id)
    # The cadence may have been taken away since somebody looked.
    if not listed.cadence or not life.has_new_items(session, listed):
        kept = Kept(Outcome.NOTHING_NEW)
        _enter(session, due, kept, now)
        return kept
    digest_id = _draft(session, press, listed, due, now)
    session.execute(_day(due).values(digest_id=digest_id))
    return Kept(Outcome.BEGUN, digest_id)


def conclude(
    session: Session, press: Press, due: Due, *, late: timedelta, now: datetime
) -> Kept | None:
    """Queue the draft of a day that is begun, or leave it to an editor; None when another has.

    It takes little time once `press.render_ahead` has rendered the draft.
    """
    begun = _day(due).where(col(CadenceDay.outcome) == Outcome.BEGUN.value)
    # Whoever else is at it waits here, and then finds nothing begun.
    if due.begun is None or not changed(session, begun.values(acted_at=now)):
        return None
    kept = _decide(session, press, due, due.begun, late=late, now=now)
    _enter(session, due, kept, now)
    if kept.why:
        slug = lists.by_id(session, due.list_id).slug
        notices.digest_drafted(session, press, due.begun, slug, kept.why, now=now)
    return kept


def days(session: Session, list_id: int, *, limit: int) -> list[CadenceDay]:
    """Give the last days that were acted upon, the newest first."""
    statement = (
        select(CadenceDay)
        .where(col(CadenceDay.list_id) == list_id)
        .order_by(col(CadenceDay.day).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def failed(session: Session, press: Press, due: Due, why: str, *, now: datetime) -> bool:
    """Tell the owner that a day's digest cannot be made; False when that was told of late."""
    name = f"cadence-failed:{due.list_id}:{due.day}"
    if not facts.take_turn(session, name, every=TOLD_AGAIN, now=now):
        return False
    slug = lists.by_id(session, due.list_id).slug
    notices.digest_unmade(session, press, slug, due.day, why, now=now)
    return True


def _decide(
    session: Session, press: Press, due: Due, digest_id: int, *, late: timedelta, now: datetime
) -> Kept:
    listed = lists.by_id(session, due.list_id)
    if life.get(session, digest_id).state is not DigestState.DRAFT:
        return Kept(Outcome.DRAFTED, digest_id)  # an editor was faster
    if not listed.cadence or _rhythm(listed)[0].then is Then.DRAFT:
        return Kept(Outcome.DRAFTED, digest_id, translatable("Its list leaves it for an editor."))
    if life.may_have_gone(session, digest_id):
        why = translatable(
            "Some of its news is from before the database was put back, and may have been mailed "
            "since that copy was made. If it was, leave it a draft: then it is new no more."
        )
        return Kept(Outcome.MAY_HAVE_GONE, digest_id, why)
    if now > due.at + late:
        return Kept(Outcome.TOO_LATE, digest_id, translatable("Nothing was running at its hour."))
    return _queue(session, press, digest_id, late=late, now=now)


def _day(due: Due) -> Update:
    return update(CadenceDay).where(
        col(CadenceDay.list_id) == due.list_id, col(CadenceDay.day) == due.day
    )


def _enter(session: Session, due: Due, kept: Kept, now: datetime) -> None:
    """Write down what came of a day."""
    session.execute(_day(due).values(outcome=kept.outcome.value, digest_id=kept.digest_id))
    details = {"day": due.day.isoformat(), "outcome": kept.outcome.value}
    about = About(list_id=due.list_id, digest_id=kept.digest_id)
    record(session, "cadence.kept", SYSTEM, about, at=now, details=details)


def _begun(session: Session) -> list[Due]:
    """Give the days whose drafts nobody has decided upon: somebody is at it, or died."""
    found = []
    statement = select(CadenceDay).where(col(CadenceDay.outcome) == Outcome.BEGUN.value)
    for row in session.exec(statement).all():
        listed, at = lists.by_id(session, row.list_id), row.acted_at
        if listed.cadence:
            rhythm, zone = _rhythm(listed)
            at = rhythm.moment(row.day, zone)
        found.append(Due(row.list_id, row.day, at, row.digest_id))
    return found


def _draft(session: Session, press: Press, listed: MailingList, due: Due, now: datetime) -> int:
    rhythm, _ = _rhythm(listed)
    named = _subjects(session, press, listed, rhythm, due.day)
    wish = life.Wish(listed.slug, named[listed.language], new_items=True, dated_on=due.day)
    digest_id = life.draft(session, wish, now=now, by=SYSTEM)
    for language, subject in named.items():
        life.write(session, digest_id, language, subject, "")
    return digest_id


def _queue(
    session: Session, press: Press, digest_id: int, *, late: timedelta, now: datetime
) -> Kept:
    try:
        with session.begin_nested():
            card = lists.card(session, life.get(session, digest_id).list_id)
            editing.require_route(press, card.sender.route)
            if card.list.needs_approval:
                return Kept(Outcome.DRAFTED, digest_id, TAKES_APPROVAL)
            press.freeze(session, digest_id, now=now)
            life.schedule(session, digest_id, None, late=late, now=now, by=SYSTEM)
    except MailerError as error:
        return Kept(Outcome.FAILED, digest_id, f"It could not be queued: {error}")
    return Kept(Outcome.QUEUED, digest_id)


def _subjects(
    session: Session, press: Press, listed: MailingList, rhythm: Cadence, day: date
) -> dict[str, str]:
    """Give the digest's subject in each language of its list."""
    named = {}
    for code in dict.fromkeys([listed.language, *listed.languages]):
        spoken = press.templates.languages.of(code)
        values = {
            "list": lists.words_of(session, listed, code).name,
            "date": spoken.format_date(day),
            "number": spoken.format_number(listed.last_number + 1),
        }
        ours = spoken.gettext("%(list)s, %(date)s", list=values["list"], date=values["date"])
        subject = cadence.fill(rhythm.subject, values) if rhythm.subject.strip() else ours
        named[code] = subject[:SUBJECT_ROOM]
    return named


def _rhythm(listed: MailingList) -> tuple[Cadence, ZoneInfo]:
    assert listed.cadence is not None
    return Cadence.load(listed.cadence), moments.zone(listed.timezone)


def _with_cadence(session: Session) -> list[MailingList]:
    # A JSON column may hold its own null, so that the condition is not asked in SQL.
    rows = session.exec(select(MailingList).where(col(MailingList.retired_at).is_(None)))
    return [one for one in rows if one.cadence]


def set_cadence(
    session: Session, found: MailingList, new: Cadence, *, now: datetime, by: By = EDITOR
) -> None:
    """Give a list another cadence; a day that still waits for its digest is not lost by it."""
    if found.cadence:
        assert found.id is not None
        acted = {row.day for row in days(session, found.id, limit=ALREADY)}
        zone = moments.zone(found.timezone)
        new = cadence.changed(Cadence.load(found.cadence), new, zone, acted, now=now)
    lists.set_cadence(session, found, new.stored(), now=now, by=by)
