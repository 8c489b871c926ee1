"""The life of a digest: what may follow what, in one table, and one conditional UPDATE each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, bindparam, or_, update
from sqlmodel import Session, col, select

from mailer import facts, lists, unseen
from mailer.db import changed
from mailer.db.schema import (
    Digest,
    DigestEdition,
    DigestItem,
    DigestState,
    DigestText,
    Item,
    MailingList,
    Segment,
    Sender,
)
from mailer.digests import items, moments
from mailer.errors import NotFound, Refused, UsageError
from mailer.folding import folded
from mailer.history import EDITOR, SYSTEM, About, By, record
from mailer.language import translatable

DRAFT = DigestState.DRAFT
SCHEDULED = DigestState.SCHEDULED
QUEUED = DigestState.QUEUED
SENDING = DigestState.SENDING
SENT = DigestState.SENT
PAUSED = DigestState.PAUSED
CANCELLED = DigestState.CANCELLED

AFTER: dict[DigestState, frozenset[DigestState]] = {
    DRAFT: frozenset({SCHEDULED, CANCELLED}),
    SCHEDULED: frozenset({DRAFT, QUEUED, PAUSED, CANCELLED}),
    QUEUED: frozenset({SENDING, PAUSED, CANCELLED}),
    SENDING: frozenset({SENT, PAUSED, CANCELLED}),
    # Sending again: what had failed or was uncertain, when an editor says so.
    SENT: frozenset({SENDING}),
    PAUSED: frozenset({SCHEDULED, QUEUED, SENDING, CANCELLED}),
    CANCELLED: frozenset(),
}

PUT_BACK = "put-back"
"""The fact that tells when an older database was put in the place of a newer one."""

LONGEST_SUBJECT = 200
LONGEST_PREHEADER = 200
LONGEST_INTRODUCTION = 50_000
"""Characters; with its items a digest must stay below what Gmail shows of it."""
MOST_ITEMS = 200

SUBJECT_LENGTH = translatable("a subject has 1 to 200 characters")
SUBJECT_UNSEEN = translatable("a subject is one line of characters that can be seen")
PREHEADER_LENGTH = translatable("a preheader has 200 characters at most")
PREHEADER_UNSEEN = translatable("a preheader is one line of characters that can be seen")
INTRODUCTION_LENGTH = translatable("an introduction has 50,000 characters at most")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an editor wants in a new digest.

    With neither `item_ids` nor `new_items` it is a plain announcement: its introduction alone.
    """

    slug: str
    subject: str
    introduction: str = ""
    item_ids: tuple[int, ...] = ()
    new_items: bool = False
    layout: str | None = None
    dated_on: date | None = None


def draft(session: Session, wish: Wish, *, now: datetime, by: By = EDITOR) -> int:
    """Make a draft with the next number of its list; give its id."""
    found = lists.get(session, wish.slug)
    assert found.id is not None
    _check_subject(wish.subject)
    chosen = _chosen(session, wish, found)
    zone = moments.zone(found.timezone)
    digest = Digest(
        list_id=found.id,
        number=_next_number(session, found.id),
        dated_on=wish.dated_on or now.astimezone(zone).date(),
        layout=wish.layout or found.layout,
        created_at=now,
    )
    session.add(digest)
    session.flush()
    assert digest.id is not None
    write(session, digest.id, found.language, wish.subject, wish.introduction)
    for position, one in enumerate(chosen):
        item = DigestItem(
            digest_id=digest.id, item_id=one.id, position=position, section=one.version.topic
        )
        session.add(item)
    details = {"items": [one.id for one in chosen]}
    record(session, "digest.drafted", by, _about(digest), at=now, details=details)
    return digest.id


def write(  # noqa: PLR0913  (the words of a digest are as many)
    session: Session,
    digest_id: int,
    language: str,
    subject: str,
    introduction: str,
    *,
    preheader: str | None = None,
    now: datetime | None = None,
    by: By = EDITOR,
) -> None:
    """Set a draft's words in one language; a scheduled one becomes a draft again.

    Without a preheader it keeps the one it has.
    """
    _check_subject(subject)
    _check_preheader(preheader or "")
    if len(introduction) > LONGEST_INTRODUCTION:
        raise UsageError(INTRODUCTION_LENGTH)
    open_draft(session, digest_id, now=now, by=by)
    if preheader is None:
        before = session.get(DigestText, (digest_id, language))
        preheader = before.preheader if before else ""
    text = DigestText(
        digest_id=digest_id,
        language=language,
        subject=subject,
        introduction=introduction,
        preheader=preheader,
        words=folded(f"{subject}\n{introduction}"),
    )
    session.merge(text)
    session.flush()


