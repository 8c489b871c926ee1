"""Bodies are seven-bit lines of at most 76 characters, and come back as they were."""

import base64
import quopri
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rendering.encoding import Encoding, encode, shorter

texts = st.lists(
    st.sampled_from([*string.ascii_letters[:6], "é", "税", "😀", " ", "\t", ".", "=", "\n", "\r\n"])
    | st.sampled_from(["From ", "x" * 30, "y" * 72, "   ", "\r"]),
    max_size=200,
).map("".join)


@given(texts)
@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_every_line_is_seven_bit_and_short(encoding: Encoding, text: str) -> None:
    encoded = encode(text, encoding)

    assert encoded.isascii()
    assert encoded.endswith(b"\r\n")
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert not set(encoded.replace(b"\r\n", b"")) & set(b"\r\n")


@given(texts)
@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_a_text_comes_back_but_for_spaces_at_the_ends_of_lines(
    encoding: Encoding, text: str
) -> None:
    encoded = encode(text, encoding)

    decoded = base64.b64decode(encoded) if encoding == "base64" else quopri.decodestring(encoded)
    assert lines(decoded.decode()) == lines(text)


def test_a_lone_dot_does_not_end_the_message() -> None:
    assert b"\r\n.\r\n" not in encode("a\n.\nb", "quoted-printable")


def test_latin_is_quoted_and_japanese_is_not() -> None:
    assert shorter("The meeting in Zürich was short. " * 20) == "quoted-printable"
    assert shorter("会議の報告です。" * 20) == "base64"


def lines(text: str) -> list[str]:
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(row.rstrip(" \t") for row in rows).rstrip("\n").split("\n")
