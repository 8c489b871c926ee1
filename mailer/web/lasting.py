"""Links from a digest's page to the lasting pages of its items.

A mail has none: its titles lead to the reports, and it is kept as it went out. On the page a link
stands below each item, which is known by its anchor and by the title that it begins with; a layout
of the owner's without these has no such links.
"""

from collections.abc import Callable, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.digests.archive import Piece
from mailer.language import Language

ANCHORS = "[id^='item-']"
LINE = "margin: 4px 0 8px; font-size: 14px"
LINK = "display: inline-block; padding: 11px 0; color: inherit"
"""As the words around it, and large enough for a finger."""


def with_links(
    page: str, items: Sequence[Piece], address: Callable[[int], str], language: Language
) -> str:
    """Give a digest's page with a link below each of its items, to `address(item_id)`."""
    tree, waiting = LexborHTMLParser(page), list(items)
    for place in tree.css(ANCHORS):
        said = _unspaced(place.text())
        there = [one for one in waiting if said.startswith(_unspaced(one.title))]
        if there:
            found = max(there, key=lambda one: len(one.title))
            waiting.remove(found)
            place.insert_child(_line(tree, address(found.item_id), language))
    return tree.html or ""


def _line(tree: LexborHTMLParser, address: str, language: Language) -> LexborNode:
    line, link = tree.create_node("p"), tree.create_node("a")
    line.attrs["style"] = LINE
    line.attrs["lang"], line.attrs["dir"] = language.words, language.words_direction
    link.attrs["href"], link.attrs["style"] = address, LINK
    link.insert_child(language.gettext("This item’s own page"))
    line.insert_child(link)
    return line


def _unspaced(text: str) -> str:
    return "".join(text.split())
