"""Editions: a digest or letter rendered once for all who get the same, and then never changed.

An edition is known by the hash of all that went into it: templates with what they include,
the words of the language, the content. The same input gives the same hash, so a letter that
ten thousand people get is rendered and stored once.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Self

from mailer.errors import HeaderInvalid, MailerError, NotFound, TemplateInvalid, TooLarge
from mailer.language import Language
from mailer.rendering import html as pages
from mailer.rendering import plaintext
from mailer.rendering.checks import line
from mailer.rendering.content import LONGEST_SUBJECT, DigestContent, Kind, LetterContent, SenderCard
from mailer.rendering.encoding import encode, shorter
from mailer.rendering.environment import Templates
from mailer.rendering.holes import (
    NEEDED,
    NONCE_LENGTH,
    Recipient,
    marker,
    nominal,
    split,
)
from mailer.rendering.wrapping import columns

FOLDER = "mail"
"""Where layouts and letters are, below the folder of all templates."""

LARGEST_HTML = 102_400
"""Bytes of the encoded HTML part: Gmail cuts a longer message off, with the link to leave."""

LARGE_HTML = 81_920
"""Bytes from which on it is worth a word."""

LONG_SUBJECT = 78
"""Columns of a subject beyond which inboxes cut it."""

VERSION = b"2"
"""Changes when this program would make another edition of the same input."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What rendering gave. Recipient values are markers in the three texts, see `holes`."""

    kind: Kind
    language: str
    layout: str
    subject: str
    html: str
    text: str
    hash: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, stored: Mapping[str, str]) -> Self:
        """Give an edition back from what `stored` gave; more keys, as a row has, do no harm."""
        return cls(
            kind=Kind(stored["kind"]),
            language=stored["language"],
            layout=stored["layout"],
            subject=stored["subject"],
            html=stored["html"],
            text=stored["text"],
            hash=stored["hash"],
        )

    def stored(self) -> dict[str, str]:
        """Give the edition as plain strings, for a table."""
        return {
            "kind": self.kind.value,
            "language": self.language,
            "layout": self.layout,
            "subject": self.subject,
            "html": self.html,
            "text": self.text,
            "hash": self.hash,
        }

    @property
    def nonce(self) -> str:
        """Give the part of the hash that stands in the markers."""
        return self.hash[:NONCE_LENGTH]


def layouts(templates: Templates) -> list[str]:
    """Give the names of all layouts for digests, the owner's and ours."""
    letters = {kind.value for kind in Kind if not kind.is_digest}
    return [name for name in templates.folders_in(FOLDER) if name not in letters]


def render_digest(
    templates: Templates, content: DigestContent, *, kind: Kind = Kind.DIGEST
) -> Edition:
    """Render a number of a list; of kind TEST, its subject says so and all else is the same.

    Raises NotFound for an unknown layout, TemplateInvalid, HeaderInvalid and TooLarge.
    """
    if content.layout not in layouts(templates):
        known = ", ".join(layouts(templates))
        raise NotFound("layout", content.layout, f"there are {known}")
    language = templates.languages.of(content.language)
    values = {
        "digest": content,
        "list": content.mailing_list,
        "sender": content.sender,
        "house": content.house,
    }
    return _Rendering(templates, kind, language, content.layout, values).edition()


def render_letter(templates: Templates, content: LetterContent) -> Edition:
    """Render a letter.

    Raises TemplateInvalid, HeaderInvalid and TooLarge.
    """
    language = templates.languages.choose(content.language)
    values = {
        "letter": content,
        "list": content.mailing_list,
        "sender": content.sender,
        "house": content.house,
    }
    return _Rendering(templates, content.kind, language, content.kind.value, values).edition()


