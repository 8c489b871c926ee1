"""A digest composed for everybody it would go to, and sent to nobody: what fails shows beforehand.

It goes on in steps, each a chunk of recipients, and what was found so far is a fact: who closes the
page, or stops the program, goes on from there. Names no address, only rows.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from sqlmodel import Session

from mailer import facts, lists, subscribers
from mailer.db import Database
from mailer.db.schema import DeliveryState
from mailer.delivery import editing
from mailer.delivery.inspecting import fingerprint_of
from mailer.delivery.press import Press
from mailer.digests import life
from mailer.errors import MailerError
from mailer.ledger import Claimed
from mailer.rendering import Plate

CHUNK = 2_000
"""Recipients of one step: well under a second or two, so that a page shows how far it is."""

MOST_FAILURES = 20
"""Failures that are kept; more of them say the same."""

LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was found so far. `cursor` is the last subscriber that was looked at.

    `languages` count messages, `skipped` recipients by the reason; a failure is a subscriber and
    why. `largest` is in bytes, `slowest` and `seconds` are what composing took.
    """

    fingerprint: str
    total: int
    cursor: int = 0
    is_done: bool = False
    composed: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    failures: tuple[tuple[int, str], ...] = ()
    bytes: int = 0
    largest: int = 0
    slowest: float = 0.0
    seconds: float = 0.0

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """Give a rehearsal back from what `stored` gave."""
        failures = tuple((int(one), str(why)) for one, why in stored["failures"])
        return cls(**{**stored, "failures": failures})

    def stored(self) -> dict[str, Any]:
        """Give the rehearsal as plain values, for a fact."""
        return asdict(self)

    @property
    def looked_at(self) -> int:
        """Give how many recipients were looked at."""
        return self.composed + self.failed + sum(self.skipped.values())


class _Person(NamedTuple):
    """A recipient as `subscribers.audience` gives them."""

    subscriber_id: int
    address: str
    key: str
    domain: str
    name: str
    language: str
    state: str
    reason: str
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that a step needs of the database; nothing is asked while messages are composed."""

    people: list[_Person]
    upto: int | None
    plates: Mapping[str, Plate]
    own: str
    row: Claimed


def found(session: Session, digest_id: int) -> Rehearsal | None:
    """Give what was found of a digest so far, if a rehearsal was begun."""
    value = facts.value(session, _name(digest_id))
    return Rehearsal.load(value) if value else None


def begin(session: Session, press: Press, digest_id: int, *, now: datetime) -> None:
    """Begin anew. Raises what rendering raises."""
    digest = life.get(session, digest_id)
    only = subscribers.narrowing(session, digest.segment_id, digest.list_id)
    total = subscribers.size(session, digest.list_id, only)
    fresh = Rehearsal(fingerprint_of(session, press, digest_id), total)
    facts.note(session, _name(digest_id), fresh.stored(), now=now)


def go_on(database: Database, press: Press, digest_id: int, *, now: datetime) -> None:
    """Take one step; nothing when none was begun, it is done, or somebody else took the step.

    Where the digest was changed in between it is begun anew.
    """
    before = database.read(found, digest_id)
    if before is None or before.is_done:
        return
    if database.read(fingerprint_of, press, digest_id) != before.fingerprint:
        database.write(begin, press, digest_id, now=now)
        return
    with database.reading() as session:
        scene = _scene(session, press, digest_id, before.cursor, now)
    after = _played(press, scene, before)
    database.write(_keep, digest_id, before, after, now=now)


def _keep(
    session: Session, digest_id: int, before: Rehearsal, after: Rehearsal, *, now: datetime
) -> None:
    life.locked(session, digest_id)  # two pages that go on at once take turns
    current = found(session, digest_id)
    if current == before:
        facts.note(session, _name(digest_id), after.stored(), now=now)


def _scene(session: Session, press: Press, digest_id: int, after: int, now: datetime) -> _Scene:
    digest = life.get(session, digest_id)
    card = lists.card(session, digest.list_id)
    own = card.list.language
    upto = subscribers.chunk_end(session, digest.list_id, after=after, size=CHUNK)
    people: list[_Person] = []
    if upto is not None:
        only = subscribers.narrowing(session, digest.segment_id, digest.list_id)
        chosen = subscribers.audience(
            digest.list_id, after=after, upto=upto, language=own, now=now, only=only
        )
        people = [_Person(*row) for row in session.execute(chosen)]
    languages = card.list.languages or [own]
    plates = {one: press.plate_of_proof(session, digest_id, one) for one in languages}
    row = editing.nobodys(digest.list_id, card.sender.route, own, now)
    return _Scene(people, upto, plates, own, row)


def _played(press: Press, scene: _Scene, before: Rehearsal) -> Rehearsal:
    if scene.upto is None:
        return replace(before, is_done=True)
    now = before
    for person in scene.people:
        now = _message(press, scene, person, now)
    return replace(now, cursor=scene.upto)


def _message(press: Press, scene: _Scene, person: _Person, now: Rehearsal) -> Rehearsal:
    if person.state != DeliveryState.QUEUED.value:
        return replace(now, skipped=_counted(now.skipped, person.reason))
    language = lists.nearest(person.language, list(scene.plates), scene.own)
    claimed = scene.row._replace(
        subscriber_id=person.subscriber_id,
        address=person.address,
        key=person.key,
        domain=person.domain,
        name=person.name,
        language=person.language,
    )
    began = time.perf_counter()
    try:
        size = len(press.compose(claimed, scene.plates[language]))
    except MailerError as error:
        more = ((person.subscriber_id, str(error)[:LONGEST_WHY]),)
        kept = (now.failures + more)[:MOST_FAILURES]
        return replace(now, failed=now.failed + 1, failures=kept)
    took = time.perf_counter() - began
    return replace(
        now,
        composed=now.composed + 1,
        languages=_counted(now.languages, language),
        bytes=now.bytes + size,
        largest=max(now.largest, size),
        slowest=max(now.slowest, took),
        seconds=now.seconds + took,
    )


def _counted(before: Mapping[str, int], name: str) -> Mapping[str, int]:
    return {**before, name: before.get(name, 0) + 1}


def _name(digest_id: int) -> str:
    return f"rehearsal:{digest_id}"
