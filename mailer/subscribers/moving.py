"""A change of address: asked for on one's own page, confirmed at the new one, told to the old one.

A new address that is a subscriber already means that two become one. Nobody is brought back by
that: a list that either had left under the new address stays left, and what an address must not
be mailed it must not be mailed afterwards either. The old address can take the change back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from mailer import departures, history, ledger, lists
from mailer.address import Address, mask, parse
from mailer.db import Lock, alone, among, changed
from mailer.db.schema import (
    AddressChange,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from mailer.departures import Departure, Kind
from mailer.errors import NotFound
from mailer.history import READER, SYSTEM, About, By
from mailer.ledger import Claimed
from mailer.subscribers import access, consent, roster, suppressions
from mailer.subscribers.preferences import Reader, reader
from mailer.subscribers.roster import Rules, Wish

CONFIRMED, PENDING = SubscriptionState.CONFIRMED, SubscriptionState.PENDING
UNSUBSCRIBED = SubscriptionState.UNSUBSCRIBED

# By address are known those of before there were names; SQLite lowers no letters but ASCII.
_OLD_NAME = func.coalesce(col(AddressChange.old_name), func.lower(col(AddressChange.old_address)))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of address as its pages show it."""

    id: int
    subscriber_id: int
    old_address: str
    address: str
    is_done: bool
    is_undone: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of address that was done, as it is known beside the database."""

    change_id: int
    subscriber_id: int
    address: str


def change(session: Session, change_id: int) -> Change:
    """Give a change of address; NotFound when there is none, or its reader is erased."""
    row = session.get(AddressChange, change_id, populate_existing=True)
    if row is None or row.id is None or row.address is None or row.old_address is None:
        raise NotFound("subscription", f"change {change_id}")
    return Change(
        id=row.id,
        subscriber_id=row.subscriber_id,
        old_address=row.old_address,
        address=row.address,
        is_done=row.done_at is not None,
        is_undone=row.undone_at is not None,
    )


def ask_move(
    session: Session, subscriber_id: int, wish: Wish, rules: Rules, *, now: datetime
) -> None:
    """Ask the address in the wish whether it is this reader's; nothing changes until it says so."""
    one = reader(session, subscriber_id)
    if wish.address.key == one.key:
        return
    reasons = suppressions.reasons(session, wish.address.key, None)
    allowed = consent.allowed(DeliveryKind.MOVE, reasons)
    when = access.book(session, DeliveryKind.MOVE, wish, rules, now=now) if allowed else None
    if when is None:
        kind = "subscriber.move_limited" if allowed else "subscriber.move_refused"
        _record(session, kind, one.id, now, wish.evidence)
        return
    row = AddressChange(
        subscriber_id=one.id, old_address=one.address, address=wish.address.mailbox, asked_at=now
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    _record(session, "subscriber.move_asked", one.id, now, {**wish.evidence, "change": row.id})
    told = _Told(
        kind=DeliveryKind.MOVE,
        to=wish.address,
        subscriber_id=one.id,
        list_id=wish.list_id,
        language=wish.language,
        change_id=row.id,
        other=one.address,
        ends=when + rules.confirm_for,
    )
    _tell(session, told, rules, when=when, now=now)


def move(
    session: Session,
    change_id: int,
    list_id: int,
    evidence: Mapping[str, Any],
    rules: Rules,
    *,
    now: datetime,
) -> bool:
    """Let a reader's mail go to the address that has just said yes; tell the old one.

    Done once more it changes nothing. False when it was undone, or another change came first.
    """
    alone(session, Lock.ROSTER)
    found = change(session, change_id)
    if found.is_done:
        return not found.is_undone
    one = reader(session, found.subscriber_id)
    if one.address != found.old_address or one.id != found.subscriber_id:
        return False
    to = parse(found.address)
    _change_over(session, one, to, {**evidence, "change": change_id}, by=READER, now=now)
    told = _Told(
        kind=DeliveryKind.MOVED,
        to=Address(mailbox=one.address, key=one.key),
        subscriber_id=one.id,
        list_id=list_id,
        language=one.language or "en",
        change_id=change_id,
        other=to.mailbox,
        ends=now + rules.undo_for,
    )
    _tell(session, told, rules, when=now, now=now)
    return True


def move_again(
    session: Session, moved: Moved, evidence: Mapping[str, Any], *, now: datetime
) -> bool:
    """Do again a change that an older database does not know; the old address was told then.

    It keeps its number, for the old address may still take it back. False for one who became
    another subscriber meanwhile; NotFound for one who is not known.
    """
    alone(session, Lock.ROSTER)
    known = session.get(AddressChange, moved.change_id, populate_existing=True)
    if known is not None and known.done_at is not None:
        return True
    one, to = reader(session, moved.subscriber_id), parse(moved.address)
    if one.id != moved.subscriber_id:
        return False
    if known is None:
        session.add(
            AddressChange(
                id=moved.change_id,
                subscriber_id=one.id,
                old_address=one.address,
                address=to.mailbox,
                asked_at=now,
            )
        )
        session.flush()
    _change_over(session, one, to, {**evidence, "change": moved.change_id}, by=SYSTEM, now=now)
    return True


def undo_move(
    session: Session,
    change_id: int,
    evidence: Mapping[str, Any],
    *,
    now: datetime,
    by: By = READER,
) -> bool:
    """Bring a reader's mail back to the old address, whatever was changed since.

    False when it cannot be: another subscriber has that address by now.
    """
    alone(session, Lock.ROSTER)
    found = change(session, change_id)
    if not found.is_done or found.is_undone:
        return found.is_undone
    back = parse(found.old_address)
    taken = session.execute(
        select(col(Subscriber.id)).where(
            col(Subscriber.key) == back.key, col(Subscriber.id) != found.subscriber_id
        )
    ).scalar()
    if taken is not None:
        return False
    _part(session, found)
    _readdress(session, found.subscriber_id, back)
    later = (
        update(AddressChange)
        .where(
            col(AddressChange.subscriber_id) == found.subscriber_id,
            col(AddressChange.id) >= change_id,
            col(AddressChange.done_at).is_not(None),
            col(AddressChange.undone_at).is_(None),
        )
        .values(undone_at=now)
    )
    session.execute(later)
    details = {**evidence, "change": change_id}
    event = _record(session, "subscriber.move_undone", found.subscriber_id, now, details, by=by)
    line = Departure(now, Kind.RETURNED, event, found.subscriber_id, change=change_id)
    departures.note(session.info, line)
    return True


def forget_moves(session: Session, *, before: datetime, now: datetime, limit: int = 500) -> int:
    """Blank the addresses of changes that nobody can press or take back any more; give how many.

    An address that was given up is still known by its name, as `given_up` asks for it.
    """
    old = (
        select(col(AddressChange.id), col(AddressChange.old_address))
        .where(
            col(AddressChange.address).is_not(None),
            func.coalesce(col(AddressChange.done_at), col(AddressChange.asked_at)) < before,
        )
        .limit(limit)
    )
    rows = session.execute(old).all()
    for change_id, address in rows:
        name = suppressions.name(session, address.lower(), now=now) if address else None
        _set_change(session, change_id, address=None, old_address=None, old_name=name)
    return len(rows)


def given_up(session: Session, keys: Collection[str]) -> set[str]:
    """Give which addresses their readers gave up for another, however long ago.

    One that is somebody's again is not among them.
    """
    named = suppressions.names(session, keys)
    statement = old_names().where(among(session, _OLD_NAME, list(named)))
    found = {named[one] for one in session.execute(statement).scalars()}
    if not found:
        return found
    taken = select(col(Subscriber.key)).where(among(session, col(Subscriber.key), found))
    return found - set(session.execute(taken).scalars())


def old_names() -> Select[Any]:
    """Select what addresses that were given up are called: by themselves, or by their hashes."""
    return select(_OLD_NAME).where(
        col(AddressChange.done_at).is_not(None), col(AddressChange.undone_at).is_(None)
    )


def follow(session: Session, claimed: Sequence[Claimed], *, now: datetime) -> list[Claimed]:
    """Give claims under the address that their reader has now, and let the ledger know it.

    What waits goes along when an address is changed; what a worker holds at that moment cannot,
    and is looked at when it is claimed once more.
    """
    again = [one for one in claimed if one.dated_at < now and one.digest_id and one.subscriber_id]
    if not again:
        return list(claimed)
    moved = {one.id: one for one in again if one.id in _left_behind(session, again)}
    followed = {one.id: _followed(session, one) for one in moved.values()}
    return [followed.get(one.id, one) for one in claimed]


def _change_over(
    session: Session, one: Reader, to: Address, details: dict[str, Any], *, by: By, now: datetime
) -> None:
    """Let a reader's mail go to another address, and note that it does."""
    change_id = details["change"]
    name = suppressions.name(session, one.key, now=now)
    _set_change(session, change_id, done_at=now, old_name=name)
    _carry_suppressions(session, one.key, to.key, now)
    suppressions.lift(session, to.key, reasons={SuppressionReason.BOUNCE})
    other = session.execute(
        select(col(Subscriber.id)).where(col(Subscriber.key) == to.key)
    ).scalar()
    if other is None:
        _readdress(session, one.id, to)
    elif other != one.id:
        details |= _merge(session, one, other, to, now)
    event = _record(session, "subscriber.moved", one.id, now, details, by=by)
    line = Departure(now, Kind.MOVED, event, one.id, change=change_id)
    departures.note(session.info, line, to.mailbox)


def _readdress(session: Session, subscriber_id: int, to: Address) -> None:
    """Give a subscriber another address; digests that wait go there too."""
    where = {"address": to.mailbox, "key": to.key, "domain": to.domain}
    person = update(Subscriber).where(col(Subscriber.id) == subscriber_id)
    session.execute(person.values(**where, merged_into=None))
    session.execute(_waiting_digests(subscriber_id).values(where))


def _left_behind(session: Session, claimed: Sequence[Claimed]) -> set[int]:
    """Give the rows whose reader has another address now, or became another subscriber."""
    statement = (
        select(col(Delivery.id))
        .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id))
        .where(
            among(session, col(Delivery.id), [one.id for one in claimed]),
            or_(
                col(Subscriber.merged_into).is_not(None),
                col(Subscriber.key) != col(Delivery.key),
            ),
        )
    )
    return {int(one) for one in session.execute(statement).scalars() if one}


