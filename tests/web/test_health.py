"""/livez and /readyz: for those who watch over an installation."""

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from mailer import ledger
from mailer.clock import FrozenClock
from mailer.config import Config, Settings
from mailer.db import Database
from mailer.delivery import resting
from mailer.delivery.routes import pause, rest
from tests.web.conftest import Office, office_with

LEASE = timedelta(seconds=60)


def register(office: Office) -> None:
    office.app.database.write(
        ledger.register, host="here", boot="one", pid=1, now=office.clock.now(), lease=LEASE
    )


def test_ready_is_an_installation_with_a_database_and_a_worker(office: Office) -> None:
    register(office)

    answer = office.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "workers": 1}
    assert answer.headers["cache-control"] == "no-store"


def test_without_a_worker_that_lives_it_is_not_ready(office: Office) -> None:
    register(office)
    office.clock.move(LEASE + timedelta(seconds=1))

    answer = office.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "ok", "workers": 0}


def test_with_another_schema_it_is_not_ready(office: Office) -> None:
    register(office)
    with office.app.database.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    answer = office.get("/readyz")

    assert answer.status_code == 503
    assert "9999" in answer.json()["database"]


def test_without_a_database_it_lives_and_is_not_ready(tmp_path: Path, clock: FrozenClock) -> None:
    (tmp_path / "broken").write_text("this is no database, but quite another kind of file")
    office = office_with(Database(f"sqlite:///{tmp_path / 'broken'}"), clock, tmp_path)

    live, ready = office.get("/livez"), office.get("/readyz")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert ready.status_code == 503
    assert ready.json()["workers"] == 0
    assert "not an SQLite database" in ready.json()["database"]


def test_routes_by_which_nothing_leaves_are_told(office: Office) -> None:
    # Given a route that an owner must look at, one that rests, and one with a day's allowance
    register(office)
    smtp = {"host": "127.0.0.1"}
    three = {"bulk": smtp, "spare": smtp, "small": smtp | {"per_day": 2}}
    found = Settings.model_validate({"routes": three}).routes
    settings = office.app.settings.model_copy(update={"routes": found})
    office.app.config = Config(settings, office.app.config.path)
    now, write = office.clock.now(), office.app.database.write
    write(pause, "bulk", "535 5.7.8 wrong password", now=now)
    write(rest, "spare", resting.AN_HOUR, "451 4.7.1 hourly quota", now=now)
    assert office.get("/readyz").json()["routes"] == {"paused": 1, "resting": 1}

    # When that allowance is used up
    write(ledger.note_uses, {"small": 2}, at=now)
    answer = office.get("/readyz")

    # Then it is told too, and the installation is ready all the same
    assert answer.json()["routes"] == {"paused": 1, "resting": 1, "used up": 1}
    assert answer.status_code == 200

    # When a day has passed, then only what waits for a person is left
    office.clock.move(timedelta(days=2))
    register(office)
    assert office.get("/readyz").json()["routes"] == {"paused": 1}
