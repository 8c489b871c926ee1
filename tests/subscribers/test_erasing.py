"""Forgetting a person: no trace of who it was, in any table; every sum as it was."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from mailer import address, ledger, subscribers
from mailer.db.schema import (
    AddressChange,
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Organisation,
    Subscriber,
    SuppressionReason,
    Table,
)
from mailer.history import EDITOR
from mailer.subscribers import Ground
from tests import rows
from tests.subscribers.conftest import Roster

KIM = "Kim.Wanyama@Reader.example"
TRACES = ("kim.wanyama", "wanyama", "203.0.113.9", "harbour master", "firefox")


def known(roster: Roster) -> int:
    """Let a person leave a trace wherever one can be left; give their number."""
    evidence = {"remote": "203.0.113.9", "agent": "Firefox", "page": "/l/news", "via": "box"}
    roster.subscribe(KIM, evidence=evidence, name="Kim Wanyama")
    person = roster.standing(KIM.lower()).subscriber_id
    now = roster.clock.now()
    with roster.database.writing() as session:
        works_at = Organisation(name="Harbour Master", created_at=now)
        session.add(works_at)
        session.flush()
        mine_only = update(Subscriber).where(col(Subscriber.id) == person)
        session.execute(mine_only.values(organisation_id=works_at.id))
        digest = rows.a_digest(session, roster.list_id, now=now)
        rows.recipients(session, digest, [person], now=now)
        said = {"address": KIM, "key": KIM.lower(), "name": "Kim Wanyama"}
        mine = update(Delivery).where(col(Delivery.subscriber_id) == person)
        session.execute(mine.values(**said, reply_text=f"550 <{KIM}> unknown"))
        ledger.post(session, rows.a_letter(KIM, now=now, kind=DeliveryKind.TEST), now=now)
        for one in session.execute(select(Delivery)).scalars().all():
            text = f"450 {KIM} try later"
            row = {"delivery_id": one.id, "tried_at": now, "route": "smtp", "domain": "d"}
            session.add(Attempt(**row, step="rcpt", text=text, verdict="deferred"))
        session.add(
            AddressChange(
                subscriber_id=person,
                old_address="wanyama@old.example",
                address=KIM,
                asked_at=now,
                done_at=now,
            )
        )
        ground = Ground(note=f"550 <{KIM}>")
        subscribers.suppress(session, KIM.lower(), SuppressionReason.BOUNCE, now=now, ground=ground)
        session.execute(mine.values(context={"other_address": "wanyama"}))
    return person


def dump(roster: Roster) -> str:
    """Give every column of every row, as text."""
    with roster.database.reading() as session:
        found: list[Any] = [
            tuple(row)
            for table in Table.metadata.sorted_tables
            if table.name != "organisations"  # an office is no person
            for row in session.execute(table.select())
        ]
    return "\n".join(map(repr, found)).casefold()


def erase(roster: Roster, person: int) -> bool:
    return roster.database.write(subscribers.erase, person, now=roster.clock.now())


def test_no_table_keeps_a_trace_of_who_it_was(roster: Roster) -> None:
    person = known(roster)
    before = dump(roster)
    assert all(trace in before for trace in TRACES if trace != "harbour master")

    assert erase(roster, person)

    after = dump(roster)
    assert [trace for trace in TRACES if trace in after] == []
    assert not erase(roster, person)
    assert dump(roster) == after
    assert roster.history()[-1] == "subscriber.erased"


def test_every_sum_is_as_it_was(roster: Roster) -> None:
    person = known(roster)
    with roster.database.writing() as session:
        sent = update(Delivery).where(col(Delivery.digest_id).is_not(None))
        session.execute(sent.values(state="sent"))
    [digest] = [one.digest_id for one in roster.letters() if one.digest_id]
    before = roster.database.read(ledger.sums, digest)

    erase(roster, person)

    assert roster.database.read(ledger.sums, digest) == before
    states = {one.state.value for one in roster.letters() if one.digest_id is None}
    assert states == {"withdrawn"}


def test_no_import_brings_back_who_was_forgotten_but_their_own_opt_in_does(roster: Roster) -> None:
    erase(roster, known(roster))

    assert roster.add(KIM) is SuppressionReason.REQUEST

    roster.clock.move(timedelta(days=2))
    roster.subscribe(KIM)
    assert roster.letters()[-1].kind is DeliveryKind.CONFIRMATION
    link = roster.standing(KIM.lower())
    roster.confirm(subscribers.ConfirmLink(link.subscriber_id, link.list_id, link.ask))
    assert roster.state(KIM.lower()) == "confirmed"
    assert roster.database.read(subscribers.reasons, KIM.lower(), None) == set()


def test_who_had_complained_stays_so_under_the_hash(roster: Roster) -> None:
    person = known(roster)
    complaint = SuppressionReason.COMPLAINT
    now = roster.clock.now()
    roster.database.write(subscribers.suppress, KIM.lower(), complaint, now=now)

    erase(roster, person)

    assert roster.add(KIM) is complaint
    assert roster.database.write(subscribers.lift, KIM.lower()) == 1
    assert roster.add(KIM) is None


def test_others_keep_what_is_theirs(roster: Roster) -> None:
    roster.add("lee@reader.example")
    before = roster.database.read(subscribers.by_address, "lee@reader.example")

    erase(roster, known(roster))

    assert roster.database.read(subscribers.by_address, "lee@reader.example") == before
    assert roster.state("lee@reader.example") == "confirmed"


def test_what_a_relay_says_after_the_erasing_is_not_kept(roster: Roster) -> None:
    # Given a letter that is under way
    person = known(roster)
    now = roster.clock.now()
    with roster.database.writing() as session:
        me = rows.a_worker(session, now=now)
        [*_, under_way] = ledger.claim_letters(session, me, "smtp", limit=9, now=now)

    # When its reader is forgotten before the relay answers
    erase(roster, person)
    said = f"550 5.1.1 <{KIM}> unknown"
    tried = Attempt(
        delivery_id=under_way.id,
        tried_at=now,
        route="smtp",
        domain="reader.example",
        step="rcpt",
        text=said,
        verdict="failed",
    )
    ended = ledger.Settlement(
        under_way.id, DeliveryState.FAILED, now, reason="refused", reply_text=said, attempt=tried
    )
    held = roster.database.write(ledger.settle, me, [ended])

    # Then how it ended is kept, and not what was said
    assert held == {under_way.id}
    [row] = [one for one in roster.letters() if one.id == under_way.id]
    assert (row.state, row.reason, row.reply_text) == (DeliveryState.FAILED, "refused", "")
    assert KIM.casefold() not in dump(roster)


def test_an_editor_s_erasing_says_so(roster: Roster) -> None:
    person = known(roster)

    roster.database.write(subscribers.erase, person, now=roster.clock.now(), by=EDITOR)

    assert roster.events()[-1].actor == "editor"
    assert address.parse(KIM).key not in dump(roster)
