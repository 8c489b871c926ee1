"""The way in: a password, a code, forgotten passwords, the first editor; and who stays outside."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pyotp
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from mailer.accounts import codes, editors, sign_ins
from mailer.db.schema import DeliveryKind, Role
from mailer.web.rooms.lock import COOKIE
from tests.web.rooms.conftest import PASSWORD, Rooms, seen

NOOR = "noor@office.example"


def form(client: TestClient, path: str = "/rooms/sign-in") -> dict[str, str]:
    """Give the hidden fields of a form before the door."""
    return dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', client.get(path).text)
    )


def sign_in(
    client: TestClient, typed: str = NOOR, password: str = PASSWORD, **more: str
) -> Response:
    fields = {**form(client), "address": typed, "password": password, **more}
    return client.post("/rooms/sign-in", data=fields)


# ------------------------------------------------------------------------- in and out


def test_somebody_signs_in_and_out(rooms: Rooms) -> None:
    rooms.employ(NOOR)
    client = rooms.stranger()

    answer = sign_in(client)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/rooms"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/rooms" in cookie
    assert "Noor Haddad" in client.get("/rooms").text

    token = client.cookies[COOKIE]
    assert client.post("/rooms/sign-out").status_code == 303
    client.cookies.set(COOKIE, token, path="/rooms")
    assert client.get("/rooms").status_code == 303


def test_the_cookie_itself_is_kept_nowhere(rooms: Rooms) -> None:
    rooms.employ(NOOR)
    client = rooms.stranger()
    sign_in(client)

    assert client.cookies[COOKIE] not in str(rooms.office.everything())


@pytest.mark.parametrize("typed", [NOOR, "nobody@office.example", "nonsense", ""])
def test_a_wrong_password_says_the_same_to_everybody(lone_rooms: Rooms, typed: str) -> None:
    lone_rooms.employ(NOOR)
    client = lone_rooms.stranger()

    answer = sign_in(client, typed, "not the password")

    assert answer.status_code == 403
    assert "Address and password do not go together" in seen(answer)
    assert COOKIE not in client.cookies


def test_a_retired_editor_and_one_without_a_password_stay_outside(lone_rooms: Rooms) -> None:
    database, now = lone_rooms.office.app.database, lone_rooms.office.clock.now()
    owner = lone_rooms.as_(Role.OWNER).seat
    gone = lone_rooms.employ(NOOR)
    database.write(editors.retire, gone, now=now, by=owner.by)
    new = lone_rooms.as_(Role.EDITOR).seat.address

    assert sign_in(lone_rooms.stranger()).status_code == 403
    assert sign_in(lone_rooms.stranger(), new, "").status_code == 403


def test_guesses_are_counted_by_address_and_by_network(lone_rooms: Rooms) -> None:
    lone_rooms.employ(NOOR)
    client = lone_rooms.stranger()
    for _ in range(10):
        assert sign_in(client, password="a wrong guess").status_code == 403

    assert sign_in(client).status_code == 429  # the right one, too
    lone_rooms.office.clock.move(timedelta(hours=1))
    assert sign_in(client).status_code == 303


def test_a_form_from_elsewhere_signs_nobody_in(lone_rooms: Rooms) -> None:
    lone_rooms.employ(NOOR)
    client = lone_rooms.stranger()
    fields = {**form(client), "address": NOOR, "password": PASSWORD}

    foreign = client.post("/rooms/sign-in", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    unsigned = client.post("/rooms/sign-in", data={**fields, "shown": "none"})

    assert foreign.status_code == unsigned.status_code == 400
    assert COOKIE not in client.cookies


@pytest.mark.parametrize(
    "asked, led",
    [
        ("/rooms/own", "/rooms/own"),
        ("https://evil.example/", "/rooms"),
        ("//evil.example", "/rooms"),
        ("/rooms/../l/meetings", "/rooms"),
        ("/rooms/own?x=1", "/rooms"),
        ("\\\\evil.example", "/rooms"),
        ("/roomsevil", "/rooms"),
    ],
)
def test_a_sign_in_leads_on_to_our_own_pages_only(lone_rooms: Rooms, asked: str, led: str) -> None:
    lone_rooms.employ(NOOR)
    client = lone_rooms.stranger()

    where = sign_in(client, next=asked).headers["location"]

    assert where == led
    assert not urlsplit(where).netloc


def test_another_token_is_given_at_each_sign_in(lone_rooms: Rooms) -> None:
    # Who plants a cookie of their own in somebody's browser must not be signed in with them.
    lone_rooms.employ(NOOR)
    planted = {"Cookie": f"{COOKIE}=planted"}
    fields = {**form(lone_rooms.stranger()), "address": NOOR, "password": PASSWORD}

    tokens = {
        lone_rooms.stranger()
        .post("/rooms/sign-in", data=fields, headers=planted)
        .headers["set-cookie"]
        .partition(";")[0]
        for _ in range(2)
    }

    assert len(tokens) == 2
    assert not any("planted" in token for token in tokens)
    assert lone_rooms.stranger().get("/rooms", headers=planted).status_code == 303


def test_a_sign_in_ends_when_it_is_not_used_and_at_its_longest(lone_rooms: Rooms) -> None:
    noor, clock = lone_rooms.as_(Role.OWNER), lone_rooms.office.clock
    for _ in range(8):
        clock.move(timedelta(days=10))
        assert noor.get().status_code == 200

    clock.move(timedelta(days=10))

    assert noor.get().status_code == 303  # ninety days are its longest
    other = lone_rooms.as_(Role.OWNER)
    clock.move(sign_ins.IDLE)
    assert other.get().status_code == 303


# ------------------------------------------------------------------------- a code


def test_a_second_factor_is_asked_for_and_is_good_once(rooms: Rooms) -> None:
    editor_id, database = rooms.employ(NOOR), rooms.office.app.database
    secret = codes.new_secret()
    database.write(codes.keep, rooms.office.app.keys, editor_id, secret)
    client = rooms.stranger()

    assert sign_in(client).headers["location"].startswith("/rooms/code")
    assert client.get("/rooms").status_code == 303  # a password alone opens nothing
    code = pyotp.TOTP(secret).at(rooms.office.clock.now())
    assert client.post("/rooms/code", data={"code": "000000"}).status_code == 403
    answer = client.post("/rooms/code", data={"code": f"{code[:3]} {code[3:]}"})

    assert answer.headers["location"] == "/rooms"
    assert client.get("/rooms").status_code == 200
    again = rooms.stranger()
    sign_in(again)
    assert again.post("/rooms/code", data={"code": code}).status_code == 403


# ------------------------------------------------------------------------- passwords by letter


def test_whoever_forgot_the_password_sets_another_by_letter(rooms: Rooms) -> None:
    rooms.employ(NOOR)
    old = rooms.stranger()
    sign_in(old)
    client = rooms.stranger()
    fields = {**form(client, "/rooms/forgotten"), "address": NOOR}

    known = client.post("/rooms/forgotten", data=fields)
    unknown = client.post("/rooms/forgotten", data={**fields, "address": "x@office.example"})
    assert seen(known).replace(NOOR, "") == seen(unknown).replace("x@office.example", "")

    [letter] = rooms.office.letters(NOOR, DeliveryKind.PASSWORD)
    path = rooms.office.link_in(letter, "/rooms/password/")
    assert "Noor Haddad" in client.get(path).text
    assert client.post(path, data={"password": "short"}).status_code == 400
    answer = client.post(path, data={"password": "a much better one"})

    assert answer.headers["location"] == "/rooms"
    assert client.get("/rooms").status_code == 200
    assert old.get("/rooms").status_code == 303  # the sign-ins of before are ended
    assert client.post(path, data={"password": "and yet another"}).status_code == 410
    assert sign_in(rooms.stranger()).status_code == 403
    assert sign_in(rooms.stranger(), password="a much better one").status_code == 303


def test_letters_are_limited_and_the_link_grows_old(lone_rooms: Rooms) -> None:
    lone_rooms.employ(NOOR)
    client = lone_rooms.stranger()
    for _ in range(5):
        fields = {**form(client, "/rooms/forgotten"), "address": NOOR}
        client.post("/rooms/forgotten", data=fields)

    letters = lone_rooms.office.letters(NOOR, DeliveryKind.PASSWORD)
    assert len(letters) == 3
    path = lone_rooms.office.link_in(letters[0], "/rooms/password/")
    lone_rooms.office.clock.move(editors.FORGOTTEN_FOR)
    assert client.get(path).status_code == 410


# ------------------------------------------------------------------------- the first editor


def test_the_first_editor_comes_in_by_the_printed_link_and_nobody_after(rooms: Rooms) -> None:
    office = rooms.office
    until = office.clock.now() + timedelta(days=7)
    path = urlsplit(office.app.links.set_up(expires_at=until)).path
    client = rooms.stranger()
    person = {"name": "Noor Haddad", "address": NOOR, "password": PASSWORD}

    assert client.get(path).status_code == 200
    assert client.post(path, data={**person, "password": "noor@office"}).status_code == 400
    answer = client.post(path, data=person)

    assert answer.status_code == 303
    assert client.get("/rooms").status_code == 200
    [owner] = office.app.database.read(editors.every)
    assert office.app.database.read(editors.grants, editors.id_of(owner)) == {0: Role.OWNER}
    for _ in range(2):
        late = rooms.stranger()
        assert late.get(path).status_code == 410
        assert late.post(path, data={**person, "address": "b@office.example"}).status_code == 410
    assert rooms.stranger().get("/rooms/set-up/nonsense").status_code == 410
