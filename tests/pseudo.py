"""A language nobody speaks, which shows at a glance what was never translated.

Every text of ours comes out accented, longer, and between marks: ⟦Ļêåvê ťĥîš ļîšť ·····⟧. Dates,
numbers and directions are Thai, so that what is left in plain Latin letters can only be content,
or a text that never went through a catalogue: `untranslated` finds it.
"""

import gettext
import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mailer.language import Language

_ACCENTED = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÅßÇÐÊƑĜĤÎĴĶĻṀÑÖÞǪŔŠŤÛṼŴẊÝŽåƀçðêƒĝĥîĵķļɱñöþǫŕšťûṽŵẋýž",
)
_KEPT = re.compile(r"%\(\w+\)[sd]|%[sd%]|<[^>]*>|&\w+;")
_OURS = re.compile(r"⟦[^⟦⟧]*⟧")
_WORD = re.compile(r"[A-Za-z]{2,}")
_PLACE = re.compile(r"\S+@\S+|\w+://\S+|[\w-]+(?:\.[\w-]+)+")
_SAID = ("alt", "aria-label", "placeholder", "title")


class _Accented(gettext.NullTranslations):
    """Translates everything, there being nothing it does not know."""

    def gettext(self, message: str) -> str:
        return accented(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return accented(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return accented(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return accented(msgid1 if n == 1 else msgid2)


def language() -> Language:
    """Give the language, under the code of Thai."""
    return Language("th", "th", _Accented(), "pseudo")


def accented(text: str) -> str:
    """Give a text as this language says it: its placeholders and tags stay, it grows by a third."""
    kept = _KEPT.findall(text)
    plain = [part.translate(_ACCENTED) for part in _KEPT.split(text)]
    said = "".join(part + tag for part, tag in zip(plain, [*kept, ""], strict=True))
    return f"⟦{said}{'·' * (len(text) // 3)}⟧"


def untranslated(text: str, content: Iterable[str]) -> list[str]:
    """Give the words of a text that are neither this language's nor content."""
    rest = text
    while _OURS.search(rest):
        rest = _OURS.sub(" ", rest)
    for known in sorted(filter(None, content), key=len, reverse=True):
        rest = rest.replace(known, " ")
    return _WORD.findall(_PLACE.sub(" ", rest))


def shown(html: str) -> Iterator[str]:
    """Give all that a page says: its title, its text, and what its attributes say aloud."""
    page = LexborHTMLParser(html)
    for node in page.css("script, style, textarea, code, pre"):
        node.decompose()
    yield from (node.text() for node in page.css("title"))
    if page.body is not None:
        yield re.sub(r"\s+", " ", page.body.text(separator=""))
    for node in page.css("*"):
        yield from _said(node)


def _said(node: LexborNode) -> Iterator[str]:
    yield from (node.attributes[name] or "" for name in _SAID if name in node.attributes)
    if node.tag == "input" and node.attributes.get("type") in {"submit", "button"}:
        yield node.attributes.get("value") or ""
