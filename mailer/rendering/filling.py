"""A recipient's own values, and an edition with them in its holes.

An edition is prepared once, cut at its holes, and filled for each recipient; what a value
looks like depends on where it stands: escaped in HTML, plain in the text and the subject.
"""

from dataclasses import dataclass, fields
from typing import Self

from markupsafe import escape
from selectolax.lexbor import LexborHTMLParser

from mailer.errors import Refused
from mailer.language import Language
from mailer.rendering.checks import line, web_address
from mailer.rendering.content import Kind
from mailer.rendering.editions import Edition
from mailer.rendering.encoding import Encoding, shorter
from mailer.rendering.holes import nominal, split

RECIPIENT_ONLY = "data-recipient-only"
"""The attribute of what a template shows to a recipient and not on a public page."""

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
    other_address: str = ""
    meant_for: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = line(field.name, getattr(self, field.name))
            if field.name.endswith("_url"):
                web_address(field.name, value)


@dataclass(frozen=True, slots=True)
class Filled:
    """A message as one recipient sees it; also what a preview shows."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edition cut at its holes, with what is the same for all recipients decided once."""

    edition: Edition
    language: Language
    subject: Pieces
    html: Pieces
    text: Pieces
    html_encoding: Encoding
    text_encoding: Encoding

    @classmethod
    def of(cls, edition: Edition, language: Language) -> Self:
        """Prepare an edition; the language is the edition's own, for the greeting."""
        nonce = edition.nonce
        return cls(
            edition=edition,
            language=language,
            subject=split(edition.subject, nonce),
            html=split(edition.html, nonce),
            text=split(edition.text, nonce),
            html_encoding=shorter(nominal(edition.html, nonce)),
            text_encoding=shorter(nominal(edition.text, nonce)),
        )

    @property
    def kind(self) -> Kind:
        """Give what the message is."""
        return self.edition.kind

    @property
    def holes(self) -> frozenset[str]:
        """Give the names of the values that the edition shows."""
        return frozenset(self.subject[1::2] + self.html[1::2] + self.text[1::2])

    def fill(self, values: Values) -> Filled:
        """Give the message as this recipient sees it.

        Raises Refused if a link that it shows is missing.
        """
        said = self._said(values)
        escaped = {name: str(escape(value)) for name, value in said.items()}
        return Filled(
            subject=_joined(self.subject, said),
            html=_joined(self.html, escaped),
            text=_joined(self.text, said),
        )

    def _said(self, values: Values) -> dict[str, str]:
        said = {field.name: getattr(values, field.name) for field in fields(values)}
        said["greeting"] = greeting(self.language, values.name)
        missing = sorted(name for name in self.holes if name.endswith("_url") and not said[name])
        if missing:
            raise Refused(f"a {self.kind} message shows {missing[0]}, and none was given")
        return said


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
    return _joined(rest, {name: str(escape(value)) for name, value in said.items()})


def _joined(pieces: Pieces, said: dict[str, str]) -> str:
    if len(pieces) == 1:
        return pieces[0]
    filled = list(pieces)
    filled[1::2] = [said[name] for name in pieces[1::2]]
    return "".join(filled)
