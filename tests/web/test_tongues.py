"""Which language a page is in."""

import pytest

from mailer.language import languages
from mailer.web import tongues

SPOKEN = languages()


@pytest.mark.parametrize(
    "header, wanted",
    [
        ("", ()),
        ("ja", ("ja",)),
        ("en-GB,en;q=0.9,ja;q=0.8", ("en-GB", "en", "ja")),
        ("fr;q=0.2, ja, en;q=0.8", ("ja", "en", "fr")),
        ("de;q=0, *;q=0.1, en", ("en",)),
        ("ja;q=much, en;q=0.1", ("en",)),
        ("x" * 10_000, ("x" * 500,)),
    ],
)
def test_a_browsers_wishes_are_read_dearest_first(header: str, wanted: tuple[str, ...]) -> None:
    assert tongues.accepted(header) == wanted


@pytest.mark.parametrize(
    "offered, wanted, otherwise, found",
    [
        (["en", "ja"], ["ja"], "en", "ja"),
        (["en", "ja"], ["ja-JP"], "en", "ja"),
        (["pt-BR", "en"], ["pt"], "en", "pt-BR"),
        (["en", "ja"], [None, "fr", "ja"], "en", "ja"),
        (["en", "ja"], ["fr"], "ja", "ja"),
        (["ar", "en"], ["ar"], "en", "ar"),
        (["en"], [], "klingon", "en"),
    ],
)
def test_the_first_wish_that_can_be_met_is(
    offered: list[str], wanted: list[str | None], otherwise: str, found: str
) -> None:
    assert tongues.chosen(SPOKEN, offered, wanted, otherwise).code == found