@dataclass(frozen=True, slots=True)
class _Rendering:
    """One rendering, with all that the steps of it share."""

    templates: Templates
    kind: Kind
    language: Language
    layout: str
    content: Mapping[str, object]

    def edition(self) -> Edition:
        fingerprint = self._fingerprint()
        nonce = fingerprint[:NONCE_LENGTH]
        subject = self._subject(nonce)
        page = self._render("body.html", nonce, subject=subject)
        text = self._text(page, nonce)
        html = pages.inline(page)
        self._check_holes(nonce, subject, html, text)
        self._check_postal_address(text)
        return Edition(
            kind=self.kind,
            language=self.language.code,
            layout=self.layout,
            subject=subject,
            html=html,
            text=text,
            hash=fingerprint,
            warnings=tuple(self._warnings(nonce, subject, html)),
        )

    def _name(self, part: str) -> str:
        return f"{FOLDER}/{self.layout}/{part}"

    def _render(self, part: str, nonce: str, **more: object) -> str:
        recipient = Recipient(self.kind, nonce)
        values = {**self.content, "recipient": recipient, "kind": self.kind.value, **more}
        return self.templates.render(self._name(part), self.language, values)

    def _subject(self, nonce: str) -> str:
        rendered = " ".join(self._render("subject.txt", nonce).split())
        if self.kind is Kind.TEST:
            rendered = self.language.gettext("Test: %(subject)s", subject=rendered)
        if not rendered:
            raise HeaderInvalid("subject", "is empty")
        if len(nominal(rendered, nonce)) > LONGEST_SUBJECT:
            raise HeaderInvalid("subject", f"is longer than {LONGEST_SUBJECT} characters")
        return line("subject", rendered)

    def _text(self, page: str, nonce: str) -> str:
        if self.templates.has(self._name("body.txt")):
            return self._render("body.txt", nonce).strip("\n") + "\n"
        return plaintext.from_html(page, measure=lambda piece: columns(nominal(piece, nonce)))

    def _fingerprint(self) -> str:
        """Give the hash over all that goes in, each part with its length before it."""
        known = hashlib.sha256()
        for part in self._inputs():
            known.update(f"{len(part)}:".encode() + part)
        return known.hexdigest()

    def _inputs(self) -> Iterable[bytes]:
        yield VERSION
        yield self.kind.encode()
        yield self.language.code.encode()
        yield self.language.fingerprint.encode()
        for name in self._parts():
            for source_name, source in sorted(self.templates.sources(name)):
                yield source_name.encode()
                yield source.encode()
        for name, value in sorted(self.content.items()):
            yield name.encode()
            yield _canonical(value)

    def _parts(self) -> Iterable[str]:
        yield self._name("subject.txt")
        yield self._name("body.html")
        if self.templates.has(self._name("body.txt")):
            yield self._name("body.txt")

    def _check_holes(self, nonce: str, *texts: str) -> None:
        _subject, html, text = texts
        for part, written in (("body.html", html), ("body.txt", text)):
            for name in sorted(NEEDED[self.kind]):
                if marker(name, nonce) not in written:
                    raise TemplateInvalid(
                        self._name(part), None, f"does not show {{{{ recipient.{name} }}}}"
                    )
        for written in texts:
            if any(nonce in constant.casefold() for constant in split(written, nonce)[::2]):
                raise TemplateInvalid(
                    self._name("body.html"), None, "changes a value of the recipient by a filter"
                )

    def _check_postal_address(self, text: str) -> None:
        """See that a digest says where its sender is; lines may have been broken anew."""
        if self.kind.is_digest and _unspaced(self._postal_address) not in _unspaced(text):
            raise TemplateInvalid(
                self._name("body.html"), None, "does not show {{ sender.postal_address }}"
            )

    @property
    def _postal_address(self) -> str:
        sender = self.content["sender"]
        return sender.postal_address if isinstance(sender, SenderCard) else ""

    def _warnings(self, nonce: str, subject: str, html: str) -> Iterable[str]:
        size = encoded_size(nominal(html, nonce))
        if size >= LARGEST_HTML:
            raise TooLarge(
                f"the HTML part would have {size:,} bytes, and {LARGEST_HTML:,} is the limit: "
                "Gmail hides what comes after. Shorten some items, or link to the full reports"
            )
        if size >= LARGE_HTML:
            yield f"the HTML part has {size:,} bytes; from {LARGEST_HTML:,} on it is refused"
        if columns(nominal(subject, nonce)) > LONG_SUBJECT:
            yield f"the subject is wider than {LONG_SUBJECT} columns; inboxes will cut it"
        if self.kind.is_digest and not self._postal_address:
            yield "the sender has no postal address, which most countries ask for"


def mailed_size(edition: Edition) -> int:
    """Count the bytes of an edition's HTML part as it is mailed."""
    return encoded_size(nominal(edition.html, edition.nonce))


def encoded_size(html: str) -> int:
    """Count the bytes of the HTML part as it is mailed."""
    return len(encode(html, shorter(html)))


def _unspaced(text: str) -> str:
    """Give the text without spaces, and without the marks of direction that stand before lines."""
    return "".join(text.replace("\u200e", "").replace("\u200f", "").split())


def _canonical(value: object) -> bytes:
    """Give a value of the content as bytes that are equal for equal values."""
    plain = asdict(value) if hasattr(value, "__dataclass_fields__") else value  # type: ignore[call-overload]
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, default=_as_text).encode()


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise MailerError(f"{type(value).__name__} cannot be part of an edition")
