"""A list's own colour can be read wherever it stands."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import accent, files
from mailer.accent import DARK_GROUNDS, LIGHT_GROUNDS, READABLE, Tones, contrast, parse, shades
from mailer.errors import UsageError
from mailer.web.assets import OURS

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
INKS = {"light": ("#23201c", "#5f5850"), "dark": ("#ece7df", "#b8b0a5")}
"""Ink and quiet ink of pages and mails."""


def least(tones: Tones, grounds: dict[str, str], inks: tuple[str, ...]) -> float:
    """Give the least contrast of all pairs that a page or a mail puts together."""
    on_ground = [(tones.accent, ground) for ground in (*grounds.values(), tones.tint)]
    hovered = [(tones.deep, ground) for ground in (*grounds.values(), tones.tint)]
    on_button = [(tones.on_accent, tones.accent), (tones.on_accent, tones.deep)]
    told = [(ink, tones.tint) for ink in inks]
    return min(contrast(*pair) for pair in on_ground + hovered + on_button + told)


@given(COLOURS)
def test_every_colour_can_be_read_in_light_and_in_dark(colour: str) -> None:
    found = shades(colour)

    assert least(found.light, LIGHT_GROUNDS, INKS["light"]) >= READABLE
    assert least(found.dark, DARK_GROUNDS, INKS["dark"]) >= READABLE


@given(COLOURS)
def test_a_colour_is_changed_only_where_it_has_to_be_and_that_is_said(colour: str) -> None:
    found = shades(colour)

    changed = [tones.accent for tones in (found.light, found.dark) if tones.accent != colour]
    assert len(found.remarks()) == len(changed)
    for remark, used in zip(found.remarks(), changed, strict=True):
        assert colour in remark
        assert used in remark


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert shades("#0b5a63").light.accent == "#0b5a63"
    assert shades("#84ccd3").dark.accent == "#84ccd3"


def test_a_colour_keeps_its_hue() -> None:
    pale_yellow = shades("#ffcc00")

    red, green, blue = (int(pale_yellow.light.accent[at : at + 2], 16) for at in (1, 3, 5))
    assert red > green > blue == 0
    assert green / red == pytest.approx(0xCC / 0xFF, abs=0.02)


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize(
    "text, meant",
    [("#0B5A63", "#0b5a63"), ("0b5a63", "#0b5a63"), ("#fc0", "#ffcc00"), (" #fff ", "#ffffff")],
)
def test_a_colour_is_read_as_people_write_it(text: str, meant: str) -> None:
    assert parse(text) == meant


@pytest.mark.parametrize("text", ["", "teal", "#12", "#12345", "#1234567", "#ggg", "#fff;}", "٣٣٣"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a colour; write it like #0b5a63"):
        parse(text)


def test_the_grounds_are_those_of_the_pages_and_of_the_mails() -> None:
    pages = (OURS / "tokens.css").read_text()
    mails = (files.templates() / "mail" / "parts" / "looks.html").read_text()

    for at, grounds in enumerate((LIGHT_GROUNDS, DARK_GROUNDS)):
        for name, colour in grounds.items():
            assert re.findall(rf'"{name}": "(#\w+)"', mails)[at] == colour
            if name != "foot":  # of mails only
                assert re.findall(rf"--{name}: (#\w+);", pages)[at] == colour
        assert {re.findall(r"--ink: (#\w+);", pages)[at]} <= set(INKS["dark" if at else "light"])


def test_the_style_sheet_of_a_colour_says_it_for_both_schemes() -> None:
    light, dark = accent.style_sheet("#ffcc00").split("@media")

    assert f"--accent: {shades('#ffcc00').light.accent};" in light
    assert "--accent: #ffcc00;" in dark
