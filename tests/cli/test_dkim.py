"""`mailer dkim` at the command line: from a fresh key to the next one, with a real name server."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from mailer import dkim
from mailer.db import Database
from mailer.dkim import making
from tests.cli.conftest import Ended, Office
from tests.cli.test_keys import ring
from tests.name_server import BROKEN, NameServer

DOMAIN = "example.org"
DAY = timedelta(days=1)


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer({DOMAIN: {"TXT": ["hello"]}}) as server:
        yield server


def made(office: Office, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = office.ok("dkim", "new-key", DOMAIN, "--json", *options).json
    return found


def publish(names: NameServer, *keys: dict[str, Any]) -> None:
    names.zone |= {key["name"]: {"TXT": [key["value"]]} for key in keys}


def shown(office: Office, names: NameServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.ok(
        "dkim", "show", "--resolver", names.address, "--json"
    ).json
    return found


def switch(office: Office, names: NameServer, *more: str) -> Ended:
    return office.run("dkim", "switch", DOMAIN, "--resolver", names.address, *more)


def test_a_new_key_waits_until_its_record_is_there(meetings: Office, names: NameServer) -> None:
    # Given a new key whose record nobody has published yet
    key = made(meetings)
    assert (key["standing"], key["algorithm"]) == ("new", "rsa")

    refused = switch(meetings, names)

    assert refused.code == 4
    assert f"{key['name']}: there is no record yet; nothing was changed" in refused.error
    assert shown(meetings, names)[0]["dns"] == "fail"

    # When it is published, the key signs
    publish(names, key)
    assert shown(meetings, names)[0]["dns_says"] == "the record is there"
    ended = switch(meetings, names)

    assert ended.code == 0
    assert f"{key['selector']} (rsa) signs mail from {DOMAIN} from now on" in ended.err
    assert shown(meetings, names)[0]["standing"] == "signs"


def test_the_record_is_printed_to_be_pasted(meetings: Office) -> None:
    said = meetings.ok("dkim", "new-key", "Example.ORG.")

    lines = said.lines
    name = lines[lines.index("name (TXT):") + 1]
    value = lines[lines.index("value:") + 1]
    zone = lines[lines.index("both, for a zone file:") + 1]
    assert name.endswith(f"._domainkey.{DOMAIN}")
    assert value.startswith("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
    assert zone.startswith(f'{name}. IN TXT "v=DKIM1;')
    pieces = zone.partition(" IN TXT ")[2].strip('"').split('" "')
    assert "".join(pieces) == value
    assert max(map(len, pieces)) == 255
    assert "mailer dkim switch example.org" in said.err


def test_a_rotation_from_end_to_end(meetings: Office, names: NameServer) -> None:
    began = datetime.now(UTC)
    first = made(meetings)
    publish(names, first)
    switch(meetings, names)

    # Half a year later a second key is made, and signs once its record is there
    with time_machine.travel(began + 180 * DAY):
        second = made(meetings)
        publish(names, second)
        ended = switch(meetings, names)
        assert f"{first['selector']} does not sign any more; leave its record in DNS" in ended.err
        assert [key["standing"] for key in shown(meetings, names)] == ["retired", "signs"]
        early = meetings.run("dkim", "remove", DOMAIN, first["selector"])
        assert early.code == 4
        assert "may still be looked up until" in early.error

    # When mail that is on its way has arrived, the first can go
    with time_machine.travel(began + 180 * DAY + dkim.KEEP_RECORD + DAY):
        hint = meetings.ok("dkim", "show", DOMAIN, "--resolver", names.address).err
        assert f"mailer dkim remove {DOMAIN} {first['selector']}" in hint
        gone = meetings.ok("dkim", "remove", DOMAIN, first["selector"])
        assert f"take {first['name']} out of DNS" in gone.err
        assert [key["selector"] for key in shown(meetings, names)] == [second["selector"]]


def test_going_back_to_the_key_before(meetings: Office, names: NameServer) -> None:
    first, second = made(meetings), made(meetings, "--selector", "Next")
    publish(names, first, second)
    switch(meetings, names, "--selector", first["selector"])
    switch(meetings, names, "--selector", "NEXT")

    assert switch(meetings, names, "--selector", first["selector"]).code == 0

    assert [key["standing"] for key in shown(meetings, names)] == ["signs", "retired"]


def test_a_second_signature(meetings: Office, names: NameServer) -> None:
    short = made(meetings, "--ed25519")
    publish(names, short)
    assert "no RSA key signs for example.org yet" in switch(meetings, names).error
    publish(names, made(meetings))

    ended = switch(meetings, names)

    assert ended.code == 0
    assert {key["standing"] for key in shown(meetings, names)} == {"signs"}
    assert short["value"].startswith("v=DKIM1; k=ed25519; p=")
    assert len(short["value"]) < 70


WRONG = {
    "another key": (
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        "another",
    ),
    "revoked": ("v=DKIM1; p=", "revokes the key"),
    "cut off": ("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "cut off"),
    "something else": ("v=spf1 -all", "cannot use the record"),
}


@pytest.mark.parametrize("text, says", WRONG.values(), ids=WRONG)
def test_a_wrong_record_is_told(meetings: Office, names: NameServer, text: str, says: str) -> None:
    publish(names, {**made(meetings), "value": text})

    assert says in switch(meetings, names).error


def test_what_cannot_be_asked_is_no_fault(meetings: Office, names: NameServer) -> None:
    key = made(meetings)
    names.zone[key["name"]] = BROKEN

    assert shown(meetings, names)[0]["dns"] == "unknown"
    assert "could not be asked" in switch(meetings, names).error
    assert switch(meetings, names, "--yes").code == 0


def test_a_key_that_signs_is_removed_only_by_name_and_yes(
    meetings: Office, names: NameServer
) -> None:
    key = made(meetings)
    switch(meetings, names, "--yes")

    refused = meetings.run("dkim", "remove", DOMAIN, key["selector"])
    assert refused.code == 4
    assert "signs; switch to another first" in refused.error

    ended = meetings.ok("dkim", "remove", DOMAIN, key["selector"], "--yes")
    assert f"mail from {DOMAIN} is not signed by it any more" in ended.err
    assert meetings.run("dkim", "remove", DOMAIN, key["selector"]).code == 3


def test_a_domain_that_no_list_is_from(meetings: Office) -> None:
    assert "no list is from" not in meetings.ok("dkim", "new-key", DOMAIN).err
    said = meetings.ok("dkim", "new-key", "news.example.org").err
    assert "no list is from news.example.org" in said


def test_bad_input_is_told(meetings: Office) -> None:
    assert meetings.run("dkim", "new-key", "not a domain").code == 2
    assert meetings.run("dkim", "new-key", DOMAIN, "--selector", "a b").code == 2
    assert meetings.run("dkim", "show", "--resolver", "nowhere").code == 2
    assert meetings.run("dkim", "remove", DOMAIN, "").code == 2
    assert meetings.run("dkim", "switch", DOMAIN).code == 3
    assert "make one: mailer dkim new-key" in meetings.run("dkim", "switch", DOMAIN).error


def test_private_halves_are_never_shown(meetings: Office, names: NameServer) -> None:
    show = ("dkim", "show", "--resolver", names.address)
    said = [
        meetings.ok("dkim", "new-key", DOMAIN),
        meetings.ok("dkim", "new-key", DOMAIN, "--json"),
        meetings.ok(*show),
        meetings.ok("-v", *show, "--json"),
    ]

    words = "".join(one.out + one.err for one in said)
    for packed in private_halves(meetings):
        # Both halves hold the modulus; the private exponent stands in the middle of one only.
        middle = packed[len(packed) // 3 : len(packed) // 2]
        for shown_as in (base64.b64encode(middle).decode()[4:40], middle.hex()[8:40]):
            assert shown_as not in words
    assert "PRIVATE" not in words


def private_halves(office: Office) -> list[bytes]:
    database = Database(office.url)
    with database.reading() as session:
        keys = [dkim.opened(ring(office), key) for key in dkim.every(session)]
    database.close()
    assert len(keys) == 2
    return [making.packed(key.private) for key in keys]
