"""An office whose pages are open: an installation, a client, and the way to each kind of link."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from mailer import address, ledger, lists, subscribers, tokens, web
from mailer.app import App
from mailer.clock import FrozenClock
from mailer.config import Config, Settings
from mailer.db import Database
from mailer.db.schema import (
    Ask,
    Delivery,
    DeliveryKind,
    Digest,
    DigestState,
    Event,
    Table,
    Visibility,
)
from mailer.digests import front_matter, items, life
from mailer.rendering import Filled
from mailer.subscribers import Standing

READER = ("198.51.100.7", 40000)
ORGANISATION = {
    "name": "Regional Office for Capacity Building",
    "postal_address": "12 Harbour Street\n1000 Brussels\nBelgium",
    "contact": "office@office.example",
    "partners": [
        {"name": "World Customs Organization", "url": "https://wco.example/"},
        {"name": "Regional Training Centre", "url": "https://rtc.example/"},
    ],
}


@dataclass(frozen=True)
class Sent:
    """A digest that is to have gone out."""

    list_id: int
    subject: str
    items: tuple[int, ...]
    on: date | None
    texts: dict[str, str]


@dataclass
class Office:
    """An installation with its pages, and what a test wants to know of it."""

    app: App
    client: TestClient
    clock: FrozenClock

    # ------------------------------------------------------------------ given

    def add_list(
        self,
        slug: str = "meetings",
        name: str = "Meeting News",
        *,
        description: str = "What was said and decided at the meetings of our region, once a month.",
        language: str = "en",
        languages: tuple[str, ...] = ("en", "ja"),
        visibility: Visibility = Visibility.PUBLIC,
        texts: tuple[lists.Words, ...] = (),
    ) -> int:
        new = lists.NewList(
            slug=slug,
            name=name,
            sender=address.parse("news@office.example"),
            sender_name="Meeting desk",
            language=language,
            languages=languages,
            description=description,
            visibility=visibility,
        )
        made = self.app.database.write(lists.create, new, now=self.clock.now())
        if texts:
            edit = lists.Edit(texts=texts)
            self.app.database.write(lists.edit, slug, edit, now=self.clock.now())
        assert made.id is not None
        return made.id

    def add_item(
        self,
        title: str,
        *lines: str,
        body: str = "It took two days.",
        translates: int | None = None,
    ) -> int:
        """Write an item; `lines` are more of its front matter. Gives its id."""
        text = "\n".join(["---", f"title: {title}", *lines, "---", body])
        draft = front_matter.parse(text, "item.md")
        write = self.app.database.write
        return write(items.add, draft, now=self.clock.now(), translates=translates)

    def send_digest(
        self,
        list_id: int,
        subject: str,
        *,
        items: Sequence[int] = (),
        on: date | None = None,
        **texts: str,
    ) -> int:
        """Let a digest go out; `texts` are its introductions by language. Gives its number.

        Without a date it bears that of the day of November that is its number.
        """
        sent = Sent(list_id, subject, tuple(items), on, texts)
        return self.app.database.write(_send_digest, self, sent)

    def retire(self, slug: str) -> None:
        """Let a list end."""
        with self.app.database.writing() as session:
            found = lists.get(session, slug)
            found.retired_at = self.clock.now()
            session.add(found)

    def colour(self, slug: str, colour: str) -> None:
        """Give a list a colour of its own."""
        edit = lists.Edit(accent=colour)
        self.app.database.write(lists.edit, slug, edit, now=self.clock.now())

    def hide(self, slug: str) -> None:
        """Make a list private."""
        edit = lists.Edit(visibility=Visibility.PRIVATE)
        self.app.database.write(lists.edit, slug, edit, now=self.clock.now())

    def erase(self, typed: str) -> None:
        """Forget who somebody was."""
        with self.app.database.writing() as session:
            found, _ = subscribers.by_address(session, typed)
            found.address = found.key = None
            found.erased_at = self.clock.now()
            session.add(found)

    # ------------------------------------------------------------------ the reader

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return self.client.get(path, headers=headers)

    def post(
        self,
        path: str,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        return self.client.post(path, data=data, headers=headers)

    def form(self, path: str = "/l/meetings") -> dict[str, str]:
        """Give the fields of the box as a browser would send them, without a button's."""
        fields = LexborHTMLParser(self.get(path).text).css("form.box input")
        return {
            name: field.attributes.get("value") or ""
            for field in fields
            if (name := field.attributes["name"])
        }

    def press(
        self, action: str, typed: str, *, path: str = "/l/meetings", **fields: str
    ) -> Response:
        """Open the page, type an address at a person's pace, and press a button."""
        form = self.form(path)
        self.clock.move(timedelta(seconds=5))
        return self.post(path, {**form, "address": typed, "action": action, **fields})

    def answer(self) -> int:
        """Do what a worker does with what was asked."""
        return self.app.database.write(subscribers.answer, self.app.rules, now=self.clock.now())

    def ask(self, typed: str = "kim@reader.example", **fields: str) -> str:
        """Subscribe, and give the path of the link in the letter that comes."""
        assert self.press("subscribe", typed, **fields).status_code == 200
        self.answer()
        return self.confirm_path(typed)

    def join(self, typed: str = "kim@reader.example", **fields: str) -> str:
        """Subscribe and confirm; give the path of the link to leave."""
        assert self.post(self.ask(typed, **fields)).status_code == 200
        return self.leave_path(typed)

    # ------------------------------------------------------------------ links

    def confirm_path(self, typed: str) -> str:
        letter = self.letters(typed, DeliveryKind.CONFIRMATION)[-1]
        assert letter.subscriber_id is not None
        assert letter.list_id is not None
        url = self.app.links.confirm(
            letter.subscriber_id,
            letter.list_id,
            letter.context["ask"],
            expires_at=datetime.fromisoformat(letter.context["expires_at"]),
            key_id=letter.signing_key,
        )
        return self._path(url)

    def leave_path(self, typed: str, list_id: int = 1) -> str:
        return self._path(self.app.links.leave(self._subscriber(typed), list_id))

    def refuse_path(self, typed: str, list_id: int = 1) -> str:
        return self._path(self.app.links.refuse(self._subscriber(typed), list_id))

    def preferences_path(self, typed: str, list_id: int = 1) -> str:
        return self._path(self.app.links.preferences(self._subscriber(typed), list_id))

    def link_in(self, letter: Delivery, part: str) -> str:
        """Give the path of the link in a letter, as it is mailed, that holds this part."""
        found = re.search(rf"https?://\S+?({part}[\w-]+)", self.read(letter).text)
        assert found is not None
        return found[1]

    def undo_path(self, page: str) -> str:
        """Give where *undo* leads on a page."""
        forms = LexborHTMLParser(page).css("form[action*='/back/']")
        return self._path(forms[0].attributes["action"] or "")

    # ------------------------------------------------------------------ then

    def asks(self) -> list[Ask]:
        with self.app.database.reading() as session:
            return list(session.exec(select(Ask).order_by(col(Ask.id))))

    def letters(self, typed: str, kind: DeliveryKind | None = None) -> list[Delivery]:
        with self.app.database.reading() as session:
            theirs = select(Delivery).where(col(Delivery.key) == typed.casefold())
            rows = session.exec(theirs.order_by(col(Delivery.id)))
            return [row for row in rows if kind in {None, row.kind}]

    def read(self, letter: Delivery) -> Filled:
        """Give a letter as it is mailed, by claiming and rendering it."""
        return self.app.database.write(_read, self, letter.id)

    def standing(self, typed: str = "kim@reader.example", list_id: int = 1) -> Standing:
        return self.app.database.read(subscribers.standing_of, self._subscriber(typed), list_id)

    def state(self, typed: str = "kim@reader.example", list_id: int = 1) -> str:
        return self.standing(typed, list_id).state.value

    def events(self, kind: str) -> list[Event]:
        with self.app.database.reading() as session:
            found = select(Event).where(col(Event.kind) == kind).order_by(col(Event.id))
            return list(session.exec(found))

    def everything(self) -> list[tuple[Any, ...]]:
        """Give every row of every table, to compare before with after."""
        with self.app.database.reading() as session:
            return [
                tuple(row)
                for table in Table.metadata.sorted_tables
                for row in session.execute(table.select().order_by(*table.primary_key.columns))
            ]

    def _subscriber(self, typed: str) -> int:
        found, _ = self.app.database.read(subscribers.by_address, typed.casefold())
        assert found.id is not None
        return found.id

    def _path(self, url: str) -> str:
        return urlsplit(url).path


