"""Sign-in by the organisation's own provider: a real one on loopback, and what is not believed."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from mailer.accounts import codes
from mailer.errors import ConfigError
from mailer.web.rooms.lock import COOKIE
from tests.web.conftest import Open
from tests.web.rooms.conftest import Rooms, seen

NOOR = "noor@office.example"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
STRANGE = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """Who says who somebody is: whatever a test wants it to say."""

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    asked: list[dict[str, str]] = field(default_factory=list)
    challenge: str = ""

    def answer(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path.endswith("/openid-configuration"):
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            return {"keys": [KEY.as_dict(private=False)]}
        self.asked.append(form)
        token = jwt.encode({"alg": "RS256", "kid": "one"}, self.claims, self.key)
        return {"id_token": token, "access_token": "x", "token_type": "Bearer"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._say(dict(parse_qsl(body)))

        def _say(self, form: dict[str, str]) -> None:
            body = json.dumps(found.answer(self.path, form)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def house(open_office: Open, provider: Provider) -> Rooms:
    office = open_office(
        sign_in={"issuer": provider.issuer, "client_id": "rooms", "client_secret": "s3cret"}
    )
    rooms = Rooms(office)
    rooms.employ(NOOR)
    return rooms


def go(rooms: Rooms, provider: Provider, client: TestClient, **claims: Any) -> Response:
    """Go to the provider, who says what a test wants, and come back."""
    out = client.get("/rooms/sign-in/out")
    assert out.status_code == 303
    asked = {
        name: one[0] for name, one in parse_qs(urlsplit(out.headers["location"]).query).items()
    }
    provider.challenge = asked["code_challenge"]
    now = int(rooms.office.clock.now().timestamp())
    provider.claims = {
        "iss": provider.issuer,
        "aud": "rooms",
        "sub": "17",
        "nonce": asked["nonce"],
        "iat": now,
        "exp": now + 60,
        "email": NOOR,
        "email_verified": True,
        **claims,
    }
    return client.get("/rooms/sign-in/back", params={"code": "c0de", "state": asked["state"]})


def test_an_editor_signs_in_by_the_provider(house: Rooms, provider: Provider) -> None:
    client = house.stranger()
    assert "Sign in by 127.0.0.1" in seen(client.get("/rooms/sign-in"))

    answer = go(house, provider, client, email="Noor@Office.example")

    assert answer.headers["location"] == "/rooms"
    assert "Noor Haddad" in client.get("/rooms").text
    [asked] = provider.asked
    digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == provider.challenge
    assert asked["redirect_uri"].endswith("/rooms/sign-in/back")


def test_a_second_factor_of_ours_is_asked_for_still(house: Rooms, provider: Provider) -> None:
    app = house.office.app
    app.database.write(codes.keep, app.keys, 1, codes.new_secret())
    client = house.stranger()

    assert go(house, provider, client).headers["location"] == "/rooms/code"
    assert client.get("/rooms").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email": ""},
        {"email": "nobody@office.example"},
        {"email": "no address"},
        {"aud": "somebody else"},
        {"aud": ["rooms", "others"], "azp": "others"},
        {"iss": "https://id.evil.example"},
        {"nonce": "another"},
        {"exp": 1},
        {"iat": 99_999_999_999},
    ],
    ids=str,
)
def test_what_is_not_as_it_must_be_lets_nobody_in(
    house: Rooms, provider: Provider, claims: dict[str, Any]
) -> None:
    client = house.stranger()

    answer = go(house, provider, client, **claims)

    assert answer.status_code == 403
    assert "That sign-in did not work" in seen(answer)
    assert COOKIE not in client.cookies


def test_a_signature_of_somebody_else_lets_nobody_in(house: Rooms, provider: Provider) -> None:
    provider.key = STRANGE

    assert go(house, provider, house.stranger()).status_code == 403


def test_an_answer_must_be_to_a_way_that_began_here(house: Rooms, provider: Provider) -> None:
    client = house.stranger()
    go(house, provider, client)
    asked = {"code": "c0de", "state": "guessed"}

    assert house.stranger().get("/rooms/sign-in/back", params=asked).status_code == 403
    fresh = house.stranger()
    fresh.get("/rooms/sign-in/out")
    assert fresh.get("/rooms/sign-in/back", params=asked).status_code == 403


def test_a_provider_that_does_not_answer_is_no_dead_end(open_office: Open) -> None:
    settings = {"issuer": "http://127.0.0.1:9", "client_id": "rooms"}
    rooms = Rooms(open_office(sign_in=settings))

    answer = rooms.stranger().get("/rooms/sign-in/out")

    assert answer.status_code == 403
    assert "Password" in seen(answer)


def test_without_a_provider_there_is_no_such_way(lone_rooms: Rooms) -> None:
    page = lone_rooms.stranger().get("/rooms/sign-in")

    assert "Sign in by" not in page.text
    assert (
        lone_rooms.stranger()
        .get("/rooms/sign-in/out")
        .headers["location"]
        .startswith("/rooms/sign-in?next=")
    )


@pytest.mark.parametrize(
    "settings, why",
    [
        ({"issuer": "https://id.example.org"}, "client_id"),
        ({"issuer": "http://id.example.org", "client_id": "rooms"}, "https"),
        ({"issuer": "id.example.org", "client_id": "rooms"}, "https"),
    ],
)
def test_settings_that_cannot_be_are_named(
    open_office: Open, settings: dict[str, str], why: str
) -> None:
    with pytest.raises((ConfigError, ValueError), match=why):
        open_office(sign_in=settings)
