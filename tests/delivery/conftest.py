"""An office with a relay and one list, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.smtp_server import SmtpServer


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, relay: SmtpServer) -> Iterator[Installation]:
    made = Installation(tmp_path / "office", migrated_database_url, relay, RunningClock(MOMENT))
    yield made
    made.close()