def open_draft(
    session: Session, digest_id: int, *, now: datetime | None = None, by: By = EDITOR
) -> Digest:
    """Give a digest that may be edited, locked until the end; a scheduled one is a draft again.

    Raises Refused for one that is on its way, or was.
    """
    digest = locked(session, digest_id)
    if digest.state is SCHEDULED:
        unschedule(session, digest_id, now=now, by=by)
        return get(session, digest_id)
    if digest.state is not DRAFT:
        raise Refused(f"digest {digest_id} is {digest.state}; its words can change no more")
    return digest


def locked(session: Session, digest_id: int) -> Digest:
    """Give a digest that nobody else changes until the transaction ends."""
    lock = select(Digest).where(col(Digest.id) == digest_id).with_for_update()
    session.exec(lock.execution_options(populate_existing=True)).first()
    return get(session, digest_id)


def set_segment(
    session: Session, digest_id: int, segment_id: int | None, *, now: datetime, by: By = EDITOR
) -> None:
    """Let a draft go to a segment of its list, or (None) to all of it; a scheduled one is a draft.

    Raises NotFound for a segment of another list and for one that is retired, Refused for a
    digest that is on its way.
    """
    digest = get(session, digest_id)
    if segment_id == digest.segment_id:
        return
    if segment_id is not None:
        found = session.get(Segment, segment_id)
        is_open = found and found.retired_at is None and found.list_id in {None, digest.list_id}
        if not is_open:
            raise NotFound("segment", segment_id)
    digest = open_draft(session, digest_id, now=now, by=by)
    statement = update(Digest).where(col(Digest.id) == digest_id, col(Digest.state) == DRAFT)
    changed(session, statement.values(segment_id=segment_id))
    details = {"segment": segment_id}
    record(session, "digest.segment", by, _about(digest), at=now, details=details)


def get(session: Session, digest_id: int) -> Digest:
    """Give a digest; NotFound when there is none."""
    statement = (
        select(Digest).where(col(Digest.id) == digest_id).execution_options(populate_existing=True)
    )
    found = session.exec(statement).first()
    if found is None:
        raise NotFound("digest", digest_id, "“mailer digest list” shows them all")
    return found


def every(session: Session) -> list[Digest]:
    """Give all digests, newest first."""
    return list(session.exec(select(Digest).order_by(col(Digest.id).desc())))


def went_out() -> ColumnElement[bool]:
    """Give the condition that a digest went out, or is on its way.

    One that was paused on its way is among them: some readers have it, with a link to its page.
    """
    halfway = and_(col(Digest.state) == PAUSED, col(Digest.resume_to) == SENDING)
    return or_(col(Digest.state).in_([SENDING, SENT]), halfway)


def sent_of(session: Session, list_id: int) -> list[Digest]:
    """Give the digests of a list that went out, newest first."""
    statement = (
        select(Digest)
        .where(col(Digest.list_id) == list_id, went_out())
        .order_by(col(Digest.number).desc())
    )
    return list(session.exec(statement))


def texts(session: Session, digest_id: int) -> dict[str, DigestText]:
    """Give a digest's words by language."""
    statement = select(DigestText).where(col(DigestText.digest_id) == digest_id)
    return {text.language: text for text in session.exec(statement)}


def texts_of(session: Session, digest_ids: Collection[int]) -> dict[int, dict[str, DigestText]]:
    """Give the words of some digests, by digest and language."""
    statement = select(DigestText).where(col(DigestText.digest_id).in_(digest_ids))
    found: dict[int, dict[str, DigestText]] = {digest_id: {} for digest_id in digest_ids}
    for text in session.exec(statement):
        found[text.digest_id][text.language] = text
    return found


def contents(session: Session, digest_id: int) -> list[tuple[DigestItem, items.Written]]:
    """Give a digest's items in order, each with its newest words."""
    statement = (
        select(DigestItem)
        .where(col(DigestItem.digest_id) == digest_id)
        .order_by(col(DigestItem.position))
    )
    rows = list(session.exec(statement))
    written = items.some(session, [row.item_id for row in rows])
    return list(zip(rows, written, strict=True))


