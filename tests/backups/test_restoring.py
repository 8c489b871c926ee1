"""A backup brings everything back, to either database; what was not settled in it is held."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import Session, col

from mailer import address, backups, config, dkim, ledger, subscribers
from mailer.app import App
from mailer.backups import Wanted
from mailer.backups.making import make
from mailer.backups.restoring import Restored
from mailer.db.schema import (
    AskAction,
    Delivery,
    DeliveryKind,
    DeliveryState,
    DigestState,
    DomainGroup,
    Medium,
    Pace,
    Subscriber,
    Subscription,
    SuppressionReason,
    Table,
)
from mailer.digests import life
from mailer.dkim import making
from tests.installation import Installation, readers
from tests.smtp_server import SmtpServer

KIM, LEE, NOOR = "kim@example.org", "lee@example.org", "noor@example.org"
ONCE, LOUD = "once@example.org", "loud@example.org"


def backed_up(office: Installation, folder: Path) -> Path:
    target = folder / "copy.zip"
    make(office.app, target)
    return target


def restored(source: Path, office: Installation, folder: Path, url: str | None) -> Restored:
    return backups.restore(Wanted(source, folder, database=url), clock=office.clock)


def rows(app: App) -> dict[str, list[tuple[object, ...]]]:
    with app.database.reading() as session:
        return {table.name: _rows(session, table) for table in Table.metadata.sorted_tables}


def _rows(session: Session, table: sa.Table) -> list[tuple[object, ...]]:
    found = session.execute(sa.select(*table.columns).order_by(*table.primary_key.columns))
    return [tuple(row) for row in found]


def test_every_row_comes_back_whichever_database_it_goes_to(
    office: Installation, relay: SmtpServer, tmp_path: Path, elsewhere: str
) -> None:
    # Given an office with items, mail that went out, a picture, and letters of all alphabets
    office.subscribers(KIM, "ὀνόματα@example.org", name="Kim 金 “\\n”")
    office.item("The laboratories meet")
    office.queued()
    office.work()
    picture = Medium(
        hash="ab" * 32,
        media_type="image/png",
        size=3,
        content=b"\x00\xff\n",
        created_at=office.clock.now(),
    )
    office.app.database.write(Session.add, picture)
    sealed = office.app.database.write(
        dkim.make, office.app.keys, dkim.Wish("office.example.org"), now=office.clock.now()
    )
    at = office.clock.now()
    pace = Pace(
        route="smtp", group_name="google", per_minute=30, next_at=at, letters_at=at, line_at=at
    )
    office.app.database.write(Session.add, pace)
    asked = DomainGroup(domain="example.org", group_name="google", asked_at=at)
    office.app.database.write(Session.add, asked)
    before = rows(office.app)

    # When a backup of it is restored to a database of the other kind
    done = restored(backed_up(office, tmp_path), office, tmp_path / "again", elsewhere)

    # Then each row is there, and what the restore itself wrote
    with App.open(done.config, clock=office.clock) as app:
        after = rows(app)
        assert app.database.is_sqlite != office.app.database.is_sqlite
        assert app.keys == office.app.keys
        [key] = app.database.read(dkim.every)
        assert making.public(dkim.opened(app.keys, key).private) == sealed.public
    ours = {"events", "facts", "workers", "deliveries"}
    assert {name: after[name] for name in after if name not in ours} == {
        name: before[name] for name in before if name not in ours
    }
    for name in ours - {"facts"}:
        assert after[name][: len(before[name])] == before[name]


def test_nothing_unsettled_is_sent_before_it_is_released(
    office: Installation, relay: SmtpServer, tmp_path: Path, elsewhere: str
) -> None:
    # Given a digest half sent, another for tomorrow, and a letter that waits
    everybody = readers(6)
    office.subscribers(*everybody)
    half = office.sending()
    with office.app.database.writing() as session:
        worker = ledger.register(
            session, host="h", boot="b", pid=1, now=office.clock.now(), lease=timedelta(minutes=1)
        )
        ledger.claim_digest(session, worker, half, limit=2, now=office.clock.now())
    later = office.draft("Later")
    office.queue(later, after=timedelta(hours=3))
    office.letter(everybody[0])
    done = restored(backed_up(office, tmp_path), office, tmp_path / "again", elsewhere)

    # When a worker runs, today and tomorrow
    with App.open(done.config, clock=office.clock) as app:
        again = Opened(office, app)
        again.work()
        office.clock.move(timedelta(hours=4))
        again.work()

        # Then nothing went, and every recipient is accounted for
        owner = {"owner@office.example.org"}
        assert set(relay.taken) <= owner
        sums = app.database.read(ledger.sums, half)
        assert (sums.waiting, sums.uncertain, sums.recipients) == (4, 2, 6)
        assert app.database.read(life.get, half).state is DigestState.PAUSED
        assert app.database.read(life.get, later).state is DigestState.PAUSED

        # And whoever subscribes now gets their letter at once
        again.asks(NOOR)
        again.work()
        assert set(relay.taken) - owner == {NOOR}


class Opened:
    """The office as it was restored."""

    def __init__(self, office: Installation, app: App) -> None:
        self.office, self.app = office, app

    def work(self) -> None:
        kept, self.office.app = self.office.app, self.app
        try:
            self.office.work()
        finally:
            self.office.app = kept

    def asks(self, who: str) -> None:
        asked = subscribers.Asked(
            AskAction.SUBSCRIBE, self.office.list_id, who, "en", "192.0.2.1", False, {}
        )
        self.app.database.write(subscribers.ask, asked, now=self.office.clock.now())


def test_who_left_or_refused_since_is_off_again_and_nobody_new_is_in_their_place(
    office: Installation, tmp_path: Path, elsewhere: str
) -> None:
    # Given a backup, and then one who leaves, one who says never again, one who undoes a leaving,
    # one who wants to be forgotten, and one who complains
    office.subscribers(KIM, LEE, NOOR, ONCE, LOUD)
    source = backed_up(office, tmp_path)
    office.clock.move(timedelta(hours=1))
    write, now = office.app.database.write, office.clock.now()
    kim, lee, noor = (office.subscriber(who) or 0 for who in (KIM, LEE, NOOR))
    write(subscribers.leave, kim, office.list_id, {}, now=now)
    write(subscribers.refuse, lee, office.list_id, {}, now=now)
    event = write(subscribers.leave, noor, office.list_id, {}, now=now)
    write(subscribers.undo_leaving, noor, office.list_id, event or 0, {}, now=now)
    write(subscribers.erase, office.subscriber(ONCE) or 0, now=now)
    write(subscribers.suppress, LOUD, SuppressionReason.COMPLAINT, now=now)
    # and one who came after it, whose number is in links out there
    office.subscribers("new@example.org")
    newcomer = office.subscriber("new@example.org") or 0
    write(subscribers.leave, newcomer, office.list_id, {}, now=now)

    # When it is restored with what is known beside the database
    log = office.app.config.beside / "departures.log"
    wanted = Wanted(source, tmp_path / "again", database=elsewhere, departures=log)
    done = backups.restore(wanted, clock=office.clock)

    # Then all are as they wanted, and the number is nobody's
    assert done.aftermath.departures == {
        "left": 1,
        "refused": 1,
        "erased": 1,
        "complained": 1,
        "unknown": 1,
    }
    with App.open(done.config, clock=office.clock) as app:
        states = app.database.read(_states)
        assert states == {
            KIM: "unsubscribed",
            LEE: "unsubscribed",
            NOOR: "confirmed",
            LOUD: "confirmed",
            None: "unsubscribed",
        }
        assert app.database.read(subscribers.reasons, LOUD, None) == {"complaint"}
        assert app.database.read(subscribers.reasons, LEE, None) == {"request"}
        app.database.write(
            subscribers.add_confirmed,
            subscribers.Wish(_address("next@example.org"), office.list_id, "en"),
            "asked by telephone",
            now=office.clock.now(),
        )
        found = app.database.read(subscribers.by_address, "next@example.org")[0]
        assert (found.id or 0) > newcomer
    assert all(who not in log.read_text() for who in (KIM, LEE, NOOR, "example.org"))


def _address(text: str) -> address.Address:
    return address.parse(text)


def _states(session: Session) -> dict[str | None, str]:
    statement = sa.select(col(Subscriber.address), col(Subscription.state)).join(
        Subscription, col(Subscription.subscriber_id) == col(Subscriber.id)
    )
    return {who: state.value for who, state in session.execute(statement)}


def test_keys_that_only_the_environment_had_are_in_a_backup_too(
    office: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = backed_up(office, tmp_path)
    monkeypatch.setenv("MAILER_TOKENS__KEYS", office.keys[0])
    (tmp_path / "more").mkdir()
    by_environment = backed_up(office, tmp_path / "more")

    done = restored(by_environment, office, tmp_path / "again", "sqlite:///other.db")

    kept = tmp_path / "again" / "keys-from-the-environment"
    assert kept.read_text(encoding="utf-8").split() == office.keys
    assert kept.stat().st_mode & 0o777 == 0o600
    assert done.manifest.unkept == ("MAILER_TOKENS__KEYS",)
    with backups.reading(there) as reader:
        assert [one.role for one in reader.manifest.files] == ["settings"]


@pytest.mark.parametrize("is_gone", [False, True], ids=["old machine", "new machine"])
def test_files_that_the_settings_name_are_found_where_they_are_now(
    office: Installation, tmp_path: Path, *, is_gone: bool
) -> None:
    # Given settings that name a password in their folder, and one elsewhere, by whole paths
    (office.folder / "relay-password").write_text("inside")
    (tmp_path / "second-password").write_text("elsewhere")
    named = {"username": "news", "password_file": str(office.folder / "relay-password")}
    second = {"host": "127.0.0.1", "password_file": str(tmp_path / "second-password")}
    office.reopen(smtp=named, routes={"second": second})
    source = backed_up(office, tmp_path)
    if is_gone:
        (office.folder / "relay-password").unlink()
        (tmp_path / "second-password").unlink()

    # When it is restored into another folder
    done = restored(source, office, tmp_path / "again", "sqlite:///other.db")

    # Then nothing is read from the folder it came from
    settings = config.load(done.config).settings
    assert settings.smtp.password.get_secret_value() == "inside"
    assert settings.routes["second"].password.get_secret_value() == "elsewhere"
    assert str(office.folder) not in done.config.read_text(encoding="utf-8")


def test_no_number_is_given_again_after_a_restore(
    office: Installation, tmp_path: Path, elsewhere: str
) -> None:
    office.subscribers(KIM)
    source = backed_up(office, tmp_path)
    lost = office.letter(KIM, DeliveryKind.WELCOME)

    done = restored(source, office, tmp_path / "again", elsewhere)

    with App.open(done.config, clock=office.clock) as app, app.database.reading() as session:
        newest = session.execute(sa.select(sa.func.max(col(Delivery.id)))).scalar_one()
        waiting = session.execute(
            sa.select(col(Delivery.state)).where(col(Delivery.id) == newest)
        ).scalar_one()
    assert newest > lost + 100_000
    assert waiting is DeliveryState.QUEUED  # the letter that tells the owner
