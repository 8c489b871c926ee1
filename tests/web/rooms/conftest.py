"""The editors' rooms of an office, and who sits in them.

rooms               an office with one list, on both databases; `rooms.as_(Role.OWNER)` signs in
lone_rooms          the same on SQLite only, where the database does not matter
rooms_street        rooms that are served for real, for a browser: `rooms_street.enter(page)`
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser
from sqlmodel import Session
from starlette.testclient import TestClient

from mailer import address
from mailer.accounts import Seat, editors, sign_ins
from mailer.accounts.seats import EVERYWHERE
from mailer.accounts.sign_ins import Browser
from mailer.db.schema import Role
from mailer.history import SYSTEM
from mailer.web.rooms.lock import COOKIE
from tests.web.conftest import READER, Office, Street

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "seven harbours in fog"
# Argon2 takes its time on purpose: what is hashed once serves every test of a process.
HASHES: dict[str, str] = {}


@dataclass
class Desk:
    """Somebody who is signed in, with a browser of their own."""

    client: TestClient
    seat: Seat

    def get(self, path: str = "", **more: Any) -> Response:
        return self.client.get(f"/rooms{path}", **more)

    def post(self, path: str = "", data: dict[str, Any] | None = None, **more: Any) -> Response:
        """Send a form of theirs."""
        return self.client.post(
            f"/rooms{path}", data={"guard": self.seat.guard, **(data or {})}, **more
        )


@dataclass
class Rooms:
    """An office whose rooms are open."""

    office: Office
    desks: list[Desk] = field(default_factory=list)

    def as_(
        self, role: Role | None = Role.OWNER, *, list_id: int = EVERYWHERE, name: str = ""
    ) -> Desk:
        """Sign somebody in who has a role on every list, or on one; without a role, on none."""
        name = name or (role.value.title() if role else "Nobody")
        typed = f"{name.casefold().replace(' ', '.')}{len(self.desks)}@office.example"
        token = self.office.app.database.write(_sign_in, self.office, typed, name, role, list_id)
        client = TestClient(self.office.client.app, client=READER, follow_redirects=False)
        client.cookies.set(COOKIE, token, path="/rooms")
        seat = self.office.app.database.read(sign_ins.find, token, now=self.office.clock.now())
        assert seat is not None
        self.desks.append(Desk(client, seat))
        return self.desks[-1]

    def stranger(self) -> TestClient:
        """Give the browser of somebody who is not signed in."""
        return TestClient(self.office.client.app, client=READER, follow_redirects=False)

    def employ(self, typed: str, name: str = "Noor Haddad", role: Role = Role.OWNER) -> int:
        """Make an editor with the password of these tests; give their id."""
        return self.office.app.database.write(_employ, self.office, typed, name, role)


@dataclass
class RoomsStreet:
    """Rooms that are served for real."""

    rooms: Rooms
    address: str

    @property
    def office(self) -> Office:
        return self.rooms.office

    def enter(
        self, page: "Page", path: str = "", *, role: Role = Role.OWNER, name: str = "Noor Haddad"
    ) -> Desk:
        """Sign somebody in at a browser, and open a room."""
        desk = self.rooms.as_(role, name=name)
        token = desk.client.cookies[COOKIE]
        where = {"domain": "127.0.0.1", "path": "/rooms"}
        page.context.add_cookies([{"name": COOKIE, "value": token, **where}])  # type: ignore[typeddict-item]
        page.goto(f"{self.address}/rooms{path}")
        return desk


def seen(response: Response) -> str:
    """Give the words of a room's main part, as an editor sees them."""
    main = LexborHTMLParser(response.text).css_first("main")
    assert main is not None
    return " ".join(main.text(separator=" ").split())


@pytest.fixture
def rooms(office: Office) -> Rooms:
    """Give the rooms of an office with one list."""
    return Rooms(office)


@pytest.fixture
def lone_rooms(lone_office: Office) -> Rooms:
    """Give the rooms of an office with one list, on SQLite only."""
    return Rooms(lone_office)


@pytest.fixture
def rooms_street(empty_street: Street) -> RoomsStreet:
    """Give rooms that are served for real, with one list."""
    empty_street.office.add_list()
    return RoomsStreet(Rooms(empty_street.office), empty_street.address)


def _sign_in(
    session: Session, office: Office, typed: str, name: str, role: Role | None, list_id: int
) -> str:
    now = office.clock.now()
    new = editors.Newcomer(address.parse(typed), name, role or Role.VIEWER, list_id)
    editor_id = editors.id_of(editors.invite(session, new, now=now))
    if role is None:
        editors.grant(session, editor_id, list_id, None, now=now, by=SYSTEM)
    browser = Browser("Testing/1.0", READER[0])
    return sign_ins.begin(session, editor_id, browser, passed=True, now=now)


def _employ(session: Session, office: Office, typed: str, name: str, role: Role) -> int:
    from mailer.accounts import passwords

    now = office.clock.now()
    new = editors.Newcomer(address.parse(typed), name, role)
    editor_id = editors.id_of(editors.invite(session, new, now=now))
    if PASSWORD not in HASHES:
        HASHES[PASSWORD] = passwords.hashed(PASSWORD, address=typed)
    editors.set_password(session, editor_id, 0, HASHES[PASSWORD], now=now, by=SYSTEM)
    return editor_id
