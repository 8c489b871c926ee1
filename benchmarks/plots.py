"""Draw the tables of docs/performance.md that ask for it: bars, light and dark, as SVG.

    python benchmarks/plots.py

Above such a table stands a comment with the picture's name, the column it shows, and its title:
`<!-- drawn: sending.svg | messages/s | Messages a second -->`. The first cell names a bar.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "performance.md"
PICTURES = DOCS / "pictures"

WIDTH, ROW, BAR = 760, 26, 16
LABELS, NUMBERS = 330, 70
TOP = 44

STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #2a2724; }
    .title { font-weight: 600; font-size: 15px; }
    .ground { fill: #ffffff; }
    .bar { fill: #9a3412; }
    @media (prefers-color-scheme: dark) {
        text { fill: #e8e4de; } .bar { fill: #f0a58a; } .ground { fill: #1f1d1b; }
    }
"""

_WISH = re.compile(r"<!-- drawn: (?P<file>[\w-]+\.svg) \| (?P<column>[^|]+) \| (?P<title>.+?) -->")
_NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")


@dataclass(frozen=True)
class Plot:
    """One picture: its file, its title, and a name and a number for each bar."""

    file: str
    title: str
    bars: tuple[tuple[str, float], ...]


def plots(page: str) -> Iterator[Plot]:
    """Give the pictures that a page asks for; SystemExit where it asks for none that can be."""
    for wish in _WISH.finditer(page):
        rows = page[wish.end() :].lstrip().split("\n\n", 1)[0].splitlines()
        heads, _, *cells = [_cells(row) for row in rows]
        if wish["column"] not in heads:
            sys.exit(f"{wish['file']}: no column “{wish['column']}” in {heads}")
        at = heads.index(wish["column"])
        found = [(row[0], _NUMBER.search(row[at])) for row in cells]
        bars = tuple((name, float(one[0].replace(",", ""))) for name, one in found if one)
        yield Plot(wish["file"], wish["title"], bars)


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def drawn(plot: Plot) -> str:
    """Give a picture: each bar as long as its number, which stands behind it."""
    most = max(number for _, number in plot.bars)
    room = WIDTH - LABELS - NUMBERS
    height = TOP + ROW * len(plot.bars) + 8
    told = "; ".join(f"{name}: {number:,.0f}" for name, number in plot.bars)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    named = 'role="img" aria-labelledby="title told"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {named}>',
        f'<title id="title">{escape(plot.title)}</title>',
        f'<desc id="told">{escape(told)}</desc>',
        f"<style>{STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text class="title" x="8" y="24">{escape(plot.title)}</text>',
    ]
    for row, (name, number) in enumerate(plot.bars):
        y = TOP + ROW * row
        length = max(number / most * room, 1)
        lines += [
            f'<text x="{LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="bar" x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LABELS + length + 6:.1f}" y="{y + 13}">{number:,.0f}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """Draw them all."""
    for plot in plots(PAGE.read_text(encoding="utf-8")):
        (PICTURES / plot.file).write_text(drawn(plot), encoding="utf-8")
        print(plot.file)


if __name__ == "__main__":
    main()
