"""The plain part of a message, made from its HTML part: every word and every link.

What it looks like:

    Meeting News                      h1, underlined with =
    ============

    In brief                          h2, underlined with -
    --------

    A title <https://example.org/>    h3 and below: its text follows without a blank line
    20–21 February 2023 · Brussels

    A paragraph, with a link <https://example.org/report> in it, is wrapped at 72 columns.
    A link whose text is its address stands alone: https://example.org/

    - a list                          also 1. 2. 3.
    > a quotation

    When         What                 tables of data keep their columns
    -----------  --------------
    20 February  Global meeting

Tables with `role="presentation"` are layout: their cells become paragraphs. A picture is its
`alt` text, [in brackets]. A link marked `data-repeated` stands elsewhere too: only its words are
kept. What the page hides (the preview for inboxes) is left out: it stands in the text as well.
A line that begins in another direction than its element is written in has a mark before it
(U+200E, U+200F), for programs tell a line's direction by its first letter. Filters of spam
compare the words of the two parts, and so do people.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.rendering.wrapping import Measure, columns, directed, wrap

WIDTH = 72
"""Columns of a line; 78 is what RFC 5322, 2.1.1 asks for."""

WIDEST_COLUMN = 30
NARROWEST_LAST_COLUMN = 20
GAP = "  "

REPEATED = "data-repeated"
"""The attribute of a link that stands elsewhere too, such as the one around an item's picture."""

