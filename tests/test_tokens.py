"""Tokens: ours, whole, for this purpose, and not too old; or refused."""

import base64
import hmac
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailer.errors import TokenError, TokenExpired
from mailer.tokens import LONGEST_TOKEN, Key, KeyRing, Purpose, _b32, new_key, packed

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
RING = KeyRing((Key(b"k" * 32), Key(b"o" * 32)))
OLD = KeyRing((Key(b"o" * 32),))
OTHER = KeyRing((Key(b"x" * 32),))

PURPOSES = st.sampled_from(Purpose)
IDS = st.lists(st.integers(0, 2**63), max_size=4)
MOMENTS = st.none() | st.datetimes(
    NOW.replace(tzinfo=None) + timedelta(seconds=1), timezones=st.just(UTC)
)
URL_SAFE = string.ascii_letters + string.digits + "-_"


# ------------------------------------------------------------------------- what holds


@given(PURPOSES, IDS, MOMENTS)
def test_a_token_gives_back_what_it_was_made_of(
    purpose: Purpose, ids: list[int], expires_at: datetime | None
) -> None:
    token = RING.sign(purpose, *ids, expires_at=expires_at)

    assert RING.verify(token, purpose, now=NOW) == tuple(ids)
    assert RING.read(token, purpose)[1] == (expires_at and expires_at.replace(microsecond=0))
    assert token == RING.sign(purpose, *ids, expires_at=expires_at)
    assert set(token) <= set(URL_SAFE)
    assert len(token) <= LONGEST_TOKEN


@given(PURPOSES, IDS)
def test_a_short_token_survives_the_folding_of_its_case(purpose: Purpose, ids: list[int]) -> None:
    token = RING.sign_short(purpose, *ids)

    assert token == token.lower()
    assert RING.verify_short(token.upper(), purpose) == tuple(ids)
    assert RING.verify_short(token, purpose) == tuple(ids)


@given(PURPOSES, IDS)
def test_a_token_made_in_a_series_is_the_one_made_alone(purpose: Purpose, ids: list[int]) -> None:
    for key_id in (None, OLD.signing_id):
        series = RING.series(purpose, len(ids), key_id=key_id)

        assert series.token(packed(*ids)) == RING.sign(purpose, *ids, key_id=key_id)
        assert series.short_token(packed(*ids)) == RING.sign_short(purpose, *ids, key_id=key_id)


def test_tokens_are_what_they_were_in_mail_of_long_ago() -> None:
    assert RING.sign(Purpose.LEAVE, 123_456, 12) == "Ek0EwMQHDDcJHGcdWp_3MKA4nsCZuD0"
    assert RING.sign_short(Purpose.BOUNCE, 2**31) == "czgqfaeaqcaaqtbolfihmkyj6pyli"


def test_a_token_is_short() -> None:
    week_hence = NOW + WEEK
    assert len(RING.sign(Purpose.LEAVE, 123_456, 12)) <= 34
    assert len(RING.sign(Purpose.CONFIRM, 123_456, 12, 1, expires_at=week_hence)) <= 42
    # R5.7 of the mail standards: a local part has room for 64.
    assert len(RING.sign_short(Purpose.BOUNCE, 2**31)) <= 34


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=200), st.integers(1, 32))
def test_a_mac_is_hmac_as_the_library_has_it(secret: bytes, body: bytes, size: int) -> None:
    key = Key(secret)

    assert key.mac(body, size) == hmac.digest(secret, b"communique token\0" + body, "sha256")[:size]
    assert key.mac(body, size) == key.mac(body, size)


@given(st.binary(max_size=60))
def test_a_short_token_is_base32_as_the_library_has_it(raw: bytes) -> None:
    assert _b32(raw) == base64.b32encode(raw).decode().rstrip("=").lower()


def test_a_key_never_shows_its_secret() -> None:
    assert "kkkk" not in repr(RING)


# ------------------------------------------------------------------------- what is refused


@given(PURPOSES, PURPOSES, IDS)
def test_purposes_never_mix(made_for: Purpose, used_for: Purpose, ids: list[int]) -> None:
    assume(made_for is not used_for)

    with pytest.raises(TokenError):
        RING.verify(RING.sign(made_for, *ids), used_for, now=NOW)
    with pytest.raises(TokenError):
        RING.verify_short(RING.sign_short(made_for, *ids), used_for)


@given(PURPOSES, IDS, st.data())
def test_any_other_spelling_is_refused(
    purpose: Purpose, ids: list[int], data: st.DataObject
) -> None:
    token = RING.sign(purpose, *ids)

    other = data.draw(tampered(token, URL_SAFE + "=+/. "))

    with pytest.raises(TokenError):
        RING.verify(other, purpose, now=NOW)


