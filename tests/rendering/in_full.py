"""A message written out in full for one recipient: slow, obvious, and what the splice must equal.

Nothing here is compiled, kept or reused: values are put into the edition, fields are written one
by one in their order, and bodies are encoded octet by octet from the rules of their encodings.
"""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC
from email.utils import format_datetime
from itertools import pairwise
from urllib.parse import quote

from markupsafe import escape

from mailer.language import Language
from mailer.rendering import Edition, Head, Identity, Kind, Values, greeting, headers
from mailer.rendering.encoding import network_lines, shorter
from mailer.rendering.holes import nominal, split

LINE = 76


def compose(
    edition: Edition, language: Language, head: Head, values: Values, identity: Identity
) -> bytes:
    """Give the finished message to one recipient."""

    def said(name: str) -> str:
        return greeting(language, values.name) if name == "greeting" else getattr(values, name)

    def pieces(text: str, *, is_html: bool = False) -> list[str]:
        cut = list(split(network_lines(text), edition.nonce))
        cut[1::2] = [str(escape(said(name))) if is_html else said(name) for name in cut[1::2]]
        return cut

    subject = split(edition.subject, edition.nonce)
    shown = "".join(said(piece) if at % 2 else piece for at, piece in enumerate(subject))
    boundary = "=_" + hashlib.sha256(f"boundary {edition.hash}".encode()).hexdigest()[:32]
    written = "".join(_fields(edition, head, values, identity, shown)).encode()
    written += f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    for subtype, text in (("plain", edition.text), ("html", edition.html)):
        encoding = shorter(nominal(text, edition.nonce))
        encode = quoted_printable if encoding == "quoted-printable" else in_base64
        written += (
            f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
        ).encode()
        written += encode(pieces(text, is_html=subtype == "html"))
    return written + f"--{boundary}--\r\n".encode()


def _fields(
    edition: Edition, head: Head, values: Values, identity: Identity, subject: str
) -> Iterator[str]:
    kind, sender, listed = edition.kind, head.sender, head.mailing_list
    is_digest = kind in {Kind.DIGEST, Kind.TEST}
    is_to_member = kind in {Kind.WELCOME, Kind.ALREADY, Kind.LEAVE, Kind.HANDOVER} or is_digest
    is_to_stranger = kind in {Kind.CONFIRMATION, Kind.REMINDER, Kind.MOVE}
    yield headers.mailbox("From", sender.name, sender.address)
    yield headers.mailbox("To", "" if is_to_stranger else values.name, values.address)
    if sender.reply_to and sender.reply_to != sender.address:
        yield headers.mailbox("Reply-To", sender.name, sender.reply_to)
    yield headers.text("Subject", subject)
    yield f"Date: {format_datetime(identity.date.astimezone(UTC))}\r\n"
    yield f"Message-ID: <{identity.message_id}>\r\n"
    yield "MIME-Version: 1.0\r\n"
    yield f"Content-Language: {edition.language}\r\n"
    yield "X-Auto-Response-Suppress: OOF, AutoReply\r\n"
    yield "Precedence: bulk\r\n" if is_digest else "Auto-Submitted: auto-generated\r\n"
    if listed is not None and is_to_member:
        yield headers.list_id(listed.name, listed.identifier)
        yield f"List-Help: <{listed.page_url}>\r\n"
        owner = quote(sender.reply_to or sender.address, safe="@+!$&'*/=.-_~")
        yield f"List-Owner: <mailto:{owner}>\r\n"
        if values.leave_url:
            yield f"List-Unsubscribe: <{values.leave_url}>\r\n"
        if values.leave_url and identity.one_click:
            yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    if listed is not None and is_digest:
        yield "List-Post: NO\r\n"
        if listed.archive_url:
            yield f"List-Archive: <{listed.archive_url}>\r\n"
        if head.archived_at:
            yield f"Archived-At: <{head.archived_at}>\r\n"
    if listed is not None:
        domain = sender.address.rpartition("@")[2].lower()
        whose = hashlib.sha256(domain.encode()).hexdigest()[:12]
        yield f"Feedback-ID: {head.campaign or kind}:{listed.slug}:{kind}:{whose}\r\n"


def quoted_printable(pieces: list[str]) -> bytes:
    """Encode constants and values, turn and turn about: each by itself, in lines of its own."""
    return b"".join(_quoted_piece(piece) for piece in pieces)


def _quoted_piece(piece: str) -> bytes:
    *lines, rest = piece.split("\r\n")
    written = b"".join(_quoted_line(line) + b"\r\n" for line in lines)
    return written + (_quoted_line(rest) + b"=\r\n" if rest else b"")


def _quoted_line(line: str) -> bytes:
    """Encode a line; of its parts all but the last end with a soft break."""
    octets = line.encode()
    parts = [b""]
    for at, octet in enumerate(octets):
        sign = _sign(octet)
        if len(parts[-1]) + len(sign) > LINE - 1:
            parts.append(b"")
        if not parts[-1] and octets[at:].startswith((b".", b"From ")):
            sign = b"=%02X" % octet
        parts[-1] += sign
    return b"=\r\n".join(parts)


def _sign(octet: int) -> bytes:
    is_plain = octet == ord("\t") or ord(" ") <= octet <= ord("~")
    return bytes([octet]) if is_plain and octet != ord("=") else b"=%02X" % octet


def in_base64(pieces: list[str]) -> bytes:
    """Encode constants and values: a value's first group begins a line, its last one ends one."""
    octets = "".join(pieces).encode()
    edges = {0, len(octets)}
    for begin, end in _spans(pieces):
        edges |= {begin // 3 * 3, -(-end // 3) * 3}
    cuts = sorted(edges)
    return b"".join(
        base64.encodebytes(octets[begin:end]).replace(b"\n", b"\r\n")
        for begin, end in pairwise(cuts)
    )


def _spans(pieces: list[str]) -> list[tuple[int, int]]:
    """Give where values begin and end, those as one that have less than two octets between."""
    spans: list[tuple[int, int]] = []
    end = 0
    for at, piece in enumerate(pieces):
        begin, end = end, end + len(piece.encode())
        if at % 2:
            joins = spans and begin - spans[-1][1] < 2
            spans.append((spans.pop()[0] if joins else begin, end))
    return spans
