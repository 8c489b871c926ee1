"""What goes beyond what mail needs: absent is no fault, published and broken is worth a word.

With a real name server, and the policy of MTA-STS on a real web server with TLS.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

import pytest

from mailer.check import Finding, Part, Resolver, State, extras, sts
from tests.check.conftest import a_sending
from tests.check.zones import GOOD, texts
from tests.name_server import BROKEN, NameServer, Zone
from tests.smtp_server import certificate

HOST = "mta-sts.example.org"
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmax_age: 604800\r\n"
ANNOUNCED: Zone = GOOD | {
    "_mta-sts.example.org": {"TXT": ["v=STSv1; id=20261201"]},
    HOST: {"A": ["127.0.0.1"]},
}


class Pages:
    """A web server with TLS on loopback that gives one policy."""

    def __init__(self, *names: str) -> None:
        self.policy = POLICY
        self.status = 200
        self.trickles = False
        self.asked: list[tuple[str, str | None]] = []
        made = certificate(*(names or (HOST,)))
        self.authority = made.authority
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.chain)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                pages.asked.append((self.path, self.headers["Host"]))
                self.send_response(pages.status)
                self.send_header("Location", "https://elsewhere.example/")
                while pages.trickles:
                    self.send_header("X-More", "later")
                    self.flush_headers()
                    time.sleep(0.05)
                self.end_headers()
                self.wfile.write(pages.policy.encode())

            def log_message(self, *_: Any) -> None: ...

        return Handler


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with NameServer({}) as made:
        yield made


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with Pages() as made:
        monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
        yield made


def looked(dns: NameServer, zone: Zone, *, port: int = 1) -> dict[str, Finding]:
    dns.zone = zone
    names = Resolver(dns.address, seconds=20)
    found = extras.findings(names, a_sending(), port=port)
    assert {one.part for one in found} == {Part.EXTRAS}
    return {one.subject.partition(" of ")[0]: one for one in found}


def test_none_of_it_is_needed(dns: NameServer) -> None:
    found = looked(dns, GOOD)

    assert set(found) == {"DNSSEC", "MTA-STS", "TLS reports", "logo (BIMI)"}
    assert {one.state for one in found.values()} == {State.OK}
    assert not any(one.todo or one.paste for one in found.values())


def test_what_could_not_be_asked_is_told_so(dns: NameServer) -> None:
    ill = ("example.org", "_mta-sts.example.org", "_smtp._tls.example.org")
    zone: Zone = GOOD | dict.fromkeys((*ill, "default._bimi.example.org"), BROKEN)

    assert {one.state for one in looked(dns, zone).values()} == {State.UNKNOWN}


def test_a_signed_zone_is_told_from_one_that_was_verified(dns: NameServer) -> None:
    signed: Zone = GOOD | {"example.org": {**dict_of(GOOD), "DS": ["ab" * 32]}}
    assert "does not say that it verified" in looked(dns, signed)["DNSSEC"].says
    assert "not signed" in looked(dns, GOOD)["DNSSEC"].says
    dns.verified = {"example.org"}
    try:
        assert "has verified it" in looked(dns, signed)["DNSSEC"].says
    finally:
        dns.verified = set()


def dict_of(zone: Zone) -> dict[str, Any]:
    records = zone["example.org"]
    assert not isinstance(records, str)
    return dict(records)


def test_a_policy_that_fits_is_fetched_as_senders_do(dns: NameServer, pages: Pages) -> None:
    found = looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"]

    assert found.state is State.OK
    assert "“enforce”" in found.says
    assert pages.asked == [("/.well-known/mta-sts.txt", HOST)]


@pytest.mark.parametrize(
    "policy, word",
    [
        (POLICY.replace("mx.example.org", "other.example.org"), "does not name"),
        (POLICY.replace("mx.example.org", "*.mx.example.org"), "does not name"),
        (POLICY.replace("STSv1", "STSv2"), "STSv1"),
        (POLICY.replace("enforce", "force"), "its mode"),
        (POLICY.replace("max_age", "age"), "max_age"),
        (POLICY.replace("mx:", "mail:"), "names no mx"),
        ("<html>" * 20_000, "larger than senders read"),
    ],
)
def test_a_policy_that_keeps_answers_out_is_a_warning(
    dns: NameServer, pages: Pages, policy: str, word: str
) -> None:
    pages.policy = policy

    found = looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"]

    assert found.state is State.WARN
    assert word in found.says
    assert found.todo


def test_a_policy_that_trickles_in_is_given_up(
    dns: NameServer, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sts, "SECONDS_IN_ALL", 0.5)
    pages.trickles = True

    found = looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"]

    assert found.state is State.WARN
    assert "does not answer in time" in found.says


def test_a_redirect_is_not_followed(dns: NameServer, pages: Pages) -> None:
    pages.status = 301

    found = looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"]

    assert "answers with 301" in found.says


def test_a_policy_behind_another_certificate_is_not_believed(
    dns: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pages("www.example.org") as pages:
        monkeypatch.setenv("SSL_CERT_FILE", str(pages.authority))
        found = looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"]

    assert found.state is State.WARN
    assert "certificate" in found.says
    assert pages.asked == []


@pytest.mark.parametrize("policy", ["mode: none", "mx: *.example.org", "mode: testing"])
def test_a_policy_may_be_loose(dns: NameServer, pages: Pages, policy: str) -> None:
    name = policy.partition(":")[0]
    pages.policy = "".join(
        f"{policy}\n" if line.startswith(name) else line
        for line in POLICY.splitlines(keepends=True)
    )

    assert looked(dns, ANNOUNCED, port=pages.port)["MTA-STS"].state is State.OK


def test_a_policy_that_nobody_serves(dns: NameServer) -> None:
    assert "cannot be reached" in looked(dns, ANNOUNCED)["MTA-STS"].says
    lost: Zone = GOOD | {"_mta-sts.example.org": {"TXT": ["v=STSv1; id=1"]}}
    assert "has no address" in looked(dns, lost)["MTA-STS"].says


REJECT = texts("v=DMARC1; p=reject; rua=mailto:a@example.org", at="_dmarc.example.org")
NONE = texts("v=DMARC1; p=none; rua=mailto:a@example.org", at="_dmarc.example.org")
TEST = texts("v=DMARC1; p=reject; t=y; rua=mailto:a@example.org", at="_dmarc.example.org")
LOGO = texts("v=BIMI1; l=https://example.org/logo.svg", at="default._bimi.example.org")


@pytest.mark.parametrize(
    "what, zone, state, word",
    [
        ("MTA-STS", texts("v=STSv1;", at="_mta-sts.example.org"), State.WARN, "id="),
        (
            "TLS reports",
            texts("v=TLSRPTv1; rua=mailto:tls@example.org", at="_smtp._tls.example.org"),
            State.OK,
            "mailto:tls@example.org",
        ),
        ("TLS reports", texts("v=TLSRPTv1;", at="_smtp._tls.example.org"), State.WARN, "rua="),
        (
            "TLS reports",
            texts(
                "v=TLSRPTv1; rua=mailto:a@example.org",
                "v=TLSRPTv1; rua=mailto:b@example.org",
                at="_smtp._tls.example.org",
            ),
            State.WARN,
            "one record",
        ),
        ("logo (BIMI)", LOGO | REJECT, State.OK, "certificate (a=) only"),
        ("logo (BIMI)", LOGO | NONE, State.WARN, "shown nowhere"),
        ("logo (BIMI)", LOGO | TEST, State.WARN, "shown nowhere"),
        (
            "logo (BIMI)",
            texts("v=BIMI1; l=", at="default._bimi.example.org"),
            State.OK,
            "wants none shown",
        ),
        (
            "logo (BIMI)",
            texts("v=BIMI1; l=http://example.org/a.svg", at="default._bimi.example.org"),
            State.WARN,
            "https://",
        ),
    ],
)
def test_what_is_published_and_does_not_work_is_worth_a_word(
    dns: NameServer, what: str, zone: Zone, state: State, word: str
) -> None:
    found = looked(dns, GOOD | zone)[what]

    assert found.state is state
    assert word in found.says


def test_a_star_is_one_label() -> None:
    policy = sts.Policy("enforce", ("*.example.org", "mx.example.net"))

    assert policy.allows("MX.example.org")
    assert policy.allows("mx.example.net")
    assert not policy.allows("a.mx.example.org")
    assert not policy.allows("example.org")
