"""One provider asks for less, and then refuses us: everybody else is through, nobody is lost.

The processes, the relay and both databases are real; the office's clock is moved on by minutes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailer.clock import SystemClock
from tests.installation import wait_for
from tests.journeys.forked import Running
from tests.journeys.moved_clock import FILE, moved_by
from tests.journeys.office import Office
from tests.smtp_server import SmtpServer

PROVIDER = ("gmail.com", "googlemail.com")
PATIENCE_SECONDS = 120
MINUTE = 60
LESS = "421 4.7.28 our system has detected an unusual rate of mail from you"
NO_MORE = "550 5.7.1 our policy refuses mail from you"


class Provider(SmtpServer):
    """A relay that passes on what one provider says, which is what `says` holds."""

    def __init__(self, clock: Path) -> None:
        super().__init__()
        self.rule = self._rules
        self.clock = clock
        self.says: str | None = LESS
        self.told: list[float] = []

    def move(self, seconds: float) -> None:
        # In one step: a process that reads it meanwhile must not find it empty.
        new = self.clock.with_suffix(".new")
        new.write_text(str(moved_by(self.clock).total_seconds() + seconds))
        new.replace(self.clock)

    def of_provider(self) -> int:
        return sum(one.recipient.partition("@")[2] in PROVIDER for one in self.messages)

    def _rules(self, step: str, _sender: str, recipients: list[str]) -> str | None:
        theirs = any(one.partition("@")[2] in PROVIDER for one in recipients)
        if step != "rcpt" or not theirs:
            return None
        self.told.append((SystemClock().now() + moved_by(self.clock)).timestamp())
        return self.says


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Provider]:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with Provider(clock) as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, copied_database_url: str, relay: Provider) -> Office:
    made = Office(
        tmp_path / "office", {FILE: str(relay.clock)}, module="tests.journeys.moved_clock"
    )
    made.found(
        database__url=copied_database_url,
        smtp__port=str(relay.port),
        smtp__security="none",
        delivery__lease_seconds="3600",
        log__level="warning",
    )
    made.run("list", "add", "meetings", "--name", "Meeting news", "--from", "news@example.org")
    return made


@contextmanager
def worker(office: Office) -> Iterator[Running]:
    process = office.start("worker")
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_until(condition: Callable[[], object]) -> None:
    """Ask the office again and again, each time by a command."""
    wait_for(condition, seconds=PATIENCE_SECONDS, every=0.5)


def go_on(relay: Provider, until: int, *, by: float) -> None:
    """Let seconds pass until the provider has taken so many."""
    patience = time.monotonic() + 2 * PATIENCE_SECONDS
    while relay.of_provider() < until:
        assert time.monotonic() < patience, f"{relay.of_provider()} of {until}"
        time.sleep(0.3)
        relay.move(by)


def digest(office: Office) -> str:
    text = office.file("introduction.md", "What the meetings came to.")
    made = office.run("digest", "draft", "meetings", "--subject", "News", "--introduction", text)
    office.run("digest", "queue", made.strip())
    return made.strip()


def status(office: Office, number: str) -> dict[str, Any]:
    return office.json("digest", "status", number)  # type: ignore[no-any-return]


def paces(office: Office) -> dict[str, dict[str, Any]]:
    return {one["group"]: one for one in office.json("route", "paces")}


@pytest.mark.gate
@pytest.mark.timeout(600)
def test_one_provider_is_given_time_and_all_others_are_through(
    office: Office, relay: Provider
) -> None:
    theirs = [f"reader{number}@{PROVIDER[number % 2]}" for number in range(300)]
    others = [f"reader{number}@d{number % 40}.example.org" for number in range(700)]
    people = office.file("people.csv", "\n".join(["address", *theirs, *others]))
    office.run("subscriber", "import", "meetings", people, "--confirmed", "--basis", "by mail")
    number = digest(office)

    # When the provider asks for less, all others are through without a pause
    with worker(office):
        wait_for(lambda: len(relay.messages) == len(others), seconds=PATIENCE_SECONDS)
        seconds = relay.messages[-1].at - relay.messages[0].at
        wait_until(lambda: paces(office)["google"]["state"] == "held")
        found = status(office, number)
    assert seconds < MINUTE
    assert relay.of_provider() == 0
    assert "“google” is held until" in found["outlook"]
    assert found["sent"] + found["waiting"] + found["deferred"] == found["recipients"] == 1000
    asked = len(relay.told)

    # It is left in peace for its ten minutes, over a restart
    with worker(office):
        relay.move(5 * MINUTE)
        time.sleep(3)
        assert len(relay.told) == asked

        # Then it gets its mail slower, and in the end all of it
        relay.says = None
        relay.move(5.2 * MINUTE)
        wait_for(lambda: relay.of_provider() > 0, seconds=PATIENCE_SECONDS)
        go_on(relay, len(theirs), by=4)
        wait_until(lambda: status(office, number)["state"] == "sent")
    assert set(relay.taken.values()) == {1}
    assert status(office, number)["sent"] == 1000
    assert office.json("suppression", "list") == []

    # When it refuses the next digest, it is stopped after some, and the owner lifts that
    relay.says = NO_MORE
    second = digest(office)
    with worker(office):
        wait_until(lambda: status(office, second)["sent"] == len(others))
        wait_until(lambda: paces(office)["google"]["state"] == "stopped")
        relay.says = None
        office.run("route", "resume", "smtp", "--group", "google")
        office.run("digest", "retry", second, "--failed")
        go_on(relay, 2 * len(theirs), by=10)
        wait_until(lambda: status(office, second)["state"] == "sent")
    assert set(relay.taken.values()) == {2}
    assert office.json("suppression", "list") == []
