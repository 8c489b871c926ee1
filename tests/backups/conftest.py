"""An office with a relay and one list, on each of the two databases."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backends import POSTGRESQL
from tests.conftest import MOMENT
from tests.installation import Installation, RunningClock
from tests.postgres import Postgres
from tests.smtp_server import SmtpServer


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
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


@pytest.fixture
def elsewhere(
    backend: str, request: pytest.FixtureRequest, fresh_names: Callable[[], str]
) -> Iterator[str]:
    """Give the URL of an empty database of the other kind."""
    if backend == POSTGRESQL:
        yield "sqlite:///mailer.db"
        return
    server: Postgres = request.getfixturevalue("postgresql")
    name = fresh_names()
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def own_office(
    tmp_path: Path, copied_database_url: str, relay: SmtpServer
) -> Iterator[Installation]:
    """Give an office with a database that no other test sees: its tables may be moved."""
    made = Installation(tmp_path / "office", copied_database_url, relay, RunningClock(MOMENT))
    yield made
    made.close()
