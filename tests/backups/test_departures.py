"""Who left is a line beside the database: whole or passed over, and never an address."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailer import departures, subscribers
from mailer.departures import Departure, Kind
from mailer.tokens import KeyRing, new_key
from tests.installation import Installation

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
RING = KeyRing.of([new_key(), new_key()])
KIM = "kim@example.org"
LINE = Departure(NOW, Kind.LEFT, 7, 3, 1, departures.person(RING, KIM))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    departures.write(tmp_path, [LINE])
    departures.write(tmp_path, [Departure(NOW + timedelta(seconds=1), Kind.ERASED, 8, 3)])

    found, torn = departures.read(tmp_path / departures.NAME)

    assert ([one.kind for one in found], torn) == ([Kind.LEFT, Kind.ERASED], 0)
    assert found[0] == LINE
    assert (tmp_path / departures.NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_line_that_a_power_cut_tore_spoils_no_other(tmp_path: Path, cut: int) -> None:
    path = tmp_path / departures.NAME
    departures.write(tmp_path, [LINE, LINE])
    path.write_bytes(path.read_bytes()[:-cut])

    departures.write(tmp_path, [LINE])

    found, torn = departures.read(path)
    whole = cut == 1  # only its end was missing
    assert (len(found), torn) == ((3, 0) if whole else (2, 1))


def test_a_line_that_was_changed_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / departures.NAME
    departures.write(tmp_path, [LINE])
    path.write_bytes(path.read_bytes().replace(b" 3 1 ", b" 4 1 "))

    assert departures.read(path) == ([], 1)


def test_only_who_has_the_keys_can_tell_whose_line_it_is(tmp_path: Path) -> None:
    departures.write(tmp_path, [LINE])
    rotated = KeyRing.of([new_key(), *_texts(RING)])

    assert KIM not in (tmp_path / departures.NAME).read_text()
    assert departures.finder(rotated, ["lee@example.org", KIM], [LINE]) == {LINE.person: KIM}
    stranger = KeyRing.of([_of_another_id(RING)])
    assert departures.finder(stranger, [KIM], [LINE]) == {}


def _of_another_id(ring: KeyRing) -> str:
    known = {key.id for key in ring.keys}
    return next(key for key in iter(new_key, "") if KeyRing.of([key]).signing_id not in known)


def _texts(ring: KeyRing) -> list[str]:
    return [b64encode(key.secret).decode() for key in ring.keys]


def test_old_lines_go_and_new_ones_stay(tmp_path: Path) -> None:
    departures.write(tmp_path, [LINE])
    later = NOW + departures.KEPT
    departures.write(tmp_path, [Departure(later, Kind.LEFT, 9, 4, 1)])

    departures.trim(tmp_path, now=later + timedelta(seconds=1))

    assert [one.event for one in departures.read(tmp_path / departures.NAME)[0]] == [9]


def test_a_leaving_stands_though_its_line_cannot_be_written(office: Installation) -> None:
    office.subscribers(KIM)
    (office.folder / "state").write_text("a file where the folder should be")
    kim = office.subscriber(KIM) or 0

    office.app.database.write(subscribers.leave, kim, office.list_id, {}, now=office.clock.now())

    standing = office.app.database.read(subscribers.standing_of, kim, office.list_id)
    assert standing.state == "unsubscribed"
