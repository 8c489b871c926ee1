"""A list's own colour, made readable on every ground that it stands on, in light and in dark.

A given colour is used as it is wherever it can be read, and otherwise darkened, or lightened, just
as far as it takes: WCAG 2.2 asks for 4.5 to 1 of text (1.4.3). The grounds are those of the pages
and of the mails.
"""

import colorsys
import re
from dataclasses import dataclass
from functools import lru_cache

from mailer.errors import UsageError

READABLE = 4.5
"""Contrast of text to its ground (WCAG 2.2, 1.4.3); for what is large or a button, 3 would do."""

WHITE, BLACK = "#ffffff", "#000000"

LIGHT_GROUNDS = {"paper": "#f3f0ea", "sheet": "#ffffff", "foot": "#faf8f4"}
DARK_GROUNDS = {"paper": "#151412", "sheet": "#1f1d1b", "foot": "#1a1816"}

LIGHT_TINT, DARK_TINT = 11, 12
"""Per cent of the colour in the ground of what is told."""

LIGHT_HOVER, DARK_HOVER = 25, 30
"""Per cent by which the colour gives way to black, or to white, below a pointer."""

STEPS = 100
"""How many lightnesses are tried on the way to black, or to white."""

_COLOUR = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tones:
    """One scheme's colours: of links and buttons, below a pointer, on a button, and of a tint."""

    accent: str
    deep: str
    on_accent: str
    tint: str


@dataclass(frozen=True, slots=True)
class Shades:
    """What a colour becomes in light and in dark; colours are #rrggbb."""

    given: str
    light: Tones
    dark: Tones

    def remarks(self) -> list[str]:
        """Say where the colour had to be changed to be read, and what is used instead."""
        said = []
        if self.light.accent != self.given:
            said.append(_remark(self.given, "pale", "light", LIGHT_GROUNDS, self.light))
        if self.dark.accent != self.given:
            said.append(_remark(self.given, "deep", "dark", DARK_GROUNDS, self.dark))
        return said


def parse(text: str) -> str:
    """Give a colour as #rrggbb; UsageError for what is none."""
    found = _COLOUR.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"“{text}” is not a colour; write it like #0b5a63")
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


@lru_cache(maxsize=256)
def shades(colour: str) -> Shades:
    """Give what a colour, as `parse` gives it, becomes."""
    tint = mixed(LIGHT_GROUNDS["sheet"], colour, LIGHT_TINT)
    light = _readable(colour, 0.0, (*LIGHT_GROUNDS.values(), tint))
    dark_tint = mixed(DARK_GROUNDS["sheet"], colour, DARK_TINT)
    dark = _readable(colour, 1.0, (*DARK_GROUNDS.values(), dark_tint))
    return Shades(
        colour,
        # The colour can be read on paper, and therefore the ground's own extreme on the colour.
        light=Tones(light, mixed(light, BLACK, LIGHT_HOVER), WHITE, tint),
        dark=Tones(dark, mixed(dark, WHITE, DARK_HOVER), DARK_GROUNDS["paper"], dark_tint),
    )


def style_sheet(colour: str) -> str:
    """Give the style sheet that lays a colour, as `parse` gives it, over that of the pages."""
    found = shades(colour)
    return f"{_rule(found.light)}\n@media (prefers-color-scheme: dark) {{ {_rule(found.dark)} }}\n"


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, 1 to 21 (WCAG 2.2, “contrast ratio”)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: str, other: str, percent: int) -> str:
    """Give a colour with so many per cent of another in it."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * percent / 100):02x}" for a, b in pairs)


def _readable(colour: str, towards: float, grounds: tuple[str, ...]) -> str:
    """Give the colour, or the nearest of its hue towards a lightness that can be read."""
    steps = (step / STEPS for step in range(STEPS + 1))
    candidates = (_lightened(colour, towards, share) if share else colour for share in steps)
    return next(one for one in candidates if _least(one, grounds) >= READABLE)


def _lightened(colour: str, towards: float, share: float) -> str:
    """Give a colour of the same hue and saturation (HSL), nearer to a lightness."""
    red, green, blue = (channel / 255 for channel in _channels(colour))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    lightness += (towards - lightness) * share
    channels = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _least(colour: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(colour, ground) for ground in grounds)


def _remark(given: str, flaw: str, scheme: str, grounds: dict[str, str], tones: Tones) -> str:
    worst = _least(given, (*grounds.values(), tones.tint))
    return (
        f"{given} is too {flaw} to be read in {scheme} pages and mails (a contrast of "
        f"{int(worst * 10) / 10}, where {READABLE} is needed): {tones.accent} is used there"
    )


def _rule(tones: Tones) -> str:
    return (
        f":root, .above {{ --accent: {tones.accent}; --accent-deep: {tones.deep}; "
        f"--on-accent: {tones.on_accent}; --tint: {tones.tint}; }}"
    )


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    """Give the relative luminance of a colour (WCAG 2.2, after sRGB)."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