def _followed(session: Session, one: Claimed) -> Claimed:
    """Give a claim as its reader's of today; as it is when they have this digest anyhow."""
    today = roster.today(session, one.subscriber_id or 0)
    person = session.get(Subscriber, today, populate_existing=True)
    has_one = select(col(Delivery.id)).where(
        col(Delivery.digest_id) == one.digest_id,
        col(Delivery.subscriber_id) == today,
        col(Delivery.id) != one.id,
    )
    if person is None or not person.address or session.execute(has_one).first():
        return one
    to = parse(person.address)
    theirs: dict[str, Any] = {"address": to.mailbox, "key": to.key, "domain": to.domain}
    theirs |= {"subscriber_id": today}
    session.execute(update(Delivery).where(col(Delivery.id) == one.id).values(theirs))
    return one._replace(**theirs)


def _waiting_digests(subscriber_id: int) -> Any:
    return update(Delivery).where(
        col(Delivery.subscriber_id) == subscriber_id,
        col(Delivery.digest_id).is_not(None),
        col(Delivery.state) == DeliveryState.QUEUED,
    )


def _merge(
    session: Session, one: Reader, other_id: int, to: Address, now: datetime
) -> dict[str, Any]:
    """Let a reader become the subscriber of the new address; give what *undo* needs to know."""
    theirs = reader(session, other_id).lists
    moved, kept = [], []
    for list_id, mine in one.lists.items():
        if list_id not in theirs:
            _hand_over(session, one.id, other_id, list_id)
            moved.append(list_id)
        elif mine.state is not UNSUBSCRIBED:
            kept.append([list_id, mine.state.value])
            _stand(session, one.id, list_id, mine.state, UNSUBSCRIBED, left_at=now)
            if mine.state is CONFIRMED:
                _stand(session, other_id, list_id, PENDING, CONFIRMED, confirmed_at=now)
    has_one = aliased(Delivery)
    same = select(col(has_one.digest_id)).where(
        col(has_one.subscriber_id) == other_id, col(has_one.digest_id).is_not(None)
    )
    waiting = _waiting_digests(one.id).where(col(Delivery.digest_id).not_in(same))
    theirs_now = {"subscriber_id": other_id, "address": to.mailbox, "key": to.key}
    session.execute(waiting.values(**theirs_now, domain=to.domain))
    person = update(Subscriber).where(col(Subscriber.id) == one.id)
    gone = {"address": None, "key": None, "domain": None, "merged_into": other_id}
    session.execute(person.values(gone))
    return {"moved": moved, "kept": kept}


