"""HTML to Markdown: what an editor wrote in the rich text, or pasted from elsewhere.

Only what Markdown can say is kept. What comes out means, when rendered, what went in; converted
once more it stays as it is, letter by letter.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from itertools import groupby
from urllib.parse import quote, urlsplit

import nh3
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer import unseen
from mailer.errors import TooLarge
from mailer.rendering.html import SCHEMES

LARGEST = 2_000_000
"""Characters of HTML that are read; Word writes ten for each one that is typed."""

LARGEST_CLEAN = 400_000
"""Characters of what is left when all that is dropped is gone; an item may have fewer."""

MOST_NESTED = 100
"""Elements within one another; no office program comes near, and each costs a call of ours."""

DEEPEST = 12
"""Levels of lists and quotations; what lies deeper is brought up."""

MOST_COLUMNS = 20
"""Columns of a table; more fit on no page."""

HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = {
    *HEADINGS,
    *("p", "div", "ul", "ol", "li", "blockquote", "pre", "table", "hr", "caption"),
    *("thead", "tbody", "tr", "td", "th", "section", "article", "figure", "figcaption"),
}
_TAGS = {*BLOCKS, "a", "b", "strong", "i", "em", "code", "br", "img", "span", "tfoot", "main"}
_WITH_ALL_IN_IT = {
    *("script", "style", "title", "template", "noscript", "iframe", "object", "embed", "svg"),
    *("math", "select", "textarea", "button", "audio", "video", "canvas"),
}
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "td": {"style", "colspan"},
    "th": {"style", "colspan"},
}
WITH_A_LOOK = {*HEADINGS, "ul", "ol", "blockquote", "pre", "table", "hr"}
"""Blocks that Markdown has a way of writing; others are wrappers."""

STRONG, EM, CODE = "strong", "em", "code"
MARKS = {"strong": STRONG, "b": STRONG, "em": EM, "i": EM, "code": CODE}

_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
_ANY_TAG = re.compile(r"<[^<>]*>")
_NEVER_NESTED = {
    *("p", "li", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "dt", "dd", "col"),
    *("br", "hr", "img", "input", "meta", "link", "base", "wbr", "area", "source", "embed"),
    *HEADINGS,
}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_STARTS = re.compile(r"^(\s*)(?:([#+\-=>])|(\d{1,9})([.)]))")
_BAR = re.compile(r"(?<!\\)\|")
_NOT_IN_LINK = re.compile(r"[\s<>()\\\[\]`*_\"'|]")


@dataclass(frozen=True, slots=True)
class Run:
    """Some words in one look; a hard line break is a run of its own."""

    text: str
    marks: frozenset[str] = frozenset()
    link: str = ""
    is_break: bool = False
    is_picture: bool = False


@dataclass
class _Reading:
    """Where we are in the tree: the level that a heading of level one has."""

    heading: int = 1
    pictures: bool = True
    depth: int = field(default=0)


def to_markdown(html: str, *, heading: int = 1, pictures: bool = True) -> str:
    """Give the Markdown that says what the HTML does; `heading` is the level that `#` stands for.

    Whatever the HTML holds besides is dropped: it is sanitised first. Raises TooLarge.
    """
    clean = _clean(flattened(unseen.IN_BLOCK.sub("", html[:LARGEST])))
    if len(clean) > LARGEST_CLEAN:
        raise TooLarge(f"a text has at most {LARGEST_CLEAN:,} characters with its marks")
    tree = LexborHTMLParser(clean)
    if tree.body is None:
        return ""
    return "\n\n".join(_blocks(tree.body, _Reading(heading, pictures)))


def flattened(html: str) -> str:
    """Give the HTML as it is, or its words alone where it is nested as no person nests it."""
    depth = 0
    for closes, tag in _TAG.findall(html):
        if tag.casefold() not in _NEVER_NESTED:
            depth += -1 if closes else 1
            if depth > MOST_NESTED:
                return escape(unescape(_ANY_TAG.sub(" ", html)))
            depth = max(depth, 0)
    return html


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_WITH_ALL_IN_IT,
        attributes=_ATTRIBUTES,
        url_schemes=SCHEMES,
        filter_style_properties={"text-align"},
        link_rel=None,
    )


# --------------------------------------------------------------------------- blocks


def _blocks(node: LexborNode, reading: _Reading) -> Iterator[str]:
    """Give the blocks within a node; words between them are paragraphs of their own."""
    for kind, alike in groupby(_entries(node, reading), key=_list_kind):
        if kind:
            yield from _list([one for one in alike if not isinstance(one, str)], kind, reading)
            continue
        for one in alike:
            if isinstance(one, str):
                yield one
            else:
                yield from _block(one, reading)


def _entries(node: LexborNode, reading: _Reading) -> Iterator[LexborNode | str]:
    """Give what stands in a node, however it is wrapped: blocks with a look, and paragraphs."""
    for is_block, some in groupby(_children(node), key=_holds_block):
        if not is_block:
            yield from _paragraph(some, reading)
            continue
        for one in some:
            if not _says_something(one):
                continue
            if one.tag == "table" and _lays_out(one):
                for cell in _all_cells(one):
                    yield from _entries(cell, reading)
            elif one.tag in WITH_A_LOOK:
                yield one
            else:
                yield from _entries(one, reading)


def _block(node: LexborNode, reading: _Reading) -> Iterator[str]:
    tag = node.tag or ""
    if tag in HEADINGS:
        yield from _heading(node, reading)
    elif tag == "hr":
        yield "***"
    elif tag == "pre":
        yield from _preformatted(node)
    elif tag == "blockquote":
        yield from _quotation(node, reading)
    else:
        yield from _table(node, reading)


def _paragraph(nodes: Iterable[LexborNode], reading: _Reading) -> Iterator[str]:
    text = _inline(_runs(nodes, reading))
    if text:
        yield text


def _heading(node: LexborNode, reading: _Reading) -> Iterator[str]:
    level = max(1, min(6, HEADINGS[node.tag or ""] - reading.heading + 1))
    runs = [Run(" ") if run.is_break else run for run in _runs(_children(node), reading)]
    # A heading is bold by itself.
    text = _inline([_without(run, STRONG) for run in runs])
    if text:
        # Marks at its end would be taken for the closing of the heading.
        text = re.sub(r"(?<!\\)#+$", lambda found: "\\#" * len(found[0]), text)
        yield f"{'#' * level} {text}"


def _preformatted(node: LexborNode) -> Iterator[str]:
    text = node.text(deep=True).strip("\n").rstrip()
    if text.strip():
        fence = "`" * max(3, _longest(text) + 1)
        yield f"{fence}\n{text}\n{fence}"


def _quotation(node: LexborNode, reading: _Reading) -> Iterator[str]:
    inner = "\n\n".join(_deeper(node, reading))
    if inner:
        yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))


def _deeper(node: LexborNode, reading: _Reading) -> list[str]:
    reading.depth += 1
    try:
        if reading.depth > DEEPEST:
            return list(_paragraph(_flat(node), reading))
        return list(_blocks(node, reading))
    finally:
        reading.depth -= 1


def _flat(node: LexborNode) -> Iterator[LexborNode]:
    yield from node.iter(include_text=True)


def _list(nodes: Sequence[LexborNode], tag: str, reading: _Reading) -> Iterator[str]:
    """Give a list, of one or more in a row: without words between them they are one."""
    points = [inner for node in nodes for inner in _points(node, reading)]
    start = _number(nodes[0].attributes.get("start")) if tag == "ol" else 0
    lines = []
    for at, inner in enumerate(points):
        mark = f"{start + at}. " if tag == "ol" else "- "
        indented = inner.replace("\n", "\n" + " " * len(mark))
        lines.append(re.sub(r"(?m)^ +$", "", f"{mark}{indented}"))
    if lines:
        yield "\n".join(lines)


def _points(node: LexborNode, reading: _Reading) -> Iterator[str]:
    """Give the points of a list; a list right within a list belongs to the point before it."""
    found: list[str] = []
    for child in _children(node):
        inner = _point(child, reading)
        if not inner:
            continue
        if _list_kind(child) and found:
            found[-1] += f"\n{inner}"
        else:
            found.append(inner)
    yield from found


def _point(node: LexborNode, reading: _Reading) -> str:
    if node.tag == "-text":
        return _inline(_runs([node], reading))
    if _list_kind(node):
        reading.depth += 1
        inner = (
            "\n\n".join(_list([node], node.tag or "ul", reading)) if reading.depth < DEEPEST else ""
        )
        reading.depth -= 1
        return inner
    blocks = _deeper(node, reading)
    joined = blocks[:1]
    for block in blocks[1:]:
        # A list right below the words of its point needs no blank line, and makes none loose.
        is_list = re.match(r"(?:- |1\. )", block) is not None
        joined.append(f"\n{block}" if is_list else f"\n\n{block}")
    return "".join(joined)


def _table(node: LexborNode, reading: _Reading) -> Iterator[str]:
    rows = _cells_of(node)
    width = min(max(map(len, rows), default=0), MOST_COLUMNS)
    written = [[_cell(cell, reading) for cell in row[:width]] for row in rows]
    full = [row + [""] * (width - len(row)) for row in written]
    full = [row for row in full if any(row)]
    if full:
        aligned = rows[0] + [None] * (width - len(rows[0]))
        rule = [_alignment(cell) for cell in aligned[:width]]
        yield "\n".join(f"| {' | '.join(row)} |" for row in (full[0], rule, *full[1:]))


def _lays_out(table: LexborNode) -> bool:
    """Tell whether a table is none of facts, but lays something out, as mails do."""
    widest = max(map(len, _cells_of(table)), default=0)
    return widest <= 1 or table.css_first("td table, th table") is not None


def _all_cells(table: LexborNode) -> Iterator[LexborNode]:
    yield from (cell for row in _cells_of(table) for cell in row if cell is not None)


def _cells_of(table: LexborNode) -> list[list[LexborNode | None]]:
    return [row for row in map(_cells, _rows(table)) if row]


def _rows(node: LexborNode) -> Iterator[LexborNode]:
    """Give the rows of a table, and not those of one within it."""
    for child in _children(node):
        if child.tag == "tr":
            yield child
        elif child.tag in {"thead", "tbody", "tfoot"}:
            yield from (row for row in _children(child) if row.tag == "tr")


def _cells(row: LexborNode) -> list[LexborNode | None]:
    """Give the cells of a row; one that spans several columns leaves the others empty."""
    cells: list[LexborNode | None] = []
    for cell in _children(row):
        if cell.tag in {"td", "th"}:
            span = min(_number(cell.attributes.get("colspan")), MOST_COLUMNS)
            cells += [cell, *[None] * (span - 1)]
    return cells


def _cell(cell: LexborNode | None, reading: _Reading) -> str:
    if cell is None:
        return ""
    runs = [Run(" ") if run.is_break else run for run in _runs([cell], reading)]
    # Between the bars of a table, code cannot say them.
    runs = [_without(run, CODE) if set(run.text) & set("\\|") else run for run in runs]
    return _BAR.sub(r"\\|", _inline(runs).replace("\n", " "))


def _alignment(cell: LexborNode | None) -> str:
    style = (cell.attributes.get("style") or "") if cell else ""
    side = re.search(r"text-align:\s*(left|right|center)", style)
    return {"left": ":--", "right": "--:", "center": ":-:"}[side[1]] if side else "---"


# --------------------------------------------------------------------------- words


def _runs(nodes: Iterable[LexborNode], reading: _Reading) -> list[Run]:
    return _merged(_collapsed(run for node in nodes for run in _walk(node, Run(""), reading)))


def _walk(node: LexborNode, look: Run, reading: _Reading) -> Iterator[Run]:
    tag = node.tag or ""
    if tag == "-text":
        yield Run(_SPACE.sub(" ", node.text(deep=False) or ""), look.marks, look.link)
    elif tag == "br":
        yield Run("", look.marks, is_break=True)
    elif tag == "img":
        source = node.attributes.get("src") or ""
        if reading.pictures and _leads(source):
            alt = _SPACE.sub(" ", node.attributes.get("alt") or "").strip()
            yield Run(alt, link=source, is_picture=True)
    else:
        inner = _look(node, look)
        if tag in BLOCKS:
            yield Run(" ", look.marks)
        for child in _children(node):
            yield from _walk(child, inner, reading)
        if tag in BLOCKS:
            yield Run(" ", look.marks)


def _look(node: LexborNode, look: Run) -> Run:
    tag, marks, link = node.tag or "", look.marks, look.link
    if tag in MARKS:
        marks = marks | {MARKS[tag]}
    if tag == "a" and not link:
        target = (node.attributes.get("href") or "").strip()
        link = target if _leads(target) else ""
    return Run("", marks, link)


def _leads(target: str) -> bool:
    try:
        return urlsplit(target).scheme in SCHEMES
    except ValueError:
        return False


def _collapsed(runs: Iterable[Run]) -> Iterator[Run]:
    """Give the runs with one space where there were several, and none at the edges of lines."""
    is_open = False  # whether a space may stand here
    waiting: list[Run] = []
    for run in runs:
        if run.is_break:
            waiting, is_open = [*(one for one in waiting if one.is_break), run], False
            continue
        text = run.text
        if run.is_picture:
            yield from waiting
            waiting, is_open = [], True
            yield run
            continue
        if not is_open:
            text = text.lstrip()
        elif waiting and waiting[-1].text == " ":
            text = text.lstrip(" ")
        if not text:
            continue
        yield from waiting
        waiting, is_open = [], True
        core = text.rstrip(" ")
        if core:
            yield Run(core, run.marks, run.link)
        if len(core) < len(text):
            waiting = [Run(" ", run.marks, run.link)]


def _merged(runs: Iterable[Run]) -> list[Run]:
    """Give the runs with neighbours of one look put together; breaks at the ends go."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else None
        alike = last and not (last.is_break or run.is_break or last.is_picture or run.is_picture)
        if last and alike and (last.marks, last.link) == (run.marks, run.link):
            found[-1] = Run(last.text + run.text, run.marks, run.link)
        else:
            found.append(run)
    while found and found[-1].is_break:
        found.pop()
    return found