@given(PURPOSES, IDS, st.data())
def test_any_other_spelling_of_a_short_one_is_refused(
    purpose: Purpose, ids: list[int], data: st.DataObject
) -> None:
    token = RING.sign_short(purpose, *ids)

    other = data.draw(tampered(token, string.ascii_lowercase + string.digits + "=-_ "))

    with pytest.raises(TokenError):
        RING.verify_short(other, purpose)


def tampered(token: str, alphabet: str) -> st.SearchStrategy[str]:
    """Change a character, drop one, put one in, or cut the end off."""
    places = st.integers(0, len(token) - 1)
    letters = st.sampled_from(alphabet)
    changed = st.builds(lambda at, new: token[:at] + new + token[at + 1 :], places, letters)
    dropped = places.map(lambda at: token[:at] + token[at + 1 :])
    put_in = st.builds(
        lambda at, new: token[:at] + new + token[at:], st.integers(0, len(token)), letters
    )
    cut = places.map(lambda at: token[:at])
    return (changed | dropped | put_in | cut).filter(lambda other: other != token)


@given(st.text(max_size=200))
def test_what_somebody_made_up_is_refused(text: str) -> None:
    for purpose in Purpose:
        with pytest.raises(TokenError):
            RING.verify(text, purpose, now=NOW)
        with pytest.raises(TokenError):
            RING.verify_short(text, purpose)


def test_a_token_of_another_installation_is_refused() -> None:
    with pytest.raises(TokenError):
        RING.verify(OTHER.sign(Purpose.LEAVE, 1, 2), Purpose.LEAVE, now=NOW)
    with pytest.raises(TokenError):
        RING.read(OTHER.sign(Purpose.LEAVE, 1, 2), Purpose.LEAVE)


def test_a_token_is_good_until_its_moment_and_no_longer() -> None:
    token = RING.sign(Purpose.CONFIRM, 1, 2, 3, expires_at=NOW + WEEK)

    last = NOW + WEEK - timedelta(seconds=1)
    assert RING.verify(token, Purpose.CONFIRM, now=last) == (1, 2, 3)
    with pytest.raises(TokenExpired, match="2026-12-08 08:00 UTC") as caught:
        RING.verify(token, Purpose.CONFIRM, now=NOW + WEEK)
    assert caught.value.ids == (1, 2, 3)
    assert RING.read(token, Purpose.CONFIRM)[1] == NOW + WEEK


def test_an_id_is_never_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        RING.sign(Purpose.LEAVE, -1)


# ------------------------------------------------------------------------- keys


def test_the_first_key_signs_and_all_verify() -> None:
    rotated = KeyRing((Key(b"n" * 32), *RING.keys))

    for ring in (RING, OLD):
        token = ring.sign(Purpose.LEAVE, 1, 2)
        assert rotated.verify(token, Purpose.LEAVE, now=NOW) == (1, 2)
    with pytest.raises(TokenError):
        RING.verify(rotated.sign(Purpose.LEAVE, 1, 2), Purpose.LEAVE, now=NOW)


def test_a_retry_is_signed_by_the_key_of_the_first_time() -> None:
    before = OLD.sign(Purpose.LEAVE, 1, 2)

    assert RING.sign(Purpose.LEAVE, 1, 2, key_id=OLD.signing_id) == before
    assert RING.sign(Purpose.LEAVE, 1, 2) != before
    short = OLD.sign_short(Purpose.BOUNCE, 1)
    assert RING.sign_short(Purpose.BOUNCE, 1, key_id=OLD.signing_id) == short


def test_a_key_that_is_gone_is_replaced_by_today_s() -> None:
    gone = RING.sign(Purpose.LEAVE, 1, 2, key_id=OTHER.signing_id)

    assert RING.verify(gone, Purpose.LEAVE, now=NOW) == (1, 2)


def test_fresh_keys_are_good_and_never_the_same() -> None:
    keys = {new_key() for _ in range(20)}

    assert len(keys) == 20
    assert all(len(KeyRing.of([key]).keys[0].secret) == 32 for key in keys)


@pytest.mark.parametrize(
    "keys, why",
    [
        ([], "at least one key"),
        (["c2hvcnQ"], "shorter than 32 bytes"),
        (["not base64!"], "not base64"),
        (["a2V5" * 11] * 2, "the same id"),
    ],
)
def test_a_ring_of_weak_keys_is_refused(keys: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        KeyRing.of(keys)