_HIDDEN_TAGS = frozenset(
    {"head", "style", "script", "template", "title", "_comment", "-comment", "!--"}
)
_INLINE_TAGS = (
    frozenset(
        {"a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "del", "em", "font", "i"}
    )
    | frozenset(
        {"img", "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup"}
    )
    | frozenset({"time", "tt", "u", "var", "wbr", "-text"})
)
_UNDERLINES = {"h1": "=", "h2": "-"}
_LESSER_HEADINGS = frozenset({"h3", "h4", "h5", "h6"})
_BREAK = "\n"

Block = list[str]


@dataclass(frozen=True, slots=True)
class _Page:
    """How to write: columns to fill, how to measure them, whether links are shown, which way."""

    width: int = WIDTH
    measure: Measure = columns
    links: bool = True
    direction: str = "ltr"

    def narrower(self, by: int) -> "_Page":
        return replace(self, width=max(self.width - by, NARROWEST_LAST_COLUMN))

    def within(self, node: LexborNode) -> "_Page":
        direction = node.attributes.get("dir") or self.direction
        return self if direction == self.direction else replace(self, direction=direction)


@dataclass(slots=True)
class _Written:
    """Blocks so far; `glued` tells that the last one is a title, and the next follows closely."""

    blocks: list[Block]
    glued: bool = False

    def add(self, block: Block, *, glue: bool = False) -> None:
        if not any(block):
            return
        if self.glued:
            self.blocks[-1].extend(block)
        else:
            self.blocks.append(block)
        self.glued = glue


def from_html(html: str, *, measure: Measure = columns) -> str:
    """Give the text of a page, its lines ended by one line feed each."""
    blocks = _blocks_of(_body(html), _Page(measure=measure))
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


def words(html: str) -> str:
    """Give the words of a page in one line, without the addresses of its links."""
    blocks = _blocks_of(_body(html), _Page(links=False))
    return " ".join(line for block in blocks for line in block).strip()


def _body(html: str) -> Iterable[LexborNode]:
    body = LexborHTMLParser(html).body
    return () if body is None else body.iter(include_text=True)


# ---------------------------------------------------------------------- blocks


def _blocks_of(nodes: Iterable[LexborNode], page: _Page) -> list[Block]:
    written = _Written([])
    running: list[LexborNode] = []
    for node in nodes:
        if _is_hidden(node):
            continue
        if _is_inline(node):
            running.append(node)
            continue
        written.add(_paragraph(running, page))
        running.clear()
        _write_block(node, page, written)
    written.add(_paragraph(running, page))
    return written.blocks


def _write_block(node: LexborNode, page: _Page, written: _Written) -> None:
    tag = node.tag or ""
    page = page.within(node)
    if tag in _UNDERLINES:
        written.add(_underlined(_paragraph(_children(node), page), _UNDERLINES[tag], page))
    elif tag in _LESSER_HEADINGS:
        written.add(_paragraph(_children(node), page), glue=True)
    elif tag in {"ul", "ol"}:
        written.add(_listing(node, page))
    elif tag == "blockquote":
        written.add([f"> {line}".rstrip() for line in _joined(node, page.narrower(2))])
    elif tag == "pre":
        written.add([f"    {line}" for line in node.text().strip("\n").split("\n")])
    elif tag == "hr":
        written.add(["-" * 20])
    elif tag == "table" and node.attributes.get("role") != "presentation":
        written.add(_table(node, page))
    else:
        for block in _blocks_of(_children(node), page):
            written.add(block)


def _paragraph(nodes: Sequence[LexborNode], page: _Page) -> Block:
    text = _tidied("".join(_inline(node, page) for node in nodes))
    lines = wrap(text, page.width, measure=page.measure) if text else []
    return [directed(_shown(line), page.direction) for line in lines]


def _underlined(block: Block, mark: str, page: _Page) -> Block:
    longest = max((page.measure(line) for line in block), default=0)
    return [*block, mark * min(longest, page.width)] if block else []


def _joined(node: LexborNode, page: _Page) -> Block:
    """Give a node's blocks as one, with empty lines between."""
    lines: Block = []
    for block in _blocks_of(_children(node), page):
        lines += ["", *block] if lines else block
    return lines


def _listing(node: LexborNode, page: _Page) -> Block:
    lines: Block = []
    items = [child for child in node.iter() if child.tag == "li"]
    numbers = _numbers(node) if node.tag == "ol" else ("-" for _ in items)
    for mark, item in zip(numbers, items, strict=False):
        content = _joined(item, page.narrower(len(mark) + 1))
        # An item of several paragraphs stands apart from the next.
        if lines and "" in (*content, *lines):
            lines.append("")
        lines += _hung(f"{mark} ", content)
    return lines


def _numbers(node: LexborNode) -> Iterator[str]:
    start = node.attributes.get("start") or "1"
    number = int(start) if start.isdecimal() else 1
    while True:
        yield f"{number}."
        number += 1


def _hung(mark: str, content: Block) -> Block:
    indent = " " * len(mark)
    first, *rest = content or [""]
    return [mark + first, *(indent + line if line else "" for line in rest)]


# ---------------------------------------------------------------------- tables of data


def _table(node: LexborNode, page: _Page) -> Block:
    rows = [[_cell(cell, page) for cell in _cells(row)] for row in node.css("tr")]
    rows = [row for row in rows if any(row)]
    caption = [line for found in node.css("caption") for line in _joined(found, page)]
    if not rows:
        return caption
    has_heading = bool(node.css("thead"))
    widths = _widths(rows, page)
    body = _grid(rows, widths, page) if widths else _stacked(rows, page)
    if widths and has_heading:
        ruler = GAP.join("-" * width for width in _ruler_widths(rows, widths, page))
        heading_lines = _grid(rows[:1], widths, page)
        body = [*heading_lines, ruler, *_grid(rows[1:], widths, page)]
    return [*caption, "", *body] if caption else body


def _cells(row: LexborNode) -> list[LexborNode]:
    return [child for child in row.iter() if child.tag in {"td", "th"}]


def _cell(cell: LexborNode, page: _Page) -> str:
    """Give a cell's text in as many lines as it has paragraphs, not wrapped yet."""
    unwrapped = replace(page, width=10_000)
    return _BREAK.join(line for line in _joined(cell, unwrapped) if line)


def _widths(rows: Sequence[Sequence[str]], page: _Page) -> list[int]:
    """Give the columns' widths, the last taking the rest; none, where too little is left."""
    count = max(len(row) for row in rows)
    widths = [
        min(_widest((row[at] for row in rows if at < len(row)), page), WIDEST_COLUMN)
        for at in range(count - 1)
    ]
    rest = page.width - sum(widths) - len(GAP) * len(widths)
    return [*widths, rest] if rest >= NARROWEST_LAST_COLUMN else []


def _ruler_widths(
    rows: Sequence[Sequence[str]], widths: Sequence[int], page: _Page
) -> Iterator[int]:
    yield from widths[:-1]
    last = (row[-1] for row in rows if len(row) == len(widths))
    yield min(_widest(last, page), widths[-1])


def _widest(cells: Iterable[str], page: _Page) -> int:
    return max((page.measure(line) for cell in cells for line in cell.split(_BREAK)), default=0)


def _grid(rows: Iterable[Sequence[str]], widths: Sequence[int], page: _Page) -> Block:
    lines: Block = []
    for row in rows:
        wrapped = [
            wrap(cell, width, measure=page.measure)
            for cell, width in zip(row, widths, strict=False)
        ]
        for across in zip_longest(*wrapped, fillvalue=""):
            lines.append(_across(across, widths, page))
    return lines


def _across(cells: Sequence[str], widths: Sequence[int], page: _Page) -> str:
    padded = (
        cell + " " * max(width - page.measure(cell), 0)
        for cell, width in zip(cells, widths, strict=False)
    )
    return GAP.join(padded).rstrip()


def _stacked(rows: Sequence[Sequence[str]], page: _Page) -> Block:
    """Give each row as a paragraph, its cells below each other: too many columns for a line."""
    lines: Block = []
    for row in rows:
        lines += [""] if lines else []
        lines += [line for cell in row for line in wrap(cell, page.width, measure=page.measure)]
    return lines


# ---------------------------------------------------------------------- running text


def _inline(node: LexborNode, page: _Page) -> str:
    if _is_hidden(node):
        return ""
    if node.tag == "-text":
        return re.sub(r"[ \t\r\n\f]+", " ", node.text())
    if node.tag == "br":
        return _BREAK
    if node.tag == "img":
        alt = node.attributes.get("alt")
        return f"[{alt}]" if alt else ""
    text = "".join(_inline(child, page) for child in _children(node))
    return _link(text, node, page) if node.tag == "a" else text


def _link(text: str, node: LexborNode, page: _Page) -> str:
    target = _target(node)
    words_of_it = _tidied(text).replace(_BREAK, " ")
    if not target or not page.links or REPEATED in node.attributes:
        return text
    if not words_of_it or _same_place(words_of_it, target):
        return target
    # The space that stood inside the link's end belongs after the address.
    after = " " if text[-1:].isspace() else ""
    before = " " if text[:1].isspace() else ""
    return f"{before}{words_of_it} <{target}>{after}"


def _target(node: LexborNode) -> str:
    target = (node.attributes.get("href") or "").strip()
    if target.startswith("#"):
        return ""
    if target.startswith(("mailto:", "tel:")) and "?" not in target:
        return target.partition(":")[2]
    return target


def _same_place(text: str, target: str) -> bool:
    return _bare(text) == _bare(target)


def _bare(address: str) -> str:
    return re.sub(r"^(https?://|mailto:|tel:)", "", address).rstrip("/").casefold()


def _tidied(text: str) -> str:
    """Give the text without spaces about its line breaks and ends, nor two in a row."""
    single = re.sub(r"[ \t\r\f]+", " ", text.replace("\u00ad", ""))
    return re.sub(r" ?\n ?", _BREAK, single).strip(" \n\u00a0")


def _shown(line: str) -> str:
    # A no-break space has done its work once the lines are broken.
    return line.replace("\u00a0", " ")


# ---------------------------------------------------------------------- nodes


def _children(node: LexborNode) -> list[LexborNode]:
    return list(node.iter(include_text=True))


def _is_inline(node: LexborNode) -> bool:
    """Tell whether a node runs on in its line; a link around blocks still does."""
    return node.tag in _INLINE_TAGS


def _is_hidden(node: LexborNode) -> bool:
    if node.tag in _HIDDEN_TAGS:
        return True
    if node.tag == "-text":
        return False
    style = (node.attributes.get("style") or "").replace(" ", "").lower()
    return "hidden" in node.attributes or "display:none" in style
