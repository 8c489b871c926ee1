"""What is searched is found however it was written: case, width, accents, unspaced scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.folding import LONGEST_QUERY, MOST_WORDS, folded, words_of


@pytest.mark.parametrize(
    "written, typed",
    [
        ("Réunion des laboratoires", "REUNION"),
        ("Straße", "strasse"),
        ("ＷＣＯ　会議", "wco"),
        ("ﾈｯﾄﾜｰｸ", "ネットワーク"),
        ("ネットワーク会議の報告", "会議"),
        ("การประชุมระดับภูมิภาค", "ประชุม"),
        ("مُحَمَّد", "محمد"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("İstanbul", "istanbul"),
        ("서울 회의", "서울"),
        ("co\u00adoperation", "cooperation"),
    ],
)
def test_words_are_found_as_people_type_them(written: str, typed: str) -> None:
    assert folded(typed) in folded(written)


@pytest.mark.parametrize("one, other", [("が", "か"), ("で", "て"), ("ผู้", "ผ")])
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_what_is_folded_stays_as_it_is_and_can_be_stored(text: str) -> None:
    once = folded(text)

    assert folded(once) == once
    assert "\x00" not in once
    once.encode()


def test_a_query_is_its_words_each_once_within_limits() -> None:
    assert words_of("  Brussels\tBRUSSELS meeting ") == ("brussels", "meeting")
    assert words_of("") == ()
    assert len(words_of(" ".join(map(str, range(99))))) == MOST_WORDS
    assert words_of("x" * 10_000) == ("x" * LONGEST_QUERY,)