def _part(session: Session, found: Change) -> None:
    """Let a reader who had become another subscriber be themselves again."""
    person = session.get(Subscriber, found.subscriber_id, populate_existing=True)
    if person is None or person.merged_into is None:
        return
    other_id = person.merged_into
    events = history.of_subscriber(session, found.subscriber_id)
    done = [one for one in events if one.kind == "subscriber.moved"]
    details = next((one.details for one in reversed(done) if "moved" in one.details), {})
    own = set(reader(session, other_id).lists)
    for list_id in set(details.get("moved", [])) & own:
        _hand_over(session, other_id, found.subscriber_id, list_id)
    theirs = reader(session, other_id).lists
    for list_id, state in details.get("kept", []):
        if list_id in theirs and theirs[list_id].state is not UNSUBSCRIBED:
            before = SubscriptionState(state)
            _stand(session, found.subscriber_id, list_id, UNSUBSCRIBED, before, left_at=None)


def _hand_over(session: Session, one_id: int, other_id: int, list_id: int) -> None:
    statement = update(Subscription).where(
        col(Subscription.subscriber_id) == one_id, col(Subscription.list_id) == list_id
    )
    session.execute(statement.values(subscriber_id=other_id))


def _stand(
    session: Session,
    subscriber_id: int,
    list_id: int,
    before: SubscriptionState,
    after: SubscriptionState,
    **values: object,
) -> None:
    statement = update(Subscription).where(
        col(Subscription.subscriber_id) == subscriber_id,
        col(Subscription.list_id) == list_id,
        col(Subscription.state) == before,
    )
    session.execute(statement.values(state=after, **values))


