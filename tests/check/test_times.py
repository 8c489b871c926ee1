"""What a time server says of our clock, from a real one on loopback."""

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer import tokens
from mailer.check import Part, Resolver, State, Wish, check, times
from tests.name_server import NameServer
from tests.time_server import TimeServer


@pytest.fixture
def server() -> Iterator[TimeServer]:
    with TimeServer() as made:
        yield made


def ahead(server: TimeServer, *, address: str = "", seconds: float = 5) -> timedelta:
    names = Resolver("127.0.0.1:1", seconds=5)
    asked = address or server.address
    return times.ask(asked, names, now=lambda: datetime.now(UTC), seconds=seconds)


@pytest.mark.parametrize("apart", [timedelta(), timedelta(minutes=10), timedelta(days=-400)])
def test_how_far_our_clock_is_ahead(server: TimeServer, apart: timedelta) -> None:
    server.ahead = -apart

    assert abs(ahead(server) - apart) < timedelta(seconds=2)


def test_seconds_that_began_anew_in_2036_are_read(server: TimeServer) -> None:
    server.ahead = timedelta(days=4000)

    assert abs(ahead(server) + timedelta(days=4000)) < timedelta(seconds=2)


def test_the_question_tells_nothing_and_is_another_each_time(server: TimeServer) -> None:
    ahead(server)
    ahead(server)

    first, second = server.asked
    assert first[:40] == second[:40] == bytes([0x23]) + bytes(39)
    assert first[40:] != second[40:]


def test_a_lost_packet_is_asked_again(server: TimeServer) -> None:
    server.silent = 1

    assert abs(ahead(server, seconds=0.5)) < timedelta(seconds=2)


def forged(server: TimeServer) -> None:
    server.repeats = False


def refusing(server: TimeServer) -> None:
    server.stratum, server.word = 0, b"RATE"


def lost(server: TimeServer) -> None:
    server.leap = 3


def silent(server: TimeServer) -> None:
    server.silent = 9


@pytest.mark.parametrize(
    "spoil, why",
    [
        (forged, "no answer to the question"),
        (refusing, r"refuses \(RATE\)"),
        (lost, "does not know the time itself"),
        (silent, "did not answer"),
    ],
)
def test_what_is_no_time(server: TimeServer, spoil: Callable[[TimeServer], None], why: str) -> None:
    spoil(server)

    with pytest.raises(times.NoTime, match=why):
        ahead(server, seconds=0.2)


def test_a_cut_answer_is_no_time() -> None:
    with pytest.raises(times.NoTime, match="no answer"):
        times.read(struct.pack("!B20x", 0x24), bytes(8))


def test_a_server_is_found_by_its_name(server: TimeServer) -> None:
    port = server.address.rpartition(":")[2]
    with NameServer({"time.example.org": {"A": ["127.0.0.1"]}}) as dns:
        names = Resolver(dns.address, seconds=5)
        found = times.ask(f"time.example.org:{port}", names, now=lambda: datetime.now(UTC))
        with pytest.raises(times.NoTime, match="no address"):
            times.ask("gone.example.org", names, now=lambda: datetime.now(UTC))

    assert abs(found) < timedelta(seconds=2)


@pytest.mark.parametrize(
    "apart, state, word",
    [
        (timedelta(), State.OK, "agree"),
        (timedelta(seconds=30), State.WARN, "behind"),
        (timedelta(minutes=20), State.FAIL, "20 minutes behind"),
        (None, State.UNKNOWN, "did not answer"),
    ],
)
def test_the_clock_of_an_office_is_judged_by_it(
    server: TimeServer, tmp_path: Path, apart: timedelta | None, state: State, word: str
) -> None:
    server.ahead, server.silent = apart or timedelta(), 0 if apart is not None else 9
    config = tmp_path / "config.toml"
    keys = f'keys = ["{tokens.new_key()}"]'
    config.write_text(f'[check]\ntime_server = "{server.address}"\n[tokens]\n{keys}\n')

    found = check(config, Wish((Part.CLOCK,), resolver="127.0.0.1:1"))

    [said] = [one for one in found if one.subject.startswith("time server")]
    assert said.state is state
    assert word in said.says
