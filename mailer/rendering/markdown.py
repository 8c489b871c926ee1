"""Markdown to HTML that may stand in a mail: CommonMark and tables, no HTML of the writer's."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mailer.rendering.html import sanitise

LONGEST = 200_000
"""Characters of one text; a longer one would not fit in a mail anyway."""

LOWEST_HEADING = 6


def to_html(text: str, *, heading: int = 4) -> str:
    """Give sanitised HTML. The text's `#` becomes a heading of the given level, `##` the next.

    An item's text stands below the item's title, and its headings must as well
    (WCAG 2.2, 1.3.1).
    """
    environment: dict[str, object] = {}
    tokens = _READER.parse(text[:LONGEST], environment)
    _lower_headings(tokens, by=heading - 1)
    return sanitise(_READER.renderer.render(tokens, _READER.options, environment))


def _reader() -> MarkdownIt:
    # `typographer` stays off: quotes are a matter of the language, and the writer's own.
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


def _lower_headings(tokens: Sequence[Token], *, by: int) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + by, LOWEST_HEADING)}"


_READER = _reader()
