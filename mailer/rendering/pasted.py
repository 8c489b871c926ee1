"""What somebody pastes, as Markdown: from Word, Outlook, Google Docs, a web page.

Office programs write lists as paragraphs that look like one, say bold by a style, and wrap what is
not bold in `<b>`. All of it is undone here; what then remains is what `from_html` keeps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.rendering.from_html import HEADINGS, LARGEST, flattened, to_markdown

DEEPEST_LIST = 9
"""Levels that Word's lists have."""

BOLD_FROM = 600
"""The weight from which letters are bold."""

_STARTS = re.compile(r"<!--\s*StartFragment\s*-->")
_ENDS = re.compile(r"<!--\s*EndFragment\s*-->")
_SHOWN_TO_SOME = re.compile(r"<!\[[^\]>]{0,100}\]>")
_ROWS = re.compile(r"\s*<(?:col|colgroup|tbody|thead|tr)\b")
_STRAY_SPACE = re.compile(r"(?<![«\d])(?:\u00a0|&nbsp;|&#160;)(?![:;?!»%€°\d])")
_LEVEL = re.compile(r"mso-list:\s*l\d+\s+level(\d)")
_NUMBERED = re.compile(r"\s*\(?(?:\d+|[a-zA-Z]|[ivxlcIVXLC]+)[.)]")
_OWN = "\ue000"
"""A letter of nobody's, around what stands for a list until it is put in."""

_TITLES = {"MsoTitle": "h1", "MsoSubtitle": "h2"}
_WRAPPERS = (("safelinks.protection.outlook.com", "url"), ("www.google.com", "q"))
"""Who leads links through pages of their own, and where the address is in theirs."""


@dataclass(frozen=True, slots=True)
class _Point:
    """A paragraph that is a point of a list: how deep it lies, its mark, and what it says."""

    level: int
    tag: str
    html: str


def to_markdown_of(html: str) -> str:
    """Give what is pasted as Markdown: headings, lists, links, tables, bold and italic words.

    Raises TooLarge.
    """
    tree = LexborHTMLParser(_prepared(html))
    if tree.body is None:
        return ""
    _say_headings(tree)
    _say_marks(tree)
    _lead_straight(tree)
    made = _lists(tree)
    whole = tree.body.html or ""
    for at, one in enumerate(made):
        whole = whole.replace(f"{_OWN}{at}{_OWN}", one)
    return to_markdown(whole, heading=_highest(tree), pictures=False)


def _prepared(html: str) -> str:
    """Give what was really chosen, without what only some programs are to see."""
    cut = html[:LARGEST]
    if starts := _STARTS.search(cut):
        ends = _ENDS.search(cut, starts.end())
        cut = cut[starts.end() : ends.start() if ends else None]
    cut = flattened(cut)
    shown = _SHOWN_TO_SOME.sub("", _without_comments(cut.replace(_OWN, "")))
    spaced = _STRAY_SPACE.sub(" ", shown)
    # Of a spreadsheet, the rows are chosen and not the table that they are in.
    return f"<table>{spaced}</table>" if _ROWS.match(spaced) else spaced


def _without_comments(html: str) -> str:
    """Give the HTML without its comments, and without what follows one that has no end."""
    first, *pieces = html.split("<!--")
    after = (piece.partition("-->") for piece in pieces)
    return "".join([first, *(rest for _, _, rest in after)])


def _say_headings(tree: LexborHTMLParser) -> None:
    for node in tree.css("[role=heading][aria-level], p[class], p[style*=mso-outline-level]"):
        tag = _heading_of(node)
        if tag:
            _replace(node, tag)


def _heading_of(node: LexborNode) -> str:
    level = node.attributes.get("aria-level") or ""
    if node.attributes.get("role") == "heading" and level in set("123456"):
        return f"h{level}"
    outline = re.search(r"mso-outline-level:\s*([1-6])", node.attributes.get("style") or "")
    if outline:
        return f"h{outline[1]}"
    return _TITLES.get(node.attributes.get("class") or "", "")