def _carry_suppressions(session: Session, old: str, new: str, now: datetime) -> None:
    """Let what one list must not mail a person hold at the new address; a bounce stays behind."""
    for row in suppressions.of(session, old):
        if row.reason is not SuppressionReason.BOUNCE:
            ground = suppressions.Ground(row.delivery_id, row.note)
            suppressions.suppress(
                session, new, row.reason, now=now, list_id=row.list_id, ground=ground
            )


@dataclass(frozen=True, slots=True)
class _Told:
    """A letter about a change: to whom, what it says, and until when its link is good."""

    kind: DeliveryKind
    to: Address
    subscriber_id: int
    list_id: int
    language: str
    change_id: int
    other: str
    ends: datetime


def _tell(session: Session, told: _Told, rules: Rules, *, when: datetime, now: datetime) -> None:
    letter = ledger.Letter(
        kind=told.kind,
        to=told.to,
        language=told.language,
        due_at=when,
        not_after=when + rules.letter_life,
        list_id=told.list_id,
        subscriber_id=told.subscriber_id,
        route=lists.route_of(session, told.list_id),
        signing_key=rules.signing_key,
        context={
            "change": told.change_id,
            "expires_at": told.ends.isoformat(),
            "other_address": mask(told.other),
        },
    )
    ledger.post(session, letter, now=now)


def _set_change(session: Session, change_id: int, **values: object) -> None:
    statement = update(AddressChange).where(col(AddressChange.id) == change_id)
    changed(session, statement.values(**values))


def _record(
    session: Session,
    kind: str,
    subscriber_id: int,
    now: datetime,
    details: Mapping[str, Any],
    *,
    by: By = READER,
) -> int:
    about = About(subscriber_id=subscriber_id)
    return history.record(session, kind, by, about, at=now, details=details)
