"""Charts as SVG, drawn here and not in the browser: one ink, from zero up. Pure.

A picture holds no words of its own but its name: what is written beside it is HTML, which keeps
its size on a small screen, and a table has the numbers. Colours are classes of `watching.css`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH = 1000
"""Units across; the picture is as wide as its place."""

HEIGHT = 120
"""Units of columns and lines: as many pixels."""

BAR_HEIGHT = 14
GAP = 0.2
"""Share of a column's place that is left free beside it."""

MOST_COLUMNS = 120
"""Beyond that columns are thinner than a pixel on a phone: neighbours are put together."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar: which class it has, and how much it stands for."""

    kind: str
    count: int


def stacked(parts: Sequence[Part], name: str) -> Markup:
    """Draw one bar that is made of parts, as wide as all of them together."""
    whole = sum(part.count for part in parts) or 1
    drawn, at = [], 0.0
    for part in parts:
        width = WIDTH * part.count / whole
        if part.count:
            drawn.append(_rect(part.kind, at, 0, width, BAR_HEIGHT))
        at += width
    return _svg("chart-bar", BAR_HEIGHT, name, Markup().join(drawn))


def bar(count: float, most: float, name: str, kind: str = "ink") -> Markup:
    """Draw one bar of several that begin at one line; the longest is `most`."""
    width = WIDTH * max(0.0, min(1.0, count / most)) if most else 0.0
    return _svg("chart-bar", BAR_HEIGHT, name, _rect(kind, 0, 0, width, BAR_HEIGHT))


def columns(counts: Sequence[int], name: str) -> Markup:
    """Draw one column for each number, side by side, the highest over the whole height."""
    most, each = max(counts, default=0) or 1, WIDTH / (len(counts) or 1)
    drawn = []
    for place, count in enumerate(counts):
        height = HEIGHT * count / most
        left = place * each + each * GAP / 2
        drawn.append(_rect("ink", left, HEIGHT - height, each * (1 - GAP), height))
    return _svg("chart-plot", HEIGHT, name, Markup().join([*drawn, _ground()]))


def line(counts: Sequence[int], name: str) -> Markup:
    """Draw a line through the numbers, from zero up."""
    most, steps = max(counts, default=0) or 1, max(1, len(counts) - 1)
    points = " ".join(
        f"{_said(WIDTH * place / steps)},{_said(HEIGHT - (HEIGHT - 4) * count / most)}"
        for place, count in enumerate(counts)
    )
    drawn = Markup('<polyline class="stroke" points="{}"/>').format(points)
    return _svg("chart-plot", HEIGHT, name, Markup().join([drawn, _ground()]))


def thinned(counts: Sequence[int], most: int = MOST_COLUMNS) -> tuple[list[int], int]:
    """Give sums of neighbours, so few that each can be seen, and how many are in one."""
    each = -(-len(counts) // most) or 1
    return [sum(counts[at : at + each]) for at in range(0, len(counts), each)], each


def _ground() -> Markup:
    return Markup('<line class="ground" x1="0" y1="{0}" x2="{1}" y2="{0}"/>').format(HEIGHT, WIDTH)


def _rect(kind: str, left: float, top: float, width: float, height: float) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, *map(_said, (left, top, width, height))
    )


def _svg(kind: str, height: int, name: str, drawn: Markup) -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><title>{}</title>{}</svg>'
    ).format(kind, WIDTH, height, name, name, drawn)


def _said(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
