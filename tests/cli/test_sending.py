"""`mailer digest` from its queueing on."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import time_machine

from mailer import scheduler, subscribers
from mailer.address import parse
from mailer.app import App
from mailer.db.schema import Delivery, DeliveryState
from mailer.subscribers import Wish
from tests.cli.conftest import Office, Run, Story, with_a_list

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
STATES = ("waiting", "deferred", "sent", "failed", "suppressed", "withdrawn", "uncertain")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def with_a_draft(office: Office) -> None:
    with_a_list(office)
    with App.open(office.config) as app, app.database.writing() as session:
        for number in range(10):
            wish = Wish(parse(f"reader{number}@example.org"), list_id=1, language="en")
            subscribers.add_confirmed(session, wish, "asked", now=NOW)
    words = office.file("words.md", "Hello.")
    office.ok("digest", "draft", "meetings", "--subject", "News", "--introduction", words)


def with_a_digest_on_its_way(office: Office) -> None:
    with_a_draft(office)
    office.ok("digest", "queue", 1)
    with App.open(office.config) as app:
        scheduler.promote(app)


@pytest.fixture
def drafted(stage: Callable[[Story], Office]) -> Office:
    """Give an office with ten subscribers and digest 1, a draft."""
    return stage(with_a_draft)


@pytest.fixture
def sending(stage: Callable[[Story], Office]) -> Office:
    """Give the same with digest 1 on its way, its ten rows waiting."""
    return stage(with_a_digest_on_its_way)


def set_states(office: Office, **counts: int) -> None:
    """Let some rows stand as if workers had been at them."""
    with App.open(office.config) as app, app.database.writing() as session:
        ids = list(session.execute(sa.select(Delivery.id).order_by(Delivery.id)).scalars())  # type: ignore[call-overload]
        for name, count in counts.items():
            some, ids = ids[:count], ids[count:]
            state = DeliveryState.QUEUED if name in {"deferred", "held"} else DeliveryState(name)
            values: dict[str, object] = {"state": state, "tries": 1}
            if name == "held":
                values |= {"due_at": None, "reason": "blocked"}
            session.execute(sa.update(Delivery).where(Delivery.id.in_(some)).values(values))  # type: ignore[union-attr]


def test_queueing_says_what_was_understood(drafted: Office) -> None:
    ended = drafted.ok("digest", "queue", 1, "--at", "2026-12-01T09:00")

    assert ended.err.splitlines()[-1] == (
        "digest 1 goes at 2026-12-01 09:00 (Europe/Brussels), which is 2026-12-01 08:00 UTC; "
        "10 recipients as things stand"
    )
    shown = drafted.ok("digest", "show", 1, "--json").json
    assert (shown["state"], shown["due_at"]) == ("scheduled", "2026-12-01T08:00:00Z")


def test_a_time_that_comes_twice_means_the_first_and_says_so(drafted: Office) -> None:
    ended = drafted.ok("digest", "queue", 1, "--at", "2026-10-25T02:30")

    assert "the first of the two times" in ended.err
    assert "which is 2026-10-25 00:30 UTC" in ended.err


def test_queued_without_a_time_it_goes_now(drafted: Office) -> None:
    ended = drafted.ok("digest", "queue", 1)

    assert "digest 1 goes now; 10 recipients as things stand" in ended.err


def test_warnings_are_said_before_it_goes(drafted: Office) -> None:
    drafted.ok("digest", "text", 1, "--language", "en", "--subject", "N" * 100)

    ended = drafted.ok("digest", "queue", 1)

    assert "warning: en: the subject is wider than" in ended.err


def test_a_digest_is_queued_once(drafted: Office) -> None:
    drafted.ok("digest", "queue", 1)

    ended = drafted.run("digest", "queue", 1)

    assert ended.code == 4
    assert ended.error == "digest 1 is scheduled; only a draft can be queued"


def test_status_has_exactly_these_keys(sending: Office) -> None:
    found = sending.ok("digest", "status", 1, "--json").json

    assert list(found) == [
        "id", "list", "number", "subject", "state", "recipients", *STATES, "due_at", "reason",
        "through_at", "outlook",
    ]  # fmt: skip
    assert (found["state"], found["recipients"], found["waiting"]) == ("sending", 10, 10)


def test_recipients_are_the_sum_of_the_rest(sending: Office) -> None:
    set_states(sending, deferred=1, sent=2, failed=1, suppressed=1, withdrawn=1, uncertain=1)

    found = sending.ok("digest", "status", 1, "--json").json

    assert [found[state] for state in STATES] == [3, 1, 2, 1, 1, 1, 1]
    assert found["recipients"] == 10


def test_deliveries_are_shown_by_where_they_stand(sending: Office) -> None:
    set_states(sending, deferred=1, sent=1, failed=1, suppressed=1, withdrawn=1, uncertain=1)

    found = {
        state: sending.ok("digest", "deliveries", 1, "--state", state, "--json").json
        for state in STATES
    }

    for state, rows in found.items():
        assert {one["state"] for one in rows} == {state}
        assert len(rows) == (4 if state == "waiting" else 1)


def test_deliveries_name_whole_addresses(sending: Office) -> None:
    ended = sending.ok("digest", "deliveries", 1)

    assert "reader3@example.org" in ended.out
    assert len(ended.lines) == 11


def test_a_state_that_is_none_is_not_understood(sending: Office) -> None:
    ended = sending.run("digest", "deliveries", 1, "--state", "lost")

    assert ended.code == 2
    assert "'uncertain'" in ended.error


def test_a_pause_holds_a_digest_until_it_is_resumed(sending: Office) -> None:
    sending.ok("digest", "pause", 1, "--reason", "wrong date")
    paused = sending.ok("digest", "status", 1, "--json").json
    sending.ok("digest", "resume", 1)

    assert (paused["state"], paused["reason"]) == ("paused", "wrong date")
    assert sending.ok("digest", "status", 1, "--json").json["state"] == "sending"


def test_a_digest_that_is_not_paused_is_not_resumed(sending: Office) -> None:
    assert sending.run("digest", "resume", 1).code == 4


def test_a_cancelled_digest_stays_cancelled(sending: Office) -> None:
    sending.ok("digest", "cancel", 1)

    assert sending.ok("digest", "status", 1, "--json").json["state"] == "cancelled"
    assert sending.run("digest", "cancel", 1).code == 4


def test_failed_and_held_deliveries_are_tried_again(sending: Office) -> None:
    set_states(sending, failed=2, held=1, sent=7)
    finish(sending)

    ended = sending.ok("digest", "retry", 1, "--failed")

    found = sending.ok("digest", "status", 1, "--json").json
    assert "3 deliveries" in ended.err
    assert (found["state"], found["deferred"], found["failed"]) == ("sending", 3, 0)


def test_a_sent_digest_without_failures_stays_sent(sending: Office) -> None:
    set_states(sending, sent=10)
    finish(sending)

    ended = sending.ok("digest", "retry", 1, "--failed")

    assert "0 deliveries" in ended.err
    assert sending.ok("digest", "status", 1, "--json").json["state"] == "sent"


def test_uncertain_deliveries_are_sent_again_when_an_editor_says_so(sending: Office) -> None:
    set_states(sending, uncertain=2, sent=8)
    finish(sending)

    sending.ok("digest", "settle", 1, "--resend")

    found = sending.ok("digest", "status", 1, "--json").json
    assert (found["state"], found["deferred"], found["uncertain"]) == ("sending", 2, 0)


def test_uncertain_deliveries_count_as_sent_when_an_editor_says_so(sending: Office) -> None:
    set_states(sending, uncertain=2, sent=8)
    finish(sending)

    sending.ok("digest", "settle", 1, "--count-sent")

    found = sending.ok("digest", "status", 1, "--json").json
    assert (found["state"], found["sent"], found["uncertain"]) == ("sent", 10, 0)


@pytest.mark.parametrize(
    "arguments",
    [("retry", 1), ("settle", 1), ("settle", 1, "--resend", "--count-sent")],
)
def test_what_is_to_be_done_must_be_said(run: Run, arguments: tuple[object, ...]) -> None:
    ended = run("digest", *arguments)

    assert ended.code == 2
    assert "say " in ended.error


@pytest.mark.parametrize(
    "command",
    ["show", "status", "deliveries", "queue", "pause", "resume", "cancel", "retry", "settle"],
)
def test_a_digest_that_is_not_there_is_not_found(busy: Office, command: str) -> None:
    options = {"retry": ["--failed"], "settle": ["--resend"]}.get(command, [])

    ended = busy.run("digest", command, 7, *options)

    assert ended.code == 3
    assert ended.error == "there is no digest “7”; “mailer digest list” shows them all"


def finish(office: Office) -> None:
    with App.open(office.config) as app:
        scheduler.close_digests(app)


def test_queueing_says_when_it_will_be_through(drafted: Office) -> None:
    limits = "\n[smtp]\nper_day = 2\nletters_reserve = 0\n"
    text = drafted.config.read_text()
    if "[smtp]" in text:
        text, limits = text.replace("[smtp]\n", limits.lstrip(), 1), ""
    drafted.config.write_text(text + limits)

    ended = drafted.ok("digest", "queue", 1)

    assert re.search(
        r"through by about \w{3} \d{4}-\d\d-\d\d \d\d:\d\d \S+ \(10 at 2 a day\)", ended.err
    )
    assert "warning: that is more than delivery.digest_give_up_hours (72)" in ended.err
    found = drafted.ok("digest", "status", 1, "--json").json
    assert found["through_at"] is not None
    assert found["outlook"].startswith("through by about ")
