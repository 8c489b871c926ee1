"""What others wrote, within a page of ours: its looks may stay, its pictures may not be fetched.

A link stands in the place of each that another site would serve: whoever reads what went out
tells nobody but us.
"""

from selectolax.lexbor import LexborHTMLParser

from mailer.web import guard

POLICY = guard.policy(style_src="'self' 'unsafe-inline'", img_src="'self' data:")
"""Looks are in `style` attributes, as in mails; what these may say was made safe before."""

ELSEWHERE = ("https://", "http://", "//")


def without_pictures(page: str, ours: str) -> str:
    """Give a whole page without them; what lies below the address `ours` stays."""
    tree = LexborHTMLParser(page)
    # A digest's links are coloured one by one: this one is as the words around it.
    _replace(tree, ours, style="color: inherit")
    return tree.html or ""


def without_pictures_in(fragment: str, ours: str) -> str:
    """Give a piece of a page without them."""
    tree = LexborHTMLParser(f"<body>{fragment}</body>")
    _replace(tree, ours)
    return tree.body.inner_html or "" if tree.body else ""


def _replace(tree: LexborHTMLParser, ours: str, *, style: str = "") -> None:
    for picture in tree.css("img"):
        source = picture.attributes.get("src") or ""
        if source.startswith(ours) or (source and not source.lower().startswith(ELSEWHERE)):
            continue
        words = picture.attributes.get("alt") or source
        if not source or (picture.parent is not None and picture.parent.tag == "a"):
            picture.replace_with(words)
            continue
        link = tree.create_node("a")
        link.attrs["href"] = source
        if style:
            link.attrs["style"] = style
        link.insert_child(words)
        picture.replace_with(link)