def schedule(  # noqa: PLR0913  (when, and on which terms)
    session: Session,
    digest_id: int,
    when: moments.LocalTime | None,
    *,
    late: timedelta,
    now: datetime,
    by: By = EDITOR,
    wait: timedelta = timedelta(0),
) -> None:
    """Let a draft go at a local time, or (None) at once; beyond `late` it waits for an editor.

    What goes at once may `wait` a little, so that a slip can be taken back.
    """
    due_at = when.at if when else now + wait
    values = {
        "due_at": due_at,
        "not_after": due_at + late,
        "local_time": when.text if when else None,
        "timezone": when.zone if when else None,
        "reason": "",
    }
    _move(session, digest_id, {DRAFT}, SCHEDULED, **values)
    details = {"due_at": due_at.isoformat(), "local_time": when.text if when else None}
    digest = get(session, digest_id)
    record(session, "digest.scheduled", by, _about(digest), at=now, details=details)


def unschedule(
    session: Session, digest_id: int, *, now: datetime | None = None, by: By = EDITOR
) -> None:
    """Make a scheduled digest a draft again; what was frozen is dropped."""
    _move(session, digest_id, {SCHEDULED}, DRAFT, **_UNSCHEDULED)
    for row in session.exec(select(DigestEdition).where(col(DigestEdition.digest_id) == digest_id)):
        session.delete(row)
    session.flush()
    if now is not None:
        record(session, "digest.unscheduled", by, _about(get(session, digest_id)), at=now)


_UNSCHEDULED = {"due_at": None, "not_after": None, "local_time": None, "stops_at": None}


def due(session: Session, *, now: datetime) -> list[Digest]:
    """Give scheduled digests whose hour has come, the earliest first."""
    statement = (
        select(Digest)
        .where(col(Digest.state) == SCHEDULED, col(Digest.due_at) <= now)
        .order_by(col(Digest.due_at))
    )
    return list(session.exec(statement))


def in_state(session: Session, *wanted: DigestState) -> list[Digest]:
    """Give the digests in one of some states, the oldest first."""
    statement = select(Digest).where(col(Digest.state).in_(wanted)).order_by(col(Digest.id))
    return list(session.exec(statement))


@dataclass(frozen=True, slots=True)
class Going:
    """A digest that is being sent: the route that its list's sender has, and its last moment."""

    id: int
    route: str
    not_after: datetime | None


def going(session: Session, *, now: datetime) -> list[Going]:
    """Give the digests that are being sent, the oldest first: what each turn of a worker asks.

    One whose last hour has struck is not among them.
    """
    rows = session.connection().execute(_GOING, {"now": now})
    return [Going(*row) for row in rows]


_DIGESTS, _LISTS, _SENDERS = (
    sqlalchemy.inspect(table).local_table for table in (Digest, MailingList, Sender)
)
_GOING = (
    sqlalchemy.select(_DIGESTS.c.id, _SENDERS.c.route, _DIGESTS.c.not_after)
    .join(_LISTS, _LISTS.c.id == _DIGESTS.c.list_id)
    .join(_SENDERS, _SENDERS.c.id == _LISTS.c.sender_id)
    .where(
        _DIGESTS.c.state == SENDING,
        or_(_DIGESTS.c.stops_at.is_(None), _DIGESTS.c.stops_at > bindparam("now")),
    )
    .order_by(_DIGESTS.c.id)
)


def begin(session: Session, digest: Digest, *, now: datetime, by: By) -> bool:
    """Begin to freeze a due digest's audience; False when somebody else has."""
    if not _try_move(session, _id(digest), {SCHEDULED}, QUEUED, queued_at=now, not_after=None):
        return False
    late = int((now - digest.due_at).total_seconds()) if digest.due_at else 0
    details = {"late_seconds": late}
    record(session, "digest.queued", by, _about(digest), at=now, details=details)
    return True


def advance(session: Session, digest_id: int, before: int, after: int) -> bool:
    """Move the cursor of a freezing audience; False when another process moved it."""
    statement = (
        update(Digest)
        .where(
            col(Digest.id) == digest_id,
            col(Digest.state) == QUEUED,
            col(Digest.audience_cursor) == before,
        )
        .values(audience_cursor=after)
    )
    return changed(session, statement) == 1


