"""What a name server says, from a real one on loopback: there, not there, could not ask."""

from collections.abc import Iterator

import pytest

from mailer.check import Resolver
from mailer.errors import UsageError
from tests.name_server import BROKEN, SILENT, NameServer, Zone

LONG = "x" * 3000


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    zone: Zone = {
        "example.org": {"TXT": ["one", LONG], "MX": ["10 mx.example.org"], "A": ["192.0.2.1"]},
        "alias.example.org": {"CNAME": ["example.org"]},
        "a.example.org": {"CNAME": ["b.example.org"]},
        "b.example.org": {"CNAME": ["a.example.org"]},
        "deep.below.example.org": {"TXT": ["\u00e9\x1b"]},
        "ill.example.org": BROKEN,
        "silent.example.org": SILENT,
    }
    with NameServer(zone) as made:
        yield made


@pytest.fixture
def resolver(server: NameServer) -> Resolver:
    return Resolver(server.address, seconds=20)


def test_records_are_given_whole(resolver: Resolver) -> None:
    assert resolver.ask("Example.ORG.", "TXT").values == ("one", LONG)
    assert resolver.ask("example.org", "MX").values == ("10 mx.example.org",)
    assert resolver.ask("alias.example.org", "A").values == ("192.0.2.1",)
    assert resolver.ask("deep.below.example.org", "TXT").values == ("\u00e9\x1b",)


def test_none_is_told_from_no_such_name(resolver: Resolver) -> None:
    assert resolver.ask("example.org", "AAAA").is_void
    assert not resolver.ask("below.example.org", "TXT").no_such_name
    assert resolver.ask("gone.example.org", "TXT").no_such_name


@pytest.mark.parametrize(
    "name",
    ["ill.example.org", "a.example.org", "x" * 70 + ".org", "a..org", ".".join(["abcdefg"] * 40)],
)
def test_what_could_not_be_asked_is_no_answer(resolver: Resolver, name: str) -> None:
    found = resolver.ask(name, "TXT")

    assert found.problem
    assert not found.is_void


def test_a_silent_server_takes_no_more_than_the_time_there_is(server: NameServer) -> None:
    hurried = Resolver(server.address, seconds=0.3)

    assert "in time" in hurried.ask("silent.example.org", "TXT").problem
    assert "no time was left" in hurried.ask("other.example.org", "TXT").problem


def test_a_question_is_asked_once(server: NameServer, resolver: Resolver) -> None:
    before = server.asked["example.org", "MX"]

    for _ in range(3):
        resolver.ask("example.org", "MX")

    assert server.asked["example.org", "MX"] == before + 1


@pytest.mark.parametrize("server", ["", "127.0.0.1", "[::1]:5353", "::1", "127.0.0.1:53"])
def test_how_a_name_server_is_named(server: str) -> None:
    Resolver(server, seconds=1)  # does not raise


@pytest.mark.parametrize("server", ["ns.example.org", "127.0.0.1:x", "127.0.0.1:70000"])
def test_what_is_no_name_server(server: str) -> None:
    with pytest.raises(UsageError, match="write it like"):
        Resolver(server, seconds=1)