def seen(response: Response) -> str:
    """Give the words of a page's main part, as a reader sees them."""
    main = LexborHTMLParser(response.text).css_first("main")
    assert main is not None
    return " ".join(main.text(separator=" ").split())


@dataclass
class Street:
    """An office whose pages are served for real."""

    office: Office
    address: str


Open = Callable[..., Office]


@pytest.fixture
def open_office(database: Database, clock: FrozenClock, tmp_path: Path) -> Open:
    """Give what opens an office with settings of a test's own."""

    def open_(**settings: Any) -> Office:
        return office_with(database, clock, tmp_path, **settings)

    return open_


@pytest.fixture
def office(open_office: Open) -> Office:
    """Give an office with one public list."""
    opened = open_office()
    opened.add_list()
    return opened


@pytest.fixture
def lone_office(sqlite_template: Path, clock: FrozenClock, tmp_path: Path) -> Iterator[Office]:
    """Give an office with one public list, on SQLite only: where the database does not matter."""
    file = tmp_path / "lone.sqlite3"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    opened = office_with(database, clock, tmp_path)
    opened.add_list()
    yield opened
    database.close()


@pytest.fixture
def empty_street(sqlite_template: Path, tmp_path: Path, clock: FrozenClock) -> Iterator[Street]:
    """Give an office without lists whose pages are served for real, on SQLite."""
    file = tmp_path / "street.sqlite3"
    shutil.copyfile(sqlite_template, file)
    database = Database(f"sqlite:///{file}")
    sock = web.listen("127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{web.port_of(sock)}/"
    office = office_with(database, clock, tmp_path, web={"base_url": base_url})
    with serving(office.app, sock) as address:
        yield Street(office, address)
    database.close()


def office_with(database: Database, clock: FrozenClock, folder: Path, **settings: Any) -> Office:
    values = {
        "organisation": ORGANISATION,
        "tokens": {"keys": [tokens.new_key()]},
        **settings,
    }
    app = App(Config(Settings(**values), folder / "config.toml"), database, clock)
    return Office(app, TestClient(web.create(app), client=READER), clock)


@contextmanager
def serving(app: App, sock: Any = None) -> Iterator[str]:
    """Let the pages of an installation be served for real; give their address."""
    sock = sock or web.listen("127.0.0.1", 0)
    started = threading.Event()
    server = web.Server(web.create(app), sock, grace_seconds=2, on_started=started.set)
    address_ = f"http://127.0.0.1:{web.port_of(sock)}"
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(10)
        yield address_
    finally:
        server.stop()
        thread.join(10)


def _send_digest(session: Session, office: Office, sent: Sent) -> int:
    now = office.clock.now()
    listed = lists.card(session, sent.list_id).list
    first = sent.texts.get(listed.language, "Hello.")
    wish = life.Wish(listed.slug, sent.subject, first, sent.items)
    digest_id = life.draft(session, wish, now=now)
    for language, introduction in sent.texts.items():
        subject = f"{sent.subject} ({language})" if language != listed.language else sent.subject
        life.write(session, digest_id, language, subject, introduction)
    office.app.press.freeze(session, digest_id, now=now)
    digest = session.get(Digest, digest_id)
    assert digest is not None
    digest.state = DigestState.SENT
    digest.queued_at = now
    digest.dated_on = sent.on or date(2026, 11, digest.number)
    session.add(digest)
    session.flush()
    return digest.number


def _read(session: Session, office: Office, letter_id: int | None) -> Filled:
    now = office.clock.now()
    worker = ledger.register(
        session, host="h", boot="b", pid=1, now=now, lease=timedelta(minutes=1)
    )
    claimed = ledger.claim_letters(session, worker, "smtp", limit=100, now=now)
    [mine] = [one for one in claimed if one.id == letter_id]
    _, filled = office.app.press.preview(*office.app.press.letter(session, mine), mine)
    session.rollback()  # only to look: the letter stays unclaimed
    return filled
