"""The media store: bytes in, a hash out, and the same bytes back for ever."""

import hashlib
from datetime import timedelta

import pytest

from mailer import media
from mailer.clock import FrozenClock
from mailer.db import Database
from mailer.errors import NotFound, TooLarge

PDF = b"%PDF-1.7\nan agenda"


def test_what_was_put_in_comes_back_by_its_hash(database: Database, clock: FrozenClock) -> None:
    known = database.write(media.put, PDF, "application/pdf", now=clock.now())

    found = database.read(media.get, known)

    assert known == hashlib.sha256(PDF).hexdigest()
    assert (found.content, found.media_type, found.size) == (PDF, "application/pdf", len(PDF))
    assert found.created_at == clock.now()


def test_the_same_bytes_are_kept_once_and_stay_as_they_were(
    database: Database, clock: FrozenClock
) -> None:
    first = database.write(media.put, b"picture", "image/png", now=clock.now(), pixels=(600, 400))
    clock.move(timedelta(days=1))

    second = database.write(media.put, b"picture", "text/plain", now=clock.now())

    found = database.read(media.facts, [first, "0" * 64])
    assert second == first
    assert found == {first: media.Facts(first, "image/png", 7, 600, 400)}


@pytest.mark.parametrize("known", ["0" * 64, "", "../secret", "A" * 64])
def test_what_is_not_there_is_not_found(database: Database, known: str) -> None:
    with pytest.raises(NotFound):
        database.read(media.get, known)


def test_what_is_too_large_is_not_kept(database: Database, clock: FrozenClock) -> None:
    too_much = bytes(media.LARGEST + 1)

    with pytest.raises(TooLarge, match="20,000,000"):
        database.write(media.put, too_much, "application/pdf", now=clock.now())
