"""What a page of the web reports of a meeting: title, days, place, text and picture.

What the page says of itself in its head comes first, then headings and the largest piece of text.
All of it is a guess, for an editor to correct.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from urllib.parse import urljoin

from babel import Locale
from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.language import is_code
from mailer.rendering.from_html import LARGEST_CLEAN, flattened
from mailer.rendering.pasted import to_markdown_of

LONGEST_TITLE = 300
LARGEST_TEXT = 100_000
"""Characters of a text; a digest has room for a hundredth of it."""

NEAR = 1_500
"""Characters at the beginning of a text in which the days of a meeting are looked for."""

SHORT_LINE = 160
"""Characters of a line that says when and where, and no more."""

LONG_PARAGRAPH = 40
"""Characters from which a paragraph is one of a text, and none of a menu."""

NARROWEST = 200
"""Pixels across of a picture that shows something."""

SPOKEN = ("en", "fr", "de", "es")
"""Languages whose names of months are known."""

_BESIDE = (
    "script, style, noscript, template, iframe, form, nav, footer, aside, svg, button, "
    "[hidden], [aria-hidden=true], [role=navigation], [role=complementary], [role=search]"
)
_BESIDE_NAMES = re.compile(
    r"\b(?:comments?|sidebar|menu|nav|cookies?|share|social|related|breadcrumbs?|subscribe|footer|"
    r"partner|newsletter|pagination)\b",
    re.IGNORECASE,
)
_TEXTS = (
    "[itemprop=articleBody], .entry-content, .post-content, .article-body, article, main, "
    "[role=main]"
)
_TO = r"\s*(?:-|–|—|~|〜|to|until|and|au|et|bis|und|al|y)\s*(?:the\s+|le\s+)?"


@dataclass(frozen=True, slots=True)
class Report:
    """What a page says; `body` is Markdown, `picture` an address."""

    title: str
    body: str = ""
    starts: date | None = None
    ends: date | None = None
    place: str = ""
    language: str = ""
    picture: str = ""
    picture_alt: str = ""


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of a meeting, and where in a text they stand."""

    starts: date
    ends: date
    at: tuple[int, int]


