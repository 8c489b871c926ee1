"""Whether all is well: the owner is told once of a trouble, and the heart beats if all is."""

import http.server
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailer import facts, ledger, watch
from mailer.db.schema import Delivery, DeliveryState
from mailer.delivery.routes import pause
from tests.conftest import MOMENT
from tests.installation import OWNER, Installation, RunningClock, readers
from tests.smtp_server import SmtpServer

FULL_DISK = 10**9
"""Megabytes that no disk has free."""


class Listening(http.server.BaseHTTPRequestHandler):
    """Counts who asks."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def heard() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a service that listens for heartbeats, and what it heard."""
    asked: list[str] = []
    handler = type("Ear", (Listening,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ping/s3cret", asked
        server.shutdown()
        thread.join()


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str) -> Iterator[Installation]:
    with SmtpServer() as relay:
        made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
        yield made
        made.close()


def headlines(office: Installation) -> list[str]:
    rows: list[Delivery] = office.rows(None)
    assert {row.address for row in rows} <= {OWNER}
    return [row.context["headline"] for row in rows]


def look(office: Installation, *, after: timedelta = timedelta()) -> None:
    office.clock.move(after + watch.EVERY)
    watch.look(office.app)


def a_worker(office: Installation) -> None:
    office.app.database.write(
        ledger.register, host="h", boot="b", pid=1, now=office.clock.now(), lease=timedelta(days=9)
    )


@pytest.mark.parametrize(
    "language, headline",
    [
        ("fr", "L’envoi {} n’avance pas"),
        ("ja", "配信号 {} が進んでいません"),
        ("th", "Digest {} does not move"),
    ],
)
def test_the_owner_is_told_in_the_language_of_the_office(
    office: Installation, language: str, headline: str
) -> None:
    office.reopen(organisation={"language": language})
    office.subscribers(*readers(3))
    digest = office.sending()

    for _ in range(6):
        look(office, after=timedelta(minutes=10))

    assert headlines(office) == [headline.format(digest)]
    [row] = office.rows(None)
    assert row.language == (language if language != "th" else "en")
    assert f"mailer digest status {digest}" in row.context["paragraphs"][1]


def test_a_digest_that_does_not_move_is_told_once(office: Installation) -> None:
    # Given a digest in the ledger, and nobody who sends it
    office.subscribers(*readers(3))
    digest = office.sending()

    # When it is looked at for an hour
    for _ in range(6):
        look(office, after=timedelta(minutes=10))

    # Then the owner has one letter that says what to look at
    assert headlines(office) == [f"Digest {digest} does not move"]

    # When a worker has sent it, then there is no trouble any more
    office.work()
    look(office)
    assert not office.app.database.read(facts.named, "trouble:")
    assert office.sums(digest).sent == 3


def test_a_digest_that_moves_is_nobodys_trouble(office: Installation) -> None:
    office.subscribers(*readers(9))
    digest = office.sending()
    waiting = [row.id for row in office.rows(digest)]

    for row in waiting:
        look(office, after=timedelta(minutes=20))
        with office.app.database.writing() as session:
            session.get_one(Delivery, row).state = DeliveryState.SENT

    assert headlines(office) == []


def test_a_digest_of_which_the_rest_was_put_off_is_nobodys_trouble(
    tmp_path: Path, migrated_database_url: str
) -> None:
    with SmtpServer() as relay:
        clock = RunningClock(MOMENT)
        office = Installation(tmp_path / "office", migrated_database_url, relay, clock)
        # Given one mailbox of three that is full for half a day
        office.subscribers(*readers(3))
        relay.answer("rcpt", "452 4.2.2 mailbox full", recipient=readers(3)[0])
        digest = office.sending()

        # When it is tried less and less often
        for _ in range(24):
            office.work()
            look(office, after=timedelta(minutes=20))

        # Then that is no trouble
        assert office.sums(digest).deferred == 1
        assert headlines(office) == []
        office.close()


def test_a_letter_that_waits_too_long_is_told(office: Installation) -> None:
    office.subscribers(*readers(1))
    office.letter(readers(1)[0], not_after=office.clock.now() + timedelta(days=2))

    look(office, after=timedelta(minutes=40))

    told = [row for row in office.rows(None) if row.address == OWNER]
    assert [row.context["headline"] for row in told] == ["Letters do not leave"]


def test_a_full_disk_is_told_once_and_again_when_it_comes_back(office: Installation) -> None:
    for _ in range(2):
        office.reopen(watch={"disk_megabytes": FULL_DISK})
        look(office)
        look(office)
        office.reopen(watch={"disk_megabytes": 0})
        look(office)

    assert len(headlines(office)) == 2
    assert "nearly full" in headlines(office)[0]


def test_the_heart_beats_while_all_is_well(
    office: Installation, heard: tuple[str, list[str]]
) -> None:
    url, asked = heard
    office.reopen(watch={"heartbeat_url": url, "heartbeat_minutes": 5})

    # No worker, no heartbeat
    look(office, after=timedelta(minutes=10))
    assert asked == []

    # With one it beats every five minutes, though somebody looks every minute
    a_worker(office)
    for _ in range(10):
        look(office)
    assert asked == ["/ping/s3cret"] * 2

    # A route that stands still stops it
    with office.app.database.writing() as session:
        pause(session, "smtp", "550 go away", now=office.clock.now())
    look(office, after=timedelta(minutes=10))
    assert len(asked) == 2


def test_a_heartbeat_that_nobody_hears_harms_nothing_and_is_not_logged_in_full(
    office: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    office.reopen(watch={"heartbeat_url": "http://127.0.0.1:9/ping/s3cret"})
    a_worker(office)

    look(office, after=timedelta(minutes=10))

    said = capsys.readouterr().err
    assert "heartbeat.failed" in said
    assert "s3cret" not in said


def test_a_digest_that_waits_for_what_its_relay_allows_is_nobodys_trouble(
    office: Installation,
) -> None:
    # Given a relay that takes five messages a day, and a digest for nine
    office.reopen(smtp={"per_day": 5, "letters_reserve": 0})
    office.subscribers(*readers(9))
    office.sending()
    office.work()

    # When the day passes
    for _ in range(20):
        look(office, after=timedelta(minutes=60))

    # Then nobody is told, and nobody either in the minute when it may go on
    assert headlines(office) == []


def test_a_backup_that_fails_stops_the_heart(
    office: Installation, heard: tuple[str, list[str]]
) -> None:
    url, asked = heard
    office.reopen(watch={"heartbeat_url": url})
    a_worker(office)
    failed = {"why": "no room"}
    office.app.database.write(facts.note, "backup.failed", failed, now=office.clock.now())
    look(office, after=timedelta(minutes=10))
    assert asked == []

    office.clock.move(timedelta(minutes=1))
    office.app.database.write(facts.note, "backup.made", {}, now=office.clock.now())
    look(office, after=timedelta(minutes=10))

    assert len(asked) == 1
