"""A relay that takes little, one sender only, and stops for the day: each reader gets it once.

Scaled: the relay takes 300 a minute where a small one takes 30, and the office's clock is moved on
by minutes and days. The processes, the kills and the restore are real.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailer.clock import SystemClock
from tests.installation import wait_for
from tests.journeys.forked import Running
from tests.journeys.moved_clock import FILE, moved_by
from tests.journeys.office import Office
from tests.smtp_server import SmtpServer

SENDER = "news@example.org"
A_MINUTE, A_DAY = 300, 600
MINUTE = timedelta(seconds=62)
PATIENCE_SECONDS = 120


class Stingy(SmtpServer):
    """A relay with rules, which it goes by the office's clock to keep."""

    def __init__(self, clock: Path) -> None:
        super().__init__()
        self.rule = self._rules
        self.clock = clock
        self.seen: list[datetime] = []
        self.most_in_a_minute = 0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return SystemClock().now() + moved_by(self.clock)

    def _rules(self, step: str, sender: str, _recipients: list[str]) -> str | None:
        if step == "mail" and sender != SENDER:
            return "554 5.2.252 SendAsDenied; not allowed to send as this address"
        if step != "dot":
            return None
        with self._lock:
            now = self.now()
            if self._within(timedelta(days=1), now) >= A_DAY:
                return "550 5.7.233 the messages of your tenant exceed its day"
            self.seen.append(now)
            within = self._within(timedelta(minutes=1), now)
            self.most_in_a_minute = max(self.most_in_a_minute, within)
            return None

    def _within(self, span: timedelta, now: datetime) -> int:
        return sum(now - span < at for at in self.seen)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Stingy]:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with Stingy(clock) as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, copied_database_url: str, relay: Stingy) -> Office:
    made = Office(
        tmp_path / "office", {FILE: str(relay.clock)}, module="tests.journeys.moved_clock"
    )
    made.found(
        database__url=copied_database_url,
        smtp__port=str(relay.port),
        smtp__security="none",
        smtp__connections="2",
        smtp__per_minute=str(A_MINUTE),
        smtp__letters_reserve="0",
        smtp__envelope="signed",
        smtp__return_path_domain="bounce.example.org",
        delivery__lease_seconds="3600",
        log__level="warning",
    )
    made.run("list", "add", "meetings", "--name", "Meeting news", "--from", SENDER)
    return made


@contextmanager
def worker(office: Office) -> Iterator[Running]:
    process = office.start("worker")
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def wait_until(condition: Callable[[], object]) -> None:
    """Ask the office again and again, each time by a command."""
    wait_for(condition, seconds=PATIENCE_SECONDS, every=0.5)


def queued(office: Office, readers: list[str]) -> str:
    people = office.file("people.csv", "\n".join(["address", *readers]))
    office.run("subscriber", "import", "meetings", people, "--confirmed", "--basis", "by mail")
    text = office.file("introduction.md", "What the meetings came to.")
    made = office.run("digest", "draft", "meetings", "--subject", "News", "--introduction", text)
    office.run("digest", "queue", made.strip())
    return made.strip()


def move(relay: Stingy, by: timedelta) -> None:
    # In one step: a process that reads it meanwhile must not find it empty.
    new = relay.clock.with_suffix(".new")
    new.write_text(str((moved_by(relay.clock) + by).total_seconds()))
    new.replace(relay.clock)


def go_on(relay: Stingy, until: int) -> None:
    """Let minutes pass, each when its mail has gone, until the relay has taken so many."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while len(relay.messages) < until:
        assert time.monotonic() < patience, f"{len(relay.messages)} of {until}"
        before = len(relay.messages)
        time.sleep(1)
        if before == len(relay.messages):
            move(relay, MINUTE)


def kill(process: Running) -> None:
    process.kill()
    process.wait()


@pytest.mark.gate
@pytest.mark.timeout(300)
def test_two_thousand_go_through_a_stingy_relay_over_two_deaths_and_a_restore(
    office: Office, relay: Stingy, tmp_path: Path
) -> None:
    readers = [f"reader{number}@d{number % 20}.example.org" for number in range(2000)]
    digest = queued(office, readers)

    # Given a relay that knows one sender, and an owner who did not know: nobody fails
    with worker(office):
        wait_until(lambda: route(office)["state"] == "paused")
    assert "smtp.envelope = “fixed”" in route(office)["reason"]
    for name in ("ENVELOPE", "RETURN_PATH_DOMAIN"):
        del office.settings[f"MAILER_SMTP__{name}"]
    office.run("route", "resume", "smtp")

    # When it goes, and a worker is killed in the middle of its first minute
    with worker(office) as first:
        go_on(relay, 100)
        kill(first)
    # Then the relay has enough for the day: the route rests, and says so
    with worker(office):
        go_on(relay, A_DAY)
        move(relay, MINUTE)
        wait_until(lambda: route(office)["state"] == "rests")
    assert "5.7.233" in route(office)["reason"]

    # The owner sets what was learnt; now the end is foretold
    office.settings["MAILER_SMTP__PER_DAY"] = str(A_DAY)
    outlook = office.json("digest", "status", digest)
    foretold = datetime.fromisoformat(outlook["through_at"])
    assert re.search(
        r"through by about .* \(1,4\d\d at 300 a minute, 600 a day\)", outlook["outlook"]
    )

    # When the night's backup is put back next day, then nothing is sent until it is released
    backup = office.json("backup", tmp_path / "copy.zip")["file"]
    before = len(relay.messages)
    move(relay, timedelta(hours=24, minutes=20))
    office.run("restore", backup, "--replace")
    with worker(office):
        time.sleep(4)
        assert len(relay.messages) == before
    office.run("release", "--digest", digest)

    # And when it is released, and a second worker is killed, the rest goes in its days
    with worker(office) as second:
        go_on(relay, before + 100)
        kill(second)
    for day in (2 * A_DAY, 3 * A_DAY, len(readers)):
        with worker(office):
            go_on(relay, min(day, len(readers)) - in_doubt(office, digest))
        move(relay, timedelta(hours=24, minutes=20) if day < len(readers) else MINUTE)
    with worker(office):
        wait_until(lambda: status(office, digest)["state"] == "sent")

    # Then each got it once; what was in doubt is known by name, and nobody was suppressed
    doubtful = {one["address"] for one in deliveries(office, digest, "uncertain")}
    assert len(doubtful) <= 4
    assert set(relay.taken.values()) == {1}
    assert set(readers) - set(relay.taken) <= doubtful
    assert status(office, digest)["sent"] == len(readers) - len(doubtful)
    assert office.json("suppression", "list") == []
    assert relay.most_in_a_minute <= A_MINUTE
    assert abs(relay.now() - foretold) < timedelta(hours=2)


def route(office: Office) -> dict[str, str]:
    [found] = office.json("route", "list")
    return found  # type: ignore[no-any-return]


def status(office: Office, digest: str) -> dict[str, object]:
    return office.json("digest", "status", digest)  # type: ignore[no-any-return]


def deliveries(office: Office, digest: str, state: str) -> list[dict[str, str]]:
    return office.json("digest", "deliveries", digest, "--state", state)  # type: ignore[no-any-return]


def in_doubt(office: Office, digest: str) -> int:
    return len(deliveries(office, digest, "uncertain"))