def _inline(runs: Sequence[Run]) -> str:
    """Give the words of a block as Markdown."""
    lines: list[str] = []
    for is_break, some in groupby(_merged(_collapsed(runs)), key=lambda run: run.is_break):
        if not is_break:
            lines.append(_line(list(some)))
    written = [_STARTS.sub(_escaped_start, line) for line in lines if line]
    return "\\\n".join(written)


def _line(runs: list[Run]) -> str:
    pieces: list[_Piece] = []
    for link, some in groupby(_unlinked(runs), key=lambda run: (run.link, run.is_picture)):
        target, is_picture = link
        inside = list(some)
        if is_picture:
            pieces += [_Piece(f"![{_escaped(run.text)}]({_target(target)})") for run in inside]
        elif target:
            words = _joined(list(_marked(inside)))
            core = words.strip()
            if core:
                lead, tail = words[: words.index(core)], words[words.index(core) + len(core) :]
                linked = f"[{core}]({_target(target)})"
                pieces += [_Piece(lead), _Piece(linked), _Piece(tail)]
        else:
            pieces += _marked(inside)
    return _joined(pieces).strip()


def _unlinked(runs: list[Run]) -> list[Run]:
    """Give the runs with no space at the edge of a link in it: nothing would be left of it."""
    around = [Run(""), *runs, Run("")]
    return _merged(
        run
        if run.text.strip() or run.is_picture or before.link == run.link == after.link
        else Run(run.text, run.marks)
        for before, run, after in zip(around, runs, around[2:], strict=False)
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some Markdown; words that are not `fixed` may have a letter written otherwise."""

    text: str
    is_words: bool = False


def _marked(runs: Sequence[Run], marks: Sequence[str] = (STRONG, EM)) -> Iterator[_Piece]:
    """Give the runs with their marks, bold around italic."""
    if not marks:
        for run in runs:
            yield from _said(run)
        return
    mark, *within = marks
    for is_marked, some in groupby(runs, key=lambda run: mark in run.marks):
        inner = list(_marked(list(some), within))
        if is_marked:
            yield from _around(_joined(inner), "**" if mark is STRONG else "_")
        else:
            yield from inner


def _said(run: Run) -> Iterator[_Piece]:
    core = run.text.strip()
    if CODE not in run.marks or not core:
        yield _Piece(_escaped(run.text), is_words=True)
        return
    at = run.text.index(core)
    yield _Piece(run.text[:at], is_words=True)
    yield _Piece(_code(core))
    yield _Piece(run.text[at + len(core) :], is_words=True)


def _around(text: str, mark: str) -> Iterator[_Piece]:
    """Give a text with a mark around it; spaces at its edges stand outside."""
    core = text.strip()
    if not core:
        yield _Piece(text, is_words=True)
        return
    at = text.index(core)
    yield _Piece(text[:at], is_words=True)
    yield _Piece(f"{mark}{core}{mark}")
    yield _Piece(text[at + len(core) :], is_words=True)


def _joined(pieces: Sequence[_Piece]) -> str:
    """Put the pieces together so that each mark is read as one (CommonMark 0.31, 6.2).

    Next to a letter, `_` and a mark beside punctuation count for nothing: that letter is written
    by its number, which ends with punctuation. Japanese needs it, which has no spaces.
    """
    some = [piece for piece in pieces if piece.text]
    texts = [piece.text for piece in some]
    for at, piece in enumerate(some):
        if piece.is_words or not piece.text.startswith(("*", "_")):
            continue
        if at and some[at - 1].is_words and _is_letter(texts[at - 1][-1]):
            texts[at - 1] = f"{texts[at - 1][:-1]}&#{ord(texts[at - 1][-1])};"
        if at + 1 < len(some) and some[at + 1].is_words and _is_letter(texts[at + 1][0]):
            texts[at + 1] = f"&#{ord(texts[at + 1][0])};{texts[at + 1][1:]}"
    for at, text in enumerate(texts[:-1]):
        if text.endswith("!") and texts[at + 1].startswith("["):
            texts[at] = f"{text[:-1]}\\!"
    return "".join(texts)


def _is_letter(char: str) -> bool:
    """Tell whether a mark beside it would be read as part of a word."""
    return not (char.isspace() or isPunctChar(char) or isMdAsciiPunct(ord(char)))


def _escaped(text: str) -> str:
    return _ENTITY.sub(r"\\&", _SPECIAL.sub(r"\\\g<0>", text))


def _escaped_start(found: re.Match[str]) -> str:
    space, mark, digits, end = found.groups()
    return f"{space}\\{mark}" if mark else f"{space}{digits}\\{end}"


def _code(text: str) -> str:
    fence = "`" * (_longest(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _target(address: str) -> str:
    return _NOT_IN_LINK.sub(lambda found: quote(found[0]), address)


def _longest(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 1


def _without(run: Run, mark: str) -> Run:
    return Run(run.text, run.marks - {mark}, run.link, run.is_break, run.is_picture)


# --------------------------------------------------------------------------- the tree


def _children(node: LexborNode) -> Iterator[LexborNode]:
    yield from node.iter(include_text=True)


def _holds_block(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag in BLOCKS:
        return True
    return tag != "-text" and any(child.tag in BLOCKS for child in node.traverse())


def _says_something(node: LexborNode) -> bool:
    seen = node.text(deep=True).strip() or node.tag == "hr"
    return bool(seen) or node.css_first("hr, img") is not None


def _list_kind(node: LexborNode | str) -> str:
    """Give what kind of list something is, if it is one."""
    if isinstance(node, str):
        return ""
    return node.tag or "" if node.tag in {"ul", "ol"} else ""
