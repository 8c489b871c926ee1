"""What a mail asks of the program that shows it, and which programs can do that.

What programs can do is caniemail.com's data (tests/vendor), cut down to the three families that
most readers have: classic Outlook for Windows, Gmail, Apple Mail. `features` reads a finished
mail; `unsupported` says which of the programs lack a feature, by the newest version that was
tried. Partly supported counts as supported: what is missing then is in the data's notes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

DATA = Path(__file__).parent / "vendor" / "caniemail-2.0.2" / "support.json"

_COMMENT = re.compile(r"<!--.*?-->|/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_UNIT = re.compile(r"(?<![\w#.-])-?[\d.]+(%|[a-z]+)")
_PSEUDO = re.compile(r"::?([a-z-]+)")

# Names under which the data keeps several elements or properties.
_ELEMENTS: Mapping[str, str] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "h1-h6"),
    **dict.fromkeys(("ul", "ol", "li"), "lists"),
    **dict.fromkeys(("tbody", "thead", "tfoot", "tr", "td", "th", "caption"), "table"),
    "b": "strong",
    "s": "strike",
}
_SHORTHANDS = ("border-inline", "border-radius", "border", "margin-inline", "margin")
_PROPERTIES: Mapping[str, str] = {
    "border-collapse": "border-collapse",
    "border-spacing": "border-spacing",
    "border-inline-start": "border-inline-block",
    "border-radius": "border-radius",
    "padding-inline-start": "padding-inline-start-end",
    "padding-inline-end": "padding-inline-start-end",
    "font-family": "font",
    "list-style-type": "list-style-type",
}
_SIDED = re.compile(r"(border|margin|padding)(-(top|right|bottom|left))?(-(width|style|color))?")
_ATTRIBUTES = frozenset(
    {"align", "aria-label", "background", "cellpadding", "cellspacing", "dir", "height", "hidden"}
    | {"lang", "role", "srcset", "style", "target", "valign", "width", "loading"}
)

# The words of HTML and CSS that mail programs have shown since there are any, and for which
# nobody keeps tables.
_AGELESS = frozenset(
    {"html-html", "html-head", "html-title", "html-a", "html-br", "html-em", "html-i", "html-meta"}
    | {"css-color", "html-sub", "html-sup", "html-th", "html-time", "css-font-style"}
)
# Written for one program by name: no other one reads them.
_ADDRESSED = ("css-mso-", "css--ms-", "css--webkit-")


def features(html: str) -> frozenset[str]:
    """Give what a finished mail asks for, by the names of the data: `css-padding`, `html-bdi`."""
    bare = LexborHTMLParser(_COMMENT.sub("", html))
    found = {*_of_elements(bare)}
    for style in bare.css("style"):
        found |= {*_of_sheet(style.text())}
    return frozenset(name for name in found - _AGELESS if not name.startswith(_ADDRESSED))


def unsupported(feature: str) -> list[str] | None:
    """Give the programs that lack a feature; None where nobody has tried it."""
    tried = _data().get(feature)
    return None if tried is None else sorted(who for who, how in tried.items() if how[0] == "n")


@cache
def _data() -> Mapping[str, Mapping[str, str]]:
    data: Mapping[str, Mapping[str, str]] = json.loads(DATA.read_text(encoding="utf-8"))
    return data


def _of_elements(page: LexborHTMLParser) -> Iterator[str]:
    for node in page.css("*"):
        tag = node.tag or ""
        yield f"html-{_ELEMENTS.get(tag, tag)}"
        for name, value in node.attributes.items():
            if name in _ATTRIBUTES:
                yield f"html-{name}"
            if name == "style":
                yield from _of_declarations(value or "")
            if name == "href" and value and value.startswith("#"):
                yield "html-anchor-links"
            if name == "href" and value and value.startswith("mailto:"):
                yield "html-mailto-links"


def _of_sheet(sheet: str) -> Iterator[str]:
    plain = _COMMENT.sub("", sheet)
    for name in re.findall(r"@([a-z-]+)", plain):
        yield f"css-at-{name}"
    if "prefers-color-scheme" in plain:
        yield "css-at-media-prefers-color-scheme"
    for selector, declarations in _RULE.findall(plain):
        yield from (f"css-pseudo-class-{name}" for name in _PSEUDO.findall(selector))
        yield from _of_declarations(declarations)


def _of_declarations(text: str) -> Iterator[str]:
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        if not colon:
            continue
        yield f"css-{_property(name.strip().lower())}"
        yield from _of_value(name.strip().lower(), value.strip().lower())


def _property(name: str) -> str:
    if name in _PROPERTIES:
        return _PROPERTIES[name]
    sided = _SIDED.fullmatch(name)
    return sided[1] if sided else name


def _of_value(name: str, value: str) -> Iterator[str]:
    if name == "display":
        yield "css-display-none" if value.startswith("none") else "css-display"
    if "!important" in value:
        yield "css-important"
    for function in re.findall(r"(var|calc|min|max|clamp|rgba?|light-dark)\(", value):
        yield {"var": "css-variables", "calc": "css-unit-calc"}.get(function, f"css-{function}")
    if name != "font-family":
        for unit in _UNIT.findall(value):
            yield f"css-unit-{'percent' if unit == '%' else unit}"
