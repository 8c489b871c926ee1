"""Slips of the finger in an address: hinted at where they are plain, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import address
from mailer.subscribers import typos


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("kim@gmial.com", "kim@gmail.com"),
        ("kim@gmai.com", "kim@gmail.com"),
        ("kim@gmaill.com", "kim@gmail.com"),
        ("kim@gnail.com", "kim@gmail.com"),
        ("kim@gmail.con", "kim@gmail.com"),
        ("Kim.Lee@GMIAL.com", "Kim.Lee@gmail.com"),
        ("kim@hotmial.fr", "kim@hotmail.fr"),
        ("kim@yaho.co.jp", "kim@yahoo.co.jp"),
        ("kim@outlok.com", "kim@outlook.com"),
        ("kim@customs.example.con", "kim@customs.example.com"),
        ("kim@office.ogr", "kim@office.org"),
    ],
)
def test_a_plain_slip_is_seen(typed: str, meant: str) -> None:
    assert typos.meant(address.parse(typed)) == meant


@pytest.mark.parametrize(
    "typed",
    ["kim@gmail.com", "kim@gmx.net", "kim@mail.com", "kim@ymail.com", "kim@customs.gov.fj",
     "kim@wcoomd.org", "kim@me.com", "kim@be.com", "kim@日本.jp", "kim@example.org"],
)  # fmt: skip
def test_a_domain_of_its_own_is_not_doubted(typed: str) -> None:
    assert typos.meant(address.parse(typed)) is None


@given(st.sampled_from(sorted(typos.PROVIDERS)))
def test_no_provider_is_taken_for_another(domain: str) -> None:
    assert typos.meant(address.parse(f"kim@{domain}")) is None


@given(st.sampled_from(sorted(typos.PROVIDERS)), st.data())
def test_what_is_meant_is_a_provider_or_only_mends_the_ending(
    domain: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(domain) - 1))
    typed = domain[:at] + domain[at + 1 :]
    try:
        parsed = address.parse(f"kim@{typed}")
    except Exception:  # noqa: BLE001 - what is no address is met elsewhere
        return

    found = typos.meant(parsed)

    assert found is None or found.partition("@")[2] in typos.PROVIDERS
