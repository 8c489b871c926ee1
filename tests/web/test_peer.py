"""Whose address counts: the table of proxies, headers and what is made of them."""

from ipaddress import ip_network

import pytest

from mailer.web import peer

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:aa::/48")]
READER = "198.51.100.7"
STRANGER = "203.0.113.9"


@pytest.mark.parametrize(
    "at_the_socket, headers, found",
    [
        pytest.param(READER, [], READER, id="nobody between"),
        pytest.param(READER, ["1.2.3.4"], READER, id="a reader forges the header"),
        pytest.param("10.0.0.1", [READER], READER, id="one proxy"),
        pytest.param("10.0.0.1", [f"1.2.3.4, {READER}"], READER, id="forged through a proxy"),
        pytest.param("10.0.0.1", [f"{READER}, 10.0.0.2"], READER, id="two proxies"),
        pytest.param("10.0.0.1", [READER, "10.0.0.2"], READER, id="two headers"),
        pytest.param("10.0.0.1", [f"{READER}, {STRANGER}, 10.0.0.2"], STRANGER, id="not ours"),
        pytest.param("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="all of them ours"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="a proxy without the header"),
        pytest.param("10.0.0.1", ["unknown"], "10.0.0.1", id="no address in it"),
        pytest.param("10.0.0.1", [f"{READER}, garbage, 10.0.0.2"], "10.0.0.2", id="garbage in it"),
        pytest.param("10.0.0.1", [""], "10.0.0.1", id="an empty header"),
        pytest.param("10.0.0.1", [f"{READER}:4711"], READER, id="with a port"),
        pytest.param("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1", id="IPv6 with a port"),
        pytest.param("2001:db8:aa::1", ["2001:db8::1"], "2001:db8::1", id="IPv6 proxy"),
        pytest.param("::ffff:10.0.0.1", [READER], READER, id="an IPv4 proxy at an IPv6 socket"),
        pytest.param("fe80::1%eth0", [], "fe80::1", id="with a zone"),
        pytest.param(None, [READER], "", id="a socket without addresses"),
        pytest.param("10.0.0.1", ["10.0.0.2," * 500 + READER], READER, id="an endless header"),
    ],
)
def test_the_rightmost_address_that_is_not_a_proxy_of_ours_counts(
    at_the_socket: str | None, headers: list[str], found: str
) -> None:
    assert peer.remote(at_the_socket, headers, PROXIES) == found


def test_without_proxies_no_header_is_believed() -> None:
    assert peer.remote("10.0.0.1", [READER], []) == "10.0.0.1"


def test_only_so_many_hops_are_followed() -> None:
    header = f"{READER}, " + ", ".join(["10.0.0.2"] * 100)

    assert peer.remote("10.0.0.1", [header], PROXIES) == "10.0.0.2"
