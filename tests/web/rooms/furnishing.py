"""Something in every room: what tests that walk through all rooms find there.

`HOLES` says what stands in the holes of a room's path; each is there once an office is furnished.
"""

from datetime import datetime, time, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from mailer import lists, scheduler, subscribers
from mailer.db.schema import Delivery, DeliveryState, Digest, DigestState, DigestText, ImportBatch
from mailer.digests import cadence, life
from mailer.digests.cadence import Cadence, Every
from mailer.history import SYSTEM
from mailer.web.rooms.room import Room
from tests import rows
from tests.web.conftest import Office

HOLES: dict[str, str] = {
    "slug": "meetings",
    "route": "smtp",
    "table": "organisation",
    "digest": "1",
    "item": "1",
    "editor": "1",
    "version": "1",
    "subscriber": "1",
    "segment": "1",
    "batch": "1",
    "file": "a-file-to-be-imported",
}


FRAMED = {"/digests/{digest}/frame"}
"""Rooms that are a mail in a frame: with its own styles, without scripts, in a sandbox."""

ELSEWHERE: dict[str, dict[str, str]] = {
    "/digests/{digest}/progress": {"digest": "2"},
    "/digests/{digest}/report": {"digest": "3"},
    "/digests/{digest}/deliveries": {"digest": "3"},
}
"""Rooms that show more of another thing: digest 2 is on its way, digest 3 went out."""

TO = (
    ("gmail.com", 9),
    ("outlook.com", 5),
    ("ministry-of-foreign-affairs-and-regional-development.example", 3),
    ("office.example", 2),
)
HOW = ("sent", "sent", "queued", "sent", "failed", "queued", "suppressed", "uncertain", "withdrawn")


def furnish(office: Office) -> None:
    """Give an office that has the list “meetings” an item, a draft, and a subscriber."""
    item = office.add_item(
        "Regional entities meet in Brussels",
        "starts: 2026-12-02",
        "ends: 2026-12-03",
        "place: Brussels, Belgium",
        "topic: Capacity building",
    )
    wish = life.Wish("meetings", "What was decided in Brussels", "Two days.", (item,))
    office.app.database.write(life.draft, wish, now=office.clock.now())
    office.join("kim@reader.example")
    monthly = Cadence(Every.MONTH, cadence.LAST_DAY, time(9), office.clock.now())
    with office.app.database.writing() as session:
        listed = lists.get(session, "meetings")
        lists.set_cadence(session, listed, monthly.stored(), now=office.clock.now())
    office.colour("meetings", "#ffb000")
    _bring_people(office)
    office.app.database.write(_two_that_went, now=office.clock.now())
    scheduler.count_growth(office.app)


def _bring_people(office: Office) -> None:
    """Give a segment, an import that ended, and a file that waits."""
    now, state = office.clock.now(), office.app.config.state
    batch = ImportBatch(
        list_id=1,
        name="members-of-the-regional-capacity-building-programme-2026.csv",
        kind="table",
        basis="signed up at the annual meeting",
        counts={"rows": 3, "confirmed": 2, "bad": 1},
        started_at=now,
        ended_at=now,
    )
    with office.app.database.writing() as session:
        session.add(batch)
        asked = subscribers.Filters(domain="reader.example", language="en")
        subscribers.segments.save(session, 1, "Readers", asked, now=now, by=SYSTEM)
    people = "E-Mail;Name;Unit\n" + "".join(
        f"reader{number}@office.example;Reader {number};A unit of a very long name, {number}\n"
        for number in range(9)
    )
    kept = subscribers.uploads.keep(state, "people.csv", people.encode(), 1, now=now)
    (state / "imports" / kept.key).rename(state / "imports" / HOLES["file"])


def path_of(room: Room) -> str:
    """Give a room's path with something that is there in each of its holes."""
    return room.path.format(**HOLES | ELSEWHERE.get(room.path, {}))


def _two_that_went(session: Session, *, now: datetime) -> None:
    count = sum(each for _, each in TO)
    people = rows.people(session, count, now=now, list_id=1, first=2)  # as their ids are
    for number, ended in enumerate((False, True), start=2):
        digest_id = rows.a_digest(session, 1, now=now - timedelta(hours=number))
        subject = "The laboratories of five regions meet, and what they asked of each other"
        session.add(DigestText(digest_id=digest_id, language="en", subject=subject))
        deliveries = rows.recipients(session, digest_id, people, now=now)
        domains = [domain for domain, count in TO for _ in range(count)]
        for place, (row, domain) in enumerate(zip(deliveries, domains, strict=True)):
            state = HOW[place % len(HOW)]
            state = "sent" if ended and state == "queued" else state
            session.execute(
                update(Delivery)
                .where(col(Delivery.id) == row)
                .values(**_ended(state, place, now), domain=domain)
            )
        if ended:
            over = {"state": DigestState.SENT, "queued_at": now, "sent_at": now + _minutes(19)}
            session.execute(update(Digest).where(col(Digest.id) == digest_id).values(**over))


def _ended(state: str, place: int, now: datetime) -> dict[str, object]:
    why = {
        "failed": ("There is no such mailbox; nothing more is sent there.", 550, "5.1.1 unknown"),
        "withdrawn": ("left the list before it was sent", None, ""),
        "suppressed": ("the address must not be mailed: bounce", None, ""),
    }
    reason, code, text = why.get(state, ("", 250 if state == "sent" else None, ""))
    settled = None if state == "queued" else now + _minutes(place)
    words = {"reason": reason, "reply_code": code, "reply_text": text}
    return {"state": DeliveryState(state), "settled_at": settled, **words}


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
