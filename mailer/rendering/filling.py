"""A recipient's own values, and an edition with them in its holes.

An edition is prepared once, cut at its holes, and filled for each recipient; what a value
looks like depends on where it stands: escaped in HTML, plain in the text and the subject.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from markupsafe import escape
from selectolax.lexbor import LexborHTMLParser

from mailer.errors import Refused
from mailer.language import Language
from mailer.rendering.checks import lines, web_address
from mailer.rendering.content import Kind
from mailer.rendering.editions import Edition
from mailer.rendering.holes import split

RECIPIENT_ONLY = "data-recipient-only"
"""The attribute of what a template shows to a recipient and not on a public page."""

GREETING = "greeting"
"""The hole that is made of a name, or of its lack, in the words of a language."""

Pieces = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """What differs by recipient. Links a kind of message does not show stay empty."""

    address: str
    name: str = ""
    leave_url: str = ""
    confirm_url: str = ""
    refuse_url: str = ""
    preferences_url: str = ""
    access_url: str = ""
    move_url: str = ""
    undo_url: str = ""
    room_url: str = ""
    other_address: str = ""
    meant_for: str = ""

    def __post_init__(self) -> None:
        given = self.given()
        lines(given)
        for name, value in given.items():
            if name.endswith("_url"):
                web_address(name, value)

    def given(self) -> dict[str, str]:
        """Give the values by name."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Filled:
    """A message as one recipient sees it; also what a preview shows."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edition cut at its holes.

    `holes` are the names of the values that it shows, `links` those among them that are links.
    """

    edition: Edition
    language: Language
    subject: Pieces
    html: Pieces
    text: Pieces
    holes: frozenset[str]
    links: tuple[str, ...]

    @classmethod
    def of(cls, edition: Edition, language: Language) -> Self:
        """Prepare an edition; the language is the edition's own, for the greeting."""
        nonce = edition.nonce
        subject, html, text = (
            split(text, nonce) for text in (edition.subject, edition.html, edition.text)
        )
        holes = frozenset(subject[1::2] + html[1::2] + text[1::2])
        links = tuple(sorted(name for name in holes if name.endswith("_url")))
        return cls(edition, language, subject, html, text, holes, links)

    @property
    def kind(self) -> Kind:
        """Give what the message is."""
        return self.edition.kind

    def fill(self, values: Values) -> Filled:
        """Give the message as this recipient sees it.

        Raises Refused if a link that it shows is missing.
        """
        said = self.said(values.given())
        escaped = {name: str(escape(value)) for name, value in said.items()}
        return Filled(
            subject=joined(self.subject, said),
            html=joined(self.html, escaped),
            text=joined(self.text, said),
        )

    def said(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Give a recipient's values by name, with what follows from them.

        Raises Refused if a link that the edition shows is missing.
        """
        for name in self.links:
            if not given.get(name):
                raise Refused(f"a {self.kind} message shows {name}, and none was given")
        if GREETING not in self.holes:
            return given
        return {**given, GREETING: greeting(self.language, given["name"])}


def greeting(language: Language, name: str) -> str:
    """Give the words a letter begins with: “Dear Kim Lee,”; “Dear reader,” without a name."""
    if name.strip():
        return language.pgettext("greeting", "Dear %(name)s,", name=name.strip())
    return language.pgettext("greeting", "Dear reader,")


def public_page(edition: Edition, language: Language, *, page_url: str, list_url: str) -> str:
    """Give a digest's HTML for everybody: without anybody's values, at home at `page_url`.

    What the template marks `data-recipient-only` is left out; a link to leave that is not so
    marked leads to the list's page, where the box is.
    """
    page = LexborHTMLParser(edition.html)
    for node in page.css(f"[{RECIPIENT_ONLY}]"):
        node.decompose()
    if page.head is not None:
        canonical = page.create_node("link")
        canonical.attrs["rel"] = "canonical"
        canonical.attrs["href"] = page_url
        page.head.insert_child(canonical)
    rest = split(page.html or "", edition.nonce)
    said = {name: list_url if name.endswith("_url") else "" for name in rest[1::2]}
    said["greeting"] = greeting(language, "")
    return joined(rest, {name: str(escape(value)) for name, value in said.items()})


def joined(pieces: Pieces, said: Mapping[str, str]) -> str:
    """Give a text cut at its holes with the values in them."""
    if len(pieces) == 1:
        return pieces[0]
    filled = list(pieces)
    filled[1::2] = [said[name] for name in pieces[1::2]]
    return "".join(filled)
