"""HTML for mail programs: what an editor may write, and styles moved to where they are read.

Also pages of others' making, such as newsletters of years ago, made safe to stand within ours.
"""

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

PREFIX = "paper-"
"""Before the ids of another's page, so that they cannot be those of ours."""

_PAGE_TAGS = {
    *("div", "center", "font", "big", "tfoot", "col", "colgroup", "dl", "dt", "dd", "q", "cite"),
    *("section", "article", "header", "footer", "main", "nav", "aside", "figure", "figcaption"),
    *("address", "time", "ins", "mark", "wbr", "bdi", "bdo", "strike", "tt", "kbd", "var"),
}
_WITH_ALL_IN_IT = {
    *("script", "style", "title", "template", "noscript", "iframe", "object", "embed", "svg"),
    *("math", "select", "textarea", "audio", "video", "canvas"),
}
_PAGE_ATTRIBUTES = {
    "*": {"lang", "dir", "id", "style", "align", "valign", "width", "height", "bgcolor"},
    "table": {"border", "cellpadding", "cellspacing", "summary"},
    "font": {"color", "size", "face"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "scope", "nowrap"},
}
_PAGE_STYLES = {
    # No `position` and no `margin`, which can lead out of the place a page is given; no
    # `background`, which can hold an address.
    *("color", "background-color", "font-family", "font-size", "font-style", "font-weight"),
    *("text-align", "text-decoration", "text-transform", "letter-spacing", "line-height"),
    *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
    *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color"),
    *("border-style", "border-width", "border-collapse", "border-radius", "border-spacing"),
    *("width", "max-width", "vertical-align", "white-space", "list-style-type"),
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


def sanitise_page(html: str) -> str:
    """Give what a whole page of somebody's shows, with its looks, to stand within one of ours.

    Nothing in it runs, loads a file of its own site, or leaves the place that it is given;
    links within it lead there still. Pictures stay, for the caller to say whose may be shown.
    """
    try:
        styled = inline(html)
    except css_inline.InlineError:  # a style sheet that is none
        styled = html
    return nh3.clean(
        styled,
        tags=_TAGS | _PAGE_TAGS,
        clean_content_tags=_WITH_ALL_IN_IT,
        attributes=_ATTRIBUTES | _PAGE_ATTRIBUTES,
        url_schemes=SCHEMES,
        url_relative=_within,
        id_prefix=PREFIX,
        filter_style_properties=_PAGE_STYLES,
        link_rel="noopener",
    )


def _within(url: str) -> str | None:
    """Let a link that leads to a place on the same page go on doing so; files are not there."""
    return f"#{PREFIX}{url[1:]}" if url.startswith("#") else None


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
