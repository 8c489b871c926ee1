"""A real name server on loopback, with zones as a test writes them.

    with NameServer({"example.org": {"TXT": ["v=spf1 -all"], "MX": ["10 mx.example.org"]}}) as dns:
        Resolver(dns.address, seconds=10).ask("example.org", "TXT")

`zone` may be replaced at any time; its names are in small letters. A name that is not there gets
NXDOMAIN, unless there is something below it. Instead of records a name may have one of the words
BROKEN (SERVFAIL) and SILENT (no answer at all). Names in `verified` are answered as by a server
that has verified them by DNSSEC, if the question asks for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import dnslib
import dnslib.server

BROKEN = "broken"
SILENT = "silent"

Zone = dict[str, Mapping[str, Sequence[str]] | str]


class _Quiet(dnslib.server.DNSLogger):  # type: ignore[misc]  # the library has no types
    def __init__(self) -> None:
        super().__init__(log="-request,-reply,-truncated,-error")

    def log_prefix(self, _handler: Any) -> str:
        return ""


class NameServer:
    """A server in threads, over UDP and TCP; use it as a context manager."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.verified: set[str] = set()
        self.asked: Counter[tuple[str, str]] = Counter()
        self._servers: list[Any] = []

    @property
    def address(self) -> str:
        """Give where it listens, as the settings name it."""
        return f"127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        port: int = self._servers[0].server.server_address[1]
        return port

    def __enter__(self) -> Self:
        while len(self._servers) < 2:
            for server in self._servers:
                server.server.server_close()
            self._servers = []
            with suppress(OSError):  # the port of UDP may be taken on TCP: take another
                for tcp in (False, True):
                    self._servers.append(self._made(tcp))
        for server in self._servers:
            server.start_thread()
        return self

    def _made(self, tcp: bool) -> Any:
        port = self.port if self._servers else 0
        return dnslib.server.DNSServer(
            self, port=port, address="127.0.0.1", tcp=tcp, logger=_Quiet()
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.stop()
            server.server.server_close()
            server.thread.join(5)

    def resolve(self, request: Any, _handler: Any) -> Any:
        """Answer a question: what dnslib calls."""
        name = str(request.q.qname).rstrip(".").lower()
        kind = dnslib.QTYPE[request.q.qtype]
        self.asked[name, kind] += 1
        reply = request.reply()
        found = self.zone.get(name)
        if found == BROKEN:
            reply.header.rcode = dnslib.RCODE.SERVFAIL
        elif found == SILENT:
            raise dnslib.DNSError("nothing is said")  # the library sends no answer then
        elif found is None and not any(each.endswith(f".{name}") for each in self.zone):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        else:
            self._fill(reply, name, kind)
            reply.header.ad = name in self.verified and request.header.ad
        return reply

    def _fill(self, reply: Any, name: str, kind: str) -> None:
        records = self.zone.get(name, {})
        for _ in range(30):
            assert not isinstance(records, str)
            alias = records.get("CNAME")
            if not alias:
                break
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.CNAME, rdata=dnslib.CNAME(alias[0])))
            name = alias[0]
            records = self.zone.get(name, {})
        assert not isinstance(records, str)
        for value in records.get(kind, ()):
            reply.add_answer(dnslib.RR(name, getattr(dnslib.QTYPE, kind), rdata=_data(kind, value)))


def _data(kind: str, value: str) -> Any:
    if kind == "TXT":
        raw = value.encode()
        return dnslib.TXT([raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""])
    if kind == "MX":
        preference, _, exchange = value.partition(" ")
        return dnslib.MX(exchange, int(preference))
    if kind == "DS":
        return dnslib.DS(12345, 13, 2, bytes.fromhex(value))
    if kind == "SOA":
        return dnslib.SOA(value, "hostmaster.example.org")
    return getattr(dnslib, kind)(value)
