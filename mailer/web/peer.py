"""Who is at the other end of a request: its own address, or what a proxy of ours says it is.

`X-Forwarded-For` is a claim, and each hop appends to it on the right. It is believed from the
right, for as long as whoever wrote an entry is one of the owner's proxies; the first address
that is not is the reader's. A header that comes from anybody else is not looked at.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
IP = IPv4Address | IPv6Address

MOST_HOPS = 20
"""Entries looked at; a longer header is somebody's game."""


def remote(peer: str | None, forwarded: Iterable[str], trusted: Sequence[Network]) -> str:
    """Give the address of the reader; empty when even the peer has none.

    `forwarded` are the values of all X-Forwarded-For headers, in their order.
    """
    nearest = _ip(peer or "")
    if nearest is None:
        return ""
    for entry in _from_the_right(forwarded):
        if not _is_trusted(nearest, trusted):
            break
        further = _ip(entry)
        if further is None:
            break  # a proxy wrote something we cannot read: it is the last we know of
        nearest = further
    return str(nearest)


def _from_the_right(forwarded: Iterable[str]) -> list[str]:
    entries = [entry.strip() for value in forwarded for entry in value.split(",")]
    return entries[: -MOST_HOPS - 1 : -1]


def _is_trusted(address: IP, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _ip(text: str) -> IP | None:
    """Read an address, also in the forms `192.0.2.1:4711`, `[2001:db8::1]:443`, `::ffff:192.0.2.1`.

    >>> _ip("[2001:db8::1]:443")
    IPv6Address('2001:db8::1')
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
