"""What every test starts from."""

import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings

from mailer.clock import FrozenClock

pytest_plugins = ["tests.backends", "tests.browser"]

# A busy machine is no defect: what a test may take is said once, by the test's own limit.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")

MOMENT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


def pytest_configure() -> None:
    """Give every machine the same surroundings: no settings of its owner's, a zone far from UTC."""
    for name in [name for name in os.environ if name.startswith("MAILER_")]:
        if not name.startswith("MAILER_TEST_"):
            del os.environ[name]
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


@pytest.fixture
def clock() -> FrozenClock:
    """Give a clock that stands at 1 December 2026, 08:00 UTC, until the test moves it."""
    return FrozenClock(MOMENT)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, the only loop the program runs on."""
    return "asyncio"