def send(session: Session, digest: Digest, *, now: datetime, by: By) -> bool:
    """Let the frozen audience be mailed; False when somebody else has, or it was paused."""
    if not _try_move(session, _id(digest), {QUEUED}, SENDING):
        return False
    record(session, "digest.sending", by, _about(digest), at=now)
    return True


def finish(session: Session, digest: Digest, *, now: datetime, by: By) -> bool:
    """Note that nothing of a digest is open any more."""
    if not _try_move(session, _id(digest), {SENDING}, SENT, sent_at=now):
        return False
    record(session, "digest.sent", by, _about(digest), at=now)
    return True


def reopen(session: Session, digest_id: int, why: str, *, now: datetime, by: By = EDITOR) -> None:
    """Let a sent digest send again, for rows that an editor queued anew.

    That it was to end at some moment is over then; not so for rows that came back by themselves.
    """
    digest = get(session, digest_id)
    values: dict[str, Any] = (
        {"sent_at": None} if by == SYSTEM else {"sent_at": None, "stops_at": None}
    )
    if _try_move(session, digest_id, {SENT}, SENDING, **values):
        record(session, "digest.reopened", by, _about(digest), at=now, details={"why": why})
    elif digest.state not in {SENDING, PAUSED}:
        raise Refused(f"digest {digest_id} is {digest.state}: nothing of it can go again")


def pause(session: Session, digest_id: int, reason: str, *, now: datetime, by: By = EDITOR) -> None:
    """Stop a digest where it is, until it is resumed."""
    digest = get(session, digest_id)
    stops = {SCHEDULED, QUEUED, SENDING}
    _move(session, digest_id, stops, PAUSED, resume_to=digest.state, reason=reason)
    details = {"reason": reason, "from": digest.state.value}
    record(session, "digest.paused", by, _about(digest), at=now, details=details)


def resume(
    session: Session,
    digest_id: int,
    *,
    late: timedelta,
    now: datetime,
    by: By = EDITOR,
    give_up: timedelta | None = None,
) -> None:
    """Let a paused digest go on; one whose hour has passed goes now.

    With `give_up`, what waits of it has so much time from now on: it could not go meanwhile.
    """
    digest = get(session, digest_id)
    to = digest.resume_to or SCHEDULED
    values: dict[str, Any] = {"resume_to": None, "reason": ""}
    if to is SCHEDULED:
        values["not_after"] = max(digest.due_at or now, now) + late
    elif give_up is not None:
        values["not_after"] = now + give_up
    _move(session, digest_id, {PAUSED}, to, **values)
    record(session, "digest.resumed", by, _about(digest), at=now, details={"to": to.value})


def stop_after(
    session: Session, digest_id: int, at: datetime | None, *, now: datetime, by: By = EDITOR
) -> None:
    """Send nothing more of a digest from a moment on, or (None) let it take the time it takes."""
    digest = get(session, digest_id)
    statement = (
        update(Digest)
        .where(
            col(Digest.id) == digest_id,
            col(Digest.state).in_([SCHEDULED, QUEUED, SENDING, PAUSED]),
        )
        .values(stops_at=at)
    )
    if not changed(session, statement):
        raise Refused(f"digest {digest_id} is {digest.state}: nothing of it is on its way")
    details = {"at": at.isoformat() if at else None}
    record(session, "digest.stops", by, _about(digest), at=now, details=details)


def over_time(session: Session, *, now: datetime) -> list[int]:
    """Give the digests that are being sent although their last hour has struck."""
    statement = select(Digest.id).where(col(Digest.state) == SENDING, col(Digest.stops_at) <= now)
    return [digest_id for digest_id in session.exec(statement) if digest_id is not None]


def cancel(session: Session, digest_id: int, *, now: datetime, by: By = EDITOR) -> None:
    """End a digest that has not gone out whole; what waits will be withdrawn."""
    digest = get(session, digest_id)
    stops = {DRAFT, SCHEDULED, QUEUED, SENDING, PAUSED}
    _move(session, digest_id, stops, CANCELLED, resume_to=None)
    details = {"from": digest.state.value}
    record(session, "digest.cancelled", by, _about(digest), at=now, details=details)


