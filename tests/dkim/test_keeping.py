"""Keys in the database: made, switched, retired, removed, and opened by the ring alone."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from mailer import dkim
from mailer.db import Database
from mailer.db.schema import DkimAlgorithm, DkimKey
from mailer.delivery.signers import Signers
from mailer.dkim import Wish, making
from mailer.errors import ConfigError, NotFound, Refused, UsageError
from mailer.tokens import KeyRing, new_key
from tests.conftest import MOMENT

RING = KeyRing.of([new_key()])
DOMAIN = "example.org"
ED25519 = DkimAlgorithm.ED25519


def make(session: Session, **wish: object) -> DkimKey:
    return dkim.make(session, RING, Wish(DOMAIN, **wish), now=MOMENT)  # type: ignore[arg-type]


def standings(session: Session) -> dict[str, str]:
    return {key.selector: dkim.standing(key).value for key in dkim.every(session, DOMAIN)}


def test_a_new_key_does_not_sign_until_it_is_switched_to(database: Database) -> None:
    signers = Signers(RING)
    with database.writing() as session:
        make(session)
        signers.renew(session)
        assert signers.of(DOMAIN) is None

        before = dkim.switch(session, dkim.chosen(session, DOMAIN, ""), now=MOMENT)

        signers.renew(session)
        found = signers.of(DOMAIN)
        assert before == []
        assert found is not None
        assert [key.selector for key in found.keys] == ["202612a"]
        assert signers.of("news.example.org") is None


def test_the_key_before_is_retired_and_may_sign_again(database: Database) -> None:
    with database.writing() as session:
        first, second = make(session), make(session)
        dkim.switch(session, [first], now=MOMENT)

        before = dkim.switch(session, [second], now=MOMENT + timedelta(days=200))

        assert [key.selector for key in before] == ["202612a"]
        assert standings(session) == {"202612a": "retired", "202612b": "signs"}
        until = dkim.leave_until(before[0])
        assert until == MOMENT + timedelta(days=200) + dkim.KEEP_RECORD
        dkim.switch(session, dkim.chosen(session, DOMAIN, "202612a"), now=MOMENT)
        assert standings(session) == {"202612a": "signs", "202612b": "retired"}


def test_switching_twice_changes_nothing(database: Database) -> None:
    with database.writing() as session:
        key = make(session)
        dkim.switch(session, [key], now=MOMENT)

        assert dkim.switch(session, [key], now=MOMENT + timedelta(days=1)) == []

        assert dkim.every(session)[0].signs_from == MOMENT


def test_ed25519_signs_beside_rsa_and_never_alone(database: Database) -> None:
    signers = Signers(RING)
    with database.writing() as session:
        second = make(session, algorithm=ED25519)
        with pytest.raises(Refused, match="no RSA key"):
            dkim.switch(session, [second], now=MOMENT)
        first = make(session)

        dkim.switch(session, dkim.chosen(session, DOMAIN, ""), now=MOMENT)

        signers.renew(session)
        found = signers.of(DOMAIN)
        assert found is not None
        assert [key.algorithm for key in found.keys] == ["rsa-sha256", "ed25519-sha256"]
        with pytest.raises(Refused, match="would sign alone"):
            dkim.remove(session, first)
        dkim.remove(session, second)
        dkim.remove(session, first)
        assert dkim.every(session) == []


def test_it_must_be_clear_which_key_is_meant(database: Database) -> None:
    with database.writing() as session:
        with pytest.raises(NotFound, match="mailer dkim new-key"):
            dkim.chosen(session, DOMAIN, "")
        make(session, selector="one")
        make(session, selector="two")

        with pytest.raises(Refused, match="one, two"):
            dkim.chosen(session, DOMAIN, "")
        with pytest.raises(NotFound):
            dkim.chosen(session, DOMAIN, "three")
        with pytest.raises(Refused, match="has a key “one” already"):
            make(session, selector="one")


def test_the_database_lets_one_rsa_key_sign_for_a_domain(database: Database) -> None:
    def let_both_sign(session: Session) -> None:
        for key in (make(session), make(session)):
            key.signs_from = MOMENT
            session.add(key)

    with pytest.raises(IntegrityError):
        database.write(let_both_sign)


def test_a_key_is_of_no_use_without_the_ring(database: Database) -> None:
    fresh = KeyRing.of([new_key()])
    both = KeyRing((*fresh.keys, *RING.keys))
    with database.writing() as session:
        key = make(session)
        dkim.switch(session, [key], now=MOMENT)
        private = dkim.opened(RING, key).private

        # A fresh key in front changes nothing; without the one that sealed it, nothing opens it.
        assert dkim.opened(both, key).private.sign is not None
        with pytest.raises(ConfigError, match="that opens the DKIM key “202612a” of example"):
            dkim.opened(fresh, key)
        signers = Signers(fresh)
        signers.renew(session)
        for _ in range(2):
            with pytest.raises(ConfigError, match="is not there"):
                signers.of(DOMAIN)
    assert making.packed(private) not in key.sealed


def test_a_sealed_key_opens_in_its_own_place_only(database: Database) -> None:
    with database.writing() as session:
        first, second = make(session), make(session)
        first.sealed = second.sealed

        with pytest.raises(ConfigError):
            dkim.opened(RING, first)
        session.expunge(first)


def test_so_many_keys_in_a_month_want_a_name(database: Database) -> None:
    with database.writing() as session:
        for letter in "abcdefghijklmnopqrstuvwxyz":
            make(session, algorithm=ED25519, selector=f"202612{letter}")

        with pytest.raises(Refused, match="--selector"):
            make(session, algorithm=ED25519)


@pytest.mark.parametrize(
    "typed, found",
    [
        ("Example.ORG.", DOMAIN),
        (" example.org ", DOMAIN),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_an_a_label(typed: str, found: str) -> None:
    assert dkim.domain(typed) == found


@pytest.mark.parametrize("typed", ["", "example", "a b.org", "x@example.org", "-a.org", "a..org"])
def test_what_is_no_domain(typed: str) -> None:
    with pytest.raises(UsageError, match="is not a domain"):
        dkim.domain(typed)


@pytest.mark.parametrize("typed", ["", "a b", "a_b", "-a", "a-", "a..b", "a;b", "x" * 64, "ü"])
def test_what_is_no_selector(typed: str) -> None:
    with pytest.raises(UsageError, match="cannot be a selector"):
        dkim.selector(typed)
