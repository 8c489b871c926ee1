"""Pictures that another site would serve: a link stands in the place of each.

Whoever reads what went out tells nobody but us.
"""

from selectolax.lexbor import LexborHTMLParser

ELSEWHERE = ("https://", "http://", "//")


def without_pictures(page: str, ours: str) -> str:
    """Give a whole page without them; what lies below the address `ours` stays."""
    tree = LexborHTMLParser(page)
    _replace(tree, ours)
    return tree.html or ""


def without_pictures_in(fragment: str, ours: str) -> str:
    """Give a piece of a page without them."""
    tree = LexborHTMLParser(f"<body>{fragment}</body>")
    _replace(tree, ours)
    return tree.body.inner_html or "" if tree.body else ""


def _replace(tree: LexborHTMLParser, ours: str) -> None:
    for picture in tree.css("img[src]"):
        source = picture.attributes.get("src") or ""
        if not source.startswith(ELSEWHERE) or source.startswith(ours):
            continue
        words = picture.attributes.get("alt") or source
        if picture.parent is not None and picture.parent.tag == "a":
            picture.replace_with(words)
            continue
        link = tree.create_node("a")
        link.attrs["href"] = source
        link.attrs["style"] = "color: inherit"
        link.insert_child(words)
        picture.replace_with(link)
