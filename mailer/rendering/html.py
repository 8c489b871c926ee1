"""HTML for mail programs: what an editor may write, and styles moved to where they are read."""

from functools import cache

import css_inline
import nh3

SCHEMES = {"https", "http", "mailto", "tel"}
"""What a link in an editor's text may begin with."""

_TAGS = {
    *("p", "br", "hr", "strong", "b", "em", "i", "u", "s", "del", "small", "sub", "sup"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "code", "pre", "ul", "ol", "li"),
    *("a", "img", "table", "thead", "tbody", "tr", "th", "td", "caption", "abbr", "span"),
}
_ATTRIBUTES = {
    "*": {"lang", "dir"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"style", "colspan", "rowspan"},
    "th": {"style", "colspan", "rowspan", "scope"},
}


def sanitise(html: str) -> str:
    """Give the HTML with nothing in it but tags, attributes and links that mails need."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=SCHEMES,
        filter_style_properties={"text-align"},
        link_rel=None,
    )


def inline(html: str) -> str:
    """Give the page with its styles in `style` attributes, where most mail programs want them.

    What cannot be moved stays in `<style>`: media queries (dark mode, narrow screens), `:hover`.
    Nothing is fetched.
    """
    return _inliner().inline(html)


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        keep_style_tags=True,
        keep_at_rules=True,
        # Gmail drops a whole <style> that is longer than 8,192 characters: keep only what is
        # read there, and write out custom properties, which half of the programs do not know.
        remove_inlined_selectors=True,
        resolve_css_variables=True,
        minify_css=True,
        load_remote_stylesheets=False,
    )
