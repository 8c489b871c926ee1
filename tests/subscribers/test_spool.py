"""Rows come out of a spool as they went in, by the block and in the order of addresses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailer import sheets, subscribers
from mailer.errors import DatabaseUnreachable, FileInvalid
from mailer.subscribers import Reading, spool
from mailer.subscribers.origins import Fate
from mailer.subscribers.people import Left, Row
from mailer.subscribers.spool import Block, Span
from tests.sheets.read import zipped

SAMPLES = Path(__file__).parents[1] / "samples" / "imports"
Read = Callable[[str], Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Give a way to read a text."""

    def reading(text: str) -> Reading:
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        return of_file(path)

    return reading


def of_file(path: Path) -> Reading:
    found = sheets.opened(path, sheets.Wanted())
    return subscribers.understand(path.name, found, said={})


def spooled(reading: Reading, folder: Path) -> Iterator[Block]:
    folder.mkdir()
    yield from spool.blocks(reading, reading.count(), folder)
    assert list(folder.iterdir()) == []


def all_of(block: Block) -> list[Row]:
    return block.rows(Span(1, block.good))


@pytest.mark.parametrize("name", ["phplist.csv", "listmonk.csv"])
def test_rows_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    reading = of_file(SAMPLES / name)

    [(rows, stayed)] = [(all_of(one), one.stayed) for one in spooled(reading, tmp_path / "spool")]

    assert [*rows, *stayed] == sorted(reading.rows(), key=lambda row: isinstance(row, Left))
    assert all(isinstance(row.verdict.fate, Fate) for row in rows)


def test_rows_of_several_tables_know_which_they_are_from(tmp_path: Path) -> None:
    tables = {"one__csv": b"email,Name\na@example.org,A\n", "two__csv": b"Mail,x\nb@example.org,\n"}
    reading = of_file(zipped(tmp_path / "all.zip", **tables))

    [rows] = [all_of(block) for block in spooled(reading, tmp_path / "spool")]

    assert rows == list(reading.rows())
    assert [(Path(row.source).name, row.names) for row in rows] == [
        ("one.csv", ("email", "Name")),
        ("two.csv", ("Mail", "x")),
    ]


def test_cells_come_back_whatever_is_in_them(tmp_path: Path, read: Read) -> None:
    reading = read('email,note,more\n kim@example.org ,"a\tb\r\n“c” \'; \x1f\x7f",\n')

    [rows] = [all_of(block) for block in spooled(reading, tmp_path / "spool")]

    assert rows[0].cells == (" kim@example.org ", "a\tb\r\n“c” '; \x1f\x7f", "")


def test_a_large_block_is_in_the_order_of_addresses(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "UNSORTED", 2)
    reading = read("email\nC@example.org\nb@example.org\na@example.org\n")

    [block] = [
        (all_of(block), block.rows_of([3, 1])) for block in spooled(reading, tmp_path / "spool")
    ]

    assert [row.line for row in block[0]] == [4, 3, 2]
    assert [row.line for row in block[1]] == [4, 2]


def test_blocks_are_parted_and_an_address_counts_once_in_all(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BLOCK", 2)
    reading = read(
        "email\na@example.org\nno address\nb@example.org\nA@example.org\nc@example.org\n"
    )

    found = [
        (block.good, block.bad, [left.why for left in block.stayed])
        for block in spooled(reading, tmp_path / "spool")
    ]

    assert [(good, bad) for good, bad, _ in found] == [(1, 1), (1, 0), (1, 0)]
    assert found[1][2] == ["is in the file before"]


def test_many_that_stay_out_end_a_block(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MOST_STAYED", 2)
    monkeypatch.setattr(spool, "SOME", 1)
    reading = read("email\n" + "no address\n" * 5)

    found = [len(block.stayed) for block in spooled(reading, tmp_path / "spool")]

    assert found == [2, 2, 1]


def test_what_goes_wrong_with_reading_is_raised_where_rows_are_wanted(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BLOCK", 1)
    reading = read("email\na@example.org\n")
    with (tmp_path / "people.csv").open("a", encoding="utf-8") as file:
        file.write('b@example.org\n"' + "\n" * 50)

    with pytest.raises(FileInvalid, match="never ends"):
        list(spooled(reading, tmp_path / "spool"))


def test_a_place_that_cannot_hold_rows_is_told(tmp_path: Path, read: Read) -> None:
    reading = read("email\na@example.org\n")

    with pytest.raises(DatabaseUnreachable, match="TMPDIR names another place"):
        list(spool.blocks(reading, 1, tmp_path / "nowhere"))
