"""Addresses: what can be mailed, what is one and the same, and what others may see of them."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mailer import address
from mailer.address import mask, parse
from mailer.errors import AddressInvalid

LOCAL = st.from_regex(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[A-Za-z0-9+-]{1,10}){0,2}", fullmatch=True
)
DOMAIN = st.sampled_from(["example.org", "Mail.Example.ORG", "bücher.example", "예시.한국"])


@pytest.mark.parametrize(
    "typed, mailbox, key",
    [
        ("kim@example.org", "kim@example.org", "kim@example.org"),
        ("  Kim.Lee@EXAMPLE.org \n", "Kim.Lee@example.org", "kim.lee@example.org"),
        ("kim@bücher.example", "kim@xn--bcher-kva.example", "kim@xn--bcher-kva.example"),
        ("Büro@example.org", "Büro@example.org", "büro@example.org"),
        ("bu\u0308ro@example.org", "büro@example.org", "büro@example.org"),
        ("o'brien+news@example.org", "o'brien+news@example.org", "o'brien+news@example.org"),
    ],
)
def test_an_address_is_mailed_as_typed_and_compared_by_its_key(
    typed: str, mailbox: str, key: str
) -> None:
    found = parse(typed)

    assert (found.mailbox, found.key) == (mailbox, key)


@given(LOCAL, DOMAIN)
def test_the_key_of_a_key_is_itself(local: str, domain: str) -> None:
    found = parse(f"{local}@{domain}")

    assert parse(found.mailbox) == found
    assert parse(found.key).key == found.key
    assert parse(f"{local.swapcase()}@{domain.upper()}").key == found.key
    assert found.domain.isascii()


@given(st.text(max_size=12), DOMAIN)
def test_whatever_is_typed_is_an_address_or_refused(local: str, domain: str) -> None:
    try:
        found = parse(f"{local}@{domain}")
    except AddressInvalid:
        return
    assert parse(found.key).key == found.key
    assert validate_email(found.mailbox, check_deliverability=False).domain
    assert not any(char in found.mailbox for char in "\r\n\0 <>")


def test_letters_that_only_fold_alike_are_different_mailboxes() -> None:
    assert parse("straße@example.org").key != parse("strasse@example.org").key


@pytest.mark.parametrize(
    "typed, needs", [("kim@bücher.example", False), ("büro@example.org", True)]
)
def test_only_a_local_part_beyond_ascii_needs_smtputf8(typed: str, needs: bool) -> None:
    assert parse(typed).needs_smtputf8 is needs


@pytest.mark.parametrize(
    "typed, why",
    [
        ("", "must have an @-sign"),
        ("kim", "must have an @-sign"),
        ("kim@", "something after the @-sign"),
        ("@example.org", "something before the @-sign"),
        ("kim@localhost", "should have a period"),
        ("kim@office.local", "special-use"),
        ("kim@[127.0.0.1]", "not allowed"),
        ('"kim lee"@example.org', "quoting"),
        ("Kim <kim@example.org>", "display name"),
        ("kim@one.org@two.org", "invalid characters"),
        ("kim lee@example.org", "SPACE"),
        ("kim@example..org", "two periods"),
        ("kim@example.org\r\nBcc: all@example.org", "cannot be seen"),
        ("kim\0@example.org", "cannot be seen"),
        ("kim\u200b@example.org", "cannot be seen"),
        ("kim\u202e@example.org", "cannot be seen"),
        ("kim\u2028@example.org", "cannot be seen"),
        ("a" * 65 + "@example.org", "more than 64 octets before"),
        ("é" * 33 + "@example.org", "more than 64 octets before"),
        ("kim@" + "a." * 200 + "org", "longer than 254"),
        ("kim@" + ("ü" * 30 + ".") * 6 + "example", "(longer|too long|more than|octets)"),
    ],
)
def test_what_cannot_be_mailed_is_refused_with_the_reason(typed: str, why: str) -> None:
    with pytest.raises(AddressInvalid, match=why) as caught:
        parse(typed)

    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


# Pieces of which most addresses are nearly good, and their ends are where rules differ.
PIECES = st.sampled_from(
    ["a", "Z", "kim", "INFO", "news", "x" * 31, "y" * 63, "xn--", "--", "-", ".", "+", "_", "0",
     "@", "'", "ſ", "K", "İ", "ü", "\u0338", "．", "。", "\n", " ", "org", "test", "local", "arpa",
     "example.org"]
)  # fmt: skip
NEARLY = st.builds(
    "{}@{}".format,
    st.lists(PIECES, max_size=5).map("".join),
    st.lists(PIECES, max_size=8).map("".join),
)
NASTY = [
    "info@example.org", "Info@Example.org", "POSTMASTER@example.org", "informer@example.org",
    "kim@example", "kim@example.", "kim@.example.org", "kim@example..org", ".kim@example.org",
    "kim.@example.org", "k..m@example.org", "kim@-a.org", "kim@a-.org", "kim@a--b.org",
    "kim@xn--bcher-kva.example", "kim@xn--a.org", "kim@XN--BCHER-KVA.example", "kim@example.c",
    "kim@example.123", "kim@example.o1", "kim@a.test", "kim@test", "kim@a.latest", "kim@a.onion",
    "kim@a.in-addr.arpa", "kim@LOCALHOST.local", "kim@1.2.3.4", "kim@[1.2.3.4]", "-@a.org",
    "_@a.org", "+@a.org", "a" * 64 + "@example.org", "a" * 65 + "@example.org",
    "kim@" + "a" * 63 + ".org", "kim@" + "a" * 64 + ".org", "kim@" + "a." * 126 + "org",
    "kim@example.org\n", "kim@example.org\0", "kim\u200b@example.org", "ſam@example.org",
    "\u212aim@example.org", "kim@\u212aa.org", "kim@exam\u00adple.org", "kim@example。org",
    "kim@example.org@example.org", "<kim@example.org>", '"kim"@example.org', "kim(a)@example.org",
    "=cmd@example.org", "a" * 100_000, "a." * 50_000 + "@example.org", "kim@" + "a-" * 50_000,
]  # fmt: skip


def as_the_library_says(typed: str) -> tuple[str, str] | None:
    try:
        found = validate_email(typed.strip(), check_deliverability=False)
    except EmailNotValidError:
        return None
    mailbox = f"{found.local_part}@{found.ascii_domain}"
    return mailbox, mailbox.lower()


def as_a_plain_one(typed: str) -> tuple[str, str] | None:
    found = address._plain(typed.strip())
    return (found.mailbox, found.key) if found else None


@pytest.mark.parametrize("typed", NASTY)
def test_what_is_taken_for_plain_is_just_what_the_library_says(typed: str) -> None:
    assert as_a_plain_one(typed) in {None, as_the_library_says(typed)}


@given(NEARLY | st.emails() | st.text(max_size=40))
@example("INFO@example.org")
def test_nothing_is_taken_for_plain_that_the_library_sees_otherwise(typed: str) -> None:
    assert as_a_plain_one(typed) in {None, as_the_library_says(typed)}


@given(
    st.from_regex(r"[A-Za-z0-9_+-]{2,20}(\.[a-z0-9]{1,10}){0,2}", fullmatch=True),
    st.sampled_from(["example.org", "Mail.Example.ORG", "a-b.c-d.example", "x1.y2.museum"]),
)
def test_ordinary_addresses_are_taken_for_plain(local: str, domain: str) -> None:
    typed = f"{local}@{domain}"
    assume(local.lower() not in address._OFFICES)

    assert as_a_plain_one(typed) == as_the_library_says(typed) is not None


@pytest.mark.parametrize(
    "address, shown",
    [
        ("kim@example.org", "k…@example.org"),
        ("k@example.org", "k…@example.org"),
        ("@example.org", "…@example.org"),
        ("no address", "…"),
    ],
)
def test_a_mask_shows_an_address_to_its_owner_only(address: str, shown: str) -> None:
    assert mask(address) == shown


@given(LOCAL)
def test_a_mask_keeps_one_letter(local: str) -> None:
    assume(len(local) > 1)

    assert mask(f"{local}@example.org") == f"{local[0]}…@example.org"
