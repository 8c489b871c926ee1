"""DKIM keys and DMARC policies, as they are read."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mailer.check import dkim, dmarc
from mailer.check.dkim import KeyInvalid
from mailer.check.names import Answer


def rsa_key(bits: int) -> str:
    made = rsa.generate_private_key(65537, bits).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER, form)).decode()


@pytest.mark.parametrize("bits", [1024, 2048])
def test_the_length_of_an_rsa_key(bits: int) -> None:
    assert dkim.read(f"v=DKIM1; p={rsa_key(bits)}").bits == bits


def test_a_bare_rsa_key_is_read_too() -> None:
    made = rsa.generate_private_key(65537, 1024).public_key()
    raw = made.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)

    assert dkim.read(f"p={base64.b64encode(raw).decode()}").bits == 1024


def test_an_ed25519_key() -> None:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()

    assert dkim.read(f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}").bits == 256


def test_what_else_a_key_record_says() -> None:
    key = rsa_key(1024)

    found = dkim.read(f"v=DKIM1; k=rsa; t=y:s; h=sha1; s=tlsrpt; p={key[:60]} {key[60:]};")

    assert (found.testing, found.sha256, found.for_mail, found.revoked) == (
        True,
        False,
        False,
        False,
    )
    assert dkim.read("v=DKIM1; p=").revoked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "v=DKIM1",
        "v=DKIM2; p=AAAA",
        "k=rsa; v=DKIM1; p=AAAA",
        "v=DKIM1; p=AAAA; p=BBBB",
        "v=DKIM1; p=not base64!",
        "v=DKIM1; p=AAAA",
        "v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
        "v=DKIM1; k=ed25519; p=AAAA",
        "v=DKIM1; k=dsa; p=AAAA",
        "v=DKIM1; p=MI//////////",
    ],
)
def test_what_holds_no_key(text: str) -> None:
    with pytest.raises(KeyInvalid):
        dkim.read(text)


class Policies:
    """Names that have a DMARC record each."""

    def __init__(self, **records: str) -> None:
        self._records = {name.replace("_", "."): text for name, text in records.items()}
        self.asked: list[str] = []

    def ask(self, name: str, _kind: str) -> Answer:
        self.asked.append(name)
        found = self._records.get(name.removeprefix("_dmarc."))
        return Answer((found,)) if found else Answer(no_such_name=True)


def test_a_domain_that_says_nothing_has_the_policy_of_its_organisation() -> None:
    names = Policies(example_org="v=DMARC1; p=reject; sp=none")

    found = dmarc.discover(names, "news.office.example.org")

    assert found.policy is not None
    assert (found.policy.at, found.organisation) == ("example.org", "example.org")


def test_a_domain_with_a_policy_of_its_own_still_belongs_to_its_organisation() -> None:
    names = Policies(example_org="v=DMARC1; p=reject", news_example_org="v=DMARC1; p=none")

    found = dmarc.discover(names, "news.example.org")

    assert found.policy is not None
    assert (found.policy.at, found.organisation) == ("news.example.org", "example.org")


def test_a_public_suffix_is_nobodys_organisation() -> None:
    names = Policies(gov_example="v=DMARC1; p=reject; psd=y")

    found = dmarc.discover(names, "news.office.gov.example")

    assert found.organisation == "office.gov.example"
    assert found.policy is not None
    assert found.policy.at == "gov.example"


def test_a_domain_may_say_that_it_is_an_organisation() -> None:
    names = Policies(example_org="v=DMARC1; p=reject", office_example_org="v=DMARC1; p=none; psd=n")

    found = dmarc.discover(names, "news.office.example.org")

    assert found.organisation == "office.example.org"


def test_a_walk_asks_eight_times_at_most() -> None:
    names = Policies()

    found = dmarc.discover(names, "a.b.c.d.e.f.g.h.i.j.example.org")

    assert len(names.asked) == 8
    assert names.asked[1] == "_dmarc.g.h.i.j.example.org".replace("g.h.i.j", "f.g.h.i.j")
    assert found.policy is None


@pytest.mark.parametrize(
    "text, wrong",
    [
        ("v=DMARC1; p=none", False),
        ("v=DMARC1; P=Reject", False),
        ("v=DMARC1; p=nothing", True),
        ("v=DMARC1; p=nothing; rua=mailto:a@example.org", False),
        ("v=DMARC1", True),
    ],
)
def test_a_policy_that_cannot_be_read_is_none_unless_it_asks_for_reports(
    text: str, wrong: bool
) -> None:
    assert bool(dmarc.read(text, "example.org").wrong) == wrong
