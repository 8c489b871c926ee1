"""An office with a relay and one list, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.smtp_server import SmtpServer


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer(pipelining=True) as server:
        yield server


@pytest.fixture
def office(
    tmp_path: Path,
    migrated_database_url: str,
    relay: SmtpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    """Give an office whose worker does not wait long for a relay in trouble."""
    monkeypatch.setattr("mailer.delivery.lane.FIRST_REST_SECONDS", 0.1)
    made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
    yield made
    made.close()
