"""A spliced message is the message written out in full, to the byte, whatever its values are."""

import base64
import quopri
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markupsafe import escape

from mailer.delivery.redirecting import bannered
from mailer.rendering import (
    Edition,
    Head,
    Kind,
    Plate,
    Values,
    render_digest,
    render_letter,
)
from mailer.rendering.encoding import Encoding, body, network_lines, plain_line
from mailer.rendering.holes import marker, split
from tests.rendering import in_full
from tests.rendering.sample import ARABIC, DIGEST, JAPANESE, head, identity, letter
from tests.rendering.sample import templates as sample_templates

OURS = sample_templates()
WHOLE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# ---------------------------------------------------------------------- values

VILLAINS = [
    "",
    " ",
    "  Kim  Lee ",
    ".",
    ".hidden",
    "From Kim",
    "=?utf-8?q?Kim?=",
    "=?",
    "=3D=0D=0A.",
    "x=",
    'O\'Neil "Kim" & <b>',
    "<script>alert(1)</script>",
    "--=_0",
    "{{ house }} {% raw %} %(name)s %s",
    "hole-0123456789abcdef01234567-leave_url-hole",
    "&amp;&lt;&#39;",
    "a@example.org, b@example.org",
    "\\",
    "مريم العربية",
    "مريم (Mariam) العربية 12",
    "王小明 様",
    "山田　太郎",
    "Zoe\u0308 e\u0301",
    "👩🏽‍💻 Kim",
    "\u200bKim\u200f",
    "\ufeff",
    "x" * 75,
    "x" * 76,
    "é" * 300,
    "." * 400,
    "税" * 333,
    "name " * 190,
]
visible = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=120)
LONGEST_NAME = 450
"""Characters: a subject below has the name twice, and more than 998 are refused in a header."""

names = (
    st.sampled_from(VILLAINS) | visible | st.lists(st.sampled_from(VILLAINS)).map("".join)
).map(lambda name: name[:LONGEST_NAME])
urls = st.text("abcXYZ019-_.~=&?%/", min_size=1, max_size=180).map(
    "https://office.example.org/".__add__
)
addresses = st.sampled_from(
    [
        "kim.lee@example.net",
        "kim+news=x@example.net",
        "o'neil&co@example.net",
        "büro@example.net",
        "用户@example.net",
        "kim@xn--dozu87c.example.net",
        f"{'k' * 64}@{'x' * 60}.example.net",
    ]
)
people = st.builds(
    Values,
    address=addresses,
    name=names,
    other_address=addresses,
    meant_for=st.sampled_from(["k…@example.org", "…"]),
    **dict.fromkeys([name for name in Values.__slots__ if name.endswith("_url")], urls),
)

# ---------------------------------------------------------------------- plates


@cache
def plates() -> dict[str, tuple[Plate, Edition]]:
    """Give plates of all kinds of messages, in both encodings."""
    editions = {
        f"digest-{content.language}": render_digest(OURS, content)
        for content in (DIGEST, JAPANESE, ARABIC)
    }
    for kind in Kind:
        for code in ("en", "ja") if not kind.is_digest else ():
            editions[f"{kind}-{code}"] = render_letter(OURS, letter(kind, code))
    editions["test-ja"] = render_digest(OURS, JAPANESE, kind=Kind.TEST)
    nonce = editions["welcome-en"].nonce
    named = f"{marker('name', nonce)}: {marker('greeting', nonce)}"
    for code in ("en", "ja"):
        editions[f"redirected-{code}"] = bannered(editions[f"digest-{code}"], OURS.languages[code])
    editions["subject"] = replace(editions["welcome-en"], subject=f"News for {named}")
    return {
        name: (Plate.of(edition, OURS.languages.of(edition.language), _head(edition)), edition)
        for name, edition in editions.items()
    }


def _head(edition: Edition) -> Head:
    if edition.kind.is_of_office:
        return head(mailing_list=None, archived_at="", campaign="")
    return head() if edition.kind.is_digest else head(archived_at="", campaign="")


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


# ---------------------------------------------------------------------- whole messages