def read(content: bytes, charset: str, url: str) -> Report:
    """Give what a page reports; `url` is where it was found."""
    tree = LexborHTMLParser(flattened(_decoded(content, charset)))
    head = _head(tree)
    title = _title(tree, head)
    picture, alt = head.get("og:image", ""), head.get("og:image:alt", "")
    text = _text_of(tree, title)
    if text is None:
        return Report(title, picture=picture)
    _make_whole(text, url)
    if not picture:
        picture, alt = _picture(text)
    body = to_markdown_of((text.html or "")[: LARGEST_CLEAN // 4])[:LARGEST_TEXT]
    body, days, place = _when(body, title, head)
    return Report(
        title=title[:LONGEST_TITLE],
        body=body,
        starts=days.starts if days else None,
        ends=days.ends if days and days.ends != days.starts else None,
        place=place,
        language=_language(tree),
        picture=urljoin(url, picture) if picture else "",
        picture_alt=alt[:LONGEST_TITLE],
    )


def days_in(text: str) -> _Days | None:
    """Give the first days that a text names, such as 20–21 February 2023."""
    found = [days for pattern in _patterns() for days in _matches(pattern, text)]
    return min(found, key=lambda days: (days.at[0], -days.at[1]), default=None)


# --------------------------------------------------------------------------- the page


def _decoded(content: bytes, charset: str) -> str:
    said = re.search(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{2,40})", content[:4096])
    named = charset or (said[1].decode("ascii") if said else "utf-8")
    try:
        return content.decode(named)
    except (LookupError, UnicodeDecodeError):
        return content.decode("utf-8", "replace")


def _head(tree: LexborHTMLParser) -> dict[str, str]:
    """Give what a page says of itself for others to show (Open Graph, and its kin)."""
    said: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        name = node.attributes.get("property") or node.attributes.get("name") or ""
        said.setdefault(name.casefold(), " ".join((node.attributes["content"] or "").split()))
    return said


def _title(tree: LexborHTMLParser, head: dict[str, str]) -> str:
    heading = _words(tree.css_first("article h1, main h1") or tree.css_first("h1"))
    said = head.get("og:title") or head.get("twitter:title") or ""
    # The name of the site often stands behind it.
    if heading and (not said or said.startswith(heading)):
        return heading
    title = said or _words(tree.css_first("title"))
    site = head.get("og:site_name", "")
    if site and title.endswith(site):
        return re.sub(r"\s*[|·:–—-]\s*$", "", title[: -len(site)])
    return title


def _language(tree: LexborHTMLParser) -> str:
    node = tree.css_first("html[lang]")
    code = (node.attributes["lang"] or "").replace("_", "-") if node else ""
    return code.partition("-")[0].lower() if is_code(code.partition("-")[0].lower()) else ""


def _text_of(tree: LexborHTMLParser, title: str) -> LexborNode | None:
    """Give the part of a page that is its text, without what stands around and in between."""
    if tree.body is None:
        return None
    for node in tree.body.css(_BESIDE):
        node.decompose()
    named = [
        node
        for node in tree.body.css("[class], [id]")
        if node.tag not in {"body", "html", "main", "article"} and _is_beside(node)
    ]
    for node in named:
        node.decompose()
    found = [node for node in tree.body.css(_TEXTS) if _weight(node)]
    text = found[0] if found else max(_parts(tree), key=_weight, default=None)
    if text is not None and not _weight(text):
        text = tree.body
    for heading in (text or tree.body).css("h1, h2"):
        if _words(heading) == title:
            heading.decompose()
    return text


def _is_beside(node: LexborNode) -> bool:
    named = f"{node.attributes.get('class') or ''} {node.attributes.get('id') or ''}"
    return _BESIDE_NAMES.search(named.replace("_", " ")) is not None


def _parts(tree: LexborHTMLParser) -> Iterator[LexborNode]:
    yield from tree.css("div, section, td, body")


def _weight(node: LexborNode) -> int:
    """Give how much text is in a part: that of the paragraphs right in it, without links."""
    weight = 0
    for child in node.iter():
        if child.tag in {"p", "ul", "ol", "blockquote"}:
            words = len(_words(child))
            linked = sum(len(_words(link)) for link in child.css("a"))
            weight += words - linked if words > LONG_PARAGRAPH else 0
    inner = node.css("p")
    return weight or (1 if node.tag in {"article", "main"} and inner else 0)


def _make_whole(text: LexborNode, url: str) -> None:
    """Make the addresses of links and pictures whole."""
    for name, selector in (("href", "a[href]"), ("src", "img[src]")):
        for node in text.css(selector):
            try:
                node.attrs[name] = urljoin(url, node.attributes[name] or "")
            except ValueError:
                node.attrs[name] = ""


def _picture(text: LexborNode) -> tuple[str, str]:
    for node in text.css("img[src]"):
        source, width = node.attributes["src"] or "", node.attributes.get("width") or ""
        is_small = width.isdecimal() and int(width) < NARROWEST
        if source.startswith(("https://", "http://")) and not is_small and ".svg" not in source:
            return source, " ".join((node.attributes.get("alt") or "").split())
    return "", ""


def _words(node: LexborNode | None) -> str:
    return " ".join(node.text(separator=" ").split()) if node is not None else ""


# --------------------------------------------------------------------------- days and place


def _when(body: str, title: str, head: dict[str, str]) -> tuple[str, _Days | None, str]:
    """Give the text without the line that says when and where, the days, and the place."""
    said = head.get("event:start_time", "")
    lines = body[:NEAR].split("\n")
    for line in lines:
        plain = line.replace("\\", "").strip("#*_ ")
        days = days_in(plain)
        if days and len(plain) <= SHORT_LINE:
            place = plain[days.at[1] :].strip(" ,;:·|()-–")
            rest = body.replace(line, "", 1).strip() if days.at[0] <= len("From ") else body
            return rest, days, place if days.at[0] <= len("From ") else ""
    days = days_in(said) or days_in(title) or days_in(body[:NEAR])
    return body, days or days_in(head.get("article:published_time", "")), ""


@cache
def _months() -> dict[str, int]:
    """Give the numbers of months by their names, whole and short."""
    named: dict[str, int] = {}
    for code in SPOKEN:
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in Locale.parse(code).months[context][width].items():
                    named[name.casefold().rstrip(".")] = number
    return named


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    names = sorted(map(re.escape, _months()), key=len, reverse=True)
    month = rf"({'|'.join(names)})\.?"
    of, comma = r"\s+(?:of\s+|de\s+)?", r",?\s+"
    d1, d2 = (rf"(?P<d{end}>\d{{1,2}})(?:st|nd|rd|th|er|\.)?" for end in "12")
    m1, m2 = (rf"(?P<m{end}>{month})" for end in "12")
    y1, y2 = (rf"(?P<y{end}>\d{{4}})" for end in "12")
    in_japanese = r"(?P<y1>\d{4})年(?P<n1>\d{1,2})月(?P<d1>\d{1,2})日"
    until_there = r"(?:\s*(?:から|~|〜|–|-|~|より)\s*(?:(?P<n2>\d{1,2})月)?(?P<d2>\d{1,2})日)?"
    texts = (
        rf"{d1}{_TO}{d2}{of}{m2}{comma}{y2}",
        rf"{d1}{of}{m1}(?:{comma}{y1})?{_TO}{d2}{of}{m2}{comma}{y2}",
        rf"{m1}\s+{d1}{_TO}{d2}{comma}{y2}",
        rf"{m1}\s+{d1}{_TO}{m2}\s+{d2}{comma}{y2}",
        rf"{d1}{of}{m1}{comma}{y1}",
        rf"{m1}\s+{d1}{comma}{y1}",
        r"(?P<y1>\d{4})-(?P<n1>\d{2})-(?P<d1>\d{2})",
        in_japanese + until_there,
    )
    return tuple(re.compile(rf"(?<!\w){text}(?!\d)", re.IGNORECASE) for text in texts)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[_Days]:
    for found in pattern.finditer(text):
        said = {name: value for name, value in found.groupdict().items() if value}
        try:
            first, last = _day(said, "1", "2"), _day(said, "2", "1")
        except (KeyError, ValueError):
            continue  # such as 31 February
        if first <= last:
            yield _Days(first, last, found.span())


def _day(said: dict[str, str], own: str, other: str) -> date:
    """Give one end: what is said only once holds for both."""

    def part(name: str) -> str | None:
        return said.get(f"{name}{own}") or said.get(f"{name}{other}")

    month = part("m")
    number = _months()[month.casefold().rstrip(".")] if month else int(part("n") or "")
    return date(int(part("y") or ""), number, int(part("d") or ""))