def _say_marks(tree: LexborHTMLParser) -> None:
    """Say by tags what styles say: bold and italic, and what is neither in spite of its tag."""
    for node in tree.css("b[style], strong[style], i[style], em[style]"):
        if re.search(
            r"(?<!-)font-(?:weight|style):\s*(?:normal|400)", node.attributes["style"] or ""
        ):
            node.unwrap()
    for node in tree.css("span[style]"):
        style = node.attributes["style"] or ""
        if "mso-list:ignore" in style.casefold().replace(" ", ""):
            continue
        weight = re.search(r"(?<!-)font-weight:\s*(bold|\d+)", style)
        is_bold = weight and (weight[1] == "bold" or int(weight[1]) >= BOLD_FROM)
        if is_bold and not _is_heading_within(node):
            _replace(node, "b")
        elif re.search(r"(?<!-)font-style:\s*italic", style):
            _replace(node, "i")


def _is_heading_within(node: LexborNode) -> bool:
    parent = node.parent
    return parent is not None and (parent.tag or "") in HEADINGS


def _lead_straight(tree: LexborHTMLParser) -> None:
    """Let links lead where they were meant to, without a detour by who counts them."""
    for node in tree.css("a[href]"):
        address = node.attributes["href"] or ""
        node.attrs["href"] = _straight(address)


def _straight(address: str) -> str:
    try:
        parts = urlsplit(address)
        for host, name in _WRAPPERS:
            if (parts.hostname or "").endswith(host) and (found := parse_qs(parts.query).get(name)):
                return found[0]
    except ValueError:
        return ""
    return address


def _lists(tree: LexborHTMLParser) -> list[str]:
    """Take out each row of paragraphs that are a list; give the lists that they are."""
    made: list[str] = []
    seen: set[int] = set()
    for node in tree.css("p, div, h1, h2, h3, h4, h5, h6"):
        if node.mem_id in seen or not _level(node):
            continue
        row = list(_row(node))
        seen.update(one.mem_id for one in row)
        points = [_point(one) for one in row]
        node.insert_before(f"{_OWN}{len(made)}{_OWN}")
        for one in row:
            one.decompose()
        made.append("".join(_nested(points)))
    return made


def _row(node: LexborNode) -> Iterator[LexborNode]:
    """Give the paragraphs of one list: those that follow with nothing between them."""
    following: LexborNode | None = node
    while following is not None:
        if _level(following):
            yield following
        elif following.tag != "-text" or (following.text() or "").strip():
            return
        following = following.next


def _level(node: LexborNode) -> int:
    if node.tag == "-text":
        return 0
    found = _LEVEL.search(node.attributes.get("style") or "")
    return min(int(found[1]), DEEPEST_LIST) if found else 0


def _point(node: LexborNode) -> _Point:
    mark = ""
    for span in node.css("span[style]"):
        if "mso-list:ignore" in (span.attributes["style"] or "").casefold().replace(" ", ""):
            mark += span.text()
            span.decompose()
    return _Point(_level(node), "ol" if _NUMBERED.match(mark) else "ul", _inner(node))


def _nested(points: list[_Point]) -> Iterator[str]:
    """Give lists within lists; a point that skips a level lies right below the one before."""
    opened: list[tuple[int, str]] = []
    for point in points:
        while opened and opened[-1][0] > point.level:
            yield f"</li></{opened.pop()[1]}>"
        if opened and opened[-1] == (point.level, point.tag):
            yield f"</li><li>{point.html}"
            continue
        if opened and opened[-1][0] == point.level:
            yield f"</li></{opened.pop()[1]}>"
        opened.append((point.level, point.tag))
        yield f"<{point.tag}><li>{point.html}"
    for _, tag in reversed(opened):
        yield f"</li></{tag}>"


def _highest(tree: LexborHTMLParser) -> int:
    """Give the level of the largest heading: it becomes the first one of what is pasted."""
    return min((HEADINGS[node.tag or "h1"] for node in tree.css(", ".join(HEADINGS))), default=1)


def _replace(node: LexborNode, tag: str) -> None:
    style = f' style="{escape(node.attributes.get("style") or "")}"'
    made = LexborHTMLParser(f"<{tag}{style}>{_inner(node)}</{tag}>").css_first(tag)
    if made is not None:
        node.replace_with(made)


def _inner(node: LexborNode) -> str:
    return "".join(child.html or "" for child in node.iter(include_text=True))
