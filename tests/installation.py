"""An installation set up by hand, with a relay of its own: what tests of delivery begin with.

    office.subscribers("kim@example.org")       confirmed, on the office's list
    digest = office.queued("The laboratories meet")
    office.work()                               as `mailer worker --once` does, in this process
    assert office.sums(digest).sent == 1

`office.at_work()` runs a worker in a thread, `office.worker()` one in a process of its own.
Time goes by as it does, from a fixed moment on; `office.clock.move()` lets it jump.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from mailer import address, continuity, delivery, ledger, lists, scheduler, worker
from mailer.app import App
from mailer.db.schema import (
    Delivery,
    DeliveryKind,
    Digest,
    DigestState,
    Subscriber,
    Subscription,
    SubscriptionState,
)
from mailer.digests import front_matter, items, life, moments
from mailer.ledger import Sums
from mailer.lists import NewList
from mailer.tokens import new_key

OWNER = "owner@office.example.org"
SENDER = "news@office.example.org"
LATE = timedelta(hours=12)
LIFE = timedelta(hours=72)
PATIENCE_SECONDS = 60


class Relay(Protocol):
    """Where mail is sent: a server for tests, or anything else that listens."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...


class RunningClock:
    """A clock that begins at a fixed moment, runs as all do, and can be moved on."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._began = time.monotonic()
        self._moved = 0.0

    def now(self) -> datetime:
        return self._moment + timedelta(seconds=self._passed)

    def boottime(self) -> float:
        return 1000 + self._passed

    def move(self, by: timedelta) -> None:
        self._moved += by.total_seconds()

    @property
    def _passed(self) -> float:
        return time.monotonic() - self._began + self._moved


@dataclass
class Installation:
    """A folder with settings, a database, a relay, and one list to begin with."""

    folder: Path
    url: str
    relay: Relay
    clock: RunningClock
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=lambda: [new_key()])

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.app = self._opened()
        self.list_id = self.a_list("news")

    # --- settings --------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def reopen(self, **tables: Mapping[str, Any]) -> None:
        """Change some settings, table by table, and open the installation anew."""
        for name, table in tables.items():
            self.settings[name] = {**self.settings.get(name, {}), **table}
        self.app.close()
        self.app = self._opened()

    @contextmanager
    def second(self) -> Iterator[App]:
        """Open the same installation once more, as another process does."""
        with App.open(self.config, clock=self.clock) as app:
            yield app

    def close(self) -> None:
        self.app.close()

    def _opened(self) -> App:
        tables: dict[str, Mapping[str, Any]] = {
            "organisation": {
                "name": "The Office",
                "postal_address": "1 Harbour Road, Suva",
                "owner": OWNER,
            },
            "database": {"url": self.url},
            "web": {"base_url": "https://news.office.example.org/"},
            "tokens": {"keys": self.keys},
            "smtp": {"host": self.relay.host, "port": self.relay.port, "security": "none"},
        }
        for name, table in self.settings.items():
            tables[name] = {**tables.get(name, {}), **table}
        self.config.write_text("\n".join(_toml(tables)), encoding="utf-8")
        return App.open(self.config, clock=self.clock)

    # --- who and what ----------------------------------------------------------------

    def a_list(self, slug: str, **more: Any) -> int:
        new = NewList(slug=slug, name=f"The {slug}", sender=address.parse(SENDER), **more)
        made = self.app.database.write(lists.create, new, now=self.clock.now())
        assert made.id is not None
        return made.id

    def subscribers(
        self,
        *addresses: str,
        list_id: int | None = None,
        language: str | None = None,
        name: str = "",
    ) -> None:
        """Put confirmed subscribers on a list."""
        with self.app.database.writing() as session:
            _subscribe(
                session, addresses, list_id or self.list_id, language, name, self.clock.now()
            )

    def draft(self, subject: str = "News", *, slug: str = "news", **more: Any) -> int:
        wish = life.Wish(slug, subject, introduction="What the meetings came to.", **more)
        return self.app.database.write(life.draft, wish, now=self.clock.now())

    def item(self, title: str, *lines: str, body: str = "Two days of exchange.") -> int:
        front = "\n".join(["---", f"title: {title}", *lines, "---", body])
        made = front_matter.parse(front, "item.md")
        return self.app.database.write(items.add, made, now=self.clock.now())

    def queue(self, digest_id: int, *, after: timedelta | None = None) -> None:
        now = self.clock.now()
        when = None
        if after is not None:
            text = (now + after).strftime("%Y-%m-%dT%H:%M:%S")
            when = moments.local(text, "UTC")
        press = self.app.press
        write = self.app.database.write
        write(delivery.queue_digest, press, digest_id, when, late=LATE, now=now)

    def queued(self, subject: str = "News", **more: Any) -> int:
        """Draft and queue a digest, to go at once."""
        digest_id = self.draft(subject, **more)
        self.queue(digest_id)
        return digest_id

    def sending(self, subject: str = "News", **more: Any) -> int:
        """Have a digest's audience in the ledger: what is left to do is to send it."""
        digest_id = self.queued(subject, **more)
        scheduler.promote(self.app)
        return digest_id

    def edit(self, digest_id: int, verb: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Do to a digest what an editor asks, such as `life.pause`."""
        return self.app.database.write(verb, digest_id, *args, now=self.clock.now(), **more)

    def letter(self, to: str, kind: DeliveryKind = DeliveryKind.WELCOME, **more: Any) -> int:
        """Post a letter about the list, due now."""
        now = self.clock.now()
        values = {
            "language": "en",
            "due_at": now,
            "not_after": now + timedelta(hours=24),
            "list_id": self.list_id,
            "subscriber_id": self.subscriber(to),
            "signing_key": self.app.keys.signing_id,
        }
        letter = ledger.Letter(kind=kind, to=address.parse(to), **{**values, **more})
        posted = self.app.database.write(ledger.post, letter, now=now)
        assert posted is not None
        return posted

    # --- work ------------------------------------------------------------------------

    def work(self) -> None:
        """Do what is due, send what is due, and end."""
        worker.run(self.app, once=True)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Run a worker, ticks and all, in a thread; it is asked to stop at the end."""
        stop = threading.Event()
        thread = threading.Thread(target=asyncio.run, args=[_work(self.app, stop)])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "the worker does not end"

    @contextmanager
    def worker(self, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a worker in a process of its own; it is killed at the end if it still lives."""
        with self.running("worker", *arguments, **environment) as process:
            yield process

    @contextmanager
    def running(self, *words: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command in a process of its own; it is killed at the end if it still lives."""
        process = subprocess.Popen(
            [sys.executable, "-m", "mailer", "--config", str(self.config), *words],
            env={**os.environ, **environment},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    # --- how it stands ---------------------------------------------------------------

    def sums(self, digest_id: int) -> Sums:
        return self.app.database.read(ledger.sums, digest_id)

    def digest(self, digest_id: int) -> Digest:
        return self.app.database.read(life.get, digest_id)

    def rows(self, digest_id: int | None = None) -> list[Delivery]:
        """Give the deliveries of a digest, or (None) the letters, oldest first."""
        with self.app.database.reading() as session:
            statement = select(Delivery).where(col(Delivery.digest_id) == digest_id)
            return list(session.execute(statement.order_by(col(Delivery.id))).scalars())

    def row(self, to: str, digest_id: int | None = None) -> Delivery:
        """Give the only delivery to an address, of a digest or (None) a letter."""
        [found] = [row for row in self.rows(digest_id) if row.address == to]
        return found

    def subscriber(self, to: str) -> int | None:
        with self.app.database.reading() as session:
            found = select(col(Subscriber.id)).where(col(Subscriber.address) == to)
            return session.execute(found).scalar()

    def count(self, table: Any, *conditions: Any) -> int:
        with self.app.database.reading() as session:
            statement = select(func.count()).select_from(table).where(*conditions)
            return int(session.execute(statement).scalar_one())

    def held(self) -> list[continuity.Held]:
        """Give what is held after a restore."""
        return self.app.database.read(continuity.held)

    def wait_until_sent(self, digest_id: int, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until nothing of a digest is open any more."""
        wait_for(lambda: self.digest(digest_id).state is DigestState.SENT, seconds=seconds)


def wait_for(
    condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS, every: float = 0.02
) -> None:
    """Look again and again until a condition holds, or fail; seldom, where looking is dear."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds:g} seconds"
        time.sleep(every)


def readers(count: int, *, domains: int = 5) -> list[str]:
    """Give so many addresses, at some domains."""
    return [f"reader{number}@d{number % domains}.example.org" for number in range(count)]


async def _work(app: App, stop: threading.Event) -> None:
    ended = asyncio.Event()
    ticking = scheduler.start(app)
    running = asyncio.create_task(app.engine().run(ended))
    try:
        await asyncio.to_thread(stop.wait)
        ended.set()
        await running
    finally:
        ticking.shutdown(wait=False)


def _subscribe(
    session: Session,
    addresses: Iterable[str],
    list_id: int,
    language: str | None,
    name: str,
    now: datetime,
) -> None:
    found = {one.key: one for one in map(address.parse, addresses)}
    known = set(session.execute(select(col(Subscriber.key))).scalars())
    people = [
        {
            "address": one.mailbox,
            "key": one.key,
            "domain": one.domain,
            "name": name,
            "language": language,
            "created_at": now,
        }
        for one in found.values()
        if one.key not in known
    ]
    if people:
        session.execute(insert(Subscriber), people)
    rows = session.execute(select(col(Subscriber.id), col(Subscriber.key))).all()
    subscriptions = [
        {
            "subscriber_id": id_,
            "list_id": list_id,
            "state": SubscriptionState.CONFIRMED,
            "created_at": now,
            "confirmed_at": now,
        }
        for id_, key in sorted(rows)
        if key in found
    ]
    session.execute(insert(Subscription), subscriptions)


def _toml(tables: Mapping[str, Mapping[str, Any]], above: str = "") -> Iterator[str]:
    for name, table in tables.items():
        yield f"[{above}{name}]"
        within = {key: value for key, value in table.items() if isinstance(value, dict)}
        yield from (
            f'"{key}" = {_value(value)}' for key, value in table.items() if key not in within
        )
        yield from _toml(within, f"{above}{name}.")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value) if isinstance(value, int) else f'"{value}"'
