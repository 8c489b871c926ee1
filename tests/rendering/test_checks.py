"""What may stand in a value is the same, whichever way the check takes."""

import sys
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer import unseen
from mailer.errors import HeaderInvalid, UsageError
from mailer.rendering.checks import LONGEST_URL, header_url, line, web_address

SIGNS = (
    r"https:// http:// HTTPS:// ftp:// // / ? # @ : :80 :x [ ] example.org a.b é 税 < > \" "
    r"\ ^ ` { | } %20 &amp; ~ _ ="
)
pieces = st.sampled_from([*SIGNS.split(), " ", "\t", "\n", "\0", "\u202e", "\u00a0"])
addresses = st.lists(pieces, max_size=12).map("".join)


def test_what_can_be_printed_can_be_seen() -> None:
    seen = [char for char in map(chr, range(sys.maxunicode + 1)) if char.isprintable()]

    assert unseen.IN_LINE.search("".join(seen)) is None


@given(st.text())
def test_a_line_is_refused_for_what_cannot_be_seen_and_nothing_else(text: str) -> None:
    if unseen.IN_LINE.search(text):
        with pytest.raises(HeaderInvalid):
            line("name", text)
    else:
        assert line("name", text) == text


@given(addresses)
@example("https://example.org/a?b=c#d")
@example("https://[::1/")
@example("https:///nowhere")
def test_an_address_is_taken_if_it_is_whole_and_can_be_seen(url: str) -> None:
    if _is_whole(url):
        assert web_address("link", url) == url
    else:
        with pytest.raises(UsageError):
            web_address("link", url)


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_led_to = parts.scheme in {"http", "https"} and bool(parts.netloc or parts.path)
    can_be_seen = not unseen.IN_LINE.search(url) and not any(map(str.isspace, url))
    return not url or (is_led_to and can_be_seen)


@given(addresses.filter(bool))
@example("https://example.org/" + "x" * LONGEST_URL)
def test_an_address_in_a_header_is_ascii_without_brackets(url: str) -> None:
    forbidden = set('<>"\\^`{|}')
    if (
        len(url) <= LONGEST_URL
        and all("!" <= char <= "~" for char in url)
        and not forbidden & set(url)
    ):
        assert header_url("List-Help", url) == url
    else:
        with pytest.raises(HeaderInvalid):
            header_url("List-Help", url)