@WHOLE
@given(values=people, one_click=st.booleans())
@pytest.mark.parametrize("which", sorted(plates()))
def test_a_spliced_message_equals_one_written_in_full(
    which: str, values: Values, one_click: bool
) -> None:
    plate, edition = plates()[which]
    mine = identity(one_click=one_click)

    spliced = plate.compose(values, mine)

    language = OURS.languages.of(edition.language)
    assert spliced == in_full.compose(edition, language, plate.head, values, mine)
    _is_fit_for_the_wire(spliced, values)
    _is_what_the_reader_is_to_see(spliced, plate, values)


def _is_fit_for_the_wire(raw: bytes, values: Values) -> None:
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert not any(set(line) & set(b"\r\n\0") for line in lines)
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    assert all(len(line) <= 998 for line in lines)
    at = raw.index(b"\r\n\r\n") + 4
    assert all(len(line) <= 76 for line in raw[at:].split(b"\r\n"))
    assert raw[at:].isascii()
    assert raw.isascii() == values.address.isascii()


def _is_what_the_reader_is_to_see(raw: bytes, plate: Plate, values: Values) -> None:
    filled = plate.fill(values)
    text, html = parsed(raw).iter_parts()
    for part, meant in ((text, filled.text), (html, filled.html)):
        seen = part.get_payload(decode=True)
        assert isinstance(seen, bytes)
        assert _without_ends(seen.decode()) == _without_ends(meant)


def _without_ends(text: str) -> list[str]:
    return [line.rstrip(" \t") for line in network_lines(text).split("\r\n")]


# ---------------------------------------------------------------------- bodies alone

constants = st.lists(
    st.sampled_from([*"ab. =\t<&é税👩\n", "\n.", "From ", "x" * 74]), max_size=20
).map("".join)
holes = st.sampled_from(["name", "greeting", "address"])
filled_in = st.fixed_dictionaries(dict.fromkeys(["name", "greeting", "address"], names))


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Draw constants and names of holes, turn and turn about, as whole network lines."""
    nonce = "0" * 24
    text = draw(constants)
    for _ in range(draw(st.integers(0, 5))):
        text += marker(draw(holes), nonce) + draw(constants)
    whole = network_lines(text)
    return list(split(whole, nonce))


@settings(max_examples=400, deadline=None)
@given(pieces=texts(), values=filled_in, is_html=st.booleans())
@example(["", "name", "", "name", "x", "name", "\r\n"], {"name": ""}, False).via("empty, adjoining")
@example(["abc", "name", "é", "name", "\r\n"], {"name": "x"}, False).via("two octets between")
@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_a_spliced_body_equals_one_encoded_in_full(
    encoding: Encoding, pieces: list[str], values: dict[str, str], is_html: bool
) -> None:
    compiled = body(pieces, encoding, is_html=is_html)

    spliced = b"".join(compiled.spliced(values))

    shown = {name: str(escape(value)) if is_html else value for name, value in values.items()}
    written = [shown[piece] if at % 2 else piece for at, piece in enumerate(pieces)]
    assert spliced == _in_full(written, encoding)
    assert _decoded(spliced, encoding) == "".join(written).encode()
    assert all(len(line) <= 76 for line in spliced.split(b"\r\n"))


@settings(max_examples=400, deadline=None)
@given(value=names | urls | addresses)
def test_a_plain_line_is_what_either_form_gives(value: str) -> None:
    line = plain_line(value)

    if line is not None:
        assert line == in_full.quoted_printable([value])
        assert line == in_full.quoted_printable([str(escape(value))])


@settings(max_examples=200, deadline=None)
@given(pieces=texts(), first=filled_in, second=filled_in)
@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_a_body_keeps_nothing_of_one_recipient_for_the_next(
    encoding: Encoding, pieces: list[str], first: dict[str, str], second: dict[str, str]
) -> None:
    compiled = body(pieces, encoding, is_html=True)
    once = b"".join(compiled.spliced(first))

    compiled.spliced(second)

    assert b"".join(compiled.spliced(first)) == once


def _in_full(written: Sequence[str], encoding: Encoding) -> bytes:
    if encoding == "base64":
        return in_full.in_base64(list(written))
    return in_full.quoted_printable(list(written))


def _decoded(encoded: bytes, encoding: Encoding) -> bytes:
    return base64.b64decode(encoded) if encoding == "base64" else quopri.decodestring(encoded)
