"""Messages: what an edition and a recipient's values are on the wire (RFC 5322).

An edition becomes a plate once in each worker: fields and bodies, encoded but for the holes. A
message is the plate with a recipient's values in them, each encoded for where it stands. Pure:
the same edition, values and identity give the same bytes, on any day and any machine, so a
delivery that is tried again is the same message.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Self

from mailer import address as addresses
from mailer.language import Language
from mailer.rendering import headers
from mailer.rendering.checks import is_ordinary_url, lines, web_address
from mailer.rendering.editions import Edition
from mailer.rendering.encoding import (
    LONGEST_LINE,
    Body,
    Encoding,
    body,
    network_lines,
    one_line,
    plain_line,
    shorter,
)
from mailer.rendering.filling import Filled, Prepared, Values
from mailer.rendering.heading import Field, Head, Identity, fields, has_leave_link
from mailer.rendering.holes import nominal, split


class Plate:
    """An edition compiled: all that its messages have in common, encoded, and where they differ.

    `links` are the names of the links that a recipient's message shows, in head or body;
    `domain` is the one in From, as an A-label, and `message_domain` as a Message-ID has it.
    Raises HeaderInvalid or AddressInvalid for what must not stand in a header.
    """

    def __init__(self, prepared: Prepared, head: Head) -> None:
        edition, boundary = prepared.edition, _boundary(prepared.edition)
        self.prepared = prepared
        self.head = head
        self.links = _links(prepared, head)
        self.domain = addresses.parse(head.sender.address).domain
        self.message_domain = head.sender.address.rpartition("@")[2]
        self._text, as_text = _body(edition, edition.text, is_html=False)
        self._html, as_html = _body(edition, edition.html, is_html=True)
        multipart = (
            f'Content-Type: multipart/alternative;{headers.FOLD}boundary="{boundary}"\r\n\r\n'
        )
        opening = multipart + _part_head("plain", as_text, boundary)
        found = list(_merged([*fields(prepared, head), opening]))
        self._head = [field if isinstance(field, str) else "" for field in found]
        self._fields = [(at, field) for at, field in enumerate(found) if not isinstance(field, str)]
        self._words = tuple(prepared.holes - self.links)
        self._middle = _part_head("html", as_html, boundary).encode()
        self._end = f"--{boundary}--\r\n".encode()

    @classmethod
    def of(cls, edition: Edition, language: Language, head: Head) -> Self:
        """Compile an edition; the language is the edition's own, for the greeting."""
        return cls(Prepared.of(edition, language), head)

    def fill(self, values: Values) -> Filled:
        """Give the texts of one message as its reader sees them; Refused if a link is missing."""
        return self.prepared.fill(values)

    def compose(self, values: Values, identity: Identity) -> bytes:
        """Give the finished message to one recipient: all pieces, put together."""
        return b"".join(self.pieces(values, identity))

    def pieces(self, values: Values, identity: Identity) -> list[bytes]:
        """Give the finished message to one recipient, its whole head in the first piece.

        It consists of lines that end with CRLF. None has a CR, LF or NUL within, none begins
        with a dot, and the first empty one ends the head. All is seven-bit, but for a recipient
        whose address is not ASCII before the @ (RFC 6532).

        Raises HeaderInvalid or AddressInvalid for a value that must not stand in a header, and
        Refused if a link is missing.
        """
        return self.spliced(values.given(), identity)

    def spliced(self, given: Mapping[str, str], identity: Identity) -> list[bytes]:
        """Do the same with values by name: address and name, and what the edition shows.

        They are asked here what `Values` ask. Also raises UsageError for a link.
        """
        lines(given)
        said = self.prepared.said(given)
        plain = self._plain(said)
        head = self._head.copy()
        for at, field in self._fields:
            head[at] = field(said, plain, identity)
        return [
            "".join(head).encode(),
            *self._text.spliced(said, plain),
            self._middle,
            *self._html.spliced(said, plain),
            self._end,
        ]

    def _plain(self, said: Mapping[str, str]) -> dict[str, bytes]:
        """Give the lines of values that are the same wherever they stand; look at all links."""
        plain = {}
        for name in self.links:
            url = said.get(name, "")
            if len(url) < LONGEST_LINE and is_ordinary_url(url):
                plain[name] = one_line(url)  # it has no sign that is written otherwise
            else:
                web_address(name, url)
        for name in self._words:
            if line := plain_line(said[name]):
                plain[name] = line
        return plain


def _links(prepared: Prepared, head: Head) -> frozenset[str]:
    shown = {name for name in prepared.holes if name.endswith("_url")}
    return frozenset(shown | ({"leave_url"} if has_leave_link(prepared.kind, head) else set()))


def _boundary(edition: Edition) -> str:
    # "=_" can stand neither in quoted-printable nor in base64, so no body holds a boundary.
    return "=_" + hashlib.sha256(f"boundary {edition.hash}".encode()).hexdigest()[:32]


def _body(edition: Edition, text: str, *, is_html: bool) -> tuple[Body, Encoding]:
    encoding = shorter(nominal(text, edition.nonce))
    pieces = split(network_lines(text), edition.nonce)
    return body(pieces, encoding, is_html=is_html), encoding


def _part_head(subtype: str, encoding: Encoding, boundary: str) -> str:
    return (
        f"--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )


def _merged(found: Iterable[Field]) -> Iterator[Field]:
    """Give the fields with those that are the same for everybody put together."""
    for is_constant, some in groupby(found, lambda field: isinstance(field, str)):
        if is_constant:
            yield "".join(field for field in some if isinstance(field, str))
        else:
            yield from some