def _move(
    session: Session,
    digest_id: int,
    before: set[DigestState],
    after: DigestState,
    **values: object,
) -> None:
    digest = get(session, digest_id)
    if not _try_move(session, digest_id, before, after, **values):
        wanted = " or ".join(sorted(before))
        raise Refused(
            f"digest {digest_id} is {digest.state}; only one that is {wanted} can do that"
        )


def _try_move(
    session: Session,
    digest_id: int,
    before: set[DigestState],
    after: DigestState,
    **values: object,
) -> bool:
    if any(after not in AFTER[one] for one in before):
        raise AssertionError(f"no digest becomes {after} from all of {before}")
    statement = (
        update(Digest)
        .where(col(Digest.id) == digest_id, col(Digest.state).in_(before))
        .values(state=after, **values)
    )
    return changed(session, statement) == 1


def _chosen(session: Session, wish: Wish, found: MailingList) -> list[items.Written]:
    if len(wish.item_ids) > MOST_ITEMS:
        raise UsageError(f"a digest holds {MOST_ITEMS} items at most")
    chosen = items.some(session, list(dict.fromkeys(wish.item_ids)))
    if not wish.new_items:
        return chosen
    fresh = new_items(session, found)
    if not fresh and not chosen:
        raise Refused(f"there is nothing new for “{found.slug}” since its last digest")
    have = {one.id for one in chosen}
    both = [*chosen, *(one for one in fresh if one.id not in have)]
    return by_topic(both)[:MOST_ITEMS]


def by_topic(written: list[items.Written]) -> list[items.Written]:
    """Bring items of one topic together, topics in the order they first appear."""
    order = list(dict.fromkeys(one.version.topic for one in written))
    return sorted(written, key=lambda one: order.index(one.version.topic))


def has_new_items(session: Session, found: MailingList) -> bool:
    """Tell whether there is anything a list has not told yet."""
    return bool(new_items(session, found))


def may_have_gone(session: Session, digest_id: int) -> bool:
    """Tell whether a digest has news from before a restore, which a lost one may have told."""
    fact = facts.get(session, PUT_BACK)
    if fact is None:
        return False
    chosen = (
        select(col(Item.group_id))
        .join(DigestItem, col(DigestItem.item_id) == col(Item.id))
        .where(col(DigestItem.digest_id) == digest_id)
    )
    old = select(Item).where(col(Item.group_id).in_(chosen), col(Item.created_at) <= fact.at)
    return session.exec(old.limit(1)).first() is not None


def new_items(session: Session, found: MailingList) -> list[items.Written]:
    """Give the items that were in no digest of a list yet, save cancelled ones; oldest first.

    Translations of one item count as one: the original, or the one in the list's language.
    """
    used = (
        select(col(Item.group_id))
        .join(DigestItem, col(DigestItem.item_id) == col(Item.id))
        .join(Digest, col(Digest.id) == col(DigestItem.digest_id))
        .where(col(Digest.list_id) == found.id, col(Digest.state) != CANCELLED)
    )
    statement = (
        select(col(Item.id), col(Item.group_id), col(Item.language))
        .where(col(Item.group_id).not_in(used), col(Item.retired_at).is_(None))
        .order_by(col(Item.id))
    )
    one_each: dict[int, int] = {}
    for item_id, group_id, language in session.exec(statement):
        if group_id not in one_each or language == found.language:
            one_each[group_id] = item_id or 0
    return items.some(session, sorted(one_each.values()))


def _next_number(session: Session, list_id: int) -> int:
    statement = (
        update(MailingList)
        .where(col(MailingList.id) == list_id)
        .values(last_number=col(MailingList.last_number) + 1)
        .returning(col(MailingList.last_number))
        .execution_options(synchronize_session=False)
    )
    return int(session.execute(statement).scalar_one())


def _check_subject(subject: str) -> None:
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise UsageError(SUBJECT_LENGTH)
    if unseen.IN_LINE.search(subject):
        raise UsageError(SUBJECT_UNSEEN)


def _check_preheader(preheader: str) -> None:
    if len(preheader) > LONGEST_PREHEADER:
        raise UsageError(PREHEADER_LENGTH)
    if unseen.IN_LINE.search(preheader):
        raise UsageError(PREHEADER_UNSEEN)


def _about(digest: Digest) -> About:
    return About(list_id=digest.list_id, digest_id=digest.id)


def _id(digest: Digest) -> int:
    assert digest.id is not None
    return digest.id
