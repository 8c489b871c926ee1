import pytest

from mailer.demo import reading
from tests.demo.conftest import LEAVE, letter


def test_a_message_is_read_as_a_mail_program_reads_it() -> None:
    message = reading.read(letter(to="花 <hana@example.org>", subject="会合だより"))

    assert message.sender == "Coral Regional Office <news@example.org>"
    assert message.to == "花 <hana@example.org>"
    assert message.subject == "会合だより"
    assert message.kind == "Digest"
    assert message.list_name == "Meeting news"
    assert message.language == "ja"
    assert message.leave_url == LEAVE
    assert message.text.strip() == "Plain words"
    assert "Set words" in message.html


def test_what_a_message_lacks_is_empty() -> None:
    message = reading.read(b"To: kim@example.org\r\n\r\nJust words\r\n")

    assert message.subject == "(no subject)"
    assert (message.kind, message.list_name, message.leave_url) == ("Message", "", "")
    assert message.html == ""
    assert message.text.strip() == "Just words"


@pytest.mark.parametrize(
    "unsubscribe,post",
    [
        (f"<{LEAVE}>", ""),
        (f"<{LEAVE}>", "yes"),
        ("<mailto:leave@example.org>", "List-Unsubscribe=One-Click"),
        ("", "List-Unsubscribe=One-Click"),
    ],
    ids=["no permission", "another word", "mail only", "no link"],
)
def test_a_link_is_pressed_only_where_the_message_allows_it(unsubscribe: str, post: str) -> None:
    raw = f"List-Unsubscribe: {unsubscribe}\r\nList-Unsubscribe-Post: {post}\r\n\r\nWords"

    assert reading.read(raw.encode()).leave_url == ""


def test_the_web_link_is_found_beside_a_mail_link() -> None:
    raw = (
        f"List-Unsubscribe: <mailto:leave@example.org>,\r\n <{LEAVE}>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nWords"
    )

    assert reading.read(raw.encode()).leave_url == LEAVE


def test_links_in_a_frame_open_a_page_of_their_own_but_those_within_the_message() -> None:
    page = reading.framed('<a href="https://example.org/">out</a><a href="#item">down</a>')

    assert '<a href="https://example.org/" target="_blank" rel="noopener">out</a>' in page
    assert '<a href="#item">down</a>' in page
